"""What a candidate has to show, and how much is explored: on record, so that neither changes unseen.

Both decide what people meet without being part of any candidate. Candidates that are under way go on being
held to what was agreed when they set out, and no more is explored than was, until somebody has seen the plan
and has said yes. Where nothing is under way, and for exploring less, there is nothing to ask.
"""

from typing import Any

import msgspec

from autotroph.clock import digest
from autotroph.records import Entry, canonical
from autotroph.rooms import Rooms
from autotroph.spec import Spec
from autotroph.store import Reader

EVENT = "standards"
"""The event of the journal that says what was agreed to."""

_GATE = ("alpha", "fold", "liars", "minimum", "margin")
_LADDER = ("steps", "floor", "patience", "minimum", "margin")


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to.

    Attributes:
        tasks: digests of what a candidate has to show, by task and part.
        explore: the share of decisions that may be random.
    """

    tasks: dict[str, dict[str, str]]
    explore: float


def declared(spec: Spec) -> Agreed:
    """What a declaration asks for."""
    gate = {name: getattr(spec.gate, name) for name in _GATE}
    ladder = {name: getattr(spec.ladder, name) for name in _LADDER}
    tasks = {}
    for name, task in spec.tasks.items():
        guarded = {one: spec.guardrails[one] for one in task.guardrails}
        margins = {one: (each.margin, each.range, each.better) for one, each in guarded.items()}
        parts = {"gate": gate, "ladder": ladder, "guardrails": margins, "segments": sorted(task.segments)}
        tasks[name] = {part: _digest(value) for part, value in parts.items()}
    return Agreed(tasks=tasks, explore=spec.ladder.explore)


def agreed(reader: Reader, spec: Spec) -> Agreed:
    """What is on record; what is declared, where nothing is."""
    entry = reader.get(Entry, event=EVENT)
    return declared(spec) if entry is None else msgspec.convert(entry.details, Agreed)


def changed(reader: Reader, spec: Spec) -> dict[str, tuple[str, ...]]:
    """By task, what its candidates have to show is declared otherwise than was agreed to."""
    before, now = agreed(reader, spec).tasks, declared(spec).tasks
    found = {
        task: tuple(part for part, value in parts.items() if before[task].get(part) != value)
        for task, parts in now.items()
        if task in before
    }
    return {task: parts for task, parts in found.items() if parts}


def note(rooms: Rooms) -> dict[str, tuple[str, ...]]:
    """Journal what nobody has to agree to; by task, what waits for somebody, as `changed`."""
    spec, before = rooms.spec, agreed(rooms.store, rooms.spec)
    under_way = {task for task, desk in rooms.desks.items() if desk.board.under_way()}
    waiting = {task: parts for task, parts in changed(rooms.store, spec).items() if task in under_way}
    now = declared(spec)
    kept = {task: before.tasks[task] for task in waiting}
    agree(rooms, Agreed(tasks=now.tasks | kept, explore=min(now.explore, before.explore)))
    return waiting


def agree(rooms: Rooms, what: Agreed) -> None:
    """Journal what was agreed to, unless that is what the journal says."""
    if rooms.store.get(Entry, event=EVENT) is None or agreed(rooms.store, rooms.spec) != what:
        rooms.append(rooms.entry("owner", EVENT, **msgspec.to_builtins(what)))


def says(parts: tuple[str, ...]) -> str:
    """Why nothing of a task advances."""
    what = ", ".join(parts)
    return f"what a candidate has to show is declared otherwise ({what}): `autotroph plan`, then `apply`"


def _digest(value: Any) -> str:
    return digest("standard", canonical(msgspec.to_builtins(value, enc_hook=float)))
