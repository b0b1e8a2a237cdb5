"""A folder without a history: one file counts as one commit."""

from pathlib import Path

import pytest
from histories import PROGRAM, added, assert_lines_stand_where_they_are_said_to

from autotroph.demo.folder import read_folder
from autotroph.demo.history import open_history


def test_a_folder_without_history_counts_a_file_as_a_commit(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "node_modules").mkdir(parents=True)
    (project / "node_modules" / "x.js").write_text("x\n")
    (project / "latin.py").write_bytes(b"\xe9\n")
    (project / "b.rb").write_text(PROGRAM)
    (project / "a b.py").write_text(PROGRAM)
    history = open_history(project)
    assert [path for path, _ in added(history)] == ["a b.py", "b.rb"]
    assert history.kind == "folder"
    assert history.skipped == {"not UTF-8": 1}
    assert history.notes[0].startswith("one file counts as one commit")
    assert 0.4 < history.python_share < 0.6
    assert_lines_stand_where_they_are_said_to(history)


def test_a_folder_is_bounded(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.py").write_text(PROGRAM)
    history = read_folder(tmp_path, files=10)
    assert len(history.commits) == 10
    assert "30 files: 10 are replayed" in history.notes


def test_without_git_a_folder_can_still_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(PROGRAM)
    monkeypatch.setenv("PATH", "/nonexistent")
    assert open_history(tmp_path).kind == "folder"
