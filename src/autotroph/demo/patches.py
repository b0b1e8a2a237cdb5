"""What `git log --patch` writes, cut into headers of commits and patches of files, still in bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from autotroph.demo.commits import short_digest

_LEAD = 2  # lines of context that are learned together with an added hunk


@dataclass(slots=True)
class Header:
    """The first line of a commit in the stream."""

    id: str
    author: str
    at: float


@dataclass(slots=True)
class Patch:
    """What the stream says about one file of a commit, still in bytes."""

    path: bytes = b""
    blob: str = ""
    mode: bytes = b""
    opaque: bool = False
    hunks: list[tuple[int, tuple[bytes, ...], bytes]] = field(default_factory=list)

    def take(self, line: bytes, rest: Iterator[bytes]) -> None:
        """Take one line of the patch, and the hunk that it may open."""
        if line.startswith(b"@@ "):
            self.hunks.extend(_hunks(line, rest))
        elif line.startswith(b"+++ "):
            self.path = _unquoted(line[4:].rstrip(b"\n").removesuffix(b"\t"))
        elif line.startswith(b"index "):
            span, _, mode = line[6:].strip().partition(b" ")
            self.blob, self.mode = span.split(b"..")[1].decode(), mode or self.mode
        elif line.startswith((b"new file mode ", b"new mode ")):
            self.mode = line.split()[-1]
        elif line.startswith(b"Binary files "):
            self.opaque = not line.endswith(b" and /dev/null differ\n")


def records(lines: Iterator[bytes]) -> Iterator[Header | Patch]:
    """Cut git's stream into headers of commits and patches of files."""
    patch: Patch | None = None
    for line in lines:
        header = line.startswith(b"\0")
        if header or line.startswith(b"diff --git "):
            if patch is not None:
                yield patch
            patch = None if header else Patch()
        if header:
            yield _header(line)
        elif patch is not None:
            patch.take(line, lines)
    if patch is not None:
        yield patch


def _header(line: bytes) -> Header:
    _, name, author, at = line.rstrip(b"\n").split(b"\0")
    return Header(name.decode(), short_digest(author.lower(), size=6), float(at or 0))


def _hunks(opening: bytes, lines: Iterator[bytes]) -> Iterator[tuple[int, tuple[bytes, ...], bytes]]:
    """The runs of added lines in one hunk. Lines are counted off, so no content can pass for a header."""
    old, first, new = _spans(opening)
    lead: list[bytes] = []
    run: list[bytes] = []
    number = first
    while (old > 0 or new > 0) and (line := next(lines, b"")):
        tag, content = line[:1], line[1:]
        if tag == b"+":
            run.append(content)
        elif tag == b" " and run:
            yield number - len(run), tuple(lead), b"".join(run)
            lead, run = [], []
        if tag == b" ":
            lead = [*lead, content][-_LEAD:]
        old, new, number = old - (tag in b" -"), new - (tag in b" +"), number + (tag in b" +")
    if run:
        yield number - len(run), tuple(lead), b"".join(run)


def _spans(opening: bytes) -> tuple[int, int, int]:
    """The old side's length, the new side's first line from 0, and the new side's length.

    >>> _spans(b"@@ -3 +7,2 @@ def f():")
    (1, 6, 2)
    """
    old, new = opening.split(b" ", 3)[1:3]
    first, _, length = new.partition(b",")
    return int(old.partition(b",")[2] or 1), max(0, int(first) - 1), int(length or 1)


_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


def _unquoted(name: bytes) -> bytes:
    r"""A path as git prints it after `+++ `, without the quotes and the side's letter.

    >>> _unquoted(rb'"b/a\tb\303\251"').decode()
    'a\tbé'
    """
    if name.startswith(b'"'):
        name = re.sub(rb"\\([0-7]{3}|.)", lambda found: _unescaped(found[1]), name[1:-1])
    return name.removeprefix(b"b/")


def _unescaped(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if len(escape) == 3 else _ESCAPES.get(escape, escape)
