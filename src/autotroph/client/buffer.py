"""What waits to be sent, in order, bounded in events and in bytes."""

from collections import deque
from itertools import islice

import msgspec


class Event(msgspec.Struct, frozen=True):
    """One line that is to be sent.

    Attributes:
        line: without its newline.
        since: when it began to wait, on a monotonic clock.
        through: bytes of all that was ever taken, up to its end.
    """

    line: bytes
    since: float
    through: int


class Buffer:
    """A queue that takes what has room; what is on its way stays in it until it is settled.

    An event is taken in one step, or an interrupt in the middle would leave one that does not count.

    Args:
        events, bytes_: how much it holds at most.
    """

    def __init__(self, events: int, bytes_: int) -> None:
        self._events, self._bytes = events, bytes_
        self._waiting: deque[Event] = deque()
        self._gone = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes of all together."""
        return self._waiting[-1].through - self._gone if self._waiting else 0

    def offer(self, line: bytes, since: float) -> bool:
        """Take a line that begins to wait now, if there is room for it."""
        held = self.size + len(line) + 1
        if len(self._waiting) >= self._events or held > self._bytes:
            return False
        self._waiting.append(Event(line, since, self._gone + held))
        return True

    def since(self) -> float:
        """When the first one began to wait."""
        return self._waiting[0].since

    def head(self, most: int, most_bytes: int) -> list[bytes]:
        """The first lines, up to so many and so long together, but one at least if there is any."""
        found, weight = list[bytes](), 0
        for event in islice(self._waiting, most):
            weight += len(event.line) + 1
            if found and weight > most_bytes:
                break
            found.append(event.line)
        return found

    def drop(self, number: int) -> list[bytes]:
        """Let go of the first ones."""
        found = [self._waiting.popleft().line for _ in range(number)]
        self._gone += sum(len(line) + 1 for line in found)
        return found
