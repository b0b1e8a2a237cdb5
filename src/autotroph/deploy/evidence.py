"""What is known about a candidate against what it would replace: one increment a cluster, never more."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from autotroph.records import Candidate
from autotroph.stats.betting import begin, forecast, update
from autotroph.stats.confidence import mean_interval

LEVEL = 0.05
"""The printed intervals hold at all times at once with probability 1 − LEVEL."""


class Difference(msgspec.Struct, frozen=True):
    """What the candidate earned more than the incumbent: on one decision, or between one pair of units."""

    cluster: str
    at: float
    value: float


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """What evidence is weighed on.

    Attributes:
        width: of the reward's range, so that every difference is in [−width, width].
        margin: how much worse, in reward, still counts as no worse.
        alpha: the level at which "better" is to be proven.
        window: seconds after a cluster's first decision in which its decisions count; its rewards are
            final as long again after that.
    """

    width: float
    margin: float
    alpha: float
    window: float


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison, weighed.

    Attributes:
        kind: `paired` on the same decisions, or `split` between concurrent arms.
        since, at: ledger sequence after which decisions were counted, and when they were weighed.
        clusters: independent observations, one increment each; `decisions`: what they were made of.
        mean, low, high: the difference in reward and its confidence sequence, exact at any time.
        better: log wealth against "no better than the incumbent"; `harm`: against "no worse than −margin".
        more: about how many more clusters until "better" is proven at `alpha`; None if it points the other way.
    """

    task: str
    candidate: str
    kind: Literal["paired", "split"]
    since: int
    at: float
    decisions: int
    clusters: int
    mean: float
    low: float
    high: float
    better: float
    harm: float
    alpha: float
    more: int | None


def weigh(
    candidate: Candidate,
    differences: Sequence[Difference],
    scale: Scale,
    *,
    since: int,
    now: float,
    kind: Literal["paired", "split"] = "paired",
) -> Evidence:
    """Weigh differences, in the order in which their decisions were made."""
    increments, used = clustered(differences, scale.window, now)
    better = update(begin(scale.width), increments)
    harm = update(begin(scale.width, scale.margin), [-value for value in increments])
    found = mean_interval(increments, LEVEL, (-scale.width, scale.width))
    return Evidence(
        task=candidate.task,
        candidate=candidate.id,
        kind=kind,
        since=since,
        at=now,
        decisions=used,
        clusters=better.n,
        mean=better.mean,
        low=found.low,
        high=found.high,
        better=better.peak_log_e,
        harm=harm.peak_log_e,
        alpha=scale.alpha,
        more=forecast(better, scale.alpha),
    )


def clustered(differences: Iterable[Difference], window: float, now: float) -> tuple[list[float], int]:
    """One increment a cluster: the mean over the window after its first exposure, entered once.

    >>> day = [Difference("a", 0.0, 1.0), Difference("b", 1.0, 0.5), Difference("a", 2.0, 0.0)]
    >>> clustered(day, window=10.0, now=20.5)              # b's window has not passed yet
    ([0.5], 2)

    Returns:
        The increments in the order of first exposure, and how many differences they were made of.
    """
    found: dict[str, list[Difference]] = {}
    for one in differences:
        found.setdefault(one.cluster, []).append(one)
    increments, used = [], 0
    for members in found.values():
        first = members[0].at
        if now < first + 2 * window:
            continue
        counted = [one.value for one in members if one.at <= first + window]
        increments.append(sum(counted) / len(counted))
        used += len(counted)
    return increments, used
