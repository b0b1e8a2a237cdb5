"""What can veto, weighed between concurrent arms: guardrails, failures, rewards that stay away, segments.

Guardrails that can be told of answers nobody saw are weighed in shadow too, on the same decisions.

None of it is averaged into anything. Harm in any of it rolls a candidate back; a step in front of many takes
proof that no guardrail got worse by its margin. All harm tests of a stage together, the reward's own among
them, are wrong with probability at most the gate's α: the reward has half of it, what is declared and what is
watched anyhow share a quarter, and the segments, of which nobody knows how many will appear, the rest as
online fallback does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from autotroph.deploy.arms import Valued, arms
from autotroph.deploy.comparisons import Comparisons, Served
from autotroph.deploy.evidence import LEVEL, Difference, Guard, increments_of
from autotroph.deploy.partners import partners
from autotroph.spec import GuardrailSpec, ResponseSpec, RewardSpec, Spec
from autotroph.spec.bounds import Bounds, bounds
from autotroph.spec.unseen import unseen
from autotroph.stats import ratio
from autotroph.stats.alpha import share
from autotroph.stats.betting import begin, log_target, update
from autotroph.stats.confidence import BURN_IN, asymptotic_interval, mean_interval

REWARD, DECLARED, SEGMENTS = 0.5, 0.25, 0.25
"""How the α of harm is shared."""

FAILED, MISSING = "answers that failed", "rewards that stay away"
MAY_FAIL, MAY_MISS = 0.02, 0.05
"""By how many more in a hundred answers that is no worse yet."""

PLANNED = 1000
"""Pairs of units at which an interval for a guardrail without a range is narrowest."""

CLEARED = 0.01
"""A step in front of many on a guardrail that is worse after all is taken with probability at most this."""

ALIKE = 300
"""Pairs without any difference at all that say there is none: it would have to be in fewer than 1 in 100."""

RATIO_ALPHA, RATIO_LOOK = 0.001, 50

_Found = tuple[bool, bool, float | None, float | None]


class Sides(NamedTuple):
    """Two concurrent arms.

    Attributes:
        served: the decisions of the stage, in ledger order.
        ours: whether one is the candidate's; `theirs`: whether one is the control's.
    """

    served: Sequence[Served]
    ours: Callable[[Served], bool]
    theirs: Callable[[Served], bool]

    @property
    def partnered(self) -> "Sides":
        """As many units of either arm, those that were exposed together: for arms of different sizes."""
        return self._replace(served=partners(self.served, self.ours, self.theirs))

    def differences(self, value: Valued, window: float, now: float) -> list[Difference]:
        """Ours less theirs, by units."""
        return arms(self.served, self.ours, self.theirs, value, window, now).pairs

    def only(self, segment: str) -> "Sides":
        """The decisions of one segment."""
        return self._replace(served=[one for one in self.served if segment in one.segments])

    def segments(self) -> list[str]:
        """The segments that appear in either arm, in that order."""
        mine = (one for one in self.served if self.ours(one) or self.theirs(one))
        return list(dict.fromkeys(segment for one in mine for segment in one.segments))


class Watched(NamedTuple):
    """A guard before it is weighed; values are such that more is worse, unless `higher` is better.

    `unseen` says that it can be told of answers that nobody saw.
    """

    name: str
    value: Valued
    window: float
    margin: float
    span: Bounds | None
    higher: bool = False
    required: bool = False
    unseen: bool = False


class Guards:
    """Of one task.

    Args:
        spec: the declaration.
        task: its name.
        comparisons: the values.
    """

    def __init__(self, spec: Spec, task: str, comparisons: Comparisons) -> None:
        self._spec, self._task, self._comparisons = spec, task, comparisons
        self._spans = {name: span_of(spec, name) for name in spec.task(task).guardrails}

    def weigh(self, sides: Sides, now: float, part: float = 1.0) -> tuple[Guard, ...]:
        """Everything that can veto, between two arms, at a part of the level."""
        return tuple(weighed(one, each, level * part, now) for one, each, level in self.asked(sides))

    def asked(self, sides: Sides) -> Iterator[tuple[Watched, Sides, float]]:
        """What is weighed, between which arms, and the level of its harm test."""
        alpha, watched = self._spec.gate.alpha, list(self.watched())
        each = alpha * DECLARED / len(watched)
        yield from ((one, sides, each) for one in watched)
        for place, segment in enumerate(sides.segments(), 1):
            yield self._reward_in(segment), sides.only(segment), alpha * SEGMENTS * share(place)

    def declared(self) -> list[Watched]:
        """The task's guardrails."""
        return [self._declared(name) for name in self._spans]

    def _declared(self, name: str) -> Watched:
        declared = self._spec.guardrails[name]
        return Watched(
            name,
            self._guardrail(name),
            float(declared.horizon),
            declared.margin,
            self._spans[name],
            higher=declared.better == "higher",
            required=True,
            unseen=unseen(self._spec.expression(declared.value).names, self._spec.signals),
        )

    def untried(self) -> list[tuple[Watched, float]]:
        """Guardrails that can be told of answers nobody saw, each with the level of its harm test."""
        told = [one for one in self.declared() if one.unseen]
        return [(one, self._spec.gate.alpha * DECLARED / len(told)) for one in told]

    def shadowed(
        self, release: str, against: str, after: int, now: float, part: float = 1.0
    ) -> tuple[Guard, ...]:
        """Those of two releases on the same decisions, whether somebody saw the answers or not.

        Args:
            release: whose values, less those of `against`.
            against: another release.
            after: of decisions after this ledger sequence.
            now: seconds since the epoch.
            part: of the level.
        """
        return tuple(
            told(one, self._same(one, release, against, after), level * part, now)
            for one, level in self.untried()
        )

    def _same(self, watched: Watched, release: str, against: str, after: int) -> list[Difference]:
        """Ours less theirs, outside the holdback."""
        known = self._comparisons
        return [
            Difference(one.unit, one.at, within(mine, watched.span) - within(theirs, watched.span))
            for one in known.served(after)
            if one.arm != "holdback"
            and (mine := known.value(release, one.id, watched.name)) is not None
            and (theirs := known.value(against, one.id, watched.name)) is not None
        ]

    def watched(self) -> Iterator[Watched]:
        """The task's guardrails, and what is watched without being declared."""
        yield from self.declared()
        horizon = float(self._spec.reward_of(self._task)[1].horizon)
        yield Watched(FAILED, lambda one: float(one.failed), 0.0, MAY_FAIL, (0.0, 1.0))
        yield Watched(MISSING, self._comparisons.missing, horizon, MAY_MISS, (0.0, 1.0))

    def _guardrail(self, name: str) -> Valued:
        span, earned = self._spans[name], self._comparisons.earned

        def value(one: Served) -> float | None:
            found = earned(one, name)
            return None if found is None else within(found, span)

        return value

    def _reward_in(self, segment: str) -> Watched:
        reward = self._spec.reward_of(self._task)[1]
        return Watched(
            f"the reward where {segment}",
            self._comparisons.earned,
            float(reward.horizon),
            self._spec.ladder.margin,
            reward.range,
            higher=True,
        )


