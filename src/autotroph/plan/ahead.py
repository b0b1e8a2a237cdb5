"""What a task's next candidate has before it: the ladder as declared, at the traffic of its ledger."""

import msgspec

from autotroph.deploy.board import Board
from autotroph.plan.forecasting import Forecast, Guarded, Kind, Reward, Terms, forecast
from autotroph.plan.traffic import DAY, Flow, Progress, Traffic, traffic
from autotroph.records import CHAINED
from autotroph.spec import Spec
from autotroph.store import Reader

NEWEST = 20_000
"""Decisions that are looked at, the newest."""

ASSUMED = 0.1
"""A candidate is assumed to be better by this share of the mean, stage by stage."""

BESIDE = (0.05, 0.2)
"""And by these, in total."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """One task's.

    Attributes:
        kind: how its candidates are compared, as declared.
        mean, variance: of a unit's reward; None where too few are known.
        alike: correlation of two releases' rewards on the same decision; 0 where none was shadowed.
        alpha: what the next candidate would be granted.
        lacks: why nothing can be foretold; empty where it can.
        forecasts: for ASSUMED, first as declared and then the other way, if there is one.
        beside: for BESIDE, as declared.
    """

    task: str
    reward: str
    kind: Kind
    flow: Flow
    alpha: float
    patience: float
    mean: float | None = None
    variance: float | None = None
    alike: float = 0.0
    lacks: str = ""
    forecasts: tuple[Forecast, ...] = ()
    beside: tuple[Forecast, ...] = ()


def ahead(reader: Reader, spec: Spec, task: str, progress: Progress | None = None) -> Ahead:
    """What the ladder will ask of a task's next candidate, and how long that takes."""
    found = traffic(reader, spec, task, progress, newest=NEWEST)
    board = Board(task, spec.gate.alpha)
    for row in sorted((row for kind in CHAINED for row in reader.scan(kind)), key=lambda row: row.sequence):
        board.apply(row)
    return foretold(found, spec, board.grant())


def foretold(found: Traffic, spec: Spec, alpha: float) -> Ahead:
    """The same, of traffic that is known."""
    kind: Kind = "paired" if spec.paired(found.task) else "split"
    empty = Ahead(
        task=found.task,
        reward=found.name,
        kind=kind,
        flow=found.flow,
        alpha=alpha,
        patience=spec.ladder.patience / DAY,
    )
    if lacks := _lacks(found, spec):
        return msgspec.structs.replace(empty, lacks=lacks)
    reward, terms = _reward(found), terms_of(found, spec, alpha)
    other: Kind = "split" if kind == "paired" else "paired"
    # answers that have to be bought are not bought again in shadow
    ways = (kind,) if spec.outside(found.task) else (kind, other)

    def of(kind: Kind, share: float) -> Forecast:
        return forecast(kind, found.flow, reward, share * abs(reward.mean), terms)

    return msgspec.structs.replace(
        empty,
        mean=reward.mean,
        variance=reward.variance,
        alike=reward.alike,
        forecasts=tuple(of(way, ASSUMED) for way in ways),
        beside=tuple(of(kind, share) for share in BESIDE),
    )


def terms_of(found: Traffic, spec: Spec, alpha: float) -> Terms:
    """What the ladder asks of a candidate that is granted this α."""
    _, reward = spec.reward_of(found.task)
    required = (one for one in found.guards if one.required and one.values.size > 1)
    guards = tuple(
        Guarded(name=one.name, variance=float(one.values.var()), width=one.width, margin=one.margin)
        for one in required
    )
    return asked_by(spec, reward.horizon / DAY, alpha, guards)


def asked_by(spec: Spec, horizon: float, alpha: float, guards: tuple[Guarded, ...] = ()) -> Terms:
    """The same, of a reward with a horizon of so many days."""
    ladder = spec.ladder
    return Terms(
        steps=ladder.steps,
        floor=ladder.floor / DAY,
        patience=ladder.patience / DAY,
        minimum=ladder.minimum,
        horizon=horizon,
        margin=ladder.margin,
        alpha=alpha,
        level=spec.gate.alpha,
        outside=1.0 - (1.0 - ladder.holdback) * (1.0 - ladder.watch),
        cycle=spec.run.every / DAY,
        guards=guards,
    )


def _reward(found: Traffic) -> Reward:
    low, high = found.range
    variance, alike = float(found.reward.values.var(ddof=1)), 0.0
    if found.rivals is not None and found.rivals.ours.size > 1 and variance:
        apart = float((found.rivals.ours - found.rivals.theirs).var(ddof=1))
        alike = max(1.0 - apart / (2.0 * variance), -1.0)
    return Reward(mean=float(found.reward.values.mean()), variance=variance, width=high - low, alike=alike)


def _lacks(found: Traffic, spec: Spec) -> str:
    """Why nothing can be foretold, with the counts."""
    units, least = found.reward.values.size, spec.ladder.minimum
    if units < max(least, 2):
        return (
            f"{units:,} units have a final reward, at least {max(least, 2):,} are needed"
            f" (`[ladder] minimum`): of {found.decisions:,} decisions {found.final:,} are final, of which"
            f" {found.known:,} have a reward by {found.name!r} as it is declared now"
        )
    if not found.reward.values.mean():
        return f"the mean of {found.name!r} is 0, so that nothing is a tenth better"
    return ""
