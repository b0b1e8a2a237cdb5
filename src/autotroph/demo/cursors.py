"""Where the person stood: places in a history at which a completion product could have helped."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from heapq import nsmallest
from itertools import accumulate, groupby
from typing import NamedTuple

from autotroph.demo.history import Change, Commit, History, Read
from autotroph.demo.lexer import boundaries

WINDOW = 4_000  # what is seen before a cursor begins at a multiple of this, and is at most twice as long

QUARTER_HOUR = 900.0

_LINE_CHARACTERS = 6
_LEFT_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place inside an added line: what stood before it, and what the person wrote next.

    `before` is cut to a window that moves in steps, so that it can be cached. `offset` is where the cursor
    stands in `whole`, the file as the commit left it: below the cursor a live product has no such thing, and
    one that reads it will not keep in service what it promised on the record.
    """

    id: str
    commit: str
    path: str
    line: int
    column: int
    before: str
    left: str
    offset: int
    whole: str


class _Place(NamedTuple):
    """An added line that was drawn: its luck (128 bits), and where it stands in the history."""

    luck: int
    commit: int
    change: int
    line: int


def sample(history: History, seed: int, wanted: int = 4000) -> Iterator[tuple[Commit, list[Cursor]]]:
    """Every commit in order, with its share of a uniform sample of at most `wanted` added lines.

    The luck of a line depends on the seed and on what the line is, not on the order of reading. A file's
    whole version is read only where a cursor stands in it; where that is not UTF-8, its cursors are dropped.
    """
    drawn = sorted(nsmallest(wanted, _places(history, seed)), key=lambda place: place[1:])
    standing = {number: list(places) for number, places in groupby(drawn, lambda place: place.commit)}
    with history.reading() as read:
        for number, commit in enumerate(history.commits):
            yield commit, list(_cursors(commit, standing.get(number, []), read))


def by_file(
    sampled: Iterable[tuple[Commit, list[Cursor]]], most: int
) -> Iterator[tuple[Commit, list[Cursor]]]:
    """The same, but a commit with more than `most` cursors is replayed file by file, as if each was a commit.

    The first commit of many a history brings in everything at once: nothing could be learned in between.
    """
    for commit, cursors in sampled:
        if len(cursors) <= most or len(commit.changes) < 2:
            yield commit, cursors
            continue
        for number, change in enumerate(commit.changes):
            id_, at = f"{commit.id}/{number}", commit.at + number * QUARTER_HOUR
            part = replace(commit, id=id_, at=at, changes=(change,))
            yield part, [replace(one, commit=part.id) for one in cursors if one.path == change.path]


def learned_text(commit: Commit) -> str:
    r"""What may be learned once the commit is done: its added lines, with the two lines before each hunk.

    >>> from autotroph.demo.history import Hunk
    >>> hunk = Hunk(1, ("def f():",), "    return 1")
    >>> learned_text(Commit("c", "a", 0.0, (Change("f.py", "", (hunk,)),)))
    'def f():\n    return 1\n'
    """
    hunks = (hunk for change in commit.changes for hunk in change.hunks)
    return "".join(f"{line}\n" for hunk in hunks for line in (*hunk.lead, hunk.text))


def _places(history: History, seed: int) -> Iterator[_Place]:
    """All lines that are long enough, each with its luck."""
    for number, commit in enumerate(history.commits):
        for index, change in enumerate(commit.changes):
            of_file = blake2b(f"{seed}\0{commit.id}\0{change.path}\0".encode(), digest_size=16)
            for line in _eligible(change):
                of_line = of_file.copy()
                of_line.update(b"%d" % line)
                yield _Place(int.from_bytes(of_line.digest()), number, index, line)


def _eligible(change: Change) -> Iterator[int]:
    for hunk in change.hunks:
        for line, text in enumerate(hunk.lines, hunk.start):
            if len(text.strip()) >= _LINE_CHARACTERS:
                yield line


def _cursors(commit: Commit, places: list[_Place], read: Read) -> Iterator[Cursor]:
    for index, standing in groupby(places, lambda place: place.change):
        change = commit.changes[index]
        text = read(change)
        if text is None:
            continue
        lines = text.split("\n")
        starts = list(accumulate(map(len, lines), initial=0))
        for place in standing:
            start = starts[place.line] + place.line
            yield _cursor(commit, change.path, text, (start, start + len(lines[place.line])), place)


def _cursor(commit: Commit, path: str, text: str, span: tuple[int, int], place: _Place) -> Cursor:
    start, end = span
    line = text[start:end].rstrip()
    column = _column(line, place.luck)
    offset = start + column
    seen_from = max(0, (offset // WINDOW - 1) * WINDOW)
    return Cursor(
        id=f"{commit.id[:12]}:{blake2b(path.encode(), digest_size=4).hexdigest()}:{place.line}",
        commit=commit.id,
        path=path,
        line=place.line,
        column=column,
        before=text[seen_from:offset],
        left=line[column:],
        offset=offset,
        whole=text,
    )


def _column(line: str, luck: int) -> int:
    """A lexical boundary with enough left; which one, the low half of the line's luck says.

    >>> _column("    return total", 0), _column("    return total", 1)
    (4, 10)
    """
    far_enough = [offset for offset in boundaries(line) if offset <= len(line) - _LEFT_CHARACTERS]
    return far_enough[(luck & 0xFFFF_FFFF_FFFF_FFFF) % len(far_enough)]
