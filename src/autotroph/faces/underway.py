"""What goes on just now, and what holds it: freezes, budgets, approvals, experiments by hand, the ladder."""

from collections.abc import Callable, Iterator
from shlex import quote

import msgspec

from autotroph.deploy.experiments.journal import STARTED, STOPPED, Experiment, started
from autotroph.deploy.experiments.trials import measurement
from autotroph.govern.spending import Spending, spending
from autotroph.observe.health import Need
from autotroph.plan.ahead import Ahead
from autotroph.plan.traffic import DAY
from autotroph.records import Entry, Measurement
from autotroph.spec import Spec
from autotroph.spec.quiet import quiet
from autotroph.store import Reader
from autotroph.unattended.freezing import Frozen, frozen

Foretell = Callable[[str], Ahead]
"""What a task's candidates have before them, see `plan.ahead`; it takes a second or more."""

_CLIMBING = """
SELECT r.task, r.name, r.stage, r.share, r.candidate,
       (SELECT min(s.at) FROM stages AS s WHERE s.release = r.release AND s.sequence >
         (SELECT coalesce(max(o.sequence), 0) FROM stages AS o WHERE o.release = r.release
            AND (o.name <> r.stage OR o.share <> r.share))) AS since
FROM release_log AS r WHERE r.stage IN ('shadow', 'canary') ORDER BY r.sequence"""

_ASKING = """
SELECT c.task, c.id AS candidate, c.name, coalesce(r.stage, 'gate') AS stage, v.reason, v.at AS since
FROM verdicts AS v JOIN candidates AS c ON c.id = v.candidate
LEFT JOIN release_log AS r ON r.candidate = c.id
WHERE v.finding = 'hold' AND instr(v.reason, '`autotroph approve`') > 0
  AND v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = c.id) ORDER BY v.sequence"""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that goes no further before a person has said so, at the gate or on a stage."""

    task: str
    candidate: str
    name: str
    stage: str
    reason: str
    since: float


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An arm of an experiment against the first, as it was measured last; None before that."""

    arm: str
    against: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    units: int = 0


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment by hand."""

    task: str
    name: str
    metric: str
    share: float
    since: float
    arms: tuple[Compared, ...]


class Climbing(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate on the ladder.

    Attributes:
        since: when it came to its stage.
        days: how many such a stage takes, as foretold; None where that was not asked for or cannot be told.
        left: how many of them are left, by now; 0 where it has taken longer.
        waits: for what it then ends; or why nothing can be foretold.
    """

    task: str
    name: str
    stage: str
    share: float
    since: float
    days: float | None = None
    left: float | None = None
    waits: str = ""


class UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """What goes on just now.

    Attributes:
        quiet: the declared hours that it is now, and of which clocks; empty outside of them.
        freezes: what lets nothing advance.
        pulled: whether the kill switch is.
        budgets: what is declared that may be taken, and how much of it is.
    """

    quiet: str = ""
    freezes: tuple[Frozen, ...] = ()
    pulled: bool = False
    budgets: tuple[Spending, ...] = ()
    approvals: tuple[Waits, ...] = ()
    experiments: tuple[Running, ...] = ()
    ladder: tuple[Climbing, ...] = ()


def under_way(
    reader: Reader, spec: Spec, now: float, *, pulled: bool, foretell: Foretell | None = None
) -> UnderWay:
    """Read it.

    Args:
        reader: of the ledger.
        spec: the declaration.
        now: seconds since the epoch.
        pulled: whether the kill switch is.
        foretell: see above; nothing is foretold without it.
    """
    hours = quiet(spec.run.quiet, spec.run.zone, now)
    climbing = msgspec.convert(reader.query(_CLIMBING).dicts(), list[Climbing])
    return UnderWay(
        quiet=f"{hours} ({spec.run.zone})" if hours else "",
        freezes=tuple(frozen(reader, now).values()),
        pulled=pulled,
        budgets=spending(spec, getattr(reader, "path", None), now),
        approvals=msgspec.convert(reader.query(_ASKING).dicts(), tuple[Waits, ...]),
        experiments=tuple(_running(reader)),
        ladder=tuple(_expected(one, foretell, now) for one in climbing),
    )


def approvals(found: UnderWay) -> Iterator[Need]:
    """What waits for a person, for those who look what needs them."""
    for one in found.approvals:
        place = "the gate" if one.stage == "gate" else f"its stage, {one.stage}"
        why = one.reason.partition("; ")[2] or one.reason
        what = f"candidate {one.name!r} waits at {place} for somebody to say that it may go on: {why}"
        yield Need(one.task, what, f"autotroph approve {quote(one.name)}")


def _running(reader: Reader) -> Iterator[Running]:
    ended = {entry.details["id"] for entry in reader.scan(Entry, event=STOPPED)}
    for entry in reader.scan(Entry, event=STARTED):
        one = started(entry)
        if one.id not in ended:
            arms = tuple(_compared(reader, one, arm, entry.sequence) for arm in one.others)
            yield Running(
                task=one.task, name=one.name, metric=one.metric, share=one.share, since=one.at, arms=arms
            )


def _compared(reader: Reader, one: Experiment, arm: str, since: int) -> Compared:
    last = reader.get(Measurement, task=one.task, name=measurement(one.name, arm), since=since)
    if last is None:
        return Compared(arm=arm, against=one.first)
    return Compared(arm=arm, against=one.first, value=last.value, low=last.low, high=last.high, units=last.n)


def _expected(one: Climbing, foretell: Foretell | None, now: float) -> Climbing:
    """With what is foretold of a stage like this one."""
    if foretell is None:
        return one
    ahead = foretell(one.task)
    for stage in ahead.forecasts[0].stages if ahead.forecasts else ():
        if (stage.name, stage.share) == (one.stage, one.share):
            left = None if stage.days is None else max(0.0, stage.days - (now - one.since) / DAY)
            return msgspec.structs.replace(one, days=stage.days, left=left, waits=stage.waits)
    return msgspec.structs.replace(one, waits=ahead.lacks or "the ladder is declared without this stage now")
