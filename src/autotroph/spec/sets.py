"""Frozen sets: cases that a candidate has to answer before anybody meets it, and how well.

A set is a file of JSON beside the declaration, a case a line. Which cases a verdict rests on is known by the
digest of the file: one that has changed is another set.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from autotroph.clock import digest
from autotroph.errors import SpecError, UnknownName, suggest
from autotroph.records import Proposal, Value
from autotroph.spec.declared import Declared
from autotroph.spec.lines import Path as Keys
from autotroph.spec.numbers import NotNegative
from autotroph.spec.shape import Fault
from autotroph.spec.unseen import INPUTS, OF_THE_ANSWER, untold

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration, SignalSpec, Spec

LARGEST = 16 * 2**20
"""Bytes of a file; it is kept in the ledger."""

_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "number": (float, int), "text": (str,)}


class SetSpec(Declared, frozen=True, kw_only=True):
    """What a task has to answer well, whatever else is found.

    Attributes:
        file: its cases, relative to the declaration.
        measure: a reward or an outcome that can score answers nobody saw; the task's reward if empty.
        floor: the least mean over all cases.
        slices: the least mean over those of a slice, by its name.
        margin: by how much the mean over all cases may be below that of what serves.
    """

    task: str
    file: str
    measure: str = ""
    floor: float | None = None
    slices: dict[str, float] = {}
    margin: NotNegative = 0.0


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a set.

    Attributes:
        signals: what is known of it whatever is answered: a label, what the person finally wrote.
        critical: it may never be worth less than under what serves.
        options: to choose from, where they come with the call.
    """

    id: str
    inputs: dict[str, Any]
    signals: dict[str, Value] = {}
    slice: str = ""
    critical: bool = False
    options: tuple[Proposal, ...] = ()


class FrozenSet(NamedTuple):
    """The cases of a set as they stand in its file."""

    digest: str
    body: bytes
    cases: tuple[Case, ...]


_DECODER = msgspec.json.Decoder(Case)


def set_faults(spec: "Declaration", declared: SetSpec, path: Keys) -> Iterator[Fault]:
    """Every fault of a declared set; whether its file is right is seen when it is read."""
    if not declared.file:
        yield Fault((*path, "file"), 'empty; its cases, a JSON object a line, such as "sets/critical.jsonl"')
    if declared.task not in spec.tasks:
        yield Fault((*path, "task"), str(UnknownName("task", declared.task, spec.tasks)))
        return
    name = declared.measure or spec.tasks[declared.task].reward
    known = {**spec.rewards, **spec.outcomes}
    if not name:
        told = f"tasks.{declared.task} has no reward; name a measure that values the answers"
        yield Fault((*path, "measure"), told)
    elif name not in known:
        yield Fault((*path, "measure"), str(UnknownName("reward or outcome", name, known)))
    else:
        yield from _measure(spec, declared, name, (*path, "measure"))


def _measure(spec: "Declaration", declared: SetSpec, name: str, path: Keys) -> Iterator[Fault]:
    try:
        names = spec.expression(spec.measures[name].value).names
    except SpecError:  # said where the measure is declared
        return
    if served := untold(names, spec.signals):
        told = "is known only of an answer that was served, and nobody sees those to the cases of a set"
        yield Fault(path, f"{name} reads {served[0]}, which {told}; name another measure")
    elif not names & OF_THE_ANSWER and not _holds(spec, names):
        yield Fault(path, f"{name} reads nothing of the answer, so every answer is worth the same")
    has = spec.tasks[declared.task].inputs
    for lacks in sorted(one for one in names if one.startswith(INPUTS) and one not in has):
        yield Fault(path, f"{name} reads {lacks}, which tasks.{declared.task} has not got in its context")


def _holds(spec: "Declaration", names: frozenset[str]) -> bool:
    """Whether it reads a text, which `kept` and `distance` hold against the answer."""
    return any(name in spec.signals and spec.signals[name].type == "text" for name in names)


def check_sets(spec: "Spec") -> None:
    """Read every declared set.

    Raises:
        SpecError: a file is missing, or is none.
    """
    for name in spec.sets:
        read_set(spec, name)


def read_set(spec: "Spec", name: str) -> FrozenSet:
    """The cases of a declared set.

    Raises:
        SpecError: there is no such file, or what is in it is not a set; with the line.
    """
    declared = spec.sets[name]
    file = Path(spec.source).parent / declared.file
    body = _bytes(file, name)
    cases: dict[str, Case] = {}
    for number, line in enumerate(body.split(b"\n"), start=1):
        if line.strip():
            case = _case(line, f"{file}:{number}", spec.signals)
            if case.id in cases:
                raise SpecError(f"{file}:{number}: a second case {case.id!r}; each has an id of its own")
            cases[case.id] = case
    if not cases:
        raise SpecError(f"{file}:1: no case in it; each line is one, such as {_EXAMPLE}")
    slices = {case.slice for case in cases.values() if case.slice}
    for floored in declared.slices:
        if floored not in slices:
            told = f"sets.{name}.slices: no case is of the slice {floored!r}; {suggest(floored, slices)}"
            raise SpecError(f"{file}:1: {told}")
    return FrozenSet(digest("set", body), body, tuple(cases.values()))


_EXAMPLE = '{"id": "c1", "inputs": {"text": "…"}, "signals": {"label": "fraud"}}'


def _bytes(file: Path, name: str) -> bytes:
    try:
        body = file.read_bytes()
    except FileNotFoundError:
        raise SpecError(f"{file}:1: no such file, and sets.{name} names it; write a case a line") from None
    except (OSError, ValueError) as error:
        raise SpecError(f"{file}:1: cannot be read, and sets.{name} names it: {error}") from None
    if len(body) > LARGEST:
        raise SpecError(f"{file}:1: {len(body):,} bytes; a set has at most {LARGEST:,}")
    return body


def _case(line: bytes, place: str, signals: "Mapping[str, SignalSpec]") -> Case:
    try:
        case = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        known = ", ".join(Case.__struct_fields__)
        raise SpecError(f"{place}: not a case: {error}; a JSON object with {known}, of which the first two"
                        " are needed") from None  # fmt: skip
    if not case.id.strip():
        raise SpecError(f"{place}: id is empty; the verdict names a case by it")
    for name, value in case.signals.items():
        _check(name, value, place, signals)
    return case


def _check(name: str, value: Value, place: str, signals: "Mapping[str, SignalSpec]") -> None:
    if name not in signals:
        raise SpecError(f"{place}: {UnknownName('signal', name, signals)}")
    if not isinstance(value, _TYPES[signals[name].type]) or (
        isinstance(value, bool) and signals[name].type != "boolean"
    ):
        raise SpecError(f"{place}: {name} is declared a {signals[name].type}, and this is none")
