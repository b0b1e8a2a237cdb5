"""Confidence sequences: intervals that hold at all times at once, so that one may look after every unit.

Exact for every n (betting): `mean_lower`, `mean_interval`; they need bounds.
Asymptotic (large n, finite variance, no bounds): `asymptotic_interval`, `ratio_interval`; they say nothing
before 30 values, and their guarantee is a limit.

All of them are for values whose mean, given the past, stays the same; under drift an interval is about the
running average at best. One value per randomised unit or cluster.

Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B);
Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic
confidence sequences" (Annals of Statistics).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import FRACTIONS, WEIGHTS, log_target

Numbers = NDArray[np.float64] | Sequence[float]
Side = Literal["both", "lower", "upper"]

BURN_IN = 30
"""Asymptotic intervals are infinitely wide before so many values."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the interval around it, after `n` values; infinite ends where nothing can be said."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: Numbers, alpha: float, bounds: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """Exact two-sided confidence sequence for a bounded mean, at the time of its last value.

    Two betting bounds at alpha/2 each: P(the mean is ever outside) ≤ alpha over all n together.

    >>> found = mean_interval([1, 0, 0, 1, 0] * 40, alpha=0.05)
    >>> f"{found.mean:.2f} in [{found.low:.2f}, {found.high:.2f}] after {found.n}"
    '0.40 in [0.30, 0.51] after 200'

    Args:
        values: shape (n,), in their order; may be empty.
        alpha: probability of ever missing, both sides together.
        bounds: the smallest and largest possible value.

    Raises:
        InputError: a value is outside the bounds or not finite, or alpha is not strictly between 0 and 1.
    """
    x = _bounded(values, bounds)
    log_target(alpha)
    if not x.size:
        return Interval(math.nan, bounds[0], bounds[1], 0)
    low, high = mean_lower(x, alpha / 2, *bounds), -mean_lower(-x, alpha / 2, -bounds[1], -bounds[0])
    return Interval(float(x.mean()), low, high, x.size)


def mean_lower(values: Numbers, alpha: float, floor: float, ceiling: float) -> float:
    """Exact one-sided bound: P(it is ever above the mean) ≤ alpha, over all n together.

    The smallest v that the bet "the mean is above v" has not ruled out:
    inf{v : Σ_j p_j Π_i (1 + c_j/(v − floor) · (x_i − v)) < 1/alpha}.

    >>> round(mean_lower([1] * 50, 0.05, 0.0, 1.0), 3)
    0.868

    Args:
        values: shape (n,), none below `floor`. Larger ones than `ceiling` are allowed.
        alpha: probability of ever being above the mean.
        floor: the smallest possible value.
        ceiling: the largest possible *mean*; the bound is never above it.

    Raises:
        InputError: a value is not finite or below the floor, or alpha is not strictly between 0 and 1.
    """
    x = _bounded(values, (floor, math.inf))
    target = log_target(alpha)
    if not x.size:
        return floor
    distinct, counts = np.unique(x, return_counts=True)
    weighted = distinct - floor, counts.astype(np.float64)
    span = ceiling - floor
    if _log_wealth(weighted, span) >= target:
        return ceiling
    return floor + _crossing(weighted, target, span)


def asymptotic_interval(values: Numbers, alpha: float, planned: int, side: Side = "both") -> Interval:
    """Asymptotic confidence sequence for any mean with finite variance, narrowest around `planned` values.

    Two-sided radius: s·sqrt(2(nρ² + 1)/(n²ρ²) · log(sqrt(nρ² + 1)/alpha)); one-sided with
    log(1 + sqrt(nρ² + 1)/(2·alpha)) and ρ tuned at 2·alpha.

    >>> found = asymptotic_interval([3.0, 5.0] * 100, alpha=0.05, planned=200)
    >>> f"{found.mean:.1f} ± {found.high - found.mean:.2f}"
    '4.0 ± 0.22'

    Args:
        values: shape (n,), in their order.
        alpha: probability of ever missing, in the limit; one side has all of it if only one is asked for.
        planned: the n at which the interval shall be narrowest; it is valid at every other n too.
        side: "both", "lower" (high is inf) or "upper" (low is −inf).

    Returns:
        An interval; infinite ends before BURN_IN values.

    Raises:
        InputError: a value is not finite, alpha is not strictly between 0 and 1 (.5 one-sided), planned < 1.
    """
    x = _bounded(values, (-math.inf, math.inf))
    mean = float(x.mean()) if x.size else math.nan
    spread = float(x.std(ddof=1)) if x.size > 1 else 0.0
    radius = spread * radius_of(x.size, alpha, planned, side) if x.size >= BURN_IN else math.inf
    low = -math.inf if side == "upper" else mean - radius
    high = math.inf if side == "lower" else mean + radius
    return _unknown(mean, x.size) if x.size < BURN_IN else Interval(mean, low, high, x.size)


