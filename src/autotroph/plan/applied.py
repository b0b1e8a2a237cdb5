"""What the history was valued by: on record in the journal, with the whole declaration of each measure.

| event | says |
|---|---|
| measures | the measures of each task, as of then |
| applying | the history is being valued by others; no cycle until it is done |
| applied | it is done |
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from autotroph.clock import digest
from autotroph.digest.measures import Measure, measures_of
from autotroph.errors import SpecError
from autotroph.records import Cycle, Entry, MeasureKind, canonical
from autotroph.rooms import Rooms
from autotroph.spec import Expression, GuardrailSpec, MeasureSpec, OutcomeSpec, RewardSpec, SignalSpec, Spec
from autotroph.spec.tree import Node
from autotroph.store import Reader

Versions = dict[str, dict[str, str]]
"""Versions of measures, by task and name."""

DECLARED: dict[MeasureKind, type[MeasureSpec]] = {
    "reward": RewardSpec,
    "guardrail": GuardrailSpec,
    "outcome": OutcomeSpec,
}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A measure as it stands in the journal: all that it takes to evaluate it again, as plain values."""

    name: str
    kind: MeasureKind
    declared: dict[str, Any]
    tree: dict[str, Any]
    signals: dict[str, dict[str, Any]]


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What the history was valued by: the measures of each task, and each version as it was declared."""

    tasks: Versions = {}
    measures: dict[str, Kept] = {}

    def named(self, task: str) -> dict[str, tuple[str, Kept]]:
        """The measures of a task by name, with their versions."""
        return {name: (version, self.measures[version]) for name, version in self.tasks.get(task, {}).items()}


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A valuing that was begun and not finished: of which measures, and the sequence at which it began."""

    sequence: int
    tasks: Versions


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A measure by which the history was not valued yet.

    Attributes:
        name, version: of what is declared.
        was, before: name and version of what it takes the place of; empty where that is nothing.
    """

    task: str
    kind: MeasureKind
    name: str
    version: str
    was: str = ""
    before: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record against what is declared.

    Attributes:
        applied: None where the product was never opened.
        begun: None unless a valuing was interrupted.
        changes: what the history has to be valued by before there can be another cycle.
        last: the cycle up to which there is a history.
    """

    applied: Applied | None
    begun: Begun | None
    changes: tuple[Change, ...]
    last: Cycle | None


def standing(reader: Reader, spec: Spec) -> Standing:
    """Hold what is declared against what is on record."""
    entry, last = reader.get(Entry, event="measures"), reader.get(Cycle)
    applied = msgspec.convert(entry.details, Applied) if entry is not None else None
    begun = _begun(reader)
    changes = () if applied is None else tuple(_changes(reader, spec, applied, begun, last))
    return Standing(applied=applied, begun=begun, changes=changes, last=last)


def refuse_unapplied(spec: Spec, changes: tuple[Change, ...]) -> None:
    """No cycle values the history by another declaration than the one that was agreed to.

    Raises:
        SpecError: measures have changed.
    """
    if changes:
        raise SpecError(f"{spec.source}: {says(changes)}, so no cycle runs. {WAY_OUT}")


WAY_OUT = (
    "`autotroph plan` shows what that would do, and `autotroph apply` does it;"
    " meanwhile decisions and signals go on"
)


def says(changes: tuple[Change, ...]) -> str:
    """What has changed, by name."""
    names = ", ".join(dict.fromkeys(f"{one.name} ({one.kind})" for one in changes))
    are = "are" if "," in names else "is"
    return f"{names} {are} declared otherwise than what the history was valued by"


def recorded(spec: Spec, found: Standing) -> Applied:
    """What is to be on record: all that is declared but for the changes that are not applied yet."""
    kept = dict(found.applied.measures) if found.applied else {}
    tasks: Versions = {}
    for task, declared in _declared(spec).items():
        waiting = {one.name: one for one in found.changes if one.task == task}
        kept |= {one.version: keep(one) for one in declared.values()}
        named = {name: one.version for name, one in declared.items() if name not in waiting}
        named |= {one.was: one.before for one in waiting.values() if one.was}
        tasks[task] = named
    used = {version for named in tasks.values() for version in named.values()}
    return Applied(tasks=tasks, measures={version: kept[version] for version in sorted(used)})


