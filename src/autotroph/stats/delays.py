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

UNEVEN = 0.015
"""By how much more of what comes back the horizon may see in one arm than in the other."""

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


def uneven(one: Coverage, other: Coverage) -> bool:
    """Whether the horizon demonstrably sees more of what comes back in one of two arms.

    Each arm may be covered well enough and the comparison still be wrong: with a rate of .3 and delays of one
    and of three days on average, seven days see 99.8 % and 91 %, which is a difference of .026 that nobody
    made. It shows in the delays about four times as strongly as in the rewards, so it is found in time. By
    the test of two proportions at 95 %; that it is looked at often only makes it more careful.

    >>> day = 86_400.0
    >>> quick, slow = coverage([day] * 500, 7 * day), coverage([day] * 460 + [8 * day] * 40, 7 * day)
    >>> slow.enough, uneven(quick, slow), uneven(quick, quick)
    (True, True, False)
    """
    if min(one.n, other.n) < LEAST:
        return False
    gap = abs(one.share - other.share)
    both = (one.share * one.n + other.share * other.n) / (one.n + other.n)
    noise = math.sqrt(both * (1 - both) * (1 / one.n + 1 / other.n))
    return gap > UNEVEN and gap > Z * noise
