"""A person waives that a reward has earned trust, or ends that; and who is told before a waiver runs out."""

from collections.abc import Iterator

import msgspec

from autotroph.deploy.waivers import LATEST, Waiver, day, ended, waived, waivers
from autotroph.digest.measures import measure_of
from autotroph.errors import InputError
from autotroph.observe.health import Need
from autotroph.observe.sampling import Sample, sample
from autotroph.records import Entry
from autotroph.rooms import Rooms, passage
from autotroph.spec import Spec
from autotroph.store import Reader

SOON = 14 * 86_400.0
"""So many seconds before a waiver runs out somebody is told."""


class Waive(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """Let what is chased on a task be promoted though it has not earned trust.

    Attributes:
        task: which.
        until: when that is over, seconds since the epoch.
        by, reason: for the journal, and for every verdict that it lets through.
    """

    task: str
    until: float
    by: str = "a person"
    reason: str = ""


class Unwaive(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """End the waiver that a task's reward has."""

    task: str
    by: str = "a person"
    reason: str = ""


def waive(rooms: Rooms, what: Waive, ask: str = "") -> Entry:
    """Journal a waiver of the reward as it is declared now; it takes the place of an earlier one.

    Args:
        rooms: of the product.
        what: to waive.
        ask: id of what it was asked for with, see `asking`.

    Raises:
        UnknownName: no such task.
        SpecError: the task has no reward.
        InputError: its end lies in the past, or the reward does not deserve it and no reason is given.
    """
    name, _ = rooms.spec.reward_of(what.task)
    now, found = rooms.clock.now(), rooms.finding(what.task)
    if not now < what.until <= LATEST:
        raise InputError(f"until {what.until:.0f} s since the epoch: name a time after {day(now)}")
    despite = found is not None and found.high == 0.0
    if despite and not what.reason.strip():
        raise InputError(
            f"{name!r} was found not to deserve to be chased; say why it is waived all the same (--reason)"
        )
    one = Waiver(
        reward=name, version=rooms.versions(what.task)[name], until=what.until, reason=what.reason,
        despite=despite, by=what.by, since=now,
    )  # fmt: skip
    row = waived(what.task, one, **_asked(ask))
    rooms.append(row)
    return row


def unwaive(rooms: Rooms, what: Unwaive, ask: str = "") -> Entry:
    """Journal that the waiver of a task's reward is over; arguments as of `waive`.

    Raises:
        UnknownName: no such task.
        SpecError: the task has no reward.
        InputError: it has no waiver.
    """
    name, _ = rooms.spec.reward_of(what.task)
    now, version = rooms.clock.now(), rooms.versions(what.task)[name]
    found = waivers(rooms.store, what.task).leave(version, now, float(rooms.spec.gate.waiver))
    if found.waiver is None:
        raise InputError(f"reward {name!r} of task {what.task!r} has no waiver: {found.why}")
    row = ended(what.task, found.waiver, what.by, what.reason, now, **_asked(ask))
    rooms.append(row)
    return row


def needs(reader: Reader, spec: Spec, now: float, soon: float = SOON) -> Iterator[Need]:
    """What rewards that have not earned trust hold up, or will soon; for those who look why nothing moves.

    Args:
        reader: of the ledger.
        spec: what is declared.
        now: seconds since the epoch.
        soon: told so many seconds before a waiver runs out.
    """
    for task, declared in spec.tasks.items():
        if not declared.reward:
            continue
        reward = measure_of(spec, task)
        gate = passage(reader, spec, task, reward, now)
        way_out = f"an outcome that {reward.name!r} can be held against, or `autotroph rewards waive {task}`"
        if not gate.open and (waivers(reader, task).begun or not spec.gate.waiver):
            yield Need(task, f"nothing is promoted: {gate.reason}", way_out)
        elif gate.waiver is not None and gate.waiver.until - now <= soon:
            what = f"{reward.name!r} has not earned trust, and {gate.waiver.says} is nearly over"
            yield Need(task, f"{what}: then nothing is promoted", way_out)


def unjudged(reader: Reader, spec: Spec) -> Iterator[Need]:
    """Of each task, how much of its audit sample waits for somebody's judgement."""
    for task, declared in spec.tasks.items():
        found = sample(reader, spec, task) if declared.reward else Sample()
        if found.waiting:
            nobody = "" if found.judged else ", and nobody audits"
            one = len(found.waiting) == 1
            waits = "1 decision" if one else f"{len(found.waiting):,} decisions"
            what = f"{waits} of its audit sample {'waits' if one else 'wait'} for a judgement{nobody}"
            yield Need(task, what, f"autotroph rewards sample {task}")


def _asked(ask: str) -> dict[str, str]:
    return {"ask": ask} if ask else {}
