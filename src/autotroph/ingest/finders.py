"""What finds a signal that nobody sends: SQL over the moments of some sessions, or what their calls say."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import msgspec

from autotroph.errors import InputError
from autotroph.ingest.happened import moments_of
from autotroph.ingest.traffic.calls import Calls
from autotroph.ingest.traffic.finding import noted
from autotroph.spec import SignalSpec
from autotroph.spec.moments import asked
from autotroph.spec.traffic import WAITS, Traffic
from autotroph.store import Reader, SqlValue

CHUNK = 500
"""Sessions that one statement looks at."""

CALLS = 100
"""And so many where whole conversations are read."""

EDITION = "1"
"""Of how calls are looked at: another one begins again, over all of history."""

SECONDS = 30.0
"""So long may one statement take."""


class Found(msgspec.Struct, frozen=True):
    """What the SQL yields of one subject."""

    value: SqlValue
    at: float
    user: str


class Finder(msgspec.Struct, frozen=True):
    """What finds a signal.

    Attributes:
        means: what it depends on; where that changes, all of history is looked at again.
        chunk: sessions that it looks at at once.
        find: the parameters of `happened` to what is true of which subject; raises InputError.
    """

    means: str
    chunk: int
    find: Callable[[Mapping[str, SqlValue]], Mapping[str, Found]]


def finder(declared: SignalSpec, reader: Reader, calls: Calls) -> Finder:
    """What finds a signal as it is declared."""
    if declared.traffic is None:
        statement = f"{moments_of(declared.sql)} {asked(declared.sql)}"
        return Finder(declared.sql, CHUNK, partial(_yielded, reader, statement))
    wait = WAITS[declared.traffic] if declared.wait is None else float(declared.wait)
    find = partial(_noted, calls, declared.traffic, wait, declared.type)
    return Finder(f"{declared.traffic} {wait!r} {EDITION}", CALLS, find)


def _yielded(reader: Reader, statement: str, given: Mapping[str, SqlValue]) -> Mapping[str, Found]:
    return _last(reader.query(statement, given, limit_seconds=SECONDS).dicts())


def _noted(
    calls: Calls, kind: Traffic, wait: float, type_: str, given: Mapping[str, SqlValue]
) -> Mapping[str, Found]:
    found = noted(kind, calls.of(given), wait)
    return {one.decision: Found(one.text if type_ == "text" else True, one.at, one.user) for one in found}


def _last(rows: Iterable[Mapping[str, SqlValue]]) -> dict[str, Found]:
    """Of several rows about a subject the last one, then that of the largest value; none without a value."""
    found: dict[str, Found] = {}
    for row in rows:
        at, value, subject = row["at"], row["value"], row["subject"]
        if value is None or subject is None:
            continue
        if not isinstance(at, int | float) or not isinstance(subject, str):
            raise InputError(
                f"yields the subject {subject!r:.60} at {at!r:.60}; an id and a time are expected"
            )
        one, before = Found(value, float(at), str(row.get("user") or "")), found.get(subject)
        if before is None or _order(before) < _order(one):
            found[subject] = one
    return found


def _order(one: Found) -> tuple[float, bool, str]:
    return one.at, isinstance(one.value, str), f"{one.value!r:>40}{one.user}"
