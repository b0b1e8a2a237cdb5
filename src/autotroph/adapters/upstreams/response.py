"""What comes back: a head, and a body as it comes, with a bound on what waits to be read."""

import asyncio
from typing import Protocol

from autotroph.adapters.upstreams.broken import Broken, Cut

HELD = 2**18
"""Bytes that may wait to be read; with more, the other side has to wait until they are."""


class Source(Protocol):
    """The connection that a response comes from."""

    def pause(self) -> None:
        """Take nothing more from the network for now."""

    def resume(self) -> None:
        """Go on."""

    def drop(self) -> None:
        """Close it at once."""


class Response:
    """A response, from the request on. One task reads it.

    Args:
        source: what it comes from.
        bodiless: whatever its head announces, no body follows: the request was a HEAD.

    Attributes:
        status: in HTTP, once it has begun.
        headers: by their names in lower case; what came several times is one text with commas.
        silent: not a byte of it has come.
        began: its head is there.
        over: all of it is there, read or not.
    """

    def __init__(self, source: Source, *, bodiless: bool = False) -> None:
        self.status, self.bodiless = 0, bodiless
        self.headers: dict[str, str] = {}
        self.silent, self.began, self.over = True, False, False
        self._source: Source | None = source
        self._pieces: list[bytes] = []
        self._held = 0
        self._error: Broken | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._watching: asyncio.TimerHandle | None = None

    @property
    def media_type(self) -> str:
        """Of the body, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing but the connection's end can end it."""
        return self.began and not {"content-length", "transfer-encoding"} & self.headers.keys()

    # for whoever reads ------------------------------------------------------------------------------------

    async def head(self) -> None:
        """Wait for status and headers.

        Raises:
            Broken: they do not come.
        """
        while not self.began:
            if self._error is not None:
                raise self._error
            await self._more()

    async def readany(self) -> bytes:
        """What has come, as soon as there is something; nothing at its end.

        Raises:
            Broken: it will never be complete; all that had come was given before.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.over:
                return b""
            await self._more()
        pieces, self._pieces = self._pieces, []
        if self._held > HELD and self._source is not None:
            self._source.resume()
        self._held = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def abort(self) -> None:
        """Want no more of it: its connection is closed at once. Once all of it is there, nothing."""
        if self._source is not None:
            source, silent = self._source, self.silent
            self._pieces.clear()
            self.fail(Cut(silent=silent))
            source.drop()

    def let_go_after(self, seconds: float) -> None:
        """Wait so long for its end, and for nothing else of it."""
        if self._source is not None:
            self._watching = asyncio.get_running_loop().call_later(seconds, self.abort)

    # for whoever takes it from the network ----------------------------------------------------------------

    def begin(self, status: int) -> None:
        """Its head is there."""
        self.status, self.began = status, True

    def add(self, piece: bytes) -> None:
        """Some of its body is there."""
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > HELD and self._source is not None:
            self._source.pause()

    def end(self) -> None:
        """All of it is there."""
        self.over = True
        self._settle()

    def fail(self, error: Broken) -> None:
        """It will never be complete."""
        if self._source is not None:
            self._error = error
            self._settle()

    def _settle(self) -> None:
        self._source = None
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        self.tell()

    def tell(self) -> None:
        """What has come can be read; once for all that came together."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
