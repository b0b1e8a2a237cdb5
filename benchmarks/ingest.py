"""Signals taken for good: batches of 100, each on disk before the next, beside bare SQLite as durable.

    .venv/bin/python -m benchmarks.ingest [--quick] [--json] [--folder ON_THE_DISK]

Each is handed the same records and timed until they are on disk. The bare one writes their columns into a
table without any index but its sequence: nothing is checked, and nothing told apart from what was sent
before. Beside it: with values that were made ready outside the time, so that only SQLite is timed; with
the ledger's indexes as well, which shows what finding a row again costs; and the standard library's SQLite,
in a process of its own. All take turns; figures are medians over the rounds, and a ratio is one of medians.
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

import apsw
import msgspec
from rich.console import Console
from rich.table import Table

from autotroph.clock import SystemClock
from autotroph.ingest.stamping import derived_key
from autotroph.records import Signal, Value
from autotroph.store import open_store
from autotroph.store.opening import DURABLE

BATCH = 100
ROUNDS, ROWS = 7, 40_000
QUICK_ROUNDS, QUICK_ROWS = 5, 10_000
LEDGER, BARE, STDLIB = "autotroph", "bare executemany", "bare, standard library"
READY, INDEXED = "bare, values ready", "bare, values ready, indexes"
INDEXES = (
    "CREATE UNIQUE INDEX signals_key ON signals (key) WHERE key <> ''",
    "CREATE UNIQUE INDEX signals_id ON signals (id) WHERE key = ''",
    "CREATE INDEX signals_subject ON signals (subject, name)",
)
COLUMNS = (
    "id TEXT, name TEXT, about TEXT, subject TEXT, at REAL, source TEXT, user TEXT, verified INTEGER,"
    " fold TEXT, key TEXT, purposes TEXT, learn INTEGER, region TEXT, retention TEXT, value_type TEXT,"
    " value_number REAL, value_text TEXT"
)
CREATE = f"CREATE TABLE signals (sequence INTEGER PRIMARY KEY, {COLUMNS}) STRICT"
INSERT = f"INSERT INTO signals VALUES (?{', ?' * len(COLUMNS.split(','))})"

T = TypeVar("T")
Batches = Sequence[Sequence[Signal]]
Values = list[tuple[str | float | None, ...]]
Seconds = list[float]
"""How long each batch took, from handing it over to its being on disk."""


class Pace(msgspec.Struct, frozen=True):
    """What one contestant did, over all rounds."""

    events_per_s: float
    ack_p50_ms: float
    ack_p99_ms: float


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    rounds, rows = (QUICK_ROUNDS, QUICK_ROWS) if given.quick else (ROUNDS, ROWS)
    if given.stdlib:
        sys.stdout.write(msgspec.json.encode(_stdlib(given.stdlib, _batches(rows))).decode())
        return
    console = Console(stderr=given.json)
    took: dict[str, list[Seconds]] = {name: [] for name in (LEDGER, BARE, STDLIB, READY, INDEXED)}
    with tempfile.TemporaryDirectory(prefix="ingest-", dir=given.folder) as folder:
        for number in range(rounds):
            batches = _batches(rows)
            for name, run in _contestants(quick=given.quick).items():
                with console.status(f"round {number + 1} of {rounds}: {name}"):
                    took[name].append(run(Path(folder) / f"{number} {name}.db", batches))
    paces = {name: _pace(each) for name, each in took.items()}
    console.print(_table(paces, rounds, rows))
    if given.json:
        sys.stdout.write(_object(paces) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ingest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_ROWS} signals")
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; the system's temporary one if left out"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stdlib", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _contestants(*, quick: bool) -> dict[str, Callable[[Path, Batches], Seconds]]:
    return {
        LEDGER: _ledger,
        BARE: _bare,
        STDLIB: lambda path, _: _in_a_process(path, quick=quick),
        READY: _bare_and_ready,
        INDEXED: lambda path, batches: _bare_and_ready(path, batches, INDEXES),
    }


def _batches(rows: int) -> Batches:
    """Signals as the product makes them, of a thousand verified users."""
    made = list(islice(_signals(SystemClock("ingest")), rows))
    return [made[at : at + BATCH] for at in range(0, rows, BATCH)]


def _signals(clock: SystemClock) -> Iterator[Signal]:
    """Two or three about each decision: a boolean, a number, and of every third a text."""
    said: list[tuple[str, Value]] = [
        ("accepted", True),
        ("rating", 0.5),
        ("written", "what they wrote instead"),
    ]
    for number in count():
        decision, user = clock.new_id("decision"), f"user_{number * 7919 % 1000:04}"
        for name, value in said[: 2 + (number % 3 == 0)]:
            key = derived_key(name, decision, value, None)
            yield Signal(
                id=clock.new_id("signal", key),
                name=name,
                about="decision",
                subject=decision,
                value=value,
                at=clock.now(),
                user=user,
                verified=True,
                key=key,
            )


def _ledger(path: Path, batches: Batches) -> Seconds:
    with closing(open_store(path)) as store:
        return _timed(batches, lambda batch: store.append(*batch).durable())


def _bare(path: Path, batches: Batches) -> Seconds:
    with _apsw(path) as connection:
        connection.execute(CREATE)
        numbers = count(1)
        return _timed(batches, lambda batch: _write(connection, _values(batch, numbers)))


def _bare_and_ready(path: Path, batches: Batches, indexes: Sequence[str] = ()) -> Seconds:
    with _apsw(path) as connection:
        for statement in (CREATE, *indexes):
            connection.execute(statement)
        numbers = count(1)
        ready = [_values(batch, numbers) for batch in batches]
        return _timed(ready, lambda values: _write(connection, values))


def _stdlib(path: Path, batches: Batches) -> Seconds:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, value in DURABLE.items():
            connection.execute(f"PRAGMA {name} = {value}")
        connection.execute(CREATE)
        numbers = count(1)
        return _timed(batches, lambda batch: _write(connection, _values(batch, numbers)))


@contextmanager
def _apsw(path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(path))) as connection:
        for name, value in DURABLE.items():
            connection.pragma(name, value)
        yield connection


def _write(connection: apsw.Connection | sqlite3.Connection, values: Values) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, values)
    connection.execute("COMMIT")


def _values(batch: Sequence[Signal], numbers: Iterator[int]) -> Values:
    """The columns of signals, as one would write it for this table alone."""
    encode = msgspec.json.encode
    return [
        (
            *(next(numbers), one.id, one.name, one.about, one.subject, one.at, one.source, one.user),
            *(one.verified, one.fold, one.key, encode(one.terms.purposes).decode(), one.terms.learn),
            *(one.terms.region, one.terms.retention, *_value(one.value)),
        )
        for one in batch
    ]


def _value(value: Value) -> tuple[str, float | None, str | None]:
    if isinstance(value, str):
        return "text", None, value
    return ("boolean" if isinstance(value, bool) else "number"), float(value), None


def _timed(batches: Sequence[T], write: Callable[[T], object]) -> Seconds:
    took = []
    for batch in batches:
        began = perf_counter()
        write(batch)
        took.append(perf_counter() - began)
    return took


def _in_a_process(path: Path, *, quick: bool) -> Seconds:
    """The standard library's SQLite: never in the process of the other one, not even on another file."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.ingest",
        "--stdlib",
        str(path),
        *(["--quick"] if quick else []),
    ]
    done = subprocess.run(command, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Seconds)


