"""All that applying a plan would do, in figures; nothing is changed by asking."""

from collections.abc import Iterator
from typing import Any

import msgspec

from autotroph.digest.measures import measures_of
from autotroph.plan.applied import Applied, Change, Kept, keep, standing
from autotroph.plan.effects import Moved, history
from autotroph.plan.ranks import Ranked, Signs, ranked, turned
from autotroph.plan.steps import Plan
from autotroph.plan.verdicts import Retried, retried
from autotroph.records import Candidate, Release, canonical
from autotroph.spec import Spec
from autotroph.store import Reader
from autotroph.store.segments import Segments


class Differs(msgspec.Struct, frozen=True):
    """A field of a measure's declaration, before and after; empty where there was nothing."""

    field: str
    before: str
    after: str


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What valuing a history by a measure would do.

    Attributes:
        differs: what of its declaration has changed.
        moved: the values before and after.
        ranks: releases and options by their means, before and after.
        signs: units for whom the difference to release 0 turns its sign; None where that cannot be told.
        verdicts: of the past, weighed again; of the reward only, which alone is weighed.
    """

    change: Change
    differs: tuple[Differs, ...]
    moved: Moved
    ranks: tuple[Ranked, ...]
    signs: Signs | None
    verdicts: tuple[Retried, ...]

    @property
    def overturned(self) -> tuple[Retried, ...]:
        """The verdicts that would be others."""
        return tuple(one for one in self.verdicts if one.answer == "other")


def explained(plan: Plan, reader: Reader, spec: Spec, segments: Segments) -> tuple[Effect, ...]:
    """The effect of each valuing that a plan lists, in its order.

    Args:
        plan: of this ledger and declaration.
        reader: of the ledger.
        spec: what is declared.
        segments: of the ledger, brought up to date at least since the plan's last cycle.
    """
    effects: list[Effect] = []
    applied = standing(reader, spec).applied or Applied()
    for task in plan.tasks:
        with history(spec, plan, task, segments) as found:
            names, zero = _releases(reader, task)
            for change in (one for one in plan.revalued if one.task == task):
                found.compare(change)
                effects.append(
                    Effect(
                        change=change,
                        differs=tuple(_differs(change, applied, spec)),
                        moved=found.counted(),
                        ranks=ranked(found.duck, names),
                        signs=turned(found.duck, zero) if change.kind == "reward" else None,
                        verdicts=retried(found, reader, spec, task) if change.kind == "reward" else (),
                    )
                )
    return tuple(effects)


def _differs(change: Change, applied: Applied, spec: Spec) -> Iterator[Differs]:
    """What was declared otherwise: fields of the measure, and the signals that it reads."""
    old = _fields(applied.measures.get(change.before))
    new = _fields(keep(measures_of(spec, change.task)[change.name]))
    for field in dict.fromkeys([*old, *new]):
        if old.get(field) != new.get(field):
            yield Differs(field, _text(old.get(field)), _text(new.get(field)))


def _fields(kept: Kept | None) -> dict[str, Any]:
    if kept is None:
        return {}
    return {**kept.declared, **{f"signals.{name}": signal for name, signal in kept.signals.items()}}


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else canonical(value).decode()


_ZERO = "SELECT release FROM stages WHERE task = ? AND name = 'serving' ORDER BY sequence LIMIT 1"


def _releases(reader: Reader, task: str) -> tuple[dict[str, str], str]:
    """What releases and candidates of a task are called, and which one is release 0."""
    named = {one.id: one.name for one in reader.scan(Candidate, task=task)}
    named |= {one.id: one.name for one in reader.scan(Release, task=task)}
    rows = reader.query(_ZERO, (task,)).rows
    return named, str(rows[0][0]) if rows else ""
