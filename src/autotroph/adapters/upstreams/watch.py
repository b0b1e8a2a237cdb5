"""Waiting for what may never come, with one timer a stream and not one an event."""

import asyncio
import math
from collections.abc import Callable

from autotroph.errors import FaultKind


class Watch:
    """Closes what nothing comes of any more.

    Moving the time limit is an assignment; the timer is set anew only when it goes off too early.

    Args:
        end: when all of it has to be over, on the loop's clock.
        expire: called when a limit is exceeded; once.
    """

    def __init__(self, end: float, expire: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._end, self._expire = end, expire
        self._due = math.inf
        self._handle: asyncio.TimerHandle | None = None
        self.expired: FaultKind | None = None

    def within(self, seconds: float) -> None:
        """The next token has to come in so many seconds."""
        self._due = min(self._loop.time() + seconds, self._end)
        if self._handle is None or self._handle.when() > self._due:
            self._set()

    def rest(self) -> None:
        """It came; whoever reads may take as long as all of it may."""
        self._due = self._end

    def stop(self) -> None:
        """It is over."""
        self._due = math.inf
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _set(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._handle = None
        if self._loop.time() < self._due:
            self._set()
        else:  # what came in this turn of the loop is read first: a loop that was busy is nobody's fault
            self._handle = None
            self._loop.call_soon(self._expired)

    def _expired(self) -> None:
        if self._loop.time() < self._due:
            if self._handle is None and self._due < math.inf:
                self._set()
            return
        self.expired = "total" if self._due >= self._end else "between tokens"
        self._expire()
