"""What could be chased on a task: every declared signal, ranked by what its history says of it.

Agreement is a correlation with the outcome over units, at a level that is split among the signals. It is no
proof that what moves the one moves the other, so that what is suggested here is to be held against past
experiments (`deserving`) once it was chased.

The score is what a reward can expect to share with the outcome over all decisions, |r|·√coverage by the
ends of the intervals that are worse for it, and half of that for each week that it lets one wait.
"""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.observe.agreement import Trait
from autotroph.observe.experiments import LEVEL
from autotroph.observe.looking import Column, Heard, Look, look
from autotroph.observe.traits import TRAITS
from autotroph.spec import Spec
from autotroph.stats.association import area, correlation
from autotroph.stats.confidence import Interval, mean_interval
from autotroph.store import Reader

Finding = Literal["chase", "unknown", "noise", "late", "gamed", "outcome"]

FEWEST = 30
"""Units below which nothing is said about agreement."""

WEEK = 7 * 86_400.0
COVERED = 0.95
"""The share of delays that a suggested horizon covers."""

ORDER: tuple[Finding, ...] = ("chase", "unknown", "noise", "late", "gamed", "outcome")

HORIZONS: dict[str, float] = {
    "1m": 60.0, "5m": 300.0, "10m": 600.0, "30m": 1800.0, "1h": 3600.0, "2h": 7200.0, "6h": 21_600.0,
    "12h": 43_200.0, "24h": 86_400.0, "2d": 172_800.0, "3d": 259_200.0, "7d": WEEK, "14d": 2 * WEEK,
    "30d": 30 * 86_400.0, "60d": 60 * 86_400.0, "90d": 90 * 86_400.0, "180d": 180 * 86_400.0,
    "365d": 365 * 86_400.0,
}  # fmt: skip
"""What a horizon is rounded up to."""


class Chased(msgspec.Struct, frozen=True, kw_only=True):
    """One signal, and what is to be said about chasing it.

    Attributes:
        implicit: nobody sends it, it is found in what people did.
        value: the expression that is suggested; `block`: a reward to be pasted; empty while nothing came,
            as `horizon` is, which covers nearly all delays.
        coverage: share of decisions that have it, of those old enough.
        delay, late: median and 95 % quantile of the seconds until it comes; nan where none came.
        agreement: correlation with the outcome; `area`: the chance that a good outcome has the higher value.
        trust: of one that is implicit: its correlation with each explicit one.
        traits: of the answer, with signal and outcome.
        by_user: share of its rows that people sent themselves.
        busiest: share of its rows that come from the busiest hundredth of those who gave any.
    """

    signal: str
    implicit: bool
    finding: Finding
    reason: str
    score: float
    value: str
    horizon: str
    coverage: Interval
    delay: float
    late: float
    agreement: Interval
    area: Interval
    trust: dict[str, Interval]
    traits: tuple[Trait, ...]
    by_user: float
    busiest: float
    block: str


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """What could be chased on a task, best first.

    Attributes:
        outcome: what it is held against; empty where none is declared.
        decisions: how many were looked at; `units`: of how many units.
    """

    task: str
    outcome: str
    decisions: int
    units: int
    ranked: tuple[Chased, ...]


