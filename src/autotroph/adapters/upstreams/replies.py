"""Answers: the whole of one, and one that streams."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

from autotroph.adapters.upstreams.broken import Broken
from autotroph.adapters.upstreams.faults import Faults
from autotroph.adapters.upstreams.progress import InBand, Progress
from autotroph.adapters.upstreams.response import Response
from autotroph.adapters.upstreams.watch import Watch
from autotroph.deploy.upstreams.prices import Usage
from autotroph.errors import UpstreamFault
from autotroph.wire.failed import UNREADABLE
from autotroph.wire.sse import Lines, TooLong

LINGER = 1.0
"""Seconds that a connection is given after the last event, so that it can be used again."""

HELD = 4096
"""Events before the first token that are held at most; a stream of more has begun."""


class Whole:
    """An answer that came in one piece."""

    def __init__(
        self, status: int, headers: Mapping[str, str], body: bytes, usage: Usage, *, told: bool
    ) -> None:
        self.status, self.headers, self.usage, self.told = status, headers, usage, told
        self.body: bytes | None = body
        self.attempts = 1
        self.first_token = 0.0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """It has no events."""
        raise StopAsyncIteration

    def close(self) -> None:
        """It is over already."""


class Streamed:
    """An answer that comes event by event.

    Args:
        response: its head.
        headers: those worth passing on.
        progress: reads its events.
        faults: makes what is raised.
        secret: that no fault may quote.
        count: the usage where the upstream tells none, by the bytes of text that have come.
    """

    body: bytes | None = None

    def __init__(
        self,
        response: Response,
        headers: Mapping[str, str],
        progress: Progress,
        faults: Faults,
        secret: str,
        count: Callable[[int], Usage],
    ) -> None:
        self.status, self.headers = response.status, headers
        self.attempts = 1
        self.first_token = 0.0
        self._response, self._progress = response, progress
        self._faults, self._secret, self._count = faults, secret, count
        self._lines = Lines()
        self._ready: deque[bytes] = deque()
        self._fault: UpstreamFault | None = None
        self._over = False
        self._watch: Watch | None = None
        self._between = 0.0
        self._broke: Callable[[], None] | None = None

    @property
    def usage(self) -> Usage:
        """Tokens up to now."""
        return self._progress.usage or self._count(self._progress.written)

    @property
    def told(self) -> bool:
        """Whether the upstream told them."""
        return self._progress.usage is not None

    async def begin(self) -> None:
        """Wait for the first token.

        Raises:
            UpstreamFault: it does not come.
        """
        while not (self._progress.began or self._over or len(self._ready) > HELD):
            await self._read()
        if self._fault is not None and not self._progress.began:
            raise self._fault

    def watch(self, watch: Watch, between: float) -> None:
        """From now on, the next token has to come in so many seconds."""
        if not self._over:
            self._watch, self._between = watch, between
            watch.rest()

    def on_break(self, broke: Callable[[], None]) -> None:
        """Have it told when the answer ends badly, though it had begun."""
        self._broke = broke
        if self._fault is not None:
            broke()

    def expire(self) -> None:
        """A time limit is exceeded; whoever waits learns of it by the connection's end."""
        self._response.abort()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ready:
            return self._ready.popleft()
        watch = self._watch
        if watch is not None and not self._over:
            watch.within(self._between)
            try:
                while not (self._ready or self._over):
                    await self._read()
            except asyncio.CancelledError:  # whoever wanted it has gone
                self.close()
                raise
            watch.rest()
        if self._ready:
            return self._ready.popleft()
        if self._fault is not None:
            self._fault.first_token = True
            raise self._fault
        raise StopAsyncIteration

    def close(self, why: str = "nobody wanted the rest of the answer") -> None:
        """Want no more of it."""
        if self._ready or not self._over:
            self._fault = self._faults.of("cut", why)
        self._ready.clear()
        if not self._over:
            self._finish()
            self._response.abort()

    def let_go(self) -> None:
        """Wait no more for the connection's last bytes, if it still does."""
        self._response.abort()

    # -------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Take what has come, and notice how it ends."""
        try:
            piece = await self._response.readany()
        except Broken as error:
            self._break(self._lost(error))
            return
        try:
            for payload in self._lines.feed(piece):
                self._take(payload)
                if self._progress.ended:
                    self._complete()
                    return
        except InBand as said:
            self._break(self._faults.in_band(said.document, self._secret, said.status))
        except (*UNREADABLE, TooLong) as error:
            self._break(self._faults.of("malformed", f"an event cannot be read ({type(error).__name__})"))
        if not piece and not self._over:
            self._stopped()

    def _take(self, payload: bytes) -> None:
        self._progress.take(payload, self._ready)

    def _stopped(self) -> None:
        """The connection has ended in good order; whether the answer has, is another question."""
        if self._progress.may_just_stop:
            self._complete()
        else:
            self._break(self._faults.of("cut", "the stream ended before the answer was complete"))

    def _lost(self, error: Exception) -> UpstreamFault:
        expired = self._watch.expired if self._watch is not None else None
        if expired is None:
            return self._faults.of_connection(error, connected=True)
        return self._faults.of(
            expired, f"the answer stood still, see {expired.replace(' ', '_')} of its calls"
        )

    def _break(self, fault: UpstreamFault) -> None:
        self._fault = fault
        fault.first_token = self._progress.began
        self._finish()
        self._response.abort()
        if self._broke is not None:
            self._broke()

    def _complete(self) -> None:
        """All has come; the connection is good for the next call as soon as its last bytes have."""
        self._finish()
        self._response.let_go_after(LINGER)

    def _finish(self) -> None:
        self._over = True
        if self._watch is not None:
            self._watch.stop()
        self._watch = None


async def read_whole(response: Response, most: int) -> bytes:
    """All of an answer.

    Raises:
        TooLong: it has more bytes than that.
        Broken: it ended too early.
    """
    pieces, length = [], 0
    while piece := await response.readany():
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise TooLong(f"an answer of more than {most:,} bytes")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
