"""Several pieces of evidence against one hypothesis, or one against each of several.

An e-value is a wealth: its mean is at most 1 if the hypothesis holds. The mean of e-values is one, however
they depend on each other; their product is one only if each is a fair bet given those before it, as from
separate days or separate units. What may be combined is what the wealths are **now**, at one time: the
peaks of several, each at its own best moment, are no e-values, and neither is the best of several.

e-BH ranks many hypotheses. It holds the *share* of mistakes among what it names, not the chance of making
one: with 80 better and 80 null candidates it names a null in four seasons of five. So it may rank and **never
promote**; promotion spends from the ledger in `alpha`.

Sources: Vovk & Wang 2021, "E-values: calibration, combination and applications" (Annals of Statistics); Wang
& Ramdas 2022, "False discovery rate control with e-values" (JRSS B).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import log_target

Array = NDArray[np.float64]


def mean(logs: Array | Sequence[float]) -> Array:
    """Log of the mean of e-values, given as logs along the first axis; valid under any dependence.

    >>> round(math.exp(float(mean([math.log(39.0), math.log(1.0)]))), 6)
    20.0

    Args:
        logs: shape (m, …) with m ≥ 1; what follows the first axis is kept, such as one column a time.

    Raises:
        InputError: there are none.
    """
    table = _logs(logs)
    mixed: Array = np.logaddexp.reduce(table, axis=0) - math.log(table.shape[0])
    return mixed


def product(logs: Array | Sequence[float]) -> Array:
    """Log of the product of e-values; only where each is a fair bet given those before it.

    Never for two looks at the same units: what counts twice is not twice as sure.

    >>> round(math.exp(float(product([math.log(4.0), math.log(5.0)]))), 6)
    20.0

    Raises:
        InputError: there are none.
    """
    total: Array = _logs(logs).sum(axis=0)
    return total


def ranked(logs: Sequence[float], share: float) -> list[int]:
    """Which hypotheses e-BH names, surest first: of those, the expected share of mistakes is at most `share`.

    For the order in which candidates are tried, and nothing else; see the module about promotion.

    >>> ranked([math.log(e) for e in (100.0, 1.0, 45.0, 15.0)], share=0.05)
    [0, 2]

    Args:
        logs: log e-value of each hypothesis; a peak will do for one that was stopped there.
        share: the false discovery rate, strictly between 0 and 1.

    Raises:
        InputError: the share is outside of that, or an e-value is nan.
    """
    target = log_target(share)
    values = np.asarray(logs, dtype=np.float64)
    if np.isnan(values).any():
        raise InputError("an e-value is nan; a hypothesis without evidence has log e-value 0")
    order = np.argsort(-values, kind="stable")
    needed = target + math.log(max(len(values), 1)) - np.log(np.arange(1, len(values) + 1))
    passing = np.flatnonzero(values[order] >= needed)
    return [int(each) for each in order[: passing[-1] + 1]] if passing.size else []


def _logs(logs: Array | Sequence[float]) -> Array:
    table = np.asarray(logs, dtype=np.float64)
    if not table.ndim or not table.shape[0]:
        raise InputError("no e-values to combine; at least one is needed")
    return table
