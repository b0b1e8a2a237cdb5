r"""What did trying other options cost, and what can be told from it?

A policy that would take one option takes it with probability p, and the others with what is left. With z = 1
where another one was taken and w = (1 − z)/p, a value r and any c that does not depend on this draw,

    d = (w − 1)(r − c)

has the mean E[value of the policy's own option] − E[value of what was drawn]: what exploring cost, without
bias, whatever c is. A c near the mean takes off most of the variance. Here it is the mean of all *other*
clusters, so that it depends on no draw of this one.

Sources: Horvitz & Thompson 1952 (the weights); Owen 2013, "Monte Carlo theory, methods and examples", 8.9 and
9.3 (control variates, and the effective sample size of weights, after Kish 1965).
"""

import math

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.confidence import BURN_IN, Interval, ratio_interval

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

PLANNED = 1_000
"""Clusters at which the interval is narrowest; it holds at every other number too."""


def cost_increments(own: Array, moved: Array, values: Array, clusters: Codes) -> Array:
    """What the policy's own option is ahead of what was drawn by, decision by decision, shape (n,).

    >>> own, moved = np.full(400, 0.5), np.tile([0.0, 1.0], 200)           # half of the time another option,
    >>> steps = cost_increments(own, moved, 1.0 - moved, np.arange(400))   # that is worth nothing, and not 1
    >>> round(float(steps.mean()), 2)
    0.5

    Args:
        own: p, shape (n,), the probability of the policy's own option; 1 where nothing else was possible.
        moved: z, shape (n,), 1 where another option was taken.
        values: r, shape (n,), of any finite size.
        clusters: shape (n,), from 0 on, whose decision it is.

    Raises:
        InputError: shapes differ, or an option was taken that was not possible.
    """
    if not own.shape == moved.shape == values.shape == clusters.shape:
        raise InputError("own, moved, values and clusters must have one entry for each decision")
    if ((own <= 0) | (own > 1) | (moved.astype(bool) & (own >= 1))).any():
        raise InputError("own must be above 0 and at most 1, and below that where another option was taken")
    weights = (1.0 - moved) / own
    increments: Array = (weights - 1.0) * (values - _others(values, clusters))
    return increments


def cost(own: Array, moved: Array, values: Array, clusters: Codes, alpha: float) -> Interval:
    """The mean cost of a decision, with an asymptotic confidence sequence over the clusters.

    Args:
        own: as `cost_increments`, as are the next three.
        moved: see there.
        values: see there.
        clusters: see there; numbered by their first decision.
        alpha: probability of ever missing, in the limit.

    Returns:
        An interval, with the number of clusters as its `n`; its mean is nan without decisions. Its ends are
        infinite while another option was taken in fewer than BURN_IN clusters, or all values are alike.
    """
    steps = cost_increments(own, moved, values, clusters)
    sums: Array = np.bincount(clusters, weights=steps).astype(np.float64)
    counts: Array = np.bincount(clusters).astype(np.float64)
    found = ratio_interval(sums, counts, alpha, PLANNED)
    if (own < 1.0).any() and (np.unique(clusters[moved > 0]).size < BURN_IN or np.ptp(values) == 0.0):
        return Interval(found.mean + 1.0, -math.inf, math.inf, found.n)
    return Interval(found.mean + 1.0, found.low + 1.0, found.high + 1.0, found.n)


def effective(floors: Array) -> float:
    """By how many decisions of its own the log could judge a policy that wants the rarest option each time.

    (Σ E w)²/Σ E w² = n²/Σ(1/floor); 0 without decisions.

    >>> effective(np.full(1000, 0.025))
    25.0
    """
    return float(floors.size**2 / (1.0 / floors).sum()) if floors.size else 0.0


def _others(values: Array, clusters: Codes) -> Array:
    # For each value, the mean over all other clusters; 0 where there is no other.
    sums, counts = np.bincount(clusters, weights=values), np.bincount(clusters)
    rest = values.size - counts[clusters]
    means: Array = np.zeros_like(values)
    np.divide(values.sum() - sums[clusters], rest, out=means, where=rest > 0)
    return means
