"""The embedded ledger: one SQLite file through apsw, WAL, synchronous=FULL, one writer.

Caveat: POSIX locks belong to the process, so a second SQLite library in this process (the standard
library's `sqlite3`, DuckDB's scanner) drops ours when it closes the same file, and the file can be
corrupted. Open a ledger with this module only; other *processes* may read it with what they like.
"""

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, cast

import apsw

from autotroph.errors import InputError, LedgerError, TamperedLedger
from autotroph.records import Erasure, Record
from autotroph.store.codec import Row, decode, encode, layout
from autotroph.store.opening import (
    ledger_error,
    location,
    lock,
    make_folder,
    named,
    reading,
    refuse_foreign,
    writing,
)
from autotroph.store.pen import Pen
from autotroph.store.protocols import Parameters, R, SqlValue, Stream, Table
from autotroph.store.queue import Job, Room
from autotroph.store.receipt import Receipt
from autotroph.store.segments import forget
from autotroph.store.statements import matching, selection
from autotroph.store.writer import Writer

PAGE = 1000
"""How many rows a scan reads at once; between pages it holds nothing, so it never blocks a checkpoint."""

TICK = 20_000
CELLS = 2048
"""About how many bytes a waiting row takes, its texts aside."""

RESERVED = frozenset({"schema", "created", "views", "scrub"})
SIZES = frozenset({"page_count", "freelist_count", "page_size"})
_SIZE = """SELECT (pages.page_count - free.freelist_count) * sizes.page_size
FROM pragma_page_count() AS pages, pragma_freelist_count() AS free, pragma_page_size() AS sizes"""
READING = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE})


class SqliteReader:
    """A connection that cannot write: opened read-only, and an authorizer lets nothing but reading pass.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a path.
        vfs: the name of a virtual file system that SQLite knows; the default one if empty.
    """

    def __init__(self, url: str | Path, *, vfs: str = "") -> None:
        self.path, self._vfs = location(url), vfs
        if not self.path.is_file():
            raise LedgerError(
                f"{self.path}: there is no ledger here; name another file, or write to it first"
            )
        with named(self.path):
            self._connection = reading(self.path, vfs)
        self._lock = threading.Lock()
        self._connection.authorizer = _only_reading

    def get(self, kind: type[R], **equal: object) -> R | None:
        """The newest record whose fields equal these."""
        found = self._select(kind, equal, (0, None), "DESC LIMIT 1", texts=True)
        return found[0] if found else None

    def scan(
        self, kind: type[R], *, after: int = 0, until: int | None = None, texts: bool = True, **equal: object
    ) -> Iterator[R]:
        """Records in ledger order."""
        for name in equal:
            layout(kind).column(name)
        end = self.last() if until is None else until
        return self._pages(kind, equal, (after, end), texts=texts)

    def query(self, sql: str, parameters: Parameters = (), *, limit_seconds: float | None = None) -> Table:
        """The answer to one statement that only reads."""
        with self._lock, self._asked(sql, limit_seconds):
            found = _found(self._connection, sql, parameters)
            return Table(found.columns, tuple(found.rows))

    @contextmanager
    def stream(
        self, sql: str, parameters: Parameters = (), *, limit_seconds: float | None = None
    ) -> Iterator[Stream]:
        """The answer to one statement that only reads, row by row, over a connection of its own."""
        with closing(SqliteReader(self.path, vfs=self._vfs)) as apart, apart._asked(sql, limit_seconds):
            yield _found(apart._connection, sql, parameters)

    def last(self) -> int:
        """The last acknowledged sequence."""
        last = self._value("SELECT sequence FROM head")
        if not isinstance(last, int):
            raise TamperedLedger(f"{self.path}: the ledger's head is gone; restore a backup")
        return last

    def size(self) -> int:
        """How many bytes its rows take, room that was freed aside."""
        ((size,),) = self._rows(_SIZE, ())
        return cast("int", size)

    def meta(self, name: str) -> str | None:
        """A fact about the whole ledger."""
        return cast("str | None", self._value("SELECT value FROM meta WHERE name = ?", name))

    def close(self) -> None:
        """Closes the connection."""
        with self._lock:
            self._connection.close()

    def _value(self, sql: str, *parameters: SqlValue) -> SqlValue:
        found = self._rows(sql, parameters)
        return found[0][0] if found else None

    def _rows(self, sql: str, parameters: tuple[SqlValue, ...]) -> list[tuple[SqlValue, ...]]:
        with self._lock, named(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def _pages(
        self, kind: type[R], equal: dict[str, object], between: tuple[int, int], *, texts: bool
    ) -> Iterator[R]:
        after, until = between
        while page := self._select(kind, equal, (after, until), f"LIMIT {PAGE}", texts=texts):
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].sequence

    def _select(
        self,
        kind: type[R],
        equal: dict[str, object],
        between: tuple[int, int | None],
        tail: str,
        *,
        texts: bool,
    ) -> list[R]:
        form = layout(kind)
        cells = [(form.column(name), value) for name, value in equal.items()]
        compared = {cell.columns[0]: _compared(kind, cell.field, cell.encode, value) for cell, value in cells}
        after, until = between
        sql = f"{selection(form, texts=texts)} WHERE {form.table}.sequence > ?"
        values: list[SqlValue] = [after]
        if until is not None:
            sql, values = f"{sql} AND {form.table}.sequence <= ?", [after, until]
        sql += matching(form, compared)
        values += compared.values()
        rows = self._rows(f"{sql} ORDER BY {form.table}.sequence {tail}", tuple(values))
        return [cast("R", decode(form, row)) for row in rows]

    @contextmanager
    def _asked(self, sql: str, seconds: float | None) -> Iterator[None]:
        """What SQLite has against a statement that somebody wrote, said of the statement."""
        try:
            with self._limited(seconds):
                yield
        except apsw.InterruptError as error:
            raise InputError(f"stopped after {seconds} s: {sql}; ask for less, or for longer") from error
        except apsw.AuthError as error:
            raise InputError(f"only one SELECT is taken here, and nothing that writes: {sql}") from error
        except (apsw.SQLError, apsw.BindingsError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"{error}, in: {sql}") from error
        except apsw.Error as error:
            raise ledger_error(self.path, error) from error

    @contextmanager
    def _limited(self, seconds: float | None) -> Iterator[None]:
        if seconds is None:
            yield
            return
        end = monotonic() + seconds
        self._connection.set_progress_handler(lambda: monotonic() > end, TICK)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None)