def note(rooms: Rooms) -> tuple[Change, ...]:
    """Journal what the product was opened with; what the history has to be valued by is handed back."""
    spec, rows = rooms.spec, []
    last = rooms.store.get(Entry, event="declaration")
    if last is None or last.details["digest"] != spec.digest:
        details = {"digest": spec.digest, "parts": parts(spec), "source": Path(spec.source).name}
        rows.append(rooms.entry("owner", "declaration", **details))
    found = standing(rooms.store, spec)
    record = recorded(spec, found)
    if record != found.applied:
        rows.append(rooms.entry("owner", "measures", **msgspec.to_builtins(record)))
    if rows:
        rooms.append(*rows)
    return found.changes


def parts(spec: Spec) -> dict[str, str]:
    """What a declaration says, part by part, as digests, by names such as `tasks.route` and `gate`.

    What people meet is left out: it is proposed, and is not in force because somebody declared it.
    """
    whole: dict[str, Any] = msgspec.to_builtins(spec, enc_hook=float)
    del whole["source"]
    found: dict[str, str] = {}
    for table, value in whole.items():
        if table in _NAMED:
            proposed = _PROPOSED.get(table, ())
            for name, one in value.items():
                rest = {key: said for key, said in one.items() if key not in proposed} if proposed else one
                found[f"{table}.{name}"] = digest("part", canonical(rest))
        else:
            found[table] = digest("part", canonical(value))
    return found


_PROPOSED = {
    "tasks": ("kind", "actions", "context", "variants", "policy"),
    "models": ("kind", "base_url", "model"),
}

_NAMED = (
    "models",
    "tasks",
    "keys",
    "files",
    "signals",
    "rewards",
    "guardrails",
    "outcomes",
    "tracks",
    "sets",
)


def keep(measure: Measure) -> Kept:
    """A measure as plain values, the very ones that the journal hands back."""
    parts = [measure.declared, measure.expression.tree, measure.signals]
    declared, tree, signals = msgspec.json.decode(canonical(msgspec.to_builtins(parts, enc_hook=float)))
    return Kept(name=measure.name, kind=measure.kind, declared=declared, tree=tree, signals=signals)


def rebuilt(kept: Kept) -> Measure:
    """The measure as it was: of the same version, and with the same values."""
    declared = msgspec.convert(kept.declared, DECLARED[kept.kind], dec_hook=_decoded)
    signals = msgspec.convert(kept.signals, dict[str, SignalSpec], dec_hook=_decoded)
    tree: Node = msgspec.convert(kept.tree, Node)
    return Measure(kept.name, kept.kind, declared, Expression(declared.value, tree), signals)


def _decoded(type_: type[Any], value: Any) -> Any:
    return type_(value)


def _declared(spec: Spec) -> dict[str, dict[str, Measure]]:
    return {name: measures_of(spec, name) for name, task in spec.tasks.items() if task.reward}


def _begun(reader: Reader) -> Begun | None:
    began, ended = reader.get(Entry, event="applying"), reader.get(Entry, event="applied")
    if began is None or (ended is not None and ended.sequence > began.sequence):
        return None
    return Begun(sequence=began.sequence, tasks=began.details["tasks"])


def _changes(
    reader: Reader, spec: Spec, applied: Applied, begun: Begun | None, last: Cycle | None
) -> Iterator[Change]:
    for task, declared in _declared(spec).items():
        before = applied.named(task)
        half = begun.tasks.get(task, {}) if begun else {}
        for name, measure in declared.items():
            known = before.get(name, ("", None))[0]
            if (known == measure.version and name not in half) or not _valued(reader, task, measure, last):
                continue
            was = name if known else _replaced(measure, before, declared)
            yield Change(
                task=task,
                kind=measure.kind,
                name=name,
                version=measure.version,
                was=was,
                before=before[was][0] if was else "",
            )


def _replaced(measure: Measure, before: dict[str, tuple[str, Kept]], declared: dict[str, Measure]) -> str:
    """A task has one reward: another one takes the place of what it was."""
    if measure.kind != "reward":
        return ""
    gone = (name for name, (_, kept) in before.items() if kept.kind == "reward" and name not in declared)
    return next(gone, "")


_HISTORY = "SELECT EXISTS (SELECT 1 FROM decisions WHERE task = ? AND served AND sequence <= ? AND at <= ?)"


def _valued(reader: Reader, task: str, measure: Measure, last: Cycle | None) -> bool:
    """Whether there is a history that would have been valued by it."""
    if last is None:
        return False
    given = (task, last.through, last.at - measure.horizon)
    return bool(reader.query(_HISTORY, given).rows[0][0])
