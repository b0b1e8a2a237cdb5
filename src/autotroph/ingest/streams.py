"""Bytes as they come in: unpacked and cut into lines, piece by piece, never holding more than was agreed.

Both classes know nothing of files or sockets: whoever has a piece feeds it, and flushes at the end.
"""

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from autotroph.errors import InputError, UnknownName
from autotroph.ingest.reading import LIMITS, TooLarge

PLAIN = ("", "identity")
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}

PIECE = 1 << 16
"""Bytes that are unpacked at a time."""

RATIO = 200
"""Bytes that one packed byte may become, beyond the first megabyte: text seldom reaches a tenth of it."""

Line = tuple[int, bytes | TooLarge]
"""The number of a line, from 1 on, with its bytes, or with why they were not kept."""


class Unpacker:
    """One packed stream, unpacked as it comes.

    Args:
        encoding: as in Content-Encoding: gzip, deflate (zlib's format), identity or nothing.
        limit: of the bytes unpacked in all; None for a stream of one's own, of which only the part in
            hand is held, however long it is.

    Raises:
        UnknownName: another encoding.
    """

    def __init__(self, encoding: str, limit: int | None = LIMITS.size) -> None:
        name = encoding.strip().lower()
        if name not in (*PLAIN, *_WINDOW):
            raise UnknownName("encoding", encoding, ("identity", "gzip", "deflate"))
        self._window = _WINDOW.get(name, 0)
        self._unpacking = self._begun()
        self._limit = limit
        self._taken = self._given = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the next bytes unpack to, in pieces; take them all before the next call.

        Raises:
            TooLarge: more than the limit, or grown out of all proportion.
            InputError: the stream is damaged, or something follows its end.
        """
        for start in range(0, len(chunk), PIECE):
            part = chunk[start : start + PIECE]
            self._taken += len(part)
            yield from map(self._counted, self._unpacked(part) if self._window else (part,))

    def flush(self) -> None:
        """Say that nothing more comes; InputError if the stream was not at its end."""
        if self._window and not self._unpacking.eof:
            raise InputError(f"the packed stream ends in the middle, after {self._taken:,} bytes")

    def _unpacked(self, part: bytes) -> Iterator[bytes]:
        while part:
            if self._unpacking.eof:
                self._next_member(part)
            try:
                yield self._unpacking.decompress(part, PIECE)
            except zlib.error as error:
                raise InputError(f"damaged within the first {self._taken:,} packed bytes: {error}") from None
            part = self._unpacking.unconsumed_tail or self._unpacking.unused_data

    def _next_member(self, part: bytes) -> None:
        """A gzip stream may be several, one after the other; anything else is not for us."""
        if self._window != _WINDOW["gzip"] or part[:1] != b"\x1f":
            raise InputError(f"something follows the packed stream, within {self._taken:,} bytes")
        self._unpacking = self._begun()

    def _begun(self) -> "zlib._Decompress":
        return zlib.decompressobj(self._window or zlib.MAX_WBITS)

    def _counted(self, piece: bytes) -> bytes:
        self._given += len(piece)
        if self._limit is None:
            return piece
        if self._given > self._limit:
            raise TooLarge(f"it unpacks to more than {self._limit:,} bytes; send fewer at a time")
        if self._window and self._given > max(LIMITS.size, RATIO * self._taken):
            raise TooLarge(f"it unpacks to more than {RATIO} times its size, which no text does")
        return piece


def decompress(chunks: Iterable[bytes], encoding: str, limit: int | None = LIMITS.size) -> Iterator[bytes]:
    """Unpack a whole stream, piece by piece; see `Unpacker`.

    >>> b"".join(decompress([zlib.compress(b"kept")], "deflate"))
    b'kept'
    """
    unpacker = Unpacker(encoding, limit)
    for chunk in chunks:
        yield from unpacker.feed(chunk)
    unpacker.flush()


class Lines:
    r"""A stream cut at its newlines; \r before \n goes.

    Args:
        limit: of the bytes of one line; a longer one is reported once, and skipped without being held.
        blank: whether blank lines are lines; otherwise they are counted and left out.
    """

    def __init__(self, limit: int = LIMITS.size, *, blank: bool = False) -> None:
        self._limit, self._blank = limit, blank
        self._number = 0
        self._held = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end in the next bytes."""
        *ended, rest = chunk.split(b"\n")
        found = list[Line]()
        for line in ended:
            self._number += 1
            if line or self._held or self._skipping or self._blank:
                found += self._whole(line)
        self._hold(rest)
        return found

    def flush(self) -> list[Line]:
        """The last line, if it did not end with a newline."""
        self._number += 1
        return self._whole(b"") if self._held or self._skipping else []

    def _whole(self, end: bytes) -> list[Line]:
        self._hold(end)
        line, skipped = bytes(self._held).removesuffix(b"\r"), self._skipping
        self._held.clear()
        self._skipping = False
        if skipped or len(line) > self._limit:
            return [(self._number, TooLarge(f"a line of more than {self._limit:,} bytes"))]
        return [(self._number, line)] if self._blank or line.strip() else []

    def _hold(self, part: bytes) -> None:
        if self._skipping:
            return
        self._held += part
        if len(self._held) > self._limit + 1:  # its \r may still go
            self._held.clear()
            self._skipping = True


def lines(chunks: Iterable[bytes], limit: int = LIMITS.size, *, blank: bool = False) -> Iterator[Line]:
    r"""The lines of a whole stream; see `Lines`.

    >>> list(lines([b"on", b"e\r\n\nthr", b"ee"]))
    [(1, b'one'), (3, b'three')]
    """
    cutter = Lines(limit, blank=blank)
    yield from chain.from_iterable(map(cutter.feed, chunks))
    yield from cutter.flush()
