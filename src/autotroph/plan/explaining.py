"""All that applying a plan would do, in figures; nothing is changed by asking."""

import msgspec

from autotroph.plan.applied import Change
from autotroph.plan.effects import History, Moved, history
from autotroph.plan.ranks import Ranked, Signs, ranked, turned
from autotroph.plan.steps import Plan
from autotroph.plan.verdicts import Retried, retried
from autotroph.records import Candidate, Release
from autotroph.spec import Spec
from autotroph.store import Reader
from autotroph.store.segments import Segments


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What valuing a history by a measure would do.

    Attributes:
        moved: the values before and after.
        ranks: releases and options by their means, before and after.
        signs: units for whom the difference to release 0 turns its sign; None where that cannot be told.
        verdicts: of the past, weighed again; of the reward only, which alone is weighed.
    """

    change: Change
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
    for task in plan.tasks:
        with history(spec, plan, task, segments) as found:
            names, zero = _releases(reader, task)
            changes = (one for one in plan.revalued if one.task == task)
            effects += (_effect(one, found, reader, spec, names | {"": zero}) for one in changes)
    return tuple(effects)


def _effect(change: Change, found: History, reader: Reader, spec: Spec, names: dict[str, str]) -> Effect:
    found.compare(change)
    reward = change.kind == "reward"
    return Effect(
        change=change,
        moved=found.counted(),
        ranks=(ranked(found.duck, "release", names), ranked(found.duck, "option", {})),
        signs=turned(found.duck, names[""]) if reward else None,
        verdicts=retried(found, reader, spec, change.task) if reward else (),
    )


_ZERO = "SELECT release FROM stages WHERE task = ? AND name = 'serving' ORDER BY sequence LIMIT 1"


def _releases(reader: Reader, task: str) -> tuple[dict[str, str], str]:
    """What releases and candidates of a task are called, and which one is release 0."""
    named = {one.id: one.name for one in reader.scan(Candidate, task=task)}
    named |= {one.id: one.name for one in reader.scan(Release, task=task)}
    rows = reader.query(_ZERO, (task,)).rows
    return named, str(rows[0][0]) if rows else ""
