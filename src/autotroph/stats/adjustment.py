"""What a unit's reward would have been, from what was known before it was exposed: regression adjustment.

A unit that was good before will be good after, in whichever arm it is. Taking that away leaves the part of
the variance that the past does not explain, 1 − ρ², and changes no mean (CUPED). Here it is the centre of an
increment of `allocation`: a linear prediction, fitted on earlier units only. So it is unbiased and the exact
bet stays exact, whatever the covariates are worth; a fit on the units that it then adjusts would know their
rewards, and leave too little variance.

The covariates must be from before the unit's first exposure. One from after it may itself be an effect of the
arm, and then explains the effect away.

Sources: Deng, Xu, Kohavi & Walker 2013, "Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data" (WSDM); Lin 2013, "Agnostic notes on regression adjustments to experimental
data" (Annals of Applied Statistics).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError

Array = NDArray[np.float64]

GROWTH = 1.05
"""The fit is made anew whenever there are so many times as many units as at the last one."""

RIDGE = 1.0
"""How many imagined units say that neither covariates nor arms make a difference; it tames the first fits."""

FIRST = 8
"""Before so many units the centre is the middle."""


def centres(
    shares: Array, treated: NDArray[np.bool_], rewards: Array, covariates: Array | None = None
) -> Array:
    """Centre m of each unit, shape (n,), in [0, 1]: (1 − p)·m₁ + p·m₀ as earlier units predict it.

    Regresses rewards on (1, arm, covariates) and predicts with the arm set to 1 − p, which is that mixture.
    Without covariates it is that of the arms' means so far.

    >>> luck = np.random.default_rng(0)
    >>> taste, half = luck.random(5000), np.full(5000, 0.5)
    >>> treated = luck.random(5000) < half
    >>> rewards = np.clip(0.8 * taste + 0.1 * treated + 0.05 * luck.normal(size=5000), 0, 1)
    >>> plain, adjusted = (centres(half, treated, rewards, x) for x in (None, taste[:, None]))
    >>> f"{np.var(rewards - adjusted) / np.var(rewards - plain):.2f} of the variance is left"
    '0.09 of the variance is left'

    Args:
        shares: p, shape (n,), as in `allocation.Split`; units in the order of their first exposure.
        treated: shape (n,).
        rewards: shape (n,), in [0, 1].
        covariates: shape (n, k) or None, from before the unit's first exposure.

    Returns:
        Centres, each made of the units before it only: a later unit never changes an earlier centre.

    Raises:
        InputError: the shapes do not belong together, or a covariate is not finite.
    """
    design = _design(shares, treated, rewards, covariates)
    asked = design.copy()
    asked[:, 1] = 1 - shares
    found, sums = np.full(len(rewards), 0.5), np.zeros((design.shape[1], design.shape[1] + 1))
    counted = 0
    for begin, end in _blocks(len(rewards)):
        fresh = design[counted:begin]
        sums += fresh.T @ np.column_stack((fresh, rewards[counted:begin]))
        found[begin:end] = asked[begin:end] @ _slopes(sums)
        counted = begin
    inside: Array = np.clip(found, 0.0, 1.0)
    return inside


def _design(shares: Array, treated: NDArray[np.bool_], rewards: Array, covariates: Array | None) -> Array:
    n = len(rewards)
    wide = np.empty((n, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if wide.ndim != 2 or not len(wide) == len(shares) == len(treated) == n:
        raise InputError(
            f"{n} rewards, {len(shares)} shares, {len(treated)} arms and covariates of shape {wide.shape}:"
            " they must be as many, and covariates a table of one row a unit"
        )
    if not np.isfinite(wide).all():
        raise InputError("covariates must be finite; give a missing one a value and a column that says so")
    spread = wide[:FIRST].std(axis=0) if n else np.ones(wide.shape[1])
    middle = wide[:FIRST].mean(axis=0) if n else spread
    return np.column_stack(
        (np.ones(n), treated.astype(np.float64), (wide - middle) / np.where(spread > 0, spread, 1))
    )


def _blocks(n: int) -> Iterator[tuple[int, int]]:
    # Where the fit is renewed depends on the number of units alone: looking again changes nothing.
    begin = FIRST
    while begin < n:
        end = max(begin + 1, int(begin * GROWTH))
        yield begin, min(end, n)
        begin = end


def _slopes(sums: Array) -> Array:
    gram = sums[:, :-1] + RIDGE * np.eye(len(sums))
    gram[0, 0] -= RIDGE  # the mean is pulled nowhere
    return np.asarray(np.linalg.solve(gram, sums[:, -1]), dtype=np.float64)
