"""What one query has to find out: the measures of a task, and which values of which signals they read."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from autotroph.digest.measures import Measure, measures_of
from autotroph.records import MeasureKind
from autotroph.spec import RewardSpec, SignalSpec, Spec
from autotroph.spec.tree import Column, ColumnType, Node, children

About = Literal["decision", "session", "user"]
Take = Literal["last", "first", "any", "mean", "votes"]


class Source(msgspec.Struct, frozen=True):
    """Rows of the ledger that a slot reads: of a name, about a kind of subject, texts or numbers.

    Of an `implicit` one, which nobody sends, only the newest row of a subject counts.
    """

    name: str
    about: About
    text: bool
    implicit: bool = False


class Slot(msgspec.Struct, frozen=True):
    """One value of a signal for each decision.

    Attributes:
        source: the place of its rows among the sources.
        limit: a row counts if it happened before the decision's time and so many seconds.
    """

    source: int
    about: About
    type: ColumnType
    take: Take
    credit: Literal["every", "first", "last", "split"]
    limit: float


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A measure, as a query needs it.

    Attributes:
        clock: the place of its horizon among the horizons.
        silent: what a signal means that has not come by the horizon; those that stay unknown are left out.
        heard: by which share a signal's value is divided, where silence is modelled.
        range: of a reward, into which values are clipped, and whose low end a failed answer is worth; None:
            they are as they are.
        unserved: whether answers that nobody was shown have a value too.
        slots: the place of each signal's slot, by the name in the expression.
    """

    name: str
    kind: MeasureKind
    version: str
    tree: Node
    clock: int
    silent: dict[str, bool | float | str]
    heard: dict[str, float]
    range: tuple[float, float] | None
    unserved: bool
    slots: dict[str, int]


class Plan(msgspec.Struct, frozen=True):
    """All of a task, the reward first."""

    task: str
    measures: tuple[Wanted, ...]
    horizons: tuple[float, ...]
    slots: tuple[Slot, ...]
    sources: tuple[Source, ...]

    @property
    def columns(self) -> dict[str, Column]:
        """What is read of the answers, and of what was asked."""
        read = (
            column for one in self.measures for column in _columns(one.tree) if column.name not in one.slots
        )
        return {column.name: column for column in read}

    @property
    def voted(self) -> bool:
        """Whether it matters who a signal is from."""
        return any(slot.take == "votes" for slot in self.slots)

    @property
    def implicit(self) -> tuple[int, ...]:
        """The places of the sources that nobody sends."""
        return tuple(place for place, source in enumerate(self.sources) if source.implicit)

    @property
    def inputs(self) -> dict[str, Column]:
        """What is read of what was asked."""
        return {name: column for name, column in self.columns.items() if name.startswith(INPUTS)}


INPUTS = "inputs."


def plan_of(spec: Spec, task: str) -> Plan:
    """The reward of a task, its guardrails, and the outcomes.

    Raises:
        UnknownName: there is no such task.
        SpecError: it has no reward.
    """
    found = measures_of(spec, task).values()
    horizons: dict[float, int] = {}
    slots: dict[Slot, int] = {}
    sources: dict[Source, int] = {}
    wanted = []
    for one in found:
        clock = horizons.setdefault(one.horizon, len(horizons))
        places = {
            name: slots.setdefault(_slot(name, signal, one.horizon, sources), len(slots))
            for name, signal in one.signals.items()
        }
        wanted.append(_wanted(one, clock, places))
    return Plan(task, tuple(wanted), tuple(horizons), tuple(slots), tuple(sources))


def _wanted(one: Measure, clock: int, places: dict[str, int]) -> Wanted:
    declared = one.declared
    return Wanted(
        name=one.name,
        kind=one.kind,
        version=one.version,
        tree=one.expression.tree,
        clock=clock,
        silent=one.silent,
        heard={name: float(response.heard) for name, response in one.responses.items()},
        range=declared.range if isinstance(declared, RewardSpec) else None,
        unserved=one.scores == "any",
        slots=places,
    )


def _slot(name: str, declared: SignalSpec, horizon: float, sources: dict[Source, int]) -> Slot:
    source = Source(declared.of or name, declared.about, declared.type == "text", declared.implicit)
    return Slot(
        source=sources.setdefault(source, len(sources)),
        about=declared.about,
        type=declared.type,
        take=declared.take,
        credit=declared.credit,
        limit=horizon if declared.within is None else min(horizon, float(declared.within)),
    )


def _columns(tree: Node) -> Iterator[Column]:
    if isinstance(tree, Column):
        yield tree
    for child in children(tree):
        yield from _columns(child)
