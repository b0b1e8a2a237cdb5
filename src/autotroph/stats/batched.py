"""Hundreds of runs of one bet at once: for rehearsals and forecasts, where a truth is played through.

The very wealth of `betting`, run by run; here as products instead of sums of logarithms, which is ten times
as quick. What is decided about a candidate is decided by `betting`.
"""

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import FRACTIONS, WEIGHTS
from autotroph.stats.confidence import BURN_IN, Side, radius_of

Matrix = NDArray[np.float64]
Counts = NDArray[np.intp]


def peaks(increments: Matrix, ends: Counts, bound: float, threshold: float = 0.0) -> Matrix:
    """The largest log wealth of each run after so many of its increments, as `betting.update` has it.

    >>> steps = np.array([[1.0, 1.0, -1.0, 1.0], [0.0, -1.0, np.nan, np.nan]])
    >>> peaks(steps, np.array([[2, 4], [1, 2]]), bound=1.0).round(3).tolist()
    [[0.44, 0.44], [0.0, 0.0]]

    Args:
        increments: shape (runs, m), each in [−bound, bound]; a run that is shorter ends in nan.
        ends: shape (runs, looks): after how many increments it is looked at, each at most m.
        bound: B > 0, no increment is below −B.
        threshold: δ of H0: mean ≤ δ, strictly between −bound and bound.

    Returns:
        Log wealth, shape (runs, looks); 0 where nothing is in yet.

    Raises:
        InputError: the threshold is outside, or an increment is.
    """
    if not -bound < threshold < bound:
        raise InputError(f"a threshold of {threshold} is not strictly between {-bound} and {bound}")
    if np.nanmax(np.abs(increments), initial=0.0) > bound * (1 + 1e-9):
        raise InputError(f"an increment is outside [{-bound}, {bound}]; nothing was counted")
    stakes = np.nan_to_num((increments - threshold) / (bound + threshold))
    wealth, one = np.zeros_like(stakes), np.empty_like(stakes)
    with np.errstate(over="ignore", under="ignore"):
        for fraction, weight in zip(FRACTIONS, WEIGHTS, strict=True):
            np.multiply(stakes, fraction, out=one)
            one += 1.0
            np.cumprod(one, axis=1, out=one)
            one *= weight
            wealth += one
    np.maximum.accumulate(wealth, axis=1, out=wealth)
    return np.log(np.maximum(_at(wealth, ends, 1.0), 1.0))


def means(increments: Matrix, ends: Counts) -> Matrix:
    """The mean of each run after so many of its increments; 0 where nothing is in yet."""
    sums = _at(np.cumsum(np.nan_to_num(increments), axis=1), ends, 0.0)
    mean: Matrix = sums / np.maximum(ends, 1)
    return mean


def ends_of_intervals(increments: Matrix, ends: Counts, alpha: float, planned: int, side: Side) -> Matrix:
    """The one end of an asymptotic confidence sequence of each run, as `confidence` has it.

    Args:
        increments: shape (runs, m); a run that is shorter ends in nan.
        ends: shape (runs, looks), as in `peaks`.
        alpha: of that side.
        planned: the n at which it is narrowest.
        side: "lower" or "upper".

    Returns:
        Shape (runs, looks); infinite before BURN_IN increments.
    """
    counts = np.maximum(ends, 2)
    first = np.nan_to_num(increments[:, :1])
    moved = np.nan_to_num(increments - first)  # from the first, so that equal increments have no spread
    sums = _at(np.cumsum(moved, axis=1), ends, 0.0)
    squares = _at(np.cumsum(moved * moved, axis=1), ends, 0.0)
    spread = np.sqrt(np.maximum(squares - sums * sums / counts, 0.0) / (counts - 1))
    needed = np.unique(counts)
    radii = np.array([radius_of(int(n), alpha, planned, side) for n in needed])
    reach = spread * radii[np.searchsorted(needed, counts)]
    reach[ends < BURN_IN] = np.inf
    middle = sums / counts + first
    found: Matrix = middle - reach if side == "lower" else middle + reach
    return found


def _at(paths: Matrix, ends: Counts, start: float) -> Matrix:
    """What each path was after so many steps."""
    if not paths.shape[1]:
        return np.full(ends.shape, start)
    found = np.take_along_axis(paths, np.maximum(ends, 1) - 1, axis=1)
    found[ends == 0] = start
    return found