def weighed(watched: Watched, sides: Sides, level: float, now: float) -> Guard:
    """Weigh one guard between two arms, at the level of its harm test."""
    return told(watched, sides.differences(watched.value, watched.window, now), level, now)


def told(watched: Watched, found: Sequence[Difference], level: float, now: float) -> Guard:
    """Weigh one guard by differences, in its own unit, of values that lie within its span if it has one."""
    increments, _ = increments_of(found, watched.window, now)
    return bet(watched, increments, watched.span and watched.span[1] - watched.span[0], level)


def within(value: float, span: Bounds | None) -> float:
    """The value, clipped into a span if there is one."""
    return value if span is None else min(max(value, span[0]), span[1])


def bet(watched: Watched, increments: Sequence[float], width: float | None, level: float) -> Guard:
    """Weigh one guard by its increments, none of them larger than a width; in the limit if that is None."""
    better = list(increments) if watched.higher else [-value for value in increments]
    if width is None:
        harmed, cleared, low, high = _in_the_limit(better, watched, level)
    else:
        harmed, cleared, low, high = _exact(better, watched, width, level)
    return Guard(
        name=watched.name,
        units=len(better),
        mean=sum(better) / len(better) if better else 0.0,
        low=low,
        high=high,
        margin=watched.margin,
        level=level,
        harmed=harmed,
        cleared=cleared,
        required=watched.required,
    )


def mismatch(sides: Sides, ours: float) -> str:
    """Why the two arms cannot be compared: their sizes are not what was drawn. Empty where they are.

    Args:
        sides: the arms.
        ours: the share of our units among those of both.
    """
    first: dict[str, bool] = {}
    for one in sides.served:
        if sides.ours(one) or sides.theirs(one):
            first.setdefault(one.unit, sides.ours(one))
    test, seen = ratio.begin([ours, 1.0 - ours]), list(first.values())
    for start in range(0, len(seen), RATIO_LOOK):
        look = seen[start : start + RATIO_LOOK]
        test = ratio.update(test, [sum(look), len(look) - sum(look)])
    if not test.rejects(RATIO_ALPHA):
        return ""
    return (
        f"the arms are not as large as they were drawn: {test.counts[0]} units against {test.counts[1]}, of"
        f" which {ours:.0%} should be in the candidate's; something loses decisions of one arm, so that"
        " nothing can be believed which compares them"
    )


def _exact(better: list[float], watched: Watched, width: float, level: float) -> _Found:
    harm = update(begin(width, watched.margin), [-value for value in better])
    no_worse = update(begin(width, -watched.margin), better)
    interval = mean_interval(better, LEVEL, (-width, width))
    return harm.rejects(level), no_worse.rejects(CLEARED), interval.low, interval.high


def _in_the_limit(better: list[float], watched: Watched, level: float) -> _Found:
    if len(better) < BURN_IN:
        return False, False, None, None
    if min(better) == max(better):  # no spread: an interval would have no width, whatever is rare
        alike = len(better) >= ALIKE
        return alike and better[0] < -watched.margin, alike and better[0] > -watched.margin, None, None
    above = asymptotic_interval(better, CLEARED, PLANNED, "lower").low
    below = asymptotic_interval(better, level, PLANNED, "upper").high
    shown = asymptotic_interval(better, LEVEL, PLANNED)
    return below < -watched.margin, above > -watched.margin, shown.low, shown.high


def span_of(spec: Spec, name: str) -> Bounds | None:
    """The declared range of a measure, or its expression's; none where silence scales what was heard."""
    declared = spec.measures[name]
    if isinstance(declared, RewardSpec | GuardrailSpec) and declared.range is not None:
        return declared.range
    if any(isinstance(rule, ResponseSpec) for rule in declared.silent.values()):
        return None
    return bounds(spec.expression(declared.value).tree)


def harm_target(level: float, guards: Sequence[Guard]) -> float:
    """The log wealth at which the reward's own harm is proven: of half the level, where there are guards."""
    return log_target(level * REWARD if guards else level)
