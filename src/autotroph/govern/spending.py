"""How much of what is declared is taken by now: the counters beside the ledger, read and never written."""

import logging
from collections.abc import Iterable
from pathlib import Path

import apsw
import msgspec

from autotroph.govern.budgets import WAIT_MS, beside
from autotroph.govern.meters import PICO, Meter, Taken, What, meters
from autotroph.spec import Spec

_LOG = logging.getLogger("autotroph.budgets")

_TAKEN = "SELECT used, held FROM counters WHERE subject = ? AND what = ? AND every = ? AND nth = ?"


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """A budget or a limit, and how much of it is taken in the present stretch of time.

    Attributes:
        subject: whose it is, such as `task answer` or `key phone`.
        what: dollars, requests or tokens, in which `most`, `used` and `held` are.
        used: for good; `held`: set aside for what is under way; None where the counters cannot be read.
        every: seconds; `until`: when the present stretch is over.
    """

    subject: str
    what: What
    most: float
    used: float | None
    held: float | None
    every: float
    until: float


def spending(spec: Spec, ledger: Path | None, now: float) -> tuple[Spending, ...]:
    """Every budget and limit that is declared.

    Args:
        spec: the declaration.
        ledger: beside which the counters lie; nothing is said where there is no such file.
        now: seconds since the epoch.
    """
    tasks = (meter for name in spec.tasks for meter in meters(spec, name))
    declared = [*tasks, *meters(spec, "", *spec.keys)]
    if ledger is None or not declared:
        return ()
    try:
        counted: list[Taken | None] = [*_counted(beside(ledger), declared, now)]
    except apsw.Error as error:  # who counts next mends it
        _LOG.warning("%s: the counters cannot be read: %s", beside(ledger), error)
        counted = [None for _ in declared]
    return tuple(_spent(meter, taken, now) for meter, taken in zip(declared, counted, strict=True))


def _counted(file: Path, declared: Iterable[Meter], now: float) -> list[Taken]:
    """Nothing is taken where nothing was counted yet."""
    if not file.exists():
        return [Taken(0, 0) for _ in declared]
    counters = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        counters.set_busy_timeout(WAIT_MS)
        return [_taken(counters, meter, now) for meter in declared]
    finally:
        counters.close()


def _taken(counters: apsw.Connection, meter: Meter, now: float) -> Taken:
    found = counters.execute(_TAKEN, (meter.subject, meter.what, meter.every, meter.nth(now))).fetchall()
    return msgspec.convert(found[0], Taken) if found else Taken(0, 0)


def _spent(meter: Meter, taken: Taken | None, now: float) -> Spending:
    unit = 10.0**PICO if meter.what == "usd" else 1.0
    return Spending(
        subject=meter.subject,
        what=meter.what,
        most=meter.most / unit,
        used=None if taken is None else taken.used / unit,
        held=None if taken is None else taken.held / unit,
        every=meter.every,
        until=meter.ends(now),
    )
