"""Experiments by hand, from cycle to cycle: what they show is measured, and what does harm ends."""

from collections.abc import Callable

import msgspec

from autotroph.deploy.desk import Desk
from autotroph.deploy.experiments.contrasts import Results, results
from autotroph.deploy.experiments.journal import Experiment, stopped
from autotroph.records import Measurement, Record

GROWTH = 1.1
"""A contrast is measured again when it has so many times the units: a picture, and not a flood."""

LOOP = "loop"

Last = Callable[..., Measurement | None]
"""The newest measurement of a `name`."""


Late = Callable[[Experiment, float], str]
"""Why what comes back about an arm comes too late to compare, see `lateness`."""


def watch(desk: Desk, last: Last, late: Late, through: int, now: float) -> list[Record]:
    """The rows that are due about the experiments of a task.

    Args:
        desk: of the task.
        last: see above.
        late: see above.
        through: the ledger sequence up to which everything was digested.
        now: seconds since the epoch.
    """
    rows: list[Record] = []
    for one in desk.board.experiments.running:
        if one.metric not in desk.spec.measures:
            rows += _ended(desk, one, now, f"its metric {one.metric!r} is not declared any more", {})
            continue
        found = results(one, desk.spec, desk.comparisons, now, late(one, now))
        why = _fault(desk, one) or (found.harm or found.mismatch if one.stops else "")
        rows += [row for row in measured(one, found, through) if why or _news(row, last)]
        rows += _ended(desk, one, now, why, {"results": msgspec.to_builtins(found)}) if why else []
    return rows


def measured(experiment: Experiment, found: Results, through: int) -> list[Measurement]:
    """Each contrast of which something can be said, as a row."""
    return [
        Measurement(
            name=measurement(experiment.name, one.arm),
            task=experiment.task,
            value=one.mean,
            low=one.low,
            high=one.high,
            n=one.units,
            alpha=found.level,
            since=experiment.since,
            until=through,
            at=found.at,
        )
        for one in found.contrasts
        if one.low is not None and one.high is not None
    ]


def measurement(experiment: str, arm: str) -> str:
    """What a contrast is called as a measurement: an arm against the first of its experiment."""
    return f"experiment {experiment}: {arm}"


def concluded(  # noqa: PLR0913 - what was decided, by whom, and when
    desk: Desk, experiment: Experiment, found: Results, by: str, decision: str, through: int, now: float
) -> list[Record]:
    """The rows with which a person ends an experiment: the numbers at that time, and what was decided."""
    details = {"results": msgspec.to_builtins(found), "may_be_proposed": list(found.better)}
    ended = stopped(experiment, desk.standing.experiments, by, now, decision, details)
    return [*measured(experiment, found, through), *ended]


def _fault(desk: Desk, experiment: Experiment) -> str:
    """Which arm's own code failed, and how; empty where none did."""
    failures = desk.serving.failures
    failed = (f"{arm!r} failed: {failures[id_]}" for arm, id_ in experiment.arms.items() if id_ in failures)
    return next(failed, "")


def _ended(desk: Desk, one: Experiment, now: float, why: str, details: dict[str, object]) -> list[Record]:
    told = {**details, "reason": why}
    return stopped(one, desk.standing.experiments, LOOP, now, "none: it was stopped", told)


def _news(row: Measurement, last: Last) -> bool:
    known = last(name=row.name)
    return known is None or known.since != row.since or row.n >= GROWTH * known.n + 1
