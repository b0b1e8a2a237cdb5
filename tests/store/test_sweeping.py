"""Bytes that SQLite's own `secure_delete` leaves behind, and that a sweep does not."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.store.sweeping import cleaned, sweep

ROWS = 6000
Marks = dict[int, str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def writer(path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(path))) as connection:
        for name, value in (("journal_mode", "WAL"), ("secure_delete", 1), ("wal_autocheckpoint", 0)):
            connection.pragma(name, value)
        yield connection


def used(writer: apsw.Connection) -> Marks:
    """Rows in random order, so that pages split; the marks of every other one, which is deleted again."""
    luck = random.Random(7)
    marks = {number: luck.randbytes(8).hex() for number in range(ROWS)}
    writer.execute("CREATE TABLE people (mark TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID; BEGIN")
    writer.executemany("INSERT INTO people VALUES (?, ?)", ((mark, number) for number, mark in marks.items()))
    writer.execute("COMMIT; BEGIN")
    gone = {number: mark for number, mark in marks.items() if number % 2}
    writer.executemany("DELETE FROM people WHERE mark = ?", ((mark,) for mark in gone.values()))
    writer.execute("COMMIT")
    writer.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return gone


def found(path: Path, marks: Marks) -> int:
    """How many of the marks are in the file; read by another process, for the locks of this one."""
    body = subprocess.run(["cat", path], capture_output=True, check=True).stdout
    return sum(mark.encode() in body for mark in marks.values())


def test_no_byte_of_a_deleted_row_stays_in_the_file(path: Path, writer: apsw.Connection) -> None:
    gone = used(writer)
    rows = writer.execute("SELECT * FROM people").fetchall()
    assert found(path, gone) > 0, "secure_delete alone would do, and the sweep is not needed"
    assert sweep(writer) > 0
    assert found(path, gone) == 0
    assert writer.execute("SELECT * FROM people").fetchall() == rows
    assert writer.pragma("integrity_check") == "ok"
    assert sweep(writer) == 0


def test_what_is_written_afterwards_brings_nothing_back(path: Path, writer: apsw.Connection) -> None:
    gone = used(writer)
    sweep(writer)
    writer.execute("UPDATE people SET number = number + 1")
    writer.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
    assert found(path, gone) == 0


def test_who_reads_meanwhile_reads_what_is_there(path: Path, writer: apsw.Connection) -> None:
    used(writer)
    with closing(apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY)) as reader:
        rows = reader.execute("SELECT mark FROM people")
        before = [next(rows) for _ in range(10)]
        sweep(writer)
        assert len({*before, *rows}) == ROWS // 2


def test_the_locks_of_the_writer_stay(path: Path, writer: apsw.Connection) -> None:
    used(writer)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("ROLLBACK")
    sweep(writer)
    taken = f"import apsw; c = apsw.Connection({str(path)!r}); c.pragma('locking_mode', 'exclusive');"
    taken += "c.pragma('journal_mode', 'delete')"
    done = subprocess.run([sys.executable, "-c", taken], capture_output=True, text=True, check=False)
    assert "BusyError" in done.stderr


@pytest.mark.parametrize("size", [512, 1024, 65536])
def test_pages_of_any_size(path: Path, size: int) -> None:
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("page_size", size)
        connection.pragma("journal_mode", "WAL")
        connection.pragma("secure_delete", 1)
        gone = used(connection)
        sweep(connection)
        assert found(path, gone) == 0
        assert connection.pragma("integrity_check") == "ok"


@given(
    st.binary(min_size=512, max_size=512),
    st.sampled_from([0, 100]),
    st.sampled_from([0, 2, 5, 10, 13]),
    st.integers(0, 300),
    st.integers(0, 600),
)
def test_a_page_keeps_its_header_and_its_cells(
    body: bytes, begins: int, kind: int, cells: int, first: int
) -> None:
    header = bytes([kind]) + body[:2] + cells.to_bytes(2, "big") + first.to_bytes(2, "big")
    page = body[:begins] + header + body[begins + len(header) :]
    clean = cleaned(page, begins)
    end = begins + (12 if kind in (2, 5) else 8) + 2 * cells
    assert clean is None or kind
    assert clean is None or end <= first <= 512
    if clean is not None:
        assert clean == page[:end] + bytes(first - end) + page[first:]
        assert cleaned(clean, begins) is None