def ratio_interval(
    numerator: Numbers, denominator: Numbers, alpha: float, planned: int | None = None, side: Side = "both"
) -> Interval:
    """Asymptotic confidence sequence for the relative gain Σa/Σb − 1 over clusters (delta method).

    With R = Σa/Σb, cluster i pulls R by (a_i − R·b_i)/mean(b); their confidence sequence, moved to R − 1.
    For "kept characters of the loop relative to release 0, clustered by commit": a_i and b_i are the kept
    characters of cluster i under either. Clusters may have any size, but must be independent.

    >>> loop, release0 = [12, 30, 9, 25] * 50, [10, 24, 9, 20] * 50
    >>> gain = ratio_interval(loop, release0, alpha=0.05)
    >>> f"{gain.mean:+.1%} [{gain.low:+.1%}, {gain.high:+.1%}]"
    '+20.6% [+19.1%, +22.2%]'

    Args:
        numerator: a, shape (n,), one sum per cluster.
        denominator: b, shape (n,), the same clusters in the same order, with a sum above 0.
        alpha: probability of ever missing, in the limit.
        planned: number of clusters at which it shall be narrowest; n by default, which is only right when
            the interval is looked at once.
        side: as `asymptotic_interval`.

    Returns:
        An interval of the gain; infinite ends before BURN_IN clusters and, with mean nan, where Σb ≤ 0.

    Raises:
        InputError: the two differ in length, or as `asymptotic_interval`.
    """
    a, b = (_bounded(x, (-math.inf, math.inf)) for x in (numerator, denominator))
    if a.size != b.size:
        raise InputError(
            f"{a.size} clusters in the numerator, {b.size} in the denominator; they must be the same"
        )
    if not b.size or b.sum() <= 0:
        return _unknown(math.nan, b.size)
    ratio = float(a.sum() / b.sum())
    pulls = asymptotic_interval((a - ratio * b) / b.mean(), alpha, planned or a.size, side)
    return Interval(ratio - 1, ratio - 1 + pulls.low, ratio - 1 + pulls.high, a.size)


def _unknown(mean: float, n: int) -> Interval:
    return Interval(mean, -math.inf, math.inf, n)


def _bounded(values: Numbers, bounds: tuple[float, float]) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    low, high = bounds
    if not low < high:
        raise InputError(f"bounds ({low}, {high}) must be a smaller and a larger number")
    slack = 1e-9 * max(1.0, abs(low) if math.isfinite(low) else 0.0)
    if x.ndim != 1 or not (np.isfinite(x) & (x >= low - slack) & (x <= high + slack)).all():
        raise InputError(f"values must be a flat list of finite numbers between {low} and {high}")
    return np.clip(x, low, high)


def radius_of(n: int, alpha: float, planned: int, side: Side) -> float:
    """How far an asymptotic interval reaches to a side after `n` values, in standard deviations.

    ρ(n*) = sqrt((−2 ln a + ln(−2 ln a + 1))/n*) with a = alpha, one-sided 2·alpha.
    """
    level = alpha if side == "both" else 2 * alpha
    peak = 2 * log_target(level)
    if planned < 1:
        raise InputError(f"planned is {planned}; it must be at least 1")
    scaled = n * (peak + math.log(peak + 1)) / planned
    root = math.sqrt(scaled + 1)
    reach = math.log(root / alpha) if side == "both" else math.log1p(root / level)
    return math.sqrt(2 * (scaled + 1) / (n * scaled) * reach)


def _log_wealth(weighted: tuple[NDArray[np.float64], NDArray[np.float64]], mean: float) -> float:
    # Log wealth of the bet "above `mean`" on values ≥ 0 with counts; falls and is convex in `mean`.
    values, counts = weighted
    gains = np.log1p(np.outer(values / mean - 1, FRACTIONS))
    return float(np.logaddexp.reduce(counts @ gains + np.log(WEIGHTS)))


def _crossing(weighted: tuple[NDArray[np.float64], NDArray[np.float64]], target: float, span: float) -> float:
    # Where the wealth falls through the target, by bisection; the side still ruled out, so never too high.
    values, counts = weighted
    low, high = 0.0, min(span, float(values @ counts / counts.sum()))
    while high - low > 1e-6 * span:
        middle = (low + high) / 2
        if _log_wealth(weighted, middle) >= target:
            low = middle
        else:
            high = middle
    return low
