"""A freeze: nothing advances, of one task or of all, until it is thawed or its time is over.

It is two kinds of rows in the journal, `frozen` and `thawed`, so it survives whatever is restarted. While it
lasts cycles go on: what comes in is valued, candidates are proposed, and what does harm is rolled back.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from autotroph.errors import InputError, UnknownName
from autotroph.observe.health import Need
from autotroph.records import Entry
from autotroph.spec import Spec
from autotroph.spec.quiet import quiet
from autotroph.store import Reader, Store

Event = Literal["frozen", "thawed"]

FARTHEST = 253_370_764_800.0
"""The first second of the year 9999: no calendar goes on for long after that."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """Let nothing advance.

    Attributes:
        task: which; empty for all.
        until: when it is over by itself, seconds since the epoch; None: when it is thawed.
        by, reason: for the journal, and for whoever asks why nothing moves.
    """

    task: str = ""
    until: float | None = None
    by: str = "a person"
    reason: str = ""


class Thaw(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """Let things advance again: of one task, or, with an empty `task`, whatever is frozen."""

    task: str = ""
    by: str = "a person"


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """What a freeze holds, since when, and until when; None: until it is thawed."""

    task: str
    by: str
    reason: str
    since: float
    until: float | None

    def says(self, zone: str = "UTC") -> str:
        """The freeze in a few words; times are of the clocks in `zone`."""
        until = f" until {_shown(self.until, zone)}" if self.until is not None else ""
        return f"frozen by {self.by}{until}" + (f": {self.reason}" if self.reason else "")


def frozen(reader: Reader, now: float) -> dict[str, Frozen]:
    """What is frozen now, by task; "" stands for all."""
    rows = [row for event in ("frozen", "thawed") for row in reader.scan(Entry, event=event)]
    found: dict[str, Frozen] = {}
    for row in sorted(rows, key=lambda one: one.sequence):
        task = str(row.details["task"])
        if row.event == "frozen":
            reason, until = str(row.details["reason"]), row.details["until"]
            found[task] = Frozen(task=task, by=row.actor, reason=reason, since=row.at, until=until)
        elif task:
            found.pop(task, None)
        else:
            found.clear()
    return {task: one for task, one in found.items() if one.until is None or now < one.until}


def halted(reader: Reader, spec: Spec, task: str, now: float) -> str:
    """Why nothing of a task may advance now; empty where it may."""
    found = frozen(reader, now)
    if one := found.get("") or found.get(task):
        return one.says(spec.run.zone)
    if hours := quiet(spec.run.quiet, spec.run.zone, now):
        return f"quiet hours, {hours} ({spec.run.zone})"
    return ""


def needs(reader: Reader, spec: Spec, now: float) -> Iterator[Need]:
    """What is frozen, for those who look why nothing moves."""
    for task, one in frozen(reader, now).items():
        what = f"nothing advances: {one.says(spec.run.zone)}"
        yield Need(task or "all tasks", what, f"autotroph thaw {task}".rstrip())


def freeze(store: Store, spec: Spec, what: Freeze, now: float, ask: str = "") -> Entry:
    """Journal a freeze; a later one of the same task takes the place of an earlier one.

    Args:
        store: the ledger.
        spec: the declaration.
        what: to freeze.
        now: seconds since the epoch.
        ask: id of what it was asked for with, see `asking`.

    Raises:
        UnknownName: no such task.
        InputError: its end lies in the past, or beyond all calendars.
    """
    _check(spec, what.task)
    if what.until is not None and not 0.0 <= what.until <= FARTHEST:
        raise InputError(f"until {what.until:g}: name seconds since the epoch, before the year 9999")
    if what.until is not None and what.until <= now:
        raise InputError(f"until {_shown(what.until, spec.run.zone)}: that is over; name a time that comes")
    details = {"task": what.task, "reason": what.reason, "until": what.until}
    return _journalled(store, spec, what.by, "frozen", details, now, ask)


def thaw(store: Store, spec: Spec, what: Thaw, now: float, ask: str = "") -> Entry:
    """Journal that things may advance again.

    Raises:
        UnknownName: no such task.
        InputError: it is not frozen, or only because everything is.
    """
    _check(spec, what.task)
    found = frozen(store, now)
    if not found:
        raise InputError("nothing is frozen")
    if what.task and what.task not in found:
        everything = "; everything is: thaw without a task" if "" in found else ""
        raise InputError(f"task {what.task!r} is not frozen by itself{everything}")
    return _journalled(store, spec, what.by, "thawed", {"task": what.task}, now, ask)


def _journalled(  # noqa: PLR0913 - the parts of one row
    store: Store, spec: Spec, by: str, event: Event, details: Mapping[str, object], now: float, ask: str
) -> Entry:
    subject = str(details["task"]) or spec.product.name
    asked = {**details, "ask": ask} if ask else dict(details)
    row = Entry(actor=by, event=event, subject=subject, details=asked, at=now)
    store.append(row).durable()
    return row


def _check(spec: Spec, task: str) -> None:
    if task and not spec.task(task).reward:
        raise UnknownName("task with a reward", task, [n for n, one in spec.tasks.items() if one.reward])


def _shown(at: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
