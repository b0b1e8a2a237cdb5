"""What a task's decisions are measured by, and which signals, when, each measure reads."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.digest.rewards import RewardRule
from autotroph.records import Value, canonical
from autotroph.spec import Spec
from autotroph.spec.expressions import ANSWER_COLUMNS
from autotroph.spec.tree import Column, ColumnType, Node, children

Kind = Literal["reward", "guardrail", "outcome"]
Take = Literal["last", "first", "any", "mean", "votes"]
Credit = Literal["every", "last", "first", "split"]
About = Literal["decision", "session", "user"]


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a declared signal for each decision.

    Attributes:
        name: as expressions call it; `source`: the name of the rows that it reads.
        limit: a row counts if it happened before the decision's time and so many seconds.
    """

    name: str
    source: str
    type: ColumnType
    about: About
    take: Take
    credit: Credit
    limit: float


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a declared measure, with what an engine must know of it.

    Attributes:
        silent: what a signal means that did not come by the horizon; those that stay unknown left out.
        range: into which values are clipped; None: any value is as it is.
        unserved: whether answers that nobody was shown have a value too.
        slots: the place of each signal that it reads, by the signal's name.
    """

    name: str
    kind: Kind
    version: str
    tree: Node
    horizon: float
    silent: dict[str, Value]
    range: tuple[float, float] | None
    unserved: bool
    slots: dict[str, int]
    columns: frozenset[str]


class Measures(msgspec.Struct, frozen=True):
    """What one task is measured by, the reward first, and the signals that this takes."""

    task: str
    measures: tuple[Measure, ...]
    slots: tuple[Slot, ...]

    def reads(self, *columns: str) -> bool:
        """Whether any of them reads one of these columns of the answer."""
        return any(not one.columns.isdisjoint(columns) for one in self.measures)


def measures_of(spec: Spec, task: str) -> Measures:
    """The reward of a task, its guardrails, and the outcomes.

    Raises:
        UnknownName: there is no such task.
        SpecError: it has no reward.
    """
    slots: dict[Slot, int] = {}
    found = tuple(_measures(spec, task, slots))
    return Measures(task, found, tuple(slots))


def _measures(spec: Spec, task: str, slots: dict[Slot, int]) -> Iterator[Measure]:
    name, declared = spec.reward_of(task)
    rule = RewardRule(name, declared, spec.expression(declared.value))
    tree = rule.expression.tree
    yield Measure(
        name=name,
        kind="reward",
        version=rule.version,
        tree=tree,
        horizon=rule.horizon,
        silent=rule.silent,
        range=declared.range,
        unserved=rule.scores == "any",
        slots=_slots(spec, tree, rule.horizon, slots),
        columns=_answer(tree),
    )
    others: list[tuple[Kind, str, str]] = [
        ("guardrail", each, spec.guardrails[each].value) for each in spec.task(task).guardrails
    ]
    others += [("outcome", each, outcome.value) for each, outcome in spec.outcomes.items()]
    for kind, other, value in others:
        expression = spec.expression(value)
        yield Measure(
            name=other,
            kind=kind,
            version=digest("measure", expression.digest, canonical(rule.horizon)),
            tree=expression.tree,
            horizon=rule.horizon,
            silent={},
            range=None,
            unserved=False,
            slots=_slots(spec, expression.tree, rule.horizon, slots),
            columns=_answer(expression.tree),
        )


def _slots(spec: Spec, tree: Node, horizon: float, slots: dict[Slot, int]) -> dict[str, int]:
    """The places of a tree's signals among the slots of the task; new ones are added."""
    found = {}
    for name in sorted({column.name for column in _columns(tree)} & spec.signals.keys()):
        declared = spec.signals[name]
        slot = Slot(
            name=name,
            source=name,
            type=declared.type,
            about=declared.about,
            take="last",
            credit="every",
            limit=horizon,
        )
        found[name] = slots.setdefault(slot, len(slots))
    return found


def _answer(tree: Node) -> frozenset[str]:
    return frozenset(column.name for column in _columns(tree)) & ANSWER_COLUMNS.keys()


def _columns(tree: Node) -> Iterator[Column]:
    if isinstance(tree, Column):
        yield tree
    for child in children(tree):
        yield from _columns(child)