def _pace(rounds: Sequence[Seconds]) -> Pace:
    every = sorted(seconds for took in rounds for seconds in took)
    return Pace(
        events_per_s=median(len(took) * BATCH / sum(took) for took in rounds),
        ack_p50_ms=1e3 * every[len(every) // 2],
        ack_p99_ms=1e3 * every[int(len(every) * 0.99)],
    )


def _ratio(paces: dict[str, Pace], to: str) -> float:
    return paces[LEDGER].events_per_s / paces[to].events_per_s


def _table(paces: dict[str, Pace], rounds: int, rows: int) -> Table:
    table = Table(
        title=f"{_ratio(paces, BARE):.2f} of bare executemany",
        caption=f"{rounds} rounds of {rows} signals in batches of {BATCH}, fsync before each acknowledgement;"
        f" SQLite {apsw.sqlite_lib_version()}, the standard library's {sqlite3.sqlite_version}",
    )
    for column in ("", "autotroph is", "events/s", "ack p50 ms", "ack p99 ms"):
        table.add_column(column, justify="right" if column else "left")
    for name, pace in paces.items():
        figures = (f"{pace.events_per_s:,.0f}", f"{pace.ack_p50_ms:.2f}", f"{pace.ack_p99_ms:.2f}")
        table.add_row(name, f"{_ratio(paces, name):.2f}", *figures)
    return table


def _object(paces: dict[str, Pace]) -> str:
    mine = paces[LEDGER]
    found = {
        "raw_ratio": _ratio(paces, BARE),
        "ready_ratio": _ratio(paces, READY),
        "events_per_s": mine.events_per_s,
        "ack_p50_ms": mine.ack_p50_ms,
        "ack_p99_ms": mine.ack_p99_ms,
        "peers": {name: pace for name, pace in paces.items() if name != LEDGER},
    }
    return msgspec.json.encode(found).decode()


if __name__ == "__main__":
    main()
