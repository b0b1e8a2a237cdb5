"""The connections to one upstream: kept for the next call, used last first, bounded in number."""

import asyncio
from collections import deque

from autotroph.adapters.upstreams.broken import Unreachable
from autotroph.adapters.upstreams.connection import Connection
from autotroph.adapters.upstreams.reaching import Place, reached

IDLE = 30.0
"""Seconds that a connection is kept for the next call; servers that close earlier cost a connection."""

MOST = 1024
"""Connections that are used at a time; whoever comes then waits in line, as long as connecting may take."""


class Pool:
    """Connections to one place.

    Args:
        place: where they lead.
        patience: seconds to wait for a connection, for being connected and encrypted included.
        most: that are used at a time.
    """

    def __init__(self, place: Place, patience: float, most: int = MOST) -> None:
        self._place, self._patience = place, patience
        self._room = asyncio.Semaphore(most)
        self._all: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection, for one request, until it says by itself that nobody uses it any more.

        Args:
            fresh: not one that was kept, which the other side may be about to close.

        Raises:
            NotAllowed, Unreachable: there is none, or not in time.
        """
        if not (fresh or self._room.locked()):
            await self._room.acquire()
            kept = self._kept()
            if kept is not None:
                return kept
            self._room.release()
        try:
            async with asyncio.timeout(self._patience):
                return await self._waited(fresh=fresh)
        except TimeoutError:
            raise Unreachable("not in time") from None

    async def close(self) -> None:
        """Close all of them, and return when they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self._all):
            connection.drop()
        self._idle.clear()
        await asyncio.sleep(0)

    async def _waited(self, *, fresh: bool) -> Connection:
        await self._room.acquire()
        try:
            kept = None if fresh else self._kept()
            if kept is not None:
                return kept
            made = await reached(self._place, lambda: Connection(self._freed, self._all.discard))
        except BaseException:
            self._room.release()
            raise
        self._all.add(made)
        return made

    def _kept(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - IDLE
        while self._idle:
            found = self._idle.pop()
            if found.open and found.since > oldest:
                return found
            found.drop()
        return None

    def _freed(self, connection: Connection) -> None:
        self._room.release()
        if not connection.open:
            return
        loop = asyncio.get_running_loop()
        connection.kept, connection.since = True, loop.time()
        self._idle.append(connection)
        if self._timer is None:
            self._timer = loop.call_later(IDLE, self._sweep)

    def _sweep(self) -> None:
        """Close what was kept for long enough; there is one timer for all of them."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._idle and (self._idle[0].since <= loop.time() - IDLE or not self._idle[0].open):
            self._idle.popleft().drop()
        if self._idle:
            self._timer = loop.call_at(self._idle[0].since + IDLE, self._sweep)
