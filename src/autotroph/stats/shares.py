"""How often something happens, by how often it did: an exact interval for a share.

Source: Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the
binomial" (Biometrika). It is never too narrow; it is for one look.
"""

import math

from autotroph.errors import InputError
from autotroph.stats.confidence import Interval


def share_interval(count: int, runs: int, alpha: float = 0.05) -> Interval:
    """The share of runs in which something happened, and the interval around it.

    >>> found = share_interval(5, 1000)
    >>> f"{found.mean:.3f} [{found.low:.4f}, {found.high:.4f}]"
    '0.005 [0.0016, 0.0116]'
    >>> share_interval(0, 0)
    Interval(mean=nan, low=0.0, high=1.0, n=0)

    Raises:
        InputError: the count is below 0 or above the runs.
    """
    if not 0 <= count <= runs:
        raise InputError(f"{count} of {runs} runs is no share")
    if not runs:
        return Interval(math.nan, 0.0, 1.0, 0)
    low = 0.0 if count == 0 else _share_where(count, runs, alpha / 2)
    high = 1.0 if count == runs else 1.0 - _share_where(runs - count, runs, alpha / 2)
    return Interval(count / runs, low, high, runs)


def _share_where(count: int, runs: int, tail: float) -> float:
    """The share at which so many or more have this probability, by bisection: it grows with the share."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _at_least(count, runs, middle) < tail:
            low = middle
        else:
            high = middle
    return low


def _at_least(count: int, runs: int, share: float) -> float:
    ways = math.lgamma(runs + 1)
    each = (
        ways - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * math.log(share)
        + (runs - k) * math.log1p(-share)
        for k in range(count, runs + 1)
    )  # fmt: skip
    return math.fsum(map(math.exp, each))
