"""Waivers: until when candidates may be made by chasing a reward that has not earned trust, and who says so.

They are rows of the journal, `reward waived` and `waiver ended`, folded here. A waiver is for one version of
a reward: whoever changes what is chased has to look again. Only the newcomer's, which a task has from its
first cycle on without anybody asking, goes over to the next version, with the end that it had: it is there
because the task is new, and a reward that is still being found is changed often. It never begins again, or
whoever changes a reward every few months would need no trust at all. Ended by hand, it is over for good.

A row that cannot be read closes the gate until a later one says something that can: a gate fails closed.
"""

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from autotroph.records import Entry
from autotroph.store import Reader

WAIVED, ENDED = "reward waived", "waiver ended"
"""The events; their subject is the task."""

LATEST = 253_402_300_799.0
"""The last second that has a date."""


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """That a reward need not have earned trust for a while.

    Attributes:
        reward, version: which.
        until: when it is over, seconds since the epoch.
        reason: why.
        newcomer: whether it is the one that a task begins with.
        despite: whether it counts for a reward that was found not to deserve it; only if that was known.
        by, since, row: who said so, when, and in which row.
    """

    reward: str
    version: str
    until: float
    reason: str
    newcomer: bool = False
    despite: bool = False
    by: str = ""
    since: float = 0.0
    row: int = 0

    @property
    def says(self) -> str:
        """Whose it is and when it ends, in a few words."""
        whose = "the newcomer's waiver" if self.newcomer else f"a waiver by {self.by}"
        return f"{whose} until {day(self.until)}" + (f" ({self.reason})" if self.reason else "")


class Leave(msgspec.Struct, frozen=True):
    """The waiver that a version of a reward has now, or why it has none."""

    waiver: Waiver | None = None
    why: str = "nobody has waived that"


class _Ended(msgspec.Struct, frozen=True):
    """What a row says that ends a waiver."""

    version: str


class Waivers(msgspec.Struct, frozen=True):
    """What is on record about the waivers of one task's reward.

    Attributes:
        newest: of each version, whether it is over or not.
        ended: why that is over, where a row says so.
        newcomer: the newest of the newcomer's; None if it never began.
        begun: whether there is any row.
        fault: of the last row, if it cannot be read; no waiver that stands before it counts then.
    """

    newest: dict[str, Waiver] = {}
    ended: dict[str, str] = {}
    newcomer: Waiver | None = None
    begun: bool = False
    fault: str = ""

    def leave(self, version: str, now: float, longest: float) -> Leave:
        """The waiver that a version has now.

        Args:
            version: of the reward.
            now: seconds since the epoch.
            longest: how long the newcomer's may be, as it is declared now: a shorter time counts at once, a
                longer one prolongs nothing.
        """
        if self.fault:
            return Leave(None, f"{self.fault}; a gate fails closed")
        one = self.newest.get(version)
        if one is None:
            return Leave()
        if version in self.ended:
            return Leave(None, f"its waiver {self.ended[version]}")
        over = _over(one, longest)
        if now >= over:
            return Leave(None, f"its waiver ran out on {day(over)}")
        return Leave(replace(one, until=over))


def waivers(reader: Reader, task: str) -> Waivers:
    """Read what is on record about a task."""
    rows = [row for event in (WAIVED, ENDED) for row in reader.scan(Entry, event=event, subject=task)]
    return folded(sorted(rows, key=lambda row: row.sequence))


def folded(rows: Iterable[Entry]) -> Waivers:
    """The rows about one task, in ledger order, taken together."""
    found = Waivers()
    for row in rows:
        try:
            found = _with(found, row)
        except (msgspec.ValidationError, ValueError) as error:
            fault = f"row {row.sequence} of the journal cannot be read: {error}"
            found = replace(found, newest={}, begun=True, fault=fault)
    return found


def due(found: Waivers, task: str, reward: tuple[str, str], longest: float, now: float) -> Iterator[Entry]:
    """The rows that nobody has to say: the newcomer's waiver begins, or goes over; a waiver has run out.

    Args:
        found: what is on record.
        task: whose.
        reward: its name and version.
        longest: how long the newcomer's is; 0: there is none.
        now: seconds since the epoch.
    """
    if found.fault:
        return
    name, version = reward
    for one in found.newest.values():
        if one.version not in found.ended and now >= _over(one, longest):
            yield ended(task, one, "loop", "it has run out", now)
    end = _of_newcomer(found, version, longest, now)
    if end > now:
        why = f"nobody can know yet whether {name!r} deserves to be chased"
        one = Waiver(reward=name, version=version, until=end, reason=why, newcomer=True, by="loop", since=now)
        yield waived(task, one)


def waived(task: str, waiver: Waiver, **more: str) -> Entry:
    """The row of a waiver."""
    kept = ("reward", "version", "until", "reason", "newcomer", "despite")
    details = {name: getattr(waiver, name) for name in kept}
    return Entry(actor=waiver.by, event=WAIVED, subject=task, details=details | more, at=waiver.since)


def ended(task: str, waiver: Waiver, by: str, reason: str, now: float, **more: str) -> Entry:
    """The row of a waiver's end."""
    details = {"reward": waiver.reward, "version": waiver.version, "until": waiver.until, "reason": reason}
    return Entry(actor=by, event=ENDED, subject=task, details=details | more, at=now)


def day(at: float) -> str:
    """A moment as people read it.

    >>> day(1_700_000_000.0)
    '2023-11-14 22:13 (UTC)'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} (UTC)"


def _with(found: Waivers, row: Entry) -> Waivers:
    if row.event == ENDED:
        over = {msgspec.convert(row.details, _Ended).version: _why(row)}
        return replace(found, ended=found.ended | over, begun=True, fault="")
    said = msgspec.convert(row.details, Waiver)
    if not row.at < said.until <= LATEST:
        raise ValueError(f"a waiver from {row.at} until {said.until}, which is none")
    one = replace(said, by=row.actor, since=row.at, row=row.sequence)
    return Waivers(
        newest=found.newest | {one.version: one},
        ended={version: why for version, why in found.ended.items() if version != one.version},
        newcomer=one if one.newcomer else found.newcomer,
        begun=True,
    )


def _why(row: Entry) -> str:
    return (
        f"ran out on {day(row.at)}" if row.actor == "loop" else f"was ended by {row.actor} on {day(row.at)}"
    )


def _over(one: Waiver, longest: float) -> float:
    return min(one.until, one.since + longest) if one.newcomer else one.until


def _of_newcomer(found: Waivers, version: str, longest: float, now: float) -> float:
    """Until when a version would have the newcomer's waiver; in the past where it would not."""
    before = found.newcomer
    if before is None:
        return -math.inf if found.begun else now + longest
    if version in found.newest or before.version in found.ended:
        return -math.inf
    return _over(before, longest)
