"""What is declared of signals: those that somebody sends, and those that are found."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from autotroph.spec.expressions import ANSWER_COLUMNS
from autotroph.spec.lines import Path
from autotroph.spec.moments import fault_of
from autotroph.spec.shape import Fault, known_faults
from autotroph.spec.traffic import WAITS

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration, SignalSpec

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def signal_faults(spec: "Declaration") -> Iterator[Fault]:
    """Every fault of the signals of a declaration."""
    for name, signal in spec.signals.items():
        yield from _signal(spec, name, signal)


def _signal(spec: "Declaration", name: str, signal: "SignalSpec") -> Iterator[Fault]:
    path = ("signals", name)
    if not _IDENTIFIER.fullmatch(name):
        yield Fault(path, "expressions name signals, so letters, digits and _ only, a letter first")
    if name in ANSWER_COLUMNS:
        yield Fault(path, "the answer has a column of this name; call the signal something else")
    if signal.scores == "any" and signal.about == "user":
        yield Fault((*path, "scores"), 'a signal about a user cannot score single answers; "served" is left')
    yield from _take(signal, path)
    if signal.of:
        yield from _alias(spec, signal, (*path, "of"))
    if signal.implicit:
        yield from _implicit(signal, path)
    if signal.sql and (why := fault_of(signal.sql)):
        yield Fault((*path, "sql"), why)
    yield from _traffic(signal, path)


def _take(signal: "SignalSpec", path: Path) -> Iterator[Fault]:
    if signal.take == "any" and signal.type != "boolean":
        yield Fault((*path, "take"), f'"any" is for booleans; this signal is a {signal.type}')
    if signal.take in ("mean", "votes") and signal.type == "text":
        yield Fault((*path, "take"), 'texts have no mean; "last" and "first" are left')
    if signal.credit != "every" and signal.about != "session":
        yield Fault((*path, "credit"), f"for signals about a session; this one is about a {signal.about}")
    if signal.credit == "split" and signal.type == "text":
        yield Fault((*path, "credit"), "a text cannot be split among decisions")


def _implicit(signal: "SignalSpec", path: Path) -> Iterator[Fault]:
    """A signal that nobody sends: of each subject it has one value, which the whole session gives."""
    if signal.of:
        yield Fault((*path, "of"), "a signal is either found in what people do or another one read again")
    if signal.about == "user":
        told = 'it is found in one session at a time; "decision" and "session" are left'
        yield Fault((*path, "about"), told)
    if signal.take != "last":
        yield Fault((*path, "take"), 'each subject has one value of it; "last" is left')
    if signal.scores == "any":
        yield Fault((*path, "scores"), 'what people do depends on what they were shown; "served" is left')


def _traffic(signal: "SignalSpec", path: Path) -> Iterator[Fault]:
    """What calls say by themselves: true or not, and of an edit what it became."""
    if signal.traffic is None:
        if signal.wait is not None:
            yield Fault((*path, "wait"), 'only for what traffic = "…" finds; within = "…" is left')
        return
    if signal.sql:
        yield Fault((*path, "traffic"), "a signal is found either by sql or in the calls; leave one out")
    if signal.about != "decision":
        yield Fault((*path, "about"), 'what calls say is about an answer; "decision" is left')
    types = ("boolean", "text") if signal.traffic == "edit" else ("boolean",)
    if signal.type not in types:
        yield Fault(
            (*path, "type"), f"{signal.traffic} is {' or '.join(types)}; this signal is a {signal.type}"
        )
    if signal.wait is not None and not WAITS[signal.traffic]:
        yield Fault(
            (*path, "wait"), f"a {signal.traffic} is seen in the answer itself; nothing is waited for"
        )


def _alias(spec: "Declaration", signal: "SignalSpec", path: Path) -> Iterator[Fault]:
    yield from known_faults("signal", signal.of, spec.signals, path)
    source = spec.signals.get(signal.of, signal)
    if source.of:
        yield Fault(path, f"{signal.of} reads {source.of} itself; name that one")
    if source.implicit:
        yield Fault(path, f"{signal.of} is found and not sent; declare another signal that finds the same")
    for what in ("type", "about"):
        mine, theirs = getattr(signal, what), getattr(source, what)
        if mine != theirs:
            yield Fault(
                path, f'{signal.of} has {what} = "{theirs}", and this one "{mine}"; they must be alike'
            )
