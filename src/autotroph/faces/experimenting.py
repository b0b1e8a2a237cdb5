"""Experiments by hand: a person starts one, looks as often as they like, and ends it with a decision."""

import threading
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.clock import Clock
from autotroph.deploy.experiments import starting, trials
from autotroph.deploy.experiments.journal import Experiment
from autotroph.errors import InputError, UnknownName
from autotroph.faces import byhand
from autotroph.faces.tried import Tried, in_rooms
from autotroph.records import Entry, Record
from autotroph.rooms import Rooms
from autotroph.spec import ExperimentSpec, Spec
from autotroph.spec.checks import experiment_faults
from autotroph.spec.shape import NAME, shape_faults

UNDER_WAY = "experiment under way"
"""What is not there when one that has ended, or never began, is to be ended."""


class Experimenting:
    """The part of a product that compares what a person asks it to; see `faces.library.Product`."""

    spec: Spec
    clock: Clock
    rooms: Rooms
    _turning: threading.RLock

    def experiment(self, name: str, *, by: str = "a person", ask: str = "", **declared: Any) -> Experiment:
        """Start an experiment: as it is declared, or as the keywords say.

        Args:
            name: of the declaration, or a new one.
            by: who starts it, for the journal.
            ask: id of what it was asked for with.
            declared: the keys of `[experiments.NAME]`, for one that is not in the declaration.

        Raises:
            UnknownName: it is not declared, and nothing else is said of it.
            InputError: it is under way, does not hold together, or nothing may advance at present.
        """
        with self._turning:
            found = declaration(self.spec, name, declared)
            if why := self.rooms.halted(found.task):
                raise InputError(f"experiment {name!r} cannot start now: {why}")
            self.rooms.begin(found.task)
            desk, task = self.rooms.desks[found.task], self.spec.task(found.task)
            rows = starting.begun(name, found, task, desk.board, desk.standing, by, self.clock.now())
            self.rooms.append(*(_asked(row, ask) for row in rows))
            return desk.board.experiments.running[-1]

    def experiments(self) -> list[Tried]:
        """Every experiment with what it shows: as of the last cycle, or as it ended."""
        with self._turning:
            return in_rooms(self.rooms)

    def conclude(
        self, name: str, decision: str, *, propose: str = "", by: str = "a person", ask: str = ""
    ) -> Tried:
        """End an experiment, and keep for good what it showed and what was decided.

        Args:
            name: of one that is under way.
            decision: in words.
            propose: an arm that becomes a candidate: what gate and ladder then do with it is up to them.
            by: who decided, for the journal.
            ask: id of what it was asked for with.

        Raises:
            UnknownName: none of this name is under way, or it has no such arm.
            InputError: it is not said what was decided.
        """
        if not decision.strip():
            raise InputError("a decision in words is kept for good: say what was decided")
        with self._turning:
            one = self._under_way(name)
            if one.results is None:
                raise InputError(
                    f"experiment {name!r}: its metric is not declared any more; the next cycle ends it"
                )
            rooms, experiment = self.rooms, one.experiment
            desk, last = rooms.desks[experiment.task], rooms.last
            rows = trials.concluded(
                desk, experiment, one.results, by, decision, last.through, self.clock.now()
            )
            proposed = self._proposed(experiment, propose) if propose else []
            rooms.append(*(_asked(row, ask) for row in rows), *proposed)
            return next(tried for tried in in_rooms(rooms) if tried.experiment.id == experiment.id)

    def _under_way(self, name: str) -> Tried:
        running = [one for one in in_rooms(self.rooms) if one.ended is None]
        for one in running:
            if name == one.experiment.name:
                return one
        raise UnknownName(UNDER_WAY, name, [one.experiment.name for one in running])

    def _proposed(self, experiment: Experiment, arm: str) -> list[Record]:
        if arm not in experiment.arms:
            raise UnknownName("arm", arm, experiment.arms)
        release = experiment.arms[arm]
        lives = self.rooms.desks[experiment.task].board.released()
        body = next(live.release.body for live in lives if live.release.id == release)
        return byhand.proposed(self.rooms, experiment.task, f"{experiment.name}: {arm}", None, body)


def declaration(spec: Spec, name: str, given: dict[str, Any]) -> ExperimentSpec:
    """What is declared of an experiment, in the file or with the call; both at once is one too many.

    Raises:
        UnknownName: nothing is.
        InputError: it does not hold together.
    """
    if not given:
        if name not in spec.experiments:
            raise UnknownName("experiment", name, spec.experiments)
        return spec.experiments[name]
    if name in spec.experiments:
        raise InputError(f"experiments.{name} is in {spec.source}: start it as it is declared there")
    if not NAME.fullmatch(name):
        raise InputError(f"experiment {name!r}: a name is made of letters, digits, _ . -")
    said = msgspec.to_builtins(given)
    faults = [*shape_faults(said, ExperimentSpec)]
    if not faults:
        found = msgspec.convert(said, ExperimentSpec)
        faults = [*experiment_faults(spec, found, ())]
        if not faults:
            return found
    path, message = faults[0]
    raise InputError(f"experiment {name!r}: {'.'.join(path)}: {message}")


def _asked(row: Record, ask: str) -> Record:
    if not (ask and isinstance(row, Entry)):
        return row
    return replace(row, details={**row.details, "ask": ask})
