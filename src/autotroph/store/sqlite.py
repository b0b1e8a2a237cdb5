"""The embedded ledger: one SQLite file through apsw, WAL, synchronous=FULL, one writer.

Caveat: POSIX locks belong to the process, so a second SQLite library in this process (the standard
library's `sqlite3`, DuckDB's scanner) drops ours when it closes the same file, and the file can be
corrupted. Open a ledger with this module only; other *processes* may read it with what they like.
"""

import os
import secrets
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, cast

import apsw

from autotroph.errors import InputError, LedgerError, TamperedLedger
from autotroph.records import Record
from autotroph.store.codec import decode, encode, layout
from autotroph.store.migrations import migrate, schema, steps
from autotroph.store.protocols import Parameters, R, Receipt, SqlValue, Table
from autotroph.store.statements import equality, selection
from autotroph.store.writer import Job, Writer

PAGE = 1000
"""How many rows a scan reads at once; between pages it holds nothing, so it never blocks a checkpoint."""

BUSY_MS = 10_000
TICK = 20_000
RESERVED = frozenset({"schema", "created", "views"})
READING = frozenset({apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE})


class SqliteReader:
    """A connection that cannot write: opened read-only, and an authorizer lets nothing but reading pass.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a path.
    """

    def __init__(self, url: str | Path) -> None:
        self.path = location(url)
        if not self.path.is_file():
            raise LedgerError(
                f"{self.path}: there is no ledger here; name another file, or write to it first"
            )
        with _named(self.path):
            self._connection = _open(self.path, apsw.SQLITE_OPEN_READONLY)
            _require_schema(self._connection, self.path)
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
        with self._lock, self._limited(limit_seconds):
            try:
                return _table(self._connection, sql, parameters)
            except apsw.InterruptError as error:
                raise InputError(
                    f"stopped after {limit_seconds} s: {sql}; ask for less, or for longer"
                ) from error
            except apsw.AuthError as error:
                raise InputError(f"only one SELECT is taken here, and nothing that writes: {sql}") from error
            except (apsw.SQLError, apsw.BindingsError, KeyError, TypeError, OverflowError) as error:
                raise InputError(f"{error}, in: {sql}") from error
            except apsw.Error as error:
                raise _ledger_error(self.path, error) from error

    def last(self) -> int:
        """The last acknowledged sequence."""
        last = self._value("SELECT sequence FROM head")
        if not isinstance(last, int):
            raise TamperedLedger(f"{self.path}: the ledger's head is gone; restore a backup")
        return last

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
        with self._lock, _named(self.path):
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
        after, until = between
        sql = f"{selection(form, texts=texts)} WHERE {form.table}.sequence > ?"
        values: list[SqlValue] = [after]
        if until is not None:
            sql, values = f"{sql} AND {form.table}.sequence <= ?", [after, until]
        sql += equality(form, (cell.columns[0] for cell, _ in cells))
        for cell, value in cells:
            values.append(_compared(kind, cell.field, cell.encode, value))
        rows = self._rows(f"{sql} ORDER BY {form.table}.sequence {tail}", tuple(values))
        return [cast("R", decode(form, row)) for row in rows]

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
        patience: for how many seconds it waits then.
    """

    def __init__(self, url: str | Path, *, room: int = 4096, patience: float = 5.0) -> None:
        path = location(url)
        with _named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(path)
            release = _lock(path)
            try:
                connection = _writing(path)
                super().__init__(path)
            except BaseException:
                release()
                raise
        self._writer = Writer(connection, release, room=room, patience=patience)
        self._finish = weakref.finalize(self, self._writer.close)

    @staticmethod
    def open_reader(url: str | Path) -> SqliteReader:
        """A reader of a ledger that somebody else may be writing."""
        return SqliteReader(url)

    def append(self, *records: Record) -> Receipt:
        """Queues these records as one append."""
        rows = [encode(record) for record in records]
        return self._submit(Job(lambda pen: pen.write(rows), len(rows)))

    def set_meta(self, name: str, value: str) -> None:
        """Keeps a fact about the whole ledger; returns when it is on disk."""
        if name in RESERVED:
            raise InputError(
                f"meta {name!r} is the ledger's own; choose another name than {sorted(RESERVED)}"
            )
        self._submit(Job(lambda pen: pen.keep(name, value), 1)).durable()

    def reader(self) -> SqliteReader:
        """A reader of its own connection."""
        return SqliteReader(self.path)

    def close(self) -> None:
        """Writes what is queued, then closes the file."""
        super().close()
        self._finish()

    def _submit(self, job: Job) -> Receipt:
        outcome: Future[tuple[int, ...]] = job.outcome
        self._writer.submit(job)
        return Receipt(outcome)


def location(url: str | Path) -> Path:
    """The file that a URL or a path names.

    >>> location("sqlite:///.autotroph/ledger.db").as_posix()
    '.autotroph/ledger.db'
    """
    text = os.fspath(url)
    if "://" not in text:
        return Path(text)
    scheme, _, rest = text.partition("://")
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) == 1:
        raise InputError(
            f"{text!r} does not name an SQLite file; write sqlite:///relative.db or sqlite:////absolute.db"
        )
    return Path(rest[1:])


def _refuse_foreign(path: Path) -> None:
    """Looks before anything is written, so that a file that is not ours stays as it is, alone."""
    if path.is_file() and path.stat().st_size:
        with closing(_open(path, apsw.SQLITE_OPEN_READONLY)) as connection:
            schema(connection)


def _lock(path: Path) -> Callable[[], None]:
    """Takes the one place of the writer, in a file beside the ledger; dies with the process.

    It is an SQLite lock, so that it works wherever the ledger does. Returns what gives it back.
    """
    guard = apsw.Connection(f"{path}.lock")
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError:
        guard.close()
        raise LedgerError(
            f"{path}: already open for writing, by another process or elsewhere in this one; a ledger has one"
            " writer: close the other, or open a reader"
        ) from None
    return guard.close


def _writing(path: Path) -> apsw.Connection:
    connection = _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        schema(connection)
        for name, value in {
            "journal_mode": "WAL",
            "synchronous": "FULL",
            "fullfsync": 1,
            "foreign_keys": 1,
            "secure_delete": 1,
        }.items():
            connection.pragma(name, value)
        migrate(connection, secrets.token_hex(8))
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags)
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    return connection


def _require_schema(connection: apsw.Connection, path: Path) -> None:
    done, newest = schema(connection), steps()[-1].number
    if done < newest:
        connection.close()
        raise LedgerError(
            f"{path}: schema {done} is older than {newest}; open it for writing once to migrate it"
        )


def _only_reading(operation: int, _: str | None, name: str | None, *_context: str | None) -> int:
    """SQLite's authorizer: asked while a statement is prepared, about each thing it would do."""
    if operation == apsw.SQLITE_FUNCTION and name == "load_extension":
        return apsw.SQLITE_DENY
    return apsw.SQLITE_OK if operation in READING else apsw.SQLITE_DENY


