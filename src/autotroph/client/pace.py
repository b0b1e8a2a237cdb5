"""How long to wait before the next attempt."""

from collections.abc import Callable
from itertools import count

from autotroph.clock import Clock, draw

FIRST, MOST = 0.1, 10.0
"""Seconds before the second attempt, and before a late one, at most."""

Luck = Callable[[], float]


def luck_of(clock: Clock) -> Luck:
    """Numbers in [0, 1), one after the other, that a clock's seed gives."""
    numbers = count()
    return lambda: draw(clock.seed, "pace", str(next(numbers)))


class Pace:
    """Waits that grow with every failure in a row, never the same for two clients.

    Args:
        luck: gives numbers in [0, 1).
    """

    def __init__(self, luck: Luck) -> None:
        self._luck, self._failures = luck, 0

    def failed(self, after: float = 0.0) -> float:
        """Seconds to wait now, and no fewer than the server asked for.

        >>> pace = Pace(lambda: 1.0)
        >>> [pace.failed() for _ in range(9)]
        [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
        >>> pace.failed(after=30)
        30.0
        """
        longest = min(MOST, FIRST * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(float(after), longest * (0.5 + 0.5 * self._luck()))

    def succeeded(self) -> None:
        """Begin anew with the next failure."""
        self._failures = 0
