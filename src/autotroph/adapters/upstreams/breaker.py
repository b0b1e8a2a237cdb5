"""Whether an upstream is asked at all: after many faults in a row it is left alone, then probed by one."""

from collections.abc import Callable
from typing import Literal

Permit = Literal["call", "probe", "none"]


class Breaker:
    """Closed while it answers, open while it is left alone, half open while one call shows how it is.

    Args:
        after: faults in a row that open it.
        pause: seconds that it stays open, and up to half as long again, so that not all come back at once.
        luck: gives numbers in [0, 1).

    >>> breaker = Breaker(2, 10.0, lambda: 0.0)
    >>> breaker.failed("call", 1.0); breaker.failed("call", 1.0)
    >>> [breaker.enter(now) for now in (2.0, 12.0, 12.0)]
    ['none', 'probe', 'none']
    >>> breaker.answered("probe")
    >>> breaker.enter(12.0)
    'call'
    """

    def __init__(self, after: int, pause: float, luck: Callable[[], float]) -> None:
        self._after, self._pause, self._luck = after, pause, luck
        self._faults = 0
        self._until = 0.0
        self._probed = False

    @property
    def closed(self) -> bool:
        """Whether all may ask."""
        return self._faults < self._after

    def enter(self, now: float) -> Permit:
        """Whether to ask; whoever may ends in `answered`, `failed` or `left`, once."""
        if self.closed:
            return "call"
        if now < self._until or self._probed:
            return "none"
        self._probed = True
        return "probe"

    def answered(self, permit: Permit) -> None:
        """It answered. While it is left alone, only the probe's answer counts: others were asked before."""
        if self.closed or permit == "probe":
            self._faults, self._probed = 0, False

    def failed(self, permit: Permit, now: float) -> None:
        """It did not answer, or not to the end."""
        if not self.closed and permit != "probe":
            return
        self._faults += 1
        if permit == "probe":
            self._probed = False
        if not self.closed:
            self._until = now + self._pause * (1.0 + 0.5 * self._luck())

    def left(self, permit: Permit) -> None:
        """Whoever asked went away before anything was known, so the next one may show how it is."""
        if permit == "probe":
            self._probed = False

    def wait(self, now: float) -> float:
        """Seconds until it is worth asking again."""
        return max(0.0, self._until - now)
