"""What kind of history a path has, and the way out where it has none."""

from collections.abc import Callable
from pathlib import Path

import pytest
from histories import PROGRAM, Repository, added, assert_lines_stand_where_they_are_said_to

from autotroph.demo.history import open_history
from autotroph.errors import SourceError


def test_a_folder_inside_a_repository_is_read_alone(repository: Repository) -> None:
    repository.commit({"src/a.py": PROGRAM, "elsewhere.py": PROGRAM})
    repository.commit({"elsewhere.py": PROGRAM + "x = 1\n"})
    history = open_history(repository.folder / "src")
    assert [path for path, _ in added(history)] == ["a.py"]
    assert history.notes == ()
    assert_lines_stand_where_they_are_said_to(history)


def test_an_ignored_folder_inside_a_repository_is_a_folder(repository: Repository) -> None:
    repository.commit({"a.py": PROGRAM, ".gitignore": "out\n"})
    (repository.folder / "out").mkdir()
    (repository.folder / "out" / "b.py").write_text(PROGRAM)
    assert open_history(repository.folder / "out").kind == "folder"


def test_one_commit_is_enough_if_it_has_lines(repository: Repository) -> None:
    repository.commit({"a.py": PROGRAM})
    assert len(open_history(repository.folder).commits) == 1


def missing(tmp_path: Path) -> Path:
    return tmp_path / "missing"


def a_file(tmp_path: Path) -> Path:
    (tmp_path / "file.py").write_text(PROGRAM)
    return tmp_path / "file.py"


def empty_folder(tmp_path: Path) -> Path:
    return tmp_path


def nul_in_name(_tmp_path: Path) -> Path:
    return Path("a\0b")


def no_commits(tmp_path: Path) -> Path:
    return Repository(tmp_path / "new").folder


def one_short_commit(tmp_path: Path) -> Path:
    repository = Repository(tmp_path / "short")
    repository.commit({"a.py": "x = 1\n", "b.png": b"\0"})
    return repository.folder


def broken(tmp_path: Path) -> Path:
    repository = Repository(tmp_path / "broken")
    repository.commit({"a.py": PROGRAM})
    repository.commit({"a.py": PROGRAM + "x = 1\n"})
    lost = repository.git("rev-parse", "HEAD^:a.py").strip()
    (repository.folder / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    return repository.folder


def foreign(tmp_path: Path) -> Path:
    repository = Repository(tmp_path / "foreign")
    repository.commit({"a.py": PROGRAM})
    return repository.folder


@pytest.mark.parametrize(
    ("make", "settings", "message"),
    [
        (missing, {}, "no such folder"),
        (a_file, {}, "a file, not a folder"),
        (nul_in_name, {}, "no such folder"),
        (empty_folder, {}, "0 lines of source, 20 are needed"),
        (no_commits, {}, "a git repository without commits"),
        (one_short_commit, {}, r"1 lines of source, 20 are needed \(files skipped: 1 binary\)"),
        (broken, {}, "git cannot read this repository"),
        (foreign, {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, "git config --global --add safe.directory"),
        (foreign, {"PATH": "/nonexistent"}, "install git"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_a_way_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path],
    settings: dict[str, str],
    message: str,
) -> None:
    folder = make(tmp_path)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceError, match=message):
        open_history(folder)