def suggest(reader: Reader, spec: Spec, task: str, outcome: str = "") -> Suggestions:
    """Rank what could be chased on a task.

    Args:
        reader: of the ledger.
        spec: what is declared.
        task: a declared one.
        outcome: the name of a declared one to hold it against; the first, if left out.

    Raises:
        UnknownName: there is no such task.
    """
    spec.task(task)
    against = outcome or next(iter(spec.outcomes), "")
    seen = look(reader, spec, task, against)
    level = LEVEL / max(len(seen.heard), 1)
    found = [_chased(seen, spec, one, against, level) for one in seen.heard if seen.at.size]
    ranked = sorted(found, key=lambda one: (ORDER.index(one.finding), -one.score, one.signal))
    units = int(seen.units.max(initial=-1)) + 1
    return Suggestions(task=task, outcome=against, decisions=seen.at.size, units=units, ranked=tuple(ranked))


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A signal as it would be chased: with silence where only the one value is ever said."""

    heard: Heard
    values: Column
    silence: bool | None


def _chased(seen: Look, spec: Spec, heard: Heard, outcome: str, level: float) -> Chased:
    there = ~np.isnan(heard.values)
    delay, late = np.quantile(heard.delays[there], (0.5, COVERED)) if there.any() else (math.nan, math.nan)
    ripe = seen.at <= seen.latest - (late if there.any() else 0.0)
    ripe = ripe if ripe.any() else np.ones_like(there)
    means = seen.by_unit(there.astype(np.float64), ripe)
    coverage = mean_interval(means[~np.isnan(means)], LEVEL)
    candidate = _candidate(heard, ripe)
    agrees, parts = _agreement(seen, candidate.values, ripe, level)
    traits = _traits(seen, candidate.values, ripe, level)
    span = float(spec.outcomes[outcome].horizon) if outcome else math.inf
    finding, reason = _find(heard, agrees, traits, float(late), (spec, outcome, span))
    better = not agrees.high < 0
    horizon = horizon_of(float(late)) if there.any() else ""
    return Chased(
        signal=heard.name, implicit=heard.declared.implicit, finding=finding, reason=reason,
        score=_score(agrees, coverage, float(late)), value=_value(heard, better=better), horizon=horizon,
        coverage=coverage, delay=float(delay), late=float(late), agreement=agrees, area=parts,
        trust=_trust(seen, heard, candidate.values, ripe, level), traits=traits, by_user=heard.by_user,
        busiest=_busiest(heard.users), block=_block(spec, candidate, horizon, better=better),
    )  # fmt: skip


def horizon_of(seconds: float) -> str:
    """The shortest round duration that covers so many seconds; the longest, where none does.

    >>> horizon_of(4000.0), horizon_of(3600.0)
    ('2h', '2h')
    """
    return next((name for name, length in HORIZONS.items() if length > seconds), "365d")


def _candidate(heard: Heard, ripe: NDArray[np.bool_]) -> Candidate:
    """Where people only ever say yes, or only no, silence is the other."""
    values = heard.values
    said = values[ripe & ~np.isnan(values)]
    if heard.declared.type != "boolean" or not said.size or said.min() != said.max():
        return Candidate(heard=heard, values=values, silence=None)
    silence = not said[0]
    return Candidate(heard=heard, values=np.where(np.isnan(values), float(silence), values), silence=silence)


def _together(seen: Look, left: Column, right: Column, ripe: NDArray[np.bool_]) -> tuple[Column, Column]:
    """Both columns over the units that have both, of the decisions that have both."""
    both = ripe & ~np.isnan(left) & ~np.isnan(right)
    x, y = seen.by_unit(left, both), seen.by_unit(right, both)
    known = ~np.isnan(x)
    return x[known], y[known]


def _correlated(seen: Look, left: Column, right: Column, ripe: NDArray[np.bool_], level: float) -> Interval:
    x, y = _together(seen, left, right, ripe)
    if x.size < FEWEST:
        return Interval(math.nan, -1.0, 1.0, x.size)
    return correlation(x, y, level)


def _agreement(
    seen: Look, values: Column, ripe: NDArray[np.bool_], level: float
) -> tuple[Interval, Interval]:
    x, y = _together(seen, values, seen.outcome, ripe)
    if x.size < FEWEST:
        return Interval(math.nan, -1.0, 1.0, x.size), Interval(math.nan, 0.0, 1.0, x.size)
    return correlation(x, y, level), area(x, y > y.mean(), level)


def _traits(seen: Look, values: Column, ripe: NDArray[np.bool_], level: float) -> tuple[Trait, ...]:
    """How signal and outcome go with each trait that varies; at a level that is split among them."""
    found = []
    for name, column in zip(("shown", *TRAITS), _dressed(seen).T, strict=True):
        if column[~np.isnan(column)].std() > 1e-9:
            parts = [
                _correlated(seen, column, each, ripe, level / len(TRAITS)) for each in (values, seen.outcome)
            ]
            found.append(Trait(name=name, reward=parts[0], outcome=parts[1]))
    return tuple(found)


def _dressed(seen: Look) -> Column:
    """The traits of every decision's answer, shape (n, 9); nan where nobody looked."""
    table = np.full((seen.at.size, len(TRAITS) + 1), np.nan)
    table[seen.dressed, 0] = seen.traits[:, 0] > 0
    table[seen.dressed, 1:] = seen.traits
    return table


