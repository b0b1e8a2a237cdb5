"""Moves the log into the database file, so that the log can begin anew.

SQLite would do this itself, in the commit and without a word when it fails. Here it comes after what was
committed was acknowledged, and an error is looked at, because one kind must not be tried again (see `due`).
"""

import logging

import apsw

from autotroph.errors import LedgerError
from autotroph.store.opening import BUSY_MS

_LOG = logging.getLogger(__name__)

EVERY = 1000
"""After how many more pages in the log it is tried (again)."""

SETTLING_MS = 500


class Checkpoints:
    """The checkpoints of one ledger; only its writer calls this.

    Args:
        where: the ledger, for messages.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._logged = self._tried = 0
        self._unsynced = False
        self._given_up = False

    def watch(self, connection: apsw.Connection) -> None:
        """Follows what this connection commits, instead of SQLite's own checkpoints."""
        connection.set_wal_hook(self._committed)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(self._given_up))

    def settle(self, connection: apsw.Connection) -> None:
        """Moves what an earlier process left in the log, so that nothing is committed on top of it.

        A commit whose sync failed can still be read, from the system's cache, but may never reach the disk;
        what follows it in the log would be lost with it in a power cut. The database file is written anew.
        """
        logged, _ = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)
        if logged <= 0:
            return
        connection.set_busy_timeout(SETTLING_MS)
        try:
            connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            self._unsynced = True
            _LOG.info("%s: another process reads the log of the one before; it stays as it is", self._where)
        finally:
            connection.set_busy_timeout(BUSY_MS)

    def due(self, connection: apsw.Connection) -> None:
        """Moves what can be moved, if the log has grown; a failure stops no commit, and is logged.

        Where a reader holds on to the middle of the log, SQLite writes the pages before that, unsynced, and
        does not write them again. If a sync fails then, they may be gone although SQLite counts them as
        moved: nothing may be moved any more, or the log would begin anew and they would be lost. The log
        grows until the ledger is opened the next time; then all of it is moved again.
        """
        if self._logged < self._tried:
            self._tried = 0
        if self._given_up or self._logged - self._tried < EVERY:
            return
        self._tried = self._logged
        try:
            logged, moved = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            self._unsynced = True
            _LOG.info("%s: somebody else is moving the log", self._where)
        except apsw.Error as error:
            self._failed(connection, error)
        else:
            self._unsynced = moved < logged

    def empty(self, connection: apsw.Connection) -> None:
        """Moves all of the log and cuts it to nothing, so that no byte of a deleted row is left in it.

        Raises:
            LedgerError: somebody reads what is in it, or it cannot be moved.
        """
        if self._given_up:
            raise LedgerError(f"{self._where}: the log cannot be emptied before the ledger is opened anew")
        try:
            connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            self._unsynced = True
            raise LedgerError(
                f"{self._where}: another process reads an old state of the ledger, so the log still holds"
                " what was deleted; end that reading, then try again"
            ) from None
        except apsw.Error as error:
            self._failed(connection, error)
            raise LedgerError(f"{self._where}: the log could not be emptied ({error})") from error
        self._unsynced = False

    def _committed(self, _connection: apsw.Connection, _name: str, logged: int) -> int:
        self._logged = logged
        return apsw.SQLITE_OK

    def _failed(self, connection: apsw.Connection, error: apsw.Error) -> None:
        _LOG.error("%s: the log could not be moved into the file (%s)", self._where, error)
        if self._unsynced and not isinstance(error, apsw.FullError):
            self._given_up = True
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            _LOG.error("%s: the log grows from now on; restart, when the disk is well again", self._where)
