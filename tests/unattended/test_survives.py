"""kill -9 at every step of the loop: whoever comes next goes on, and the ledger ends as if nobody had."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from autotroph.records import (
    Artefact,
    Candidate,
    Completion,
    Cycle,
    Decision,
    Entry,
    Measurement,
    Record,
    Release,
    Reward,
    Signal,
    Stage,
    Verdict,
)
from autotroph.store import Reader, open_reader, verify

SURVIVING = Path(__file__).with_name("surviving.py")
KINDS: tuple[type[Record], ...] = (
    Artefact, Candidate, Completion, Cycle, Decision, Entry,
    Measurement, Release, Reward, Signal, Stage, Verdict,
)  # fmt: skip
ROUNDS = 8


def survive(folder: Path, rounds: int, *more: str, steps: object = None) -> list:
    line = [sys.executable, str(SURVIVING), str(folder), str(rounds), *more]
    done = subprocess.run(line, input=json.dumps(steps), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, list[list[str]]]:
    """A life that nobody ends, and its steps."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, survive(folder, ROUNDS)


def ledger(folder: Path) -> Path:
    return folder / ".autotroph" / "ledger.db"


def rows(reader: Reader) -> list[Record]:
    """Everything, sequences too, but for how long an answer took and how much a retention says it let go of.

    One that was killed in the middle is finished by whoever comes next, who counts what was left.
    """
    return [plain(row) for kind in KINDS for row in reader.scan(kind)]


def plain(row: Record) -> Record:
    match row:
        case Completion():
            return msgspec.structs.replace(row, latency_ms=0.0)
        case Entry(event="let go"):
            return msgspec.structs.replace(row, details={})
    return row


def assert_same(folder: Path, undisturbed: Path) -> None:
    with closing(open_reader(ledger(folder))) as here, closing(open_reader(ledger(undisturbed))) as there:
        assert rows(here) == rows(there)
        assert verify(here) == verify(there) > 0  # as many links, and each holds


def test_there_is_something_to_lose(undisturbed):
    folder, steps = undisturbed
    with closing(open_reader(ledger(folder))) as reader:
        findings = [one.finding for one in reader.scan(Verdict)]
        assert findings.count("promoted") == 1
        assert {"advance", "promoted"} <= set(findings)
        events = Counter(one.event for one in reader.scan(Entry))
        assert events["frozen"] == events["thawed"] == events["let go"] == events["promoted"] == 1
        assert [one.number for one in reader.scan(Cycle)] == list(range(1, ROUNDS + 1))
    names = {step.split()[1] for found in steps for step in found}
    assert names >= {
        "notice",
        "shadow",
        "deploy",
        "append",
        "commit",
        "remove",
        "heed",
        "_take",
        "unlink",
        "retain",
    }
    assert min(map(len, steps)) > 40


def test_killed_here_and_there_it_ends_the_same(tmp_path, undisturbed):
    folder, steps = undisturbed
    died = survive(tmp_path, ROUNDS, "49", steps=steps)
    assert len(died) >= 9
    assert_same(tmp_path, folder)


@pytest.mark.slow
def test_killed_at_every_step_it_ends_the_same(tmp_path, undisturbed):
    folder, steps = undisturbed
    died = survive(tmp_path, ROUNDS, "1", steps=steps)
    assert len(died) >= 300
    assert len({one.rsplit(" ", 1)[0].split(": ")[1] for one in died}) >= 30
    assert_same(tmp_path, folder)


def test_a_cycle_in_two_transactions_would_be_noticed(tmp_path):
    _, second = survive(tmp_path / "calm", 2)
    *_, rows_of_the_cycle = (step for step in second if step.startswith("after append"))
    died = [[], [rows_of_the_cycle]]
    for way, same in ((), True), (("torn",), False):
        folder = tmp_path / " ".join(("killed", *way))
        assert survive(folder, 2, "1", *way, steps=died) == [f"round 1: {rows_of_the_cycle}"]
        calm, killed = open_reader(ledger(tmp_path / "calm")), open_reader(ledger(folder))
        with closing(calm), closing(killed):
            assert (rows(killed) == rows(calm)) is same
