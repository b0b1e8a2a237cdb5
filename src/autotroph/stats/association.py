"""How closely two columns go together: a correlation, and how well one tells the good from the bad.

For one look at independent pairs, one a unit. Agreement is not proof that chasing one moves the other; that
is what experiments are for (see surrogates).

Sources: Fisher 1921, "On the probable error of a coefficient of correlation" (Metron); DeLong, DeLong &
Clarke-Pearson 1988, "Comparing the areas under two or more correlated ROC curves" (Biometrics).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import log_target
from autotroph.stats.confidence import Interval

Numbers = NDArray[np.float64] | Sequence[float]


def correlation(left: Numbers, right: Numbers, alpha: float) -> Interval:
    """Pearson's correlation with Fisher's interval; [−1, 1] with mean nan where a column does not vary.

    >>> found = correlation(range(50), [n + 5 * (-1) ** n for n in range(50)], alpha=0.05)
    >>> f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
    '0.94 [0.90, 0.97]'

    Raises:
        InputError: the columns differ in length, or alpha is not strictly between 0 and 1.
    """
    x, y = _pair(left, right, alpha)
    if x.size < 4 or x.std() <= 1e-12 or y.std() <= 1e-12:
        return Interval(math.nan, -1.0, 1.0, x.size)
    r = min(max(float(np.corrcoef(x, y)[0, 1]), -1.0), 1.0)
    radius = _normal(alpha) / math.sqrt(x.size - 3)
    middle = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))
    return Interval(r, math.tanh(middle - radius), math.tanh(middle + radius), x.size)


def area(scores: Numbers, good: NDArray[np.bool_] | Sequence[bool], alpha: float) -> Interval:
    """The chance that a good one scores higher than a bad one (the area under the ROC curve), ties as half.

    >>> found = area([0.9, 0.8, 0.4, 0.3, 0.6] * 20, [True, True, False, False, True] * 20, alpha=0.05)
    >>> found.mean, found.n
    (1.0, 100)

    Returns:
        DeLong's interval within [0, 1]; [0, 1] with mean nan where there are not two of each.

    Raises:
        InputError: the columns differ in length, or alpha is not strictly between 0 and 1.
    """
    x, y = _pair(scores, np.asarray(good, dtype=np.float64), alpha)
    ours, theirs = np.sort(x[y > 0.5]), np.sort(x[y <= 0.5])
    if ours.size < 2 or theirs.size < 2:
        return Interval(math.nan, 0.0, 1.0, x.size)
    above, below = _beaten(ours, theirs), 1.0 - _beaten(theirs, ours)
    mean = float(above.mean())
    spread = float(above.var(ddof=1)) / ours.size + float(below.var(ddof=1)) / theirs.size
    radius = _normal(alpha) * math.sqrt(spread)
    return Interval(mean, max(mean - radius, 0.0), min(mean + radius, 1.0), x.size)


def _beaten(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of ours the share of theirs below it, ties as half."""
    found: NDArray[np.float64] = (theirs.searchsorted(ours, "left") + theirs.searchsorted(ours, "right")) / (
        2 * theirs.size
    )
    return found


def _pair(left: Numbers, right: Numbers, alpha: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    log_target(alpha)
    x, y = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise InputError(f"columns of {x.size} and {y.size} numbers; there must be one pair a unit")
    return x, y


def _normal(alpha: float) -> float:
    return NormalDist().inv_cdf(1 - alpha / 2)
