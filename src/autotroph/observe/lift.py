"""Was it worth it: what people earned, against what release 0 would have earned or did earn."""

import math
from collections.abc import Sequence

from autotroph.records import Measurement
from autotroph.stats.confidence import Interval, asymptotic_interval, mean_interval

LEVEL = 0.05
NAME = "lift over release 0"
PLANNED = 1_000
"""Units at which the interval of a split is narrowest; it holds at every other number too."""

FAR = 1e9
"""An end of an interval that nothing is known about yet; the ledger keeps finite numbers."""


def lift(
    task: str, increments: Sequence[float], width: float, span: tuple[int, int], now: float
) -> Measurement:
    """Mean paired difference in reward, with its confidence sequence, exact at any time.

    Args:
        task: whose.
        increments: one a cluster, in the order of first exposure, each in [−width, width].
        width: of the reward's range.
        span: the ledger sequences between which decisions were counted.
        now: when it was measured.
    """
    return _measured(task, mean_interval(increments, LEVEL, (-width, width)), span, now)


def lift_over_holdback(
    task: str, units: Sequence[tuple[bool, float]], share: float, span: tuple[int, int], now: float
) -> Measurement:
    """Difference in reward between everybody else and the holdback, with an asymptotic confidence sequence.

    The shares are unequal, so there are no pairs: every unit is weighted by one over the probability of its
    arm, after taking off the mean of the units before it (inverse propensity weighting, centred).

    Args:
        task: whose.
        units: for each unit in the order of first exposure, whether it was held back, and its mean reward.
        share: of the holdback, the probability with which a unit is in it.
        span: the ledger sequences between which decisions were counted.
        now: when it was measured.
    """
    increments, total = [], 0.0
    for place, (held, value) in enumerate(units):
        centred = value - (total / place if place else value)
        increments.append(-centred / share if held else centred / (1.0 - share))
        total += value
    return _measured(task, asymptotic_interval(increments, LEVEL, PLANNED), span, now)


def _measured(task: str, found: Interval, span: tuple[int, int], now: float) -> Measurement:
    return Measurement(
        name=NAME,
        task=task,
        value=found.mean if found.n else 0.0,
        low=max(found.low, -FAR) if math.isfinite(found.low) else -FAR,
        high=min(found.high, FAR) if math.isfinite(found.high) else FAR,
        n=found.n,
        alpha=LEVEL,
        since=span[0],
        until=span[1],
        at=now,
    )
