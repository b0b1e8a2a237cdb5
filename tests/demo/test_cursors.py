"""Cursors stand where a person stood, see nothing from the future, and depend on the seed alone."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from autotroph.demo.cursors import WINDOW, Cursor, by_file, sample
from autotroph.demo.history import Change, Commit, History, Hunk
from autotroph.demo.lexer import boundaries


def written(files: int, lines: int) -> History:
    """A history of whole files, one a commit."""
    commits = [
        Commit(f"{number:040d}", "a", float(number), (whole(f"{number}.py", program(number, lines)),))
        for number in range(files)
    ]
    return History("written", "folder", tuple(commits), {})


def program(number: int, lines: int) -> str:
    return "\n".join(f"    value_{line} = compute({number}, {line})  # étape" for line in range(lines))


def whole(path: str, text: str) -> Change:
    return Change(path, "", (Hunk(0, (), text),))


def cursors(history: History, seed: int = 0, wanted: int = 4000) -> list[Cursor]:
    return [cursor for _, some in sample(history, seed, wanted) for cursor in some]


def test_a_cursor_stands_at_a_lexical_boundary_with_enough_left() -> None:
    history = written(files=20, lines=200)
    texts = {commit.id: commit.changes[0].hunks[0].text for commit in history.commits}
    found = cursors(history, wanted=1_000)
    assert len(found) == len({cursor.id for cursor in found}) == 1_000
    for cursor in found:
        line = texts[cursor.commit].split("\n")[cursor.line]
        assert line[cursor.column :] == cursor.left
        assert len(cursor.left) >= 4
        assert cursor.column in boundaries(line)


def test_before_is_a_window_on_the_past_alone() -> None:
    history = written(files=1, lines=1_000)
    text = history.commits[0].changes[0].hunks[0].text
    starts = set()
    for cursor in cursors(history):
        offset = sum(len(line) + 1 for line in text.split("\n")[: cursor.line]) + cursor.column
        start = max(0, (offset // WINDOW - 1) * WINDOW)
        starts.add(start)
        assert cursor.before == text[start:offset]
        assert len(cursor.before) <= 2 * WINDOW
        assert (cursor.offset, cursor.whole) == (offset, text)
    assert len(starts) > 5


def test_the_sample_does_not_depend_on_what_else_is_in_the_history() -> None:
    history = written(files=10, lines=50)
    shorter = replace(history, commits=history.commits[5:])
    later = {cursor.id: cursor for cursor in cursors(history)}
    assert cursors(shorter) == [later[cursor.id] for cursor in cursors(shorter)]


def test_the_same_seed_draws_the_same_cursors() -> None:
    history = written(files=10, lines=100)
    assert cursors(history, seed=1, wanted=50) == cursors(history, seed=1, wanted=50)
    assert cursors(history, seed=1, wanted=50) != cursors(history, seed=2, wanted=50)


def test_the_sample_is_spread_evenly() -> None:
    history = written(files=10, lines=1_000)
    counts = [len(some) for _, some in sample(history, seed=0, wanted=2_000)]
    assert min(counts) > 150
    assert max(counts) < 250
    columns = [cursor.column for cursor in cursors(history, wanted=2_000)]
    assert 100 < columns.count(4) < 250


def test_every_commit_is_yielded_and_a_short_history_gives_all_its_lines() -> None:
    history = written(files=3, lines=4)
    blank = Commit("f" * 40, "a", 9.0, (whole("short.py", "x = 1\n\n  )\n     y   \n"),))
    found = list(sample(replace(history, commits=(*history.commits, blank)), seed=0))
    assert [len(some) for _, some in found] == [4, 4, 4, 0]


@pytest.mark.parametrize("left", ["abcdef", "日本語日本語", "a\tb\tc\td", "}});});", "abcdef   \r"])
def test_any_line_of_six_characters_has_a_cursor(left: str) -> None:
    history = History("h", "folder", (Commit("c", "a", 0.0, (whole("x", f"\t {left}"),)),), {})
    [cursor] = cursors(history)
    assert cursor.left
    assert left.rstrip().endswith(cursor.left)


def test_a_file_that_cannot_be_read_has_no_cursors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(History, "reading", lambda _history: nullcontext(lambda _change: None))
    assert [some for _, some in sample(written(files=2, lines=9), seed=0)] == [[], []]


def test_a_commit_that_brings_everything_is_replayed_file_by_file() -> None:
    changes = tuple(whole(f"{number}.py", program(number, 100)) for number in range(4))
    history = History("all at once", "folder", (Commit("c", "a", 0.0, changes),), {})
    together = list(sample(history, seed=0))
    parts = list(by_file(together, most=10))
    assert [commit.changes for commit, _ in parts] == [(change,) for change in changes]
    assert [one.id for _, found in parts for one in found] == [
        one.id for _, found in together for one in found
    ]
    assert all(one.path == commit.changes[0].path for commit, found in parts for one in found)
    assert all(one.commit == commit.id for commit, found in parts for one in found)
    assert list(by_file(together, most=400)) == together
