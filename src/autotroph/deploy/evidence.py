"""What is known about a candidate against what it would replace: one increment a unit, never more."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from autotroph.records import Candidate
from autotroph.stats.betting import begin, forecast, update
from autotroph.stats.certificate import certificate
from autotroph.stats.confidence import mean_interval, mean_lower

LEVEL = 0.05
"""The printed intervals hold at all times at once with probability 1 − LEVEL."""


Kind = Literal["paired", "split", "off-policy"]


class Difference(msgspec.Struct, frozen=True):
    """What the candidate earned more than the incumbent: on one decision, or between one pair of units.

    `verified` says that a server-side key vouches for whoever it is from.
    """

    unit: str
    at: float
    value: float
    verified: bool = False


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """What evidence is weighed on.

    Attributes:
        width: of the reward's range, so that every difference is in [−width, width].
        margin: how much worse, in reward, still counts as no worse.
        alpha: the level at which "better" is to be proven.
        window: seconds after a unit's first decision in which its decisions count; its rewards are
            final as long again after that.
    """

    width: float
    margin: float
    alpha: float
    window: float


class Survives(msgspec.Struct, frozen=True):
    """How many lying units a verdict would have survived, as a share of its units and as a count.

    Zero where not all of them are vouched for: those can be made in any number.
    """

    share: float = 0.0
    count: int = 0


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can veto, weighed: the candidate's arm against the concurrent control.

    Attributes:
        name: of the guardrail, or what is watched without being declared.
        units: pairs of units.
        mean, low, high: how much *better* the candidate is, in the guardrail's own unit; worse is negative.
        margin: how much worse is no worse yet.
        level: of its harm test.
        harmed: worse than that, proven.
        cleared: no worse than that, proven.
        required: whether a step to 25 % of the people and more takes that proof.
    """

    name: str
    units: int
    mean: float
    low: float | None
    high: float | None
    margin: float
    level: float
    harmed: bool
    cleared: bool
    required: bool


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison, weighed.

    Attributes:
        kind: `paired` on the same decisions, `split` between concurrent arms, or `off-policy` from the log.
        since, at: ledger sequence after which decisions were counted, and when they were weighed.
        units: one increment each; `decisions`: what these were made of.
        mean, low, high: the difference in reward and its confidence sequence, exact at any time.
        better: log wealth against "no better than the incumbent".
        no_worse: log wealth against "worse than the incumbent by the margin, or more".
        harm: log wealth against "no worse than that".
        survives: how many lying units the lower end of the difference would have survived.
        active: units that were active in the month before.
        guards: everything that can veto.
        mismatch: why the arms cannot be compared; empty where they can.
        maturity: which rewards were weighed.
        late: why the horizon does not see what comes back about an arm; empty where it does.
        promised: lower end of what the candidate was better by in shadow, where it has been in shadow.
        skew: log wealth against "in front of people it is as good as promised".
        more: about how many more units until "better" is proven at `alpha`; None if it points the other way.
    """

    task: str
    candidate: str
    kind: Kind
    since: int
    at: float
    decisions: int
    units: int
    mean: float
    low: float
    high: float
    better: float
    no_worse: float
    harm: float
    alpha: float
    more: int | None
    survives: Survives = Survives()
    active: int = 0
    guards: tuple[Guard, ...] = ()
    mismatch: str = ""
    promised: float | None = None
    skew: float = 0.0
    maturity: Literal["final"] = "final"
    late: str = ""


def weigh(
    candidate: Candidate,
    differences: Sequence[Difference],
    scale: Scale,
    *,
    since: int,
    now: float,
    kind: Kind = "paired",
) -> Evidence:
    """Weigh differences, in the order in which their decisions were made."""
    increments, used = increments_of(differences, scale.window, now)
    better = update(begin(scale.width), increments)
    no_worse = update(begin(scale.width, -scale.margin), increments)
    harm = update(begin(scale.width, scale.margin), [-value for value in increments])
    found = mean_interval(increments, LEVEL, (-scale.width, scale.width))
    verified = bool(differences) and all(one.verified for one in differences)
    survived = certificate(found.low, 0.0, better.n, verified=verified, largest=scale.width)
    return Evidence(
        task=candidate.task,
        candidate=candidate.id,
        kind=kind,
        since=since,
        at=now,
        decisions=used,
        units=better.n,
        mean=better.mean,
        low=found.low,
        high=found.high,
        better=better.peak_log_e,
        no_worse=no_worse.peak_log_e,
        harm=harm.peak_log_e,
        alpha=scale.alpha,
        more=forecast(better, scale.alpha),
        survives=Survives(survived.share, survived.count),
    )


def held_to(
    evidence: Evidence, live: Sequence[Difference], shadow: Sequence[Difference], scale: Scale
) -> Evidence:
    """Hold what a candidate does in front of people against what it did in shadow.

    A candidate that reads something that a live request does not have looks better off the hot path than it
    is: a train-serve skew. The bound is held at LEVEL/2 and the bet on it at the other half.
    """
    unseen, _ = increments_of(shadow, scale.window, evidence.at)
    seen, _ = increments_of(live, scale.window, evidence.at)
    promised = max(mean_lower(unseen, LEVEL / 2, -scale.width, scale.width), scale.margin - scale.width)
    bet = update(begin(scale.width, -promised), [-value for value in seen])
    return replace(evidence, promised=promised, skew=bet.peak_log_e)


def increments_of(differences: Iterable[Difference], window: float, now: float) -> tuple[list[float], int]:
    """One increment a unit: the mean over the window after its first exposure, entered once.

    >>> day = [Difference("a", 0.0, 1.0), Difference("b", 1.0, 0.5), Difference("a", 2.0, 0.0)]
    >>> increments_of(day, window=10.0, now=20.5)              # b's window has not passed yet
    ([0.5], 2)

    Returns:
        The increments in the order of first exposure, and how many differences they were made of.
    """
    found: dict[str, list[Difference]] = {}
    for one in differences:
        found.setdefault(one.unit, []).append(one)
    increments, used = [], 0
    for members in found.values():
        first = members[0].at
        if now < first + 2 * window:
            continue
        counted = [one.value for one in members if one.at <= first + window]
        increments.append(sum(counted) / len(counted))
        used += len(counted)
    return increments, used
