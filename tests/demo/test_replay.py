"""A history is replayed the same way every time, also when the machine goes down in the middle."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from replaying import CURSORS, SEED

from autotroph.demo.run import run_demo
from autotroph.demo.scoreboard import trace
from autotroph.errors import SourceError
from autotroph.records import Cycle, Decision, Reward, Signal
from autotroph.store import open_reader, verify

REPLAYING = Path(__file__).with_name("replaying.py")
COMMITS = 60
HOURS = 3600


def write_history(folder: Path, commits: int = COMMITS) -> Path:
    """A small server in Go, written by somebody who repeats himself, a commit every few hours."""
    folder.mkdir()
    git(folder, 0, "init", "--quiet", "--initial-branch=main")
    for number in range(commits):
        name = ("user", "order", "invoice", "basket")[number % 4] + ("", "Item", "List")[number // 4 % 3]
        (folder / f"{name}{number}.go").write_text(handler(name.capitalize(), number))
        git(folder, number, "add", "--all")
        git(folder, number, "commit", "--quiet", "--message", f"handle {name}")
    return folder


def handler(name: str, number: int) -> str:
    return f"""package server

// Handle{name}{number} answers requests about one {name.lower()}.
func Handle{name}{number}(writer http.ResponseWriter, request *http.Request) {{
	{name.lower()}, err := store.Find{name}(request.Context(), request.URL.Query().Get("id"))
	if err != nil {{
		http.Error(writer, err.Error(), http.StatusInternalServerError)
	}}
	json.NewEncoder(writer).Encode({name.lower()})
}}
"""


def git(folder: Path, number: int, *arguments: str) -> None:
    when = f"{1_700_000_000 + 5 * HOURS * number} +0000"
    who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": when}
    who |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_COMMITTER_DATE": when}
    plain = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=plain | who, check=True, capture_output=True)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_history(tmp_path_factory.mktemp("history") / "server")


@pytest.fixture(scope="module")
def undisturbed(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    run_demo(history, SEED, folder, cursors=CURSORS)
    return folder


def ledger(folder: Path) -> Path:
    return folder / ".autotroph" / "ledger.db"


def rows(folder: Path) -> list[tuple[object, ...]]:
    """Everything that must be there once: identities, in ledger order, with what they are about."""
    reader = open_reader(ledger(folder))
    found: list[tuple[object, ...]] = [(row.sequence, row.id) for row in reader.scan(Decision)]
    found += [(row.sequence, row.id, row.subject, row.value) for row in reader.scan(Signal)]
    found += [(row.sequence, row.decision, row.value) for row in reader.scan(Reward)]
    found += [(row.sequence, row.number, row.through) for row in reader.scan(Cycle)]
    assert verify(reader) > 0
    reader.close()
    return found


def killed(history: Path, folder: Path, at: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPLAYING), str(history), str(folder), str(at)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_same_seed_gives_the_same_trace(history, undisturbed, tmp_path):
    again = run_demo(history, SEED, tmp_path, cursors=CURSORS)
    reader = open_reader(ledger(undisturbed))
    assert trace(reader) == again.trace
    reader.close()


def test_killed_in_the_middle_it_goes_on_as_if_nothing_had_happened(history, undisturbed, tmp_path):
    stood, created = 0, set[str | None]()
    for at in (3, -9, 60, -300):
        assert killed(history, tmp_path, at).returncode == -signal.SIGKILL
        reader = open_reader(ledger(tmp_path))
        assert reader.last() >= stood
        stood = reader.last()
        created.add(reader.meta("created"))
        reader.close()
    assert stood > 800
    assert len(created) == 1
    done = killed(history, tmp_path, 0)
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path) == rows(undisturbed)
    reader = open_reader(ledger(undisturbed))
    assert done.stdout.strip() == trace(reader)
    reader.close()


def test_every_cursor_is_asked_about_once(undisturbed):
    reader = open_reader(ledger(undisturbed))
    keys = [row.key for row in reader.scan(Decision, served=True)]
    reader.close()
    assert len(keys) > 200
    assert len(set(keys)) == len(keys)


def test_every_commit_is_reported_once(undisturbed):
    reader = open_reader(ledger(undisturbed))
    reported = [row.subject for row in reader.scan(Signal, name="committed")]
    reader.close()
    assert len(reported) == len(set(reported)) == COMMITS


def test_a_history_that_is_too_short_is_refused_with_a_way_out(tmp_path):
    short = write_history(tmp_path / "short", 2)
    with pytest.raises(SourceError, match="50 are needed; choose a repository"):
        run_demo(short, SEED, tmp_path / "folder")
