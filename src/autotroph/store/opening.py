"""How the file of an embedded ledger is opened, who may write to it, and how durably.

Every connection of this process goes through here.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from autotroph.clock import draw
from autotroph.errors import InputError, LedgerError, Occupied
from autotroph.store.migrations import migrate, schema, steps

BUSY_MS = 10_000

DURABLE: dict[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "fullfsync": 1,
    "foreign_keys": 1,
    "secure_delete": 1,
    "journal_size_limit": 64 * 2**20,
}
"""What the writing connection is set to. FULL syncs the log before a commit returns: with NORMAL, what was
acknowledged can be lost in a power cut. A log that had to grow gives its space back down to the limit."""


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


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, and syncs their names, so that a power cut cannot take them back."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    above = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def refuse_foreign(path: Path, vfs: str) -> None:
    """Looks before anything is written, so that a file that is not ours stays as it is, alone.

    Where a power cut left half a transaction and its journal, only a connection that writes can look; it
    looks first, too (see `writing`).
    """
    if path.is_file() and path.stat().st_size:
        with (
            suppress(apsw.ReadOnlyError),
            closing(_open(path, apsw.SQLITE_OPEN_READONLY, vfs)) as connection,
        ):
            schema(connection)


def lock(path: Path) -> Callable[[], None]:
    """Takes the one place of the writer, in a file beside the ledger; dies with the process.

    It is an SQLite lock, so that it works wherever the ledger does. Returns what gives it back.
    """
    guard = apsw.Connection(f"{path}.lock")
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError:
        guard.close()
        raise Occupied(
            f"{path}: already open for writing, by another process or elsewhere in this one; a ledger has one"
            " writer: close the other, or open a reader"
        ) from None
    return guard.close


def writing(path: Path, vfs: str) -> apsw.Connection:
    """A connection that writes, as durably as declared, to a ledger of the newest schema."""
    connection = _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs)
    try:
        schema(connection)
        for name, value in DURABLE.items():
            connection.pragma(name, value)
        migrate(connection, secrets.token_hex(8))
    except BaseException:
        connection.close()
        raise
    return connection


def reading(path: Path, vfs: str) -> apsw.Connection:
    """A connection that can only read a ledger of the newest schema."""
    connection = _open(path, apsw.SQLITE_OPEN_READONLY, vfs)
    done, newest = schema(connection), steps()[-1].number
    if done < newest:
        connection.close()
        raise LedgerError(
            f"{path}: schema {done} is older than {newest}; open it for writing once to migrate it"
        )
    # The view of the audit sample asks for it; a view may, because it reads and changes nothing.
    connection.create_scalar_function("drawn", _drawn, deterministic=True, flags=apsw.SQLITE_INNOCUOUS)
    return connection


def _drawn(*parts: object) -> float:
    return draw(*map(str, parts))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """What SQLite or the system has against the file, said of the file."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise ledger_error(path, error) from error


def ledger_error(path: Path, error: Exception) -> LedgerError:
    """What SQLite or the system has against the file, in our words."""
    match error:
        case apsw.NotADBError():
            return LedgerError(f"{path}: this is not a database; name another file, or move this one away")
        case apsw.ConnectionClosedError():
            return LedgerError(f"{path}: the ledger is closed; open it again")
        case apsw.CorruptError():
            return LedgerError(f"{path}: the file is damaged ({error}); restore a backup")
        case _:
            return LedgerError(f"{path}: {error}; check that the file and its folder can be read and written")


def _open(path: Path, flags: int, vfs: str) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags, vfs or None)
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    # A statement is planned once, whatever it is asked with; otherwise each question is planned anew.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    # Only the writer moves the log into the file; a reader that is the last to close would try, and cannot.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(flags == apsw.SQLITE_OPEN_READONLY))
    return connection