class SqliteStore(SqliteReader):
    """The ledger open for writing; what it reads goes over a read-only connection of its own.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a path; folders are made.
        room: how many rows may wait to be written before `append` waits too.
        room_bytes: and about how many bytes.
        patience: for how many seconds it waits then.
        vfs: the name of a virtual file system that SQLite knows; the default one if empty.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        room: int = 4096,
        room_bytes: int = 16 * 2**20,
        patience: float = 5.0,
        vfs: str = "",
    ) -> None:
        path = location(url)
        self._patience = patience
        with named(path):
            make_folder(path.parent)
            refuse_foreign(path, vfs)
            release = lock(path)
            try:
                self._writer = Writer(partial(writing, path, vfs), release, Room(room, room_bytes))
            except BaseException:
                release()
                raise
            self._finish = weakref.finalize(self, self._writer.close)
            try:
                super().__init__(path, vfs=vfs)
            except BaseException:
                self._finish()
                raise

    @staticmethod
    def open_reader(url: str | Path) -> SqliteReader:
        """A reader of a ledger that somebody else may be writing."""
        return SqliteReader(url)

    def append(self, *records: Record, patience: float | None = None, leisurely: bool = False) -> Receipt:
        """Queues these records as one append."""
        rows = [encode(record) for record in records]
        job = Job(rows, count=len(rows), size=_weight(rows), leisurely=leisurely)
        return self._submit(job, patience)

    def fault(self) -> str:
        """Why nothing can be written at the moment; empty while the store is healthy."""
        return self._writer.fault()

    def remove(self, gone: Mapping[type[Record], Iterable[int]], marks: Sequence[Erasure] = ()) -> Receipt:
        """Deletes rows for good, and stores the marks in the same transaction."""
        tables = [(layout(kind), tuple(sequences)) for kind, sequences in gone.items()]
        for form, _ in tables:
            if form.chained:
                raise InputError(f"{form.table} are links of the hash chain and cannot be removed")
        rows = [encode(mark) for mark in marks]

        def first(pen: Pen) -> None:
            for form, sequences in tables:
                pen.delete(form.table, sequences)
            pen.keep("scrub", "due")

        count = len(rows) + sum(len(each) for _, each in tables)
        return self._submit(Job(rows, first, count=count))

    def scrub(self) -> None:
        """Leaves nothing of removed rows in the ledger's files."""
        self._submit(Job(scrub=True)).durable()
        forget(self.path)
        self._submit(Job(first=lambda pen: pen.keep("scrub", ""), count=1)).durable()

    def set_meta(self, name: str, value: str) -> None:
        """Keeps a fact about the whole ledger; returns when it is on disk."""
        if name in RESERVED:
            raise InputError(
                f"meta {name!r} is the ledger's own; choose another name than {sorted(RESERVED)}"
            )
        self._submit(Job(first=lambda pen: pen.keep(name, value), count=1)).durable()

    def reader(self) -> SqliteReader:
        """A reader of its own connection."""
        return SqliteReader(self.path, vfs=self._vfs)

    def close(self) -> None:
        """Writes what is queued, then closes the file."""
        super().close()
        self._finish()

    def _submit(self, job: Job, patience: float | None = None) -> Receipt:
        self._writer.submit(job, self._patience if patience is None else patience)
        return job.receipt


def _weight(rows: Sequence[Row]) -> int:
    """About how many bytes these rows take in memory."""
    return CELLS * len(rows) + sum([row.size for row in rows if row.wide or row.layout.long])


def _only_reading(operation: int, first: str | None, second: str | None, *_context: str | None) -> int:
    """SQLite's authorizer: asked while a statement is prepared, about each thing it would do."""
    if operation == apsw.SQLITE_FUNCTION and second == "load_extension":
        return apsw.SQLITE_DENY
    if operation == apsw.SQLITE_PRAGMA and first in SIZES and second is None:
        return apsw.SQLITE_OK
    return apsw.SQLITE_OK if operation in READING else apsw.SQLITE_DENY


def _found(connection: apsw.Connection, sql: str, parameters: Parameters) -> Stream:
    columns: list[tuple[str, ...]] = []

    def began(cursor: apsw.Cursor, statement: str, _: object) -> bool:
        columns.append(tuple(name for name, _ in cursor.get_description()))
        rest = sql[len(statement) :].lstrip("; \t\r\n")
        if len(columns) > 1 or (rest and not rest.startswith(("--", "/*"))):
            raise InputError(f"one statement at a time: {sql}")
        return True

    cursor = connection.cursor()
    cursor.exec_trace = began
    cursor.execute(sql, cast("Any", parameters))
    if not columns or not columns[0]:
        raise InputError(f"there is no statement in {sql!r}; write a SELECT")
    return Stream(columns[0], cursor)


def _compared(
    kind: type[Record], field: str, into: Callable[[Any], tuple[SqlValue, ...]], value: object
) -> SqlValue:
    try:
        (cell,) = into(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{kind.__name__}.{field} cannot equal {value!r}: {error}") from error
    return cell
