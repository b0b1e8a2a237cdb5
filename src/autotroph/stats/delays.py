"""How late is what comes back? Whether a horizon is long enough to see it.

Two arms that are equally good, one of which is answered about later, look different when a horizon cuts the
later answers off: with a rate of .3 and delays of one and of three days on average, three days are biased by
.095, fourteen by .003. What comes after the horizon is still seen, so how much it cuts off can be measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

COVERED = 0.9
"""The share of what comes back that a horizon has to see."""

FOLLOWED = 2.0
"""For so many horizons a decision has to have been followed, to say what came after the first."""

LEAST = 30
"""Before so many delays nothing is said."""

Z = 1.96


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what came back, in two horizons, came in one: the share, and its interval.

    Attributes:
        n: delays that it was measured on.
        late: the delay, in seconds, within which 95 % of them came; more, where what is later still was
            not seen.
    """

    share: float
    low: float
    high: float
    n: int
    late: float

    @property
    def enough(self) -> bool:
        """Whether nothing says that the horizon is too short."""
        return self.n < LEAST or self.high >= COVERED


def coverage(delays: Sequence[float], horizon: float) -> Coverage:
    """What a horizon sees of delays.

    The interval is that of Wilson 1927, "Probable inference, the law of succession, and statistical
    inference" (JASA), at 95 %.

    >>> found = coverage([10.0] * 60 + [150.0] * 40, horizon=100.0)
    >>> found.share, found.enough, found.late
    (0.6, False, 150.0)

    Args:
        delays: seconds from a decision to what came back first, of decisions that were followed for
            `FOLLOWED` horizons; negative ones, of a clock that is behind, count as none.
        horizon: seconds.
    """
    seen = sorted(max(0.0, each) for each in delays if each < FOLLOWED * horizon)
    if not seen:
        return Coverage(1.0, 0.0, 1.0, 0, 0.0)
    n = len(seen)
    share = sum(each < horizon for each in seen) / n
    middle, spread = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    whole = 1 + Z * Z / n
    last = seen[min(n - 1, math.ceil(0.95 * n) - 1)]
    return Coverage(share, (middle - spread) / whole, (middle + spread) / whole, n, last)
