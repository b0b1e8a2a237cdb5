"""What an experiment by hand shows so far: one increment a unit, final values only, right at any time.

Two things are asked. *Which arm is better*: every other arm against the first, unit by unit, with an interval
that holds at all times at once; the chance that any of them ever misses is at most the experiment's α. *Does
an arm do harm*: every arm against what everybody else gets meanwhile, by the metric and by all that can veto;
the chance that this ends an experiment in which nobody is harmed is at most α, too.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from autotroph.deploy.arms import Valued, arms
from autotroph.deploy.comparisons import Comparisons, Served
from autotroph.deploy.evidence import Guard, increments_of
from autotroph.deploy.experiments.journal import Experiment
from autotroph.deploy.guards import RATIO_ALPHA, RATIO_LOOK, Guards, Sides, Watched, span_of, weighed
from autotroph.deploy.partners import partners
from autotroph.spec import GuardrailSpec, Spec
from autotroph.stats import ratio
from autotroph.stats.confidence import Interval, asymptotic_interval, mean_interval

Finding = Literal["better", "worse", "no worse", "undecided"]

METRIC = 0.5
"""The metric's share of the α of harm; the guards of an arm have the rest."""


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the first.

    Attributes:
        units: pairs of units.
        mean, low, high: the difference in the metric, in its own unit; ends are None where nothing can be
            said yet.
        finding: what it amounts to, the way in which the metric is better considered.
    """

    arm: str
    against: str
    units: int
    mean: float
    low: float | None
    high: float | None
    finding: Finding


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: the units that were exposed, those that can be counted by now, and the mean of these."""

    arm: str
    exposed: int
    counted: int
    mean: float | None
    guards: tuple[Guard, ...]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment shows.

    Attributes:
        at: as of when, seconds since the epoch.
        level: of each contrast: all of them together miss with a chance of at most the experiment's α.
        mismatch: why the arms cannot be compared; empty where they can.
        late: why the horizon does not see what comes back about an arm; empty where it does.
        harm: which arm harms whom, and by what; empty where none does.
    """

    experiment: str
    metric: str
    at: float
    level: float
    groups: tuple[Group, ...]
    contrasts: tuple[Contrast, ...]
    mismatch: str = ""
    late: str = ""
    harm: str = ""

    @property
    def better(self) -> tuple[str, ...]:
        """The arms that may be proposed: better than the first, and nothing vetoes them."""
        harmed = {one.arm for one in self.groups if any(guard.harmed for guard in one.guards)}
        return tuple(one.arm for one in self.contrasts if one.finding == "better" and one.arm not in harmed)


def results(experiment: Experiment, spec: Spec, known: Comparisons, now: float, late: str = "") -> Results:
    """Weigh an experiment by the values that are final.

    Args:
        experiment: which.
        spec: the declaration.
        known: the values of its task.
        now: seconds since the epoch.
        late: why what comes back about an arm comes too late to compare, see `lateness`.
    """
    tried, everybody = _tried(experiment, known), list(known.concurrent(experiment.since))
    watched = (_metric(experiment, spec, known), *_vetoing(experiment, spec, known))
    groups = tuple(_group(experiment, arm, tried, everybody, watched, now) for arm in experiment.arms)
    mismatch, found = _mismatch(experiment, tried), contrasts(experiment, spec, known, now)
    return Results(
        experiment=experiment.name,
        metric=experiment.metric,
        at=now,
        level=_level(experiment),
        groups=groups,
        contrasts=tuple(_undecided(one) if mismatch or late else one for one in found),
        mismatch=mismatch,
        late=late,
        harm="" if mismatch else _harm(groups, experiment.metric if late else ""),
    )


def contrasts(experiment: Experiment, spec: Spec, known: Comparisons, now: float) -> tuple[Contrast, ...]:
    """Every other arm against the first; arguments as of `results`."""
    metric, tried = _metric(experiment, spec, known), _tried(experiment, known)
    return tuple(_contrast(experiment, arm, tried, metric, now) for arm in experiment.others)


def _tried(experiment: Experiment, known: Comparisons) -> list[Served]:
    releases = {*experiment.arms.values()}
    return [one for one in known.tried(experiment.since) if one.release in releases]


def _level(experiment: Experiment) -> float:
    return experiment.alpha / len(experiment.others)


def _metric(experiment: Experiment, spec: Spec, known: Comparisons) -> Watched:
    name, declared = experiment.metric, spec.measures[experiment.metric]
    higher = not isinstance(declared, GuardrailSpec) or declared.better == "higher"
    span = span_of(spec, name)
    value = _clipped(known, name, span)
    return Watched(name, value, float(declared.horizon), experiment.margin, span, higher=higher)


def _clipped(known: Comparisons, name: str, span: tuple[float, float] | None) -> Valued:
    def value(one: Served) -> float | None:
        found = known.earned(one, name)
        return found if found is None or span is None else min(max(found, span[0]), span[1])

    return value


def _vetoing(experiment: Experiment, spec: Spec, known: Comparisons) -> tuple[Watched, ...]:
    """Its guardrails, answers that failed, and rewards that stay away."""
    watched = Guards(spec, experiment.task, known).watched()
    named = {*experiment.guardrails} - {experiment.metric}
    return tuple(one for one in watched if not one.required or one.name in named)


# arms ------------------------------------------------------------------------------------------------------


def _group(
    experiment: Experiment,
    arm: str,
    tried: Sequence[Served],
    everybody: Sequence[Served],
    watched: Sequence[Watched],
    now: float,
) -> Group:
    release, metric = experiment.arms[arm], watched[0]
    mine = [one for one in tried if one.release == release]
    values = [
        one.value
        for one in arms(mine, lambda _: True, lambda _: False, metric.value, metric.window, now).ours
    ]
    return Group(
        arm=arm,
        exposed=len({one.unit for one in mine}),
        counted=len(values),
        mean=sum(values) / len(values) if values else None,
        guards=tuple(_guards(experiment, arm, everybody, watched, now)),
    )


def _guards(
    experiment: Experiment, arm: str, everybody: Sequence[Served], watched: Sequence[Watched], now: float
) -> Iterator[Guard]:
    """An arm against everybody else who gets what serves."""
    release = experiment.arms[arm]
    same = {experiment.arms[other] for other in experiment.same if other != arm}

    def ours(one: Served) -> bool:
        return one.release == release

    def theirs(one: Served) -> bool:
        return one.arm in ("main", "control") or one.release in same

    sides = Sides(partners(everybody, ours, theirs), ours, theirs)
    level = experiment.alpha / len(experiment.arms)
    shares = [METRIC, *[(1.0 - METRIC) / (len(watched) - 1)] * (len(watched) - 1)]
    for one, share in zip(watched, shares, strict=True):
        yield weighed(one, sides, level * share, now)


def _harm(groups: Sequence[Group], but: str) -> str:
    for one in groups:
        for guard in one.guards:
            if guard.harmed and guard.name != but:
                ends = (
                    ""
                    if guard.low is None or guard.high is None
                    else f" [{guard.low:+.4g}, {guard.high:+.4g}]"
                )
                return (
                    f"{one.arm!r} is worse than what everybody else gets, by {guard.name!r}:"
                    f" {guard.mean:+.4g}{ends} better, where {-guard.margin:+.4g} is allowed;"
                    f" {guard.units} pairs of units"
                )
    return ""


def _contrast(
    experiment: Experiment, arm: str, tried: Sequence[Served], metric: Watched, now: float
) -> Contrast:
    ours, theirs = experiment.arms[arm], experiment.arms[experiment.first]
    sides = Sides(tried, lambda one: one.release == ours, lambda one: one.release == theirs)
    differences = sides.differences(metric.value, metric.window, now)
    increments, _ = increments_of(differences, metric.window, now)
    found = _interval(increments, metric, experiment)
    known = bool(increments) and abs(found.low) != float("inf")
    return Contrast(
        arm=arm,
        against=experiment.first,
        units=found.n,
        mean=found.mean if increments else 0.0,
        low=found.low if known else None,
        high=found.high if known else None,
        finding=_finding(found, metric) if known else "undecided",
    )


def _undecided(one: Contrast) -> Contrast:
    return msgspec.structs.replace(one, finding="undecided")


def _interval(increments: Sequence[float], metric: Watched, experiment: Experiment) -> Interval:
    level = _level(experiment)
    if metric.span is None:
        return asymptotic_interval(increments, level, max(1, experiment.planned // len(experiment.arms)))
    width = metric.span[1] - metric.span[0]
    return mean_interval(increments, level, (-width, width))


def _finding(found: Interval, metric: Watched) -> Finding:
    low, high = (found.low, found.high) if metric.higher else (-found.high, -found.low)
    if low > 0.0:
        return "better"
    if high < 0.0:
        return "worse"
    return "no worse" if low > -metric.margin else "undecided"


def _mismatch(experiment: Experiment, tried: Sequence[Served]) -> str:
    """Why the arms cannot be compared: they are not as large as each other, beyond luck."""
    first: dict[str, str] = {}
    for one in tried:
        first.setdefault(one.unit, one.release)
    test, seen = ratio.begin([1.0 / len(experiment.arms)] * len(experiment.arms)), list(first.values())
    for start in range(0, len(seen), RATIO_LOOK):
        look = seen[start : start + RATIO_LOOK]
        test = ratio.update(test, [look.count(release) for release in experiment.arms.values()])
    if not test.rejects(RATIO_ALPHA):
        return ""
    sizes = ", ".join(f"{arm} {count}" for arm, count in zip(experiment.arms, test.counts, strict=True))
    return (
        f"the arms are not as large as they were drawn: {sizes} units, of which each should have as many;"
        " something loses decisions of one arm, so that nothing can be believed which compares them"
    )
