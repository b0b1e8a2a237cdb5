"""The body of a request: read within a deadline, unpacked, and never more of it held than was agreed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from email.message import Message

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from autotroph.errors import InputError, Overloaded, UnknownName
from autotroph.faces.http.head import Head
from autotroph.faces.http.refusals import Refusal, unreadable
from autotroph.ingest.reading import LIMITS, TooLarge
from autotroph.ingest.streams import Line, Lines, Unpacker

CHARSETS = ("", "utf-8", "utf8", "us-ascii")

BATCH, BATCH_BYTES = 500, 2**20
"""Lines of a stream that are taken at a time: so many, or fewer when they have so many bytes."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a body a server takes, and for how long it waits; bytes and seconds.

    How long it waits for the next piece is the connection's affair.

    Attributes:
        document: seconds for the rest of a document that did not come at once.
        stream: seconds for a whole stream.
        stream_bytes: of a stream, unpacked.
        held_bytes: of all documents that are being read or taken at a time.
        rest: seconds for the next piece of what is left of a body when the answer is clear already.
        rest_whole: seconds for all that is left of it. Who still sends would not hear the answer otherwise: a
            connection that is closed with something unread is reset.
        rest_bytes: of it.
    """

    document: float = 10.0
    stream: float = 600.0
    stream_bytes: int = 64 * 2**20
    held_bytes: int = 32 * 2**20
    rest: float = 1.0
    rest_whole: float = 30.0
    rest_bytes: int = 128 * 2**20


class Held:
    """How many bytes of documents are in memory; more than the limit is refused."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0

    def take(self, size: int) -> None:
        """Hold so many more; Overloaded if that is too many."""
        if self._bytes + size > self._limit:
            raise Overloaded(f"{self._bytes:,} bytes of requests are in work already; send it again later")
        self._bytes += size

    def free(self, size: int) -> None:
        """Hold so many fewer."""
        self._bytes -= size


class Body:
    """What follows the head of a request.

    Args:
        head: of the request.
        receive: of its connection.
        patience: how much, and for how long.
        held: what all requests together hold.

    Attributes:
        complete: whether nothing is left to be read.
    """

    def __init__(self, head: Head, receive: Receive, patience: Patience, held: Held) -> None:
        self._head, self._receive, self._patience, self._held = head, receive, patience, held
        self._mine = 0
        declared = head.get(b"content-length")
        self._declared = int(declared) if declared.isascii() and declared.isdigit() else 0
        self.complete = not (self._declared or b"transfer-encoding" in head)

    @property
    def media_type(self) -> str:
        """The content type without its parameters; empty where none is said.

        Raises:
            Refusal: the charset is not UTF-8.
        """
        said = self._head.get(b"content-type")
        if ";" not in said:
            return said.strip().lower()
        message = Message()
        message["content-type"] = said
        charset = str(message.get_param("charset") or "").lower()
        if charset not in CHARSETS:
            raise Refusal("media_type", f"charset {charset!r:.40} is not read; send UTF-8")
        return message.get_content_type()

    async def document(self, size: int = LIMITS.size) -> bytes:
        """All of it, unpacked.

        Args:
            size: bytes that it may have.

        Raises:
            TooLarge: it is larger.
            Overloaded: too many others are being read.
            Refusal: it did not arrive in time, or is packed in a way that is not read.
        """
        if self._declared > size:
            raise TooLarge(f"a document of {self._declared:,} bytes; at most {size:,} are read")
        unpacker = self._unpacker(size) if b"content-encoding" in self._head else None
        first = await self._next()
        if self.complete and unpacker is None:  # as nearly all of them come
            self._hold(len(first))
            return first
        return await self._rest(unpacker or self._unpacker(size), first)

    async def _rest(self, unpacker: Unpacker, first: bytes) -> bytes:
        found = bytearray(self._unpacked(unpacker, first))
        async with _within(self._patience.document):
            while not self.complete:
                found += self._unpacked(unpacker, await self._next())
        _flush(unpacker)
        return bytes(found)

    async def lines(self) -> AsyncGenerator[list[Line], None]:
        """Its lines, some at a time; nothing is read ahead while they are being taken.

        Raises:
            TooLarge: the stream is larger than agreed.
            Refusal: it did not arrive in time, or is packed in a way that is not read.
        """
        unpacker, cutter = self._unpacker(self._patience.stream_bytes), Lines()
        clock = asyncio.get_running_loop()
        end = clock.time() + self._patience.stream
        gathered, weight = list[Line](), 0
        while not self.complete:
            for piece in _pieces(unpacker, await self._next()):
                gathered += cutter.feed(piece)
                weight += len(piece)
                while len(gathered) >= BATCH or (gathered and weight >= BATCH_BYTES):
                    yield gathered[:BATCH]
                    del gathered[:BATCH]
                    weight = 0
            if clock.time() > end:
                raise _too_slow()
        _flush(unpacker)
        gathered += cutter.flush()
        if gathered:
            yield gathered

    async def finish(self) -> bool:
        """Read what is left, if it comes, so that the answer is heard; whether the connection is free."""
        if self.complete or b"expect" in self._head:
            return self.complete
        left, clock = self._patience.rest_bytes, asyncio.get_running_loop()
        end = clock.time() + self._patience.rest_whole
        with suppress(Refusal):  # it does not come: the connection is closed after the answer
            while not self.complete and left > 0 and clock.time() < end:
                async with _within(self._patience.rest):
                    left -= len(await self._next())
        return self.complete

    def free(self) -> None:
        """Hold nothing of it any more."""
        self._held.free(self._mine)
        self._mine = 0

    async def _next(self) -> bytes:
        """The next piece, as it was sent."""
        if self.complete:
            return b""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.complete = not message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece

    def _unpacker(self, limit: int) -> Unpacker:
        try:
            return Unpacker(self._head.get(b"content-encoding"), limit)
        except UnknownName as error:
            raise Refusal("media_type", str(error), where="content-encoding") from None

    def _hold(self, size: int) -> None:
        self._held.take(size)
        self._mine += size

    def _unpacked(self, unpacker: Unpacker, chunk: bytes) -> bytes:
        """A piece of a document, unpacked, and held."""
        found = b""
        for piece in _pieces(unpacker, chunk):
            self._hold(len(piece))
            found = found + piece if found else piece
        return found


def _too_slow() -> Refusal:
    return Refusal("too_slow", "the body did not arrive in time; send it faster")


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise _too_slow() from None


def _pieces(unpacker: Unpacker, chunk: bytes) -> Iterator[bytes]:
    try:
        yield from unpacker.feed(chunk)
    except InputError as error:
        raise unreadable(error) from None


def _flush(unpacker: Unpacker) -> None:
    try:
        unpacker.flush()
    except InputError as error:
        raise unreadable(error) from None