def _trust(
    seen: Look, heard: Heard, values: Column, ripe: NDArray[np.bool_], level: float
) -> dict[str, Interval]:
    """How far what was found by SQL goes with what people said themselves."""
    if not heard.declared.implicit:
        return {}
    explicit = [one for one in seen.heard if not one.declared.implicit]
    return {
        one.name: _correlated(seen, values, _candidate(one, ripe).values, ripe, level) for one in explicit
    }


def _find(
    heard: Heard,
    agrees: Interval,
    traits: tuple[Trait, ...],
    late: float,
    against: tuple[Spec, str, float],
) -> tuple[Finding, str]:
    spec, outcome, span = against
    if outcome and heard.name in spec.expression(spec.outcomes[outcome].value).names:
        return "outcome", f"{outcome} is made of it: chase something that comes sooner"
    if math.isnan(late):
        return "unknown", "nothing came yet"
    if gamed := [one.name for one in traits if one.suspicious]:
        return "gamed", f"goes with {' and '.join(gamed)} of the answer, and {outcome} does not as much"
    if late >= span:
        return "late", f"when it is in, {outcome} is known too"
    return _agrees(agrees, outcome)


def _agrees(agrees: Interval, outcome: str) -> tuple[Finding, str]:
    if not outcome:
        return "unknown", "no outcome is declared; add [outcomes.NAME] for what the business really wants"
    if agrees.n < FEWEST:
        return "unknown", f"{agrees.n} units have both it and {outcome}, at least {FEWEST} are needed"
    if math.isnan(agrees.mean):
        return "unknown", f"it is always the same, or {outcome} is"
    if agrees.low <= 0 <= agrees.high:
        return "noise", f"does not surely go with {outcome}"
    return "chase", f"goes with {outcome}" if agrees.mean > 0 else f"goes against {outcome}: fewer are better"


def _score(agrees: Interval, coverage: Interval, late: float) -> float:
    sure = max(agrees.low, -agrees.high, 0.0)
    return 0.0 if math.isnan(late) else sure * math.sqrt(coverage.low) / (1 + late / WEEK)


def _busiest(users: dict[str, int]) -> float:
    counts = sorted(users.values(), reverse=True)
    return sum(counts[: max(len(counts) // 100, 1)]) / max(sum(counts), 1)


# what is to be pasted --------------------------------------------------------------------------------------


def _value(heard: Heard, *, better: bool) -> str:
    """The expression, turned round where fewer are better."""
    plain = f"kept({heard.name})" if heard.declared.type == "text" else heard.name
    if better:
        return plain
    return f"1 - {plain}" if heard.declared.type == "boolean" else f"-{plain}"


def _block(spec: Spec, candidate: Candidate, horizon: str, *, better: bool) -> str:
    heard = candidate.heard
    if not horizon:
        return ""
    low, high = _range(candidate.values) if heard.declared.type != "boolean" else (0.0, 1.0)
    if not better and heard.declared.type != "boolean":
        low, high = 0.0 - high, 0.0 - low
    name = f"{'more' if better else 'fewer'}_{heard.name}"
    lines = [
        f"[rewards.{_free(spec, name)}]",
        f'value = "{_value(heard, better=better)}"',
        f"range = [{low:g}, {high:g}]",
        f'horizon = "{horizon}"',
    ]
    if candidate.silence is not None:
        lines.append(f"silent = {{ {heard.name} = {str(candidate.silence).lower()} }}")
    if heard.declared.scores == "any":
        lines.append('scores = "any"')
    return "\n".join(lines) + "\n"


def _range(values: Column) -> tuple[float, float]:
    """What nearly all values lie in."""
    known = values[~np.isnan(values)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(f"{one:.3g}") for one in np.quantile(known, (0.01, 0.99)))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _free(spec: Spec, name: str) -> str:
    """A name that nothing else has."""
    taken = {*spec.measures, *spec.signals, *spec.columns}
    return next(one for one in (name, *(f"{name}_{n}" for n in range(2, 1000))) if one not in taken)
