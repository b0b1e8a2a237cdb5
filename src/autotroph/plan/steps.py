"""The steps from what is on record to what is declared; the same ones are explained and run."""

from collections.abc import Iterator, Sequence

import msgspec

from autotroph.clock import digest
from autotroph.deploy.board import Board
from autotroph.deploy.releases import declared_body
from autotroph.errors import InputError
from autotroph.plan.applied import Change, Standing, Versions, parts, standing
from autotroph.plan.frozen import changed as changed_sets
from autotroph.plan.proposing import changed
from autotroph.plan.standards import agreed
from autotroph.plan.standards import changed as changed_standards
from autotroph.records import CHAINED, Candidate, Entry, canonical
from autotroph.spec import Spec
from autotroph.store import Reader


class Revalue(msgspec.Struct, frozen=True, kw_only=True, tag="revalue"):
    """Value the history of a task by a measure as it is declared now.

    Attributes:
        change: which measure, and what it takes the place of.
        again: whether this was begun before, and was interrupted.
    """

    change: Change
    again: bool = False


class Dismiss(msgspec.Struct, frozen=True, kw_only=True, tag="dismiss"):
    """Refuse a candidate: its evidence was weighed by what has changed."""

    task: str
    candidate: str
    name: str
    stage: str


class Propose(msgspec.Struct, frozen=True, kw_only=True, tag="propose"):
    """Propose what a task is declared to serve as a candidate.

    Attributes:
        name: of the candidate.
        body: the digest of what it would serve.
        differs: what of it differs from what was declared before.
    """

    task: str
    name: str
    body: str
    differs: tuple[str, ...]


class Demand(msgspec.Struct, frozen=True, kw_only=True, tag="demand"):
    """Hold the candidates of a task to what is declared now; those that are under way begin again.

    Attributes:
        parts: what of that was changed.
    """

    task: str
    parts: tuple[str, ...]


class Explore(msgspec.Struct, frozen=True, kw_only=True, tag="explore"):
    """Let more decisions be random: what nothing proves, so that it takes somebody who has seen it."""

    was: float
    share: float


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """A part of the declaration that applies by itself when the product is opened: its digests."""

    part: str
    before: str
    after: str


Step = Revalue | Demand | Dismiss | Explore | Propose | Note


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Spec against ledger.

    Attributes:
        opened: whether the product ever was.
        through, at: the last cycle, up to which there is a history to be valued.
    """

    steps: tuple[Step, ...]
    opened: bool
    through: int = 0
    at: float = 0.0

    @property
    def revalued(self) -> tuple[Change, ...]:
        """What the history is to be valued by."""
        return tuple(one.change for one in self.steps if isinstance(one, Revalue))

    @property
    def dismissed(self) -> tuple[Dismiss, ...]:
        """The candidates that are to be refused."""
        return tuple(one for one in self.steps if isinstance(one, Dismiss))

    @property
    def proposed(self) -> tuple[Propose, ...]:
        """What becomes a candidate."""
        return tuple(one for one in self.steps if isinstance(one, Propose))

    @property
    def explored(self) -> tuple[Explore, ...]:
        """What is to be explored more; at most one."""
        return tuple(one for one in self.steps if isinstance(one, Explore))

    @property
    def demanded(self) -> tuple[Demand, ...]:
        """The tasks whose candidates have to show something else."""
        return tuple(one for one in self.steps if isinstance(one, Demand))

    @property
    def run(self) -> tuple[Step, ...]:
        """The steps that do not apply by themselves."""
        return tuple(one for one in self.steps if not isinstance(one, Note))

    @property
    def digest(self) -> str:
        """The hash of the steps that are run: another plan has another one."""
        return digest("plan", canonical(self.run))

    def refuse_other(self, digest: str) -> None:
        """Nothing is run but what somebody has seen.

        Raises:
            InputError: the plan has another digest than the one that was seen.
        """
        if digest != self.digest:
            raise InputError(
                f"the plan {digest[:12]} is stale: by now it is {self.digest[:12]}; look again with"
                " `autotroph plan`"
            )

    @property
    def noted(self) -> tuple[Note, ...]:
        """What applies by itself."""
        return tuple(one for one in self.steps if isinstance(one, Note))

    @property
    def in_front(self) -> tuple[Dismiss, ...]:
        """Those of the candidates that people meet."""
        return tuple(one for one in self.dismissed if one.stage == "canary")

    @property
    def tasks(self) -> Versions:
        """The measures by which each task's history is to be valued."""
        found: Versions = {}
        for one in self.revalued:
            found.setdefault(one.task, {})[one.name] = one.version
        return found


