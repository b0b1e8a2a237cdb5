"""Where a loop would pay: tasks by volume × headroom × coverage × delay; which are not worth one, and why.

Headroom is what the best option earns above the mean of all, as far as options differ by more than luck (by
Cochran's Q, two standard deviations above what luck gives): the spread of their means is shrunk by its noise
(James and Stein 1961). Where fewer than two options have enough
units, it is what is left to the upper end of the range, and that is more than anybody will ever get.

How long a proof takes is what one would wait for: twice 16·σ²/Δ² units, with half the headroom as Δ, which
is about 80 % power at 5 % (Lehr 1992).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast

import msgspec
import numpy as np

from autotroph.observe.experiments import newest_version, value_of
from autotroph.spec import Spec
from autotroph.store import Reader

NEWEST = 20_000
"""So many of the newest decisions of a task are looked at."""

FEWEST = 30
"""Units below which nothing is said about an option, or about a task."""

WEEK = 7 * 86_400.0
SEASON = 13.0
"""Weeks in which a proof must be possible."""

THIN = 0.01
"""A coverage below which a reward is not known often enough."""

Finding = Literal["worth it", "not worth it", "unknown"]

_VOLUMES = """
SELECT task, count(*), min(at), max(at) FROM decisions
WHERE served = 1 AND at >= :since GROUP BY task"""

_LATEST = "SELECT max(at) FROM (SELECT at FROM decisions WHERE served = 1 ORDER BY sequence DESC LIMIT 1000)"

_VALUES = f"""
SELECT d.option, d.unit, d.at, {value_of("d.id", "reward")} AS reward
FROM (SELECT id, option, unit, at, sequence FROM decisions WHERE task = :task AND served = 1
      ORDER BY sequence DESC LIMIT {NEWEST}) AS d"""


class Opportunity(msgspec.Struct, frozen=True, kw_only=True):
    """One task.

    Attributes:
        finding: whether it is worth a loop, and the reasons.
        score: reward to be gained a week, as a share of its range.
        weekly: decisions a week, over the last four weeks that there are decisions of; `units`: of how many
            in what was looked at.
        headroom: as a share of the reward's range; `bound`: it is what is left to the upper end.
        best: the option with the highest mean; empty where none is known.
        coverage: share of the decisions, old enough to have one, whose reward is known.
        horizon: of the reward, in seconds.
        weeks: until a proof; infinite where there is nothing to prove.
    """

    task: str
    reward: str
    finding: Finding
    reasons: tuple[str, ...]
    score: float
    weekly: float
    units: int
    mean: float
    headroom: float
    bound: bool
    best: str
    coverage: float
    horizon: float
    weeks: float


def opportunities(reader: Reader, spec: Spec) -> tuple[Opportunity, ...]:
    """Every declared task, the best opportunity first; what is not worth a loop comes last."""
    volumes = _volumes(reader)
    found = [_opportunity(reader, spec, task, volumes.get(task, 0.0)) for task in spec.tasks]
    order: tuple[Finding, ...] = ("worth it", "unknown", "not worth it")
    return tuple(sorted(found, key=lambda one: (order.index(one.finding), -one.score, one.task)))


def _volumes(reader: Reader) -> dict[str, float]:
    """Decisions a week of each task, over the last four weeks."""
    ((latest,),) = reader.query(_LATEST).rows
    if not isinstance(latest, float):
        return {}
    rows = reader.query(_VOLUMES, {"since": latest - 4 * WEEK}).rows
    return {
        str(task): float(count) * WEEK / min(max(latest - float(first), WEEK), 4 * WEEK)  # type: ignore[arg-type]
        for task, count, first, _ in rows
    }


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What the rewards of a task say: by units, as shares of the declared range."""

    units: int
    coverage: float
    mean: float
    variance: float
    options: dict[str, tuple[float, float, int]]


def _opportunity(reader: Reader, spec: Spec, task: str, weekly: float) -> Opportunity:
    reward = spec.tasks[task].reward
    horizon = float(spec.rewards[reward].horizon) if reward else math.nan
    values = _values(reader, spec, task, reward)
    headroom, best = _spread(values)
    bound = math.isnan(headroom)
    if bound:
        headroom = max(1.0 - values.mean, 0.0)
    each = values.units / max(sum(count for _, _, count in values.options.values()), 1)
    weeks = _weeks(values.variance, headroom, weekly * values.coverage * min(each, 1.0))
    score = weekly * headroom * values.coverage / (1 + horizon / WEEK)
    finding, reasons = _find(values, reward, headroom, weeks, (weekly, bound))
    return Opportunity(
        task=task, reward=reward, finding=finding, reasons=reasons,
        score=0.0 if math.isnan(score) else score, weekly=weekly, units=values.units, mean=values.mean,
        headroom=headroom, bound=bound, best=best, coverage=values.coverage, horizon=horizon, weeks=weeks,
    )  # fmt: skip


