"""What there is to say about experiments by hand: out of the rooms, or out of the ledger alone.

Both say the same as of the last cycle, so that a command beside a running product tells what that would.
"""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from autotroph.deploy.board import Board
from autotroph.deploy.comparisons import Comparisons
from autotroph.deploy.experiments.contrasts import Results, results
from autotroph.deploy.experiments.journal import Experiment
from autotroph.deploy.experiments.trials import Late
from autotroph.digest.measures import measures_of
from autotroph.records import CHAINED, Completion, Cycle, Decision, Entry, Reward
from autotroph.rooms import Rooms, overdue
from autotroph.spec import Spec
from autotroph.store import Reader


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How an experiment ended: by whom, what was decided, and why, where nobody decided it."""

    by: str
    at: float
    decision: str
    reason: str = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment and what it shows: as of the last cycle or, once it has ended, as it was then.

    Attributes:
        started_by: who started it.
        results: None where it ended without being weighed.
        may_be_proposed: the arms that are better than the first and that nothing vetoes. Gate and ladder
            have the last word about each.
        ended: None while it is under way.
    """

    experiment: Experiment
    results: Results | None
    may_be_proposed: tuple[str, ...] = ()
    ended: Ended | None = None


def in_rooms(rooms: Rooms) -> list[Tried]:
    """Every experiment of an open product."""
    rooms.recall()
    return [
        one
        for task in rooms.tasks
        for one in _each(rooms.desks[task].board, rooms.spec, _known(rooms, task), rooms.late, rooms.last.at)
    ]


def in_ledger(reader: Reader, spec: Spec) -> list[Tried]:
    """Every experiment of a product, while another process may have it open."""
    last = reader.get(Cycle) or Cycle(number=0, through=0, at=0.0)
    boards = {name: Board(name, spec.gate.alpha) for name, task in spec.tasks.items() if task.reward}
    for kind in CHAINED:
        for row in reader.scan(kind):
            for board in boards.values():
                board.apply(row)

    measures = {task: measures_of(spec, task) for task in boards}

    def recall(task: str) -> Callable[[int], Comparisons]:
        versions = {name: one.version for name, one in measures[task].items()}
        return lambda since: recalled(reader, spec.task(task).reward, task, versions, (since, last.through))

    def late(experiment: Experiment, now: float) -> str:
        return overdue(reader, experiment, measures[experiment.task][experiment.metric], now)

    return [one for task, board in boards.items() for one in _each(board, spec, recall(task), late, last.at)]


def recalled(
    reader: Reader, reward: str, task: str, versions: Mapping[str, str], span: tuple[int, int]
) -> Comparisons:
    """The final values of a task's served decisions, out of its ledger.

    Args:
        reader: of the ledger.
        reward: the name of the task's.
        task: its name.
        versions: of the measures that count.
        span: decisions after the first sequence, up to the second.
    """
    found, decisions = Comparisons(reward), dict[str, Decision]()
    after, until = span
    failed = {
        one.decision
        for one in reader.scan(Completion, after=after, until=until + 1, texts=False)
        if one.error
    }
    for one in reader.scan(Decision, after=after, until=until, texts=False, task=task, served=True):
        if one.provenance == "product":
            found.serve(one, failed=one.id in failed)
            decisions[one.id] = one
    for row in reader.scan(Reward, after=after, final=True):
        if row.decision in decisions and versions.get(row.name) == row.version:
            found.take(decisions[row.decision], row)
    return found


def _known(rooms: Rooms, task: str) -> Callable[[int], Comparisons]:
    return lambda _: rooms.desks[task].comparisons


def _each(
    board: Board, spec: Spec, known: Callable[[int], Comparisons], late: Late, now: float
) -> Iterator[Tried]:
    for experiment in board.experiments.all:
        entry = board.experiments.ended(experiment)
        if entry is not None:
            yield _ended(experiment, entry)
        elif experiment.metric in spec.measures:
            found = results(experiment, spec, known(experiment.since), now, late(experiment, now))
            yield Tried(experiment=experiment, results=found, may_be_proposed=found.better)
        else:
            yield Tried(experiment=experiment, results=None)


def _ended(experiment: Experiment, entry: Entry) -> Tried:
    kept = entry.details
    return Tried(
        experiment=experiment,
        results=msgspec.convert(kept["results"], Results) if "results" in kept else None,
        may_be_proposed=tuple(kept.get("may_be_proposed", ())),
        ended=Ended(by=entry.actor, at=entry.at, decision=kept["decision"], reason=kept.get("reason", "")),
    )