def planned(reader: Reader, spec: Spec) -> Plan:
    """What there is to do. It only reads."""
    found = standing(reader, spec)
    steps: list[Step] = [
        *_revalued(found),
        *_dismissed(reader, spec, found.changes),
        *_explored(reader, spec),
        *_proposed(reader, spec),
    ]
    steps += [
        *_noted(reader, spec, found, _asked(steps)),
        *(Note(part=one.part, before=one.before, after=one.after) for one in changed_sets(reader, spec)),
    ]
    last = found.last
    return Plan(
        steps=tuple(steps),
        opened=found.applied is not None,
        through=last.through if last else 0,
        at=last.at if last else 0.0,
    )


def _revalued(found: Standing) -> Iterator[Revalue]:
    begun = found.begun.tasks if found.begun else {}
    for one in found.changes:
        yield Revalue(change=one, again=begun.get(one.task, {}).get(one.name) == one.version)


def _dismissed(reader: Reader, spec: Spec, changes: tuple[Change, ...]) -> Iterator[Demand | Dismiss]:
    """An outcome judges no candidate; the reward and the guardrails do, and what is asked of them."""
    standards = changed_standards(reader, spec)
    tasks = dict.fromkeys([*(one.task for one in changes if one.kind != "outcome"), *standards])
    boards = {task: Board(task, spec.gate.alpha) for task in tasks}
    for kind in CHAINED if boards else ():
        for row in reader.scan(kind):
            for board in boards.values():
                board.apply(row)
    for task, board in boards.items():
        under_way = list(_open(board))
        if under_way and task in standards:
            yield Demand(task=task, parts=standards[task])
        for candidate, stage in under_way:
            yield Dismiss(task=task, candidate=candidate.id, name=candidate.name, stage=stage)


def _open(board: Board) -> Iterator[tuple[Candidate, str]]:
    for live in board.standing.open if board.standing else ():
        yield board.candidates[live.release.candidate], live.stage.name
    for candidate in board.waiting():
        yield candidate, "gate"


def _explored(reader: Reader, spec: Spec) -> Iterator[Explore]:
    was = agreed(reader, spec).explore
    if spec.ladder.explore > was:
        yield Explore(was=was, share=spec.ladder.explore)


def _proposed(reader: Reader, spec: Spec) -> Iterator[Propose]:
    for task, differs in changed(reader, spec):
        _, body = declared_body(spec, task, 0)
        name = f"declared {body.digest[:6]}"
        yield Propose(task=task, name=name, body=body.digest, differs=differs)


def _asked(steps: Sequence[Step]) -> frozenset[str]:
    """The tables of which something waits for somebody, so that they do not apply by themselves."""
    demanded = {part for one in steps if isinstance(one, Demand) for part in one.parts}
    return frozenset({*demanded, *("ladder" for one in steps if isinstance(one, Explore))})


def _noted(reader: Reader, spec: Spec, found: Standing, asked: frozenset[str]) -> Iterator[Note]:
    last = reader.get(Entry, event="declaration")
    if last is None or last.details["digest"] == spec.digest:
        return
    known, now = last.details.get("parts"), parts(spec)
    if known is None:  # from before parts were written down
        yield Note(part="the declaration", before=last.details["digest"], after=spec.digest)
        return
    revalued = {f"{one.kind}s.{one.name}" for one in found.changes}
    for part in sorted(known.keys() | now.keys()):
        waits = part in revalued or part.partition(".")[0] in asked
        if known.get(part) != now.get(part) and not waits:
            yield Note(part=part, before=known.get(part, ""), after=now.get(part, ""))