def _values(reader: Reader, spec: Spec, task: str, reward: str) -> Values:
    if not reward:
        return Values(units=0, coverage=0.0, mean=math.nan, variance=math.nan, options={})
    low, high = spec.rewards[reward].range
    version = newest_version(reader, reward)
    rows = reader.query(_VALUES, {"task": task, "reward": reward, "reward_version": version}).rows
    times = [cast("float", at) for _, _, at, _ in rows]
    until = max(times, default=0.0) - spec.rewards[reward].horizon
    ripe = [row for row, at in zip(rows, times, strict=True) if at <= until] or rows
    known = [
        (str(option), str(unit), (cast("float", value) - low) / (high - low))
        for option, unit, _, value in ripe
        if value is not None
    ]
    everybody = _by_unit((unit, value) for _, unit, value in known)
    options: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for option, unit, value in known:
        options[option].append((unit, value))
    return Values(
        units=len(everybody),
        coverage=len(known) / max(len(ripe), 1),
        mean=float(everybody.mean()) if len(everybody) else math.nan,
        variance=float(everybody.var(ddof=1)) if len(everybody) > 1 else math.nan,
        options={name: _moments(_by_unit(ones), len(ones)) for name, ones in options.items()},
    )


def _by_unit(pairs: Iterable[tuple[str, float]]) -> Any:
    """The mean of each unit, shape (n,)."""
    sums: dict[str, list[float]] = defaultdict(list)
    for unit, value in pairs:
        sums[unit].append(value)
    return np.array([sum(ones) / len(ones) for ones in sums.values()])


def _moments(units: Any, count: int) -> tuple[float, float, int]:
    """Mean, the variance of the mean (infinite for too few units), and how many decisions that were."""
    enough = len(units) >= FEWEST
    return float(units.mean()), float(units.var(ddof=1)) / len(units) if enough else math.inf, count


def _spread(values: Values) -> tuple[float, str]:
    """What the best option earns above the mean of all, shrunk; nan where fewer than two are known."""
    known = {name: one for name, one in values.options.items() if math.isfinite(one[1])}
    if len(known) < 2:
        return math.nan, next(iter(known), "")
    means = np.array([mean for mean, _, _ in known.values()])
    noise = np.array([variance for _, variance, _ in known.values()])
    middle = means.mean()
    free = len(means) - 1
    differ = float(((means - middle) ** 2 / np.maximum(noise, 1e-12)).sum()) > free + 2 * math.sqrt(2 * free)
    between = max(float(means.var(ddof=1) - noise.mean()), 0.0) if differ else 0.0
    shrunk = middle + (means - middle) * between / np.maximum(between + noise, 1e-12)
    place = int(shrunk.argmax())
    return max(float(shrunk[place]) - values.mean, 0.0), list(known)[place]


def _weeks(variance: float, headroom: float, weekly: float) -> float:
    """Until a difference of half the headroom is proven."""
    if math.isnan(variance) or headroom <= 0 or weekly <= 0:
        return math.inf
    return 2 * 16 * variance / (headroom / 2) ** 2 / weekly


def _find(
    values: Values, reward: str, headroom: float, weeks: float, more: tuple[float, bool]
) -> tuple[Finding, tuple[str, ...]]:
    weekly, bound = more
    if not reward:
        return "unknown", ("it has no reward; `autotroph rewards suggest` says what could be one",)
    if not weekly:
        return "not worth it", ("nobody has asked for four weeks",)
    if values.coverage < THIN:
        return "not worth it", (f"the reward is known of {values.coverage:.1%} of the decisions only",)
    if values.units < FEWEST:
        return "unknown", (f"{values.units} units have a reward, at least {FEWEST} are needed",)
    reasons = _against(headroom, weeks, bound=bound)
    if reasons:
        return "not worth it", tuple(reasons)
    return "worth it", (_said(headroom, weeks, bound=bound),)


def _against(headroom: float, weeks: float, *, bound: bool) -> Sequence[str]:
    if headroom <= 1e-9:
        least = (
            "the mean is at the end of the range" if bound else "its options do not differ by more than luck"
        )
        return [f"there is nothing to gain: {least}"]
    if weeks > SEASON:
        return [f"half of the headroom would take {weeks:.0f} weeks to prove, a season has {SEASON:.0f}"]
    return []


def _said(headroom: float, weeks: float, *, bound: bool) -> str:
    gain = "at most, to the end of the range" if bound else "by what the best option earns above the mean"
    proven = f"half of it is proven in about {max(weeks, 0.1):.1f} weeks"
    return f"{headroom:.1%} of the range to gain {gain}; {proven}"
