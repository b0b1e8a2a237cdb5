"""Was it worth it: what people earned, against what release 0 would have earned on the same decisions."""

from collections.abc import Sequence

from autotroph.records import Measurement
from autotroph.stats.confidence import mean_interval

LEVEL = 0.05


def lift(
    task: str, increments: Sequence[float], width: float, *, since: int, until: int, now: float
) -> Measurement:
    """Mean difference in reward to release 0, with its confidence sequence, exact at any time.

    Args:
        task: whose.
        increments: one a cluster, in the order of first exposure, each in [−width, width].
        width: of the reward's range.
        since: the ledger sequence after which decisions were counted,
        until: and up to which.
        now: when it was measured.
    """
    found = mean_interval(increments, LEVEL, (-width, width))
    return Measurement(
        name="lift over release 0",
        task=task,
        value=found.mean if increments else 0.0,
        low=found.low,
        high=found.high,
        n=found.n,
        alpha=LEVEL,
        since=since,
        until=until,
        at=now,
    )