def _table(connection: apsw.Connection, sql: str, parameters: Parameters) -> Table:
    columns: list[tuple[str, ...]] = []

    def began(cursor: apsw.Cursor, *_: object) -> bool:
        columns.append(tuple(name for name, _ in cursor.get_description()))
        if len(columns) > 1:
            raise InputError(f"one statement at a time: {sql}")
        return True

    cursor = connection.cursor()
    cursor.exec_trace = began
    try:
        rows = cursor.execute(sql, cast("Any", parameters)).fetchall()
    finally:
        cursor.close(force=True)
    if not columns or not columns[0]:
        raise InputError(f"there is no statement in {sql!r}; write a SELECT")
    return Table(columns[0], tuple(rows))


def _compared(
    kind: type[Record], field: str, into: Callable[[Any], tuple[SqlValue, ...]], value: object
) -> SqlValue:
    try:
        (cell,) = into(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{kind.__name__}.{field} cannot equal {value!r}: {error}") from error
    return cell


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What SQLite or the system has against the file, said of the file."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise _ledger_error(path, error) from error


def _ledger_error(path: Path, error: Exception) -> LedgerError:
    match error:
        case apsw.NotADBError():
            return LedgerError(f"{path}: this is not a database; name another file, or move this one away")
        case apsw.ConnectionClosedError():
            return LedgerError(f"{path}: the ledger is closed; open it again")
        case apsw.CorruptError():
            return LedgerError(f"{path}: the file is damaged ({error}); restore a backup")
        case _:
            return LedgerError(f"{path}: {error}; check that the file and its folder can be read and written")
