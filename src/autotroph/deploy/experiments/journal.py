"""Experiments by hand: which are under way, out of the journal, and the rows that end one.

A person starts an experiment, so it is two rows of the journal with everything that was declared and found.
Its arms are releases of their own, frozen when it starts and withdrawn when it ends: nothing is ever promoted
from here. Who wins may be proposed, and goes the way of every other candidate.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.deploy.standing import Allotment, Standing
from autotroph.records import Entry, Record, Stage

STARTED, STOPPED = "experiment started", "experiment stopped"


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as it was started.

    Attributes:
        id: what its people are drawn by.
        arms: the releases, by the names of the arms; the others are compared with the first.
        same: those arms that are what served when it started.
        share: of the people outside the holdback, all arms together.
        metric, guardrails: names of measures.
        margin, planned, alpha, stops: see `spec.ExperimentSpec`.
        at: when it was started, seconds since the epoch; `since`: the ledger sequence after which its
            decisions were made.
    """

    id: str
    name: str
    task: str
    arms: dict[str, str]
    same: tuple[str, ...]
    share: float
    metric: str
    guardrails: tuple[str, ...]
    margin: float
    planned: int
    alpha: float
    stops: bool
    at: float
    since: int = 0

    @property
    def first(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))

    @property
    def others(self) -> tuple[str, ...]:
        """The arms that are compared with it."""
        return tuple(self.arms)[1:]


class Experiments:
    """The experiments of a task: a fold of the journal."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._started: dict[str, Experiment] = {}
        self._stopped: dict[str, Entry] = {}

    def apply(self, entry: Entry) -> bool:
        """Take a row of the journal; whether it was about an experiment of the task."""
        if entry.event not in (STARTED, STOPPED) or entry.details["task"] != self._task:
            return False
        if entry.event == STOPPED:
            self._stopped[entry.details["id"]] = entry
        else:
            experiment = replace(started(entry), since=entry.sequence)
            self._started[experiment.id] = experiment
        return True

    @property
    def all(self) -> tuple[Experiment, ...]:
        """Every one that there was, in the order in which they were started."""
        return tuple(self._started.values())

    @property
    def running(self) -> tuple[Experiment, ...]:
        """Those under way."""
        return tuple(one for one in self.all if one.id not in self._stopped)

    @property
    def metrics(self) -> frozenset[str]:
        """What those under way measure."""
        return frozenset(one.metric for one in self.running)

    def ended(self, experiment: Experiment) -> Entry | None:
        """The row with which one ended; None while it is under way."""
        return self._stopped.get(experiment.id)


def started(entry: Entry) -> Experiment:
    """The experiment that a row of the journal started."""
    return msgspec.convert(entry.details, Experiment)


def stopped(
    experiment: Experiment,
    allotted: Iterable[Allotment],
    by: str,
    now: float,
    decision: str,
    details: Mapping[str, Any],
) -> list[Record]:
    """The rows that end an experiment: its record, and its arms withdrawn.

    Args:
        experiment: which.
        allotted: of all that are under way.
        by: who ends it.
        now: seconds since the epoch.
        decision: what was decided, in words.
        details: what else is kept of it: the numbers.
    """
    told = {"id": experiment.id, "task": experiment.task, "name": experiment.name, "decision": decision}
    entry = Entry(actor=by, event=STOPPED, subject=experiment.name, details={**told, **details}, at=now)
    lives = [live for one in allotted if one.experiment == experiment.id for live in one.lives]
    return [entry, *(_withdrawn(live.stage, now) for live in lives)]


def abandoned(experiments: Experiments, standing: Standing, by: str, now: float) -> list[Record]:
    """The rows that end all of them when a task is rolled back; nothing is weighed for it."""
    decision = "none: the task was rolled back"
    running = experiments.running
    return [row for one in running for row in stopped(one, standing.experiments, by, now, decision, {})]


def _withdrawn(stage: Stage, now: float) -> Stage:
    return replace(stage, sequence=0, epoch=stage.epoch + 1, name="withdrawn", share=0.0, at=now)
