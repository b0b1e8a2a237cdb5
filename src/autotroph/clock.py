"""Time, ids and luck, injected everywhere, so that a run replays from its seed.

Luck is *counter-based*: a draw is a hash of the seed and of what it is for, never the next number of a
stream. Two processes, or a run and its replay, draw the same number for the same decision in any order.
"""

import hashlib
import os
import time
from typing import Protocol

SCALE = 2.0**-53


class Clock(Protocol):
    """What the program may know about time, identity and luck."""

    seed: str

    def now(self) -> float:
        """Event time, seconds since the epoch."""

    def elapsed(self) -> float:
        """Seconds on a monotonic clock; measured, so it never enters a trace."""

    def new_id(self, kind: str, *names: str) -> str:
        """A fresh id such as `decision_5f0c…`; the same names give the same id where the clock replays."""


class SystemClock:
    """The real one.

    Args:
        seed: what `draw` starts from; a product keeps it in its ledger.
    """

    def __init__(self, seed: str) -> None:
        self.seed = seed

    def now(self) -> float:
        """Wall-clock time, seconds since the epoch."""
        return time.time()  # noqa: TID251 - the one place that may ask

    def elapsed(self) -> float:
        """Seconds on the machine's monotonic clock."""
        return time.perf_counter()

    def new_id(self, kind: str, *names: str) -> str:
        """An id derived from `names` or, without any, a new one: later ones sort later.

        What is made together so lies together in an index, which costs a page of the log less a row.
        """
        if names:
            return f"{kind}_{digest(self.seed, kind, *names)[:20]}"
        return f"{kind}_{int(self.now() * 1000):012x}{os.urandom(7).hex()}"


class ReplayClock:
    """A clock that somebody else moves: replays, simulations and tests.

    >>> clock = ReplayClock("seven", at=100.0)
    >>> clock.advance(to=160.0)
    >>> clock.now(), clock.new_id("decision", "a") == clock.new_id("decision", "a")
    (160.0, True)
    """

    def __init__(self, seed: str, at: float = 0.0) -> None:
        self.seed = seed
        self._now = at
        self._counter = 0

    def now(self) -> float:
        """The time it was last moved to."""
        return self._now

    def advance(self, to: float) -> None:
        """Move to a later time; an earlier one leaves the clock where it is."""
        self._now = max(self._now, to)

    def elapsed(self) -> float:
        """Seconds on the machine's monotonic clock: latency is measured in a replay too."""
        return time.perf_counter()

    def new_id(self, kind: str, *names: str) -> str:
        """An id derived from `names`, or from a counter when there are none."""
        if not names:
            self._counter += 1
            names = ("counter", str(self._counter))
        return f"{kind}_{digest(self.seed, kind, *names)[:20]}"


def digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, each preceded by its length so that no two lists collide; 64 hex digits."""
    hasher = hashlib.sha256()
    for part in parts:
        body = part.encode() if isinstance(part, str) else part
        hasher.update(len(body).to_bytes(8, "big"))
        hasher.update(body)
    return hasher.hexdigest()


def draw(*parts: str) -> float:
    """A uniform number in [0, 1), the same for the same parts.

    >>> 0 <= draw("seed", "unit") < 1 and draw("seed", "unit") == draw("seed", "unit")
    True
    """
    body = "\x1f".join(parts).encode()
    return (int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big") >> 11) * SCALE
