"""How callers wait for the sender, so that an interrupt ends the wait whenever it comes.

A condition of the standard library cannot promise that. An interrupt between giving back its lock and waiting
leaves the lock given back twice, which is another error than the interrupt; and one in the instant before the
wait is noticed only when the wait ends. So nothing is held here while somebody waits, and waits are short.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

GLANCE = 0.25
"""Seconds after which whoever waits looks by himself."""


class Bell:
    """Wakes all who wait. Any thread may ring it; none need hold anything."""

    def __init__(self) -> None:
        self._waiting: deque[Lock] = deque()

    def ring(self) -> None:
        """Have all who wait look again."""
        while self._waiting:
            try:
                self._waiting.popleft().release()
            except IndexError:  # another thread was quicker
                return

    def wait_for(self, happened: Callable[[], bool], patience: float) -> bool:
        """Wait so many seconds until something has happened, and say whether it has.

        Args:
            happened: looks; called at least once, and after every ring.
            patience: seconds; what is rung while it looks is not missed.
        """
        end = monotonic() + patience
        while True:
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
            try:
                if happened():
                    return True
                left = end - monotonic()
                if left <= 0:
                    return False
                mine.acquire(timeout=min(left, GLANCE))
            finally:
                self._forget(mine)

    def _forget(self, mine: Lock) -> None:
        try:
            self._waiting.remove(mine)
        except ValueError:  # it was rung
            return
