"""The one writer of a ledger: a thread that takes everything queued and commits it whenever it is free.

There is no timer: while one batch is being synced the next one gathers, so a busy ledger has large batches
and an idle one has no delay; only what may wait for others does, for a moment. All rows of a batch are
written at once; where one of them is there already, every append becomes a savepoint of its own, so one that
is refused leaves the others alone.

What the disk does to a commit decides what comes next:

| the commit | the batch | then |
|---|---|---|
| was synced | acknowledged | the log is moved into the file, if it has grown |
| was synced, but the file is gone | refused | as if it had failed |
| failed | refused: it may be there or not | `fault` says why; a new connection tries again every 0.5 s |
| takes longer than 0.75 s | waits | `fault` says so; the queue fills up to its room, and then refuses |
"""

import logging
import os
import threading
from collections.abc import Callable
from time import monotonic

import apsw

from autotroph.errors import AutotrophError, LedgerError
from autotroph.store.checkpoints import Checkpoints
from autotroph.store.pen import Pen
from autotroph.store.queue import Job, Queue, Room
from autotroph.store.sweeping import sweep

_LOG = logging.getLogger(__name__)

STILL = 0.75
"""A disk that takes longer than this for one batch, in seconds, stands still."""

PROBE = 0.5
"""After a failure the writer sees for itself, so often, whether writing works again; in seconds."""

Outcomes = dict[Job, tuple[int, ...] | AutotrophError]


class Writer:
    """Owns the one writing connection, and closes it.

    Args:
        opening: opens a migrated ledger for writing; called again after a failure.
        release: called when everything is closed; lets another writer in.
        room: how much may wait to be written before `submit` waits too.
    """

    def __init__(
        self, opening: Callable[[], apsw.Connection], release: Callable[[], None], room: Room
    ) -> None:
        self._opening, self._release = opening, release
        self._connection = opening()
        self._pen = Pen(self._connection)
        self._where = self._connection.filename
        self._file = _identity(self._where)
        self._queue = Queue(self._where, room)
        self._checkpoints = Checkpoints(self._where)
        self._checkpoints.watch(self._connection)
        self._settled = False
        self._failure = ""
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"ledger {self._where}", daemon=True)
        self._thread.start()

    def submit(self, job: Job, patience: float) -> None:
        """Queues a job.

        Raises:
            Overloaded: the queue was full for longer than the patience, in seconds.
            LedgerError: the ledger is closed.
        """
        self._queue.put(job, patience, self._stood)

    def fault(self) -> str:
        """Why nothing can be written at the moment; empty when something can. Never waits."""
        stood = self._stood()
        if stood > STILL:
            return f"{self._where}: nothing was written for {stood:.1f} s; look at the disk"
        return self._failure

    def close(self) -> None:
        """Writes what is queued and closes the connection; waits for both."""
        self._queue.close()
        self._thread.join()

    def _stood(self) -> float:
        began = self._began
        return 0.0 if began is None else monotonic() - began

    def _run(self) -> None:
        batch: list[Job] | None = []
        while batch is not None:
            self._began = monotonic()
            outcomes = self._commit(batch)
            self._queue.done(batch)
            for job, outcome in outcomes.items():
                job.receipt.settle(outcome)
            if not self._failure:
                self._checkpoints.due(self._connection)
            self._began = None
            batch = self._queue.take(PROBE if self._failure else None)
        self._end()

    def _end(self) -> None:
        """Closes the connection; whatever the disk says to that, somebody else may be the writer now."""
        try:
            self._connection.close()
        except apsw.Error as error:
            _LOG.warning("%s: the log was left to the next process: %s", self._where, error)
        finally:
            self._release()

    def _commit(self, batch: list[Job]) -> Outcomes:
        """Writes a batch. This is the one place that turns any failure into the error of a receipt."""
        try:
            outcomes = self._write(batch)
        except Exception as error:  # noqa: BLE001 - the supervisor: nothing may leave a receipt waiting
            return dict.fromkeys(batch, self._failed(error))
        self._failure = ""
        return outcomes | {job: self._scrubbed() for job in batch if job.scrub}

    def _write(self, batch: list[Job]) -> Outcomes:
        pen = self._ready()
        if not batch and not self._failure:
            return {}
        try:
            pen.begin()
            outcomes = _at_once(pen, batch) or {job: _written(pen, job) for job in batch}
            if self._failure:
                # Rows that are overwritten with what they hold are not written at all: this always is.
                self._connection.pragma("user_version", 0)
            pen.commit()
        except BaseException:
            self._abandon(pen)
            raise
        self._check_there()
        return outcomes

    def _check_there(self) -> None:
        """What is synced into a file that has no name any more is lost as soon as it is closed."""
        if _identity(self._where) != self._file:
            raise LedgerError("its file was deleted or replaced; put it back, or stop, and restore a backup")

    def _scrubbed(self) -> tuple[int, ...] | AutotrophError:
        try:
            self._checkpoints.empty(self._connection)
            sweep(self._connection)
        except AutotrophError as error:
            return error
        except apsw.Error as error:
            return LedgerError(f"{self._where}: the pages could not be swept ({error}); look at the disk")
        return ()

    def _ready(self) -> Pen:
        """A connection that nothing has failed on, with nothing under it that may be lost.

        What SQLite holds in memory after a failure is not to be trusted. The new connection is opened
        first: while one is open, the log counts as far as the last good commit, and what the failed one
        left behind it is written over.
        """
        if self._failure:
            if _identity(self._where) is None:  # opening would make an empty one
                self._check_there()
            failed, self._connection = self._connection, self._opening()
            self._file = _identity(self._where)
            failed.close()
            self._pen = Pen(self._connection)
            self._checkpoints.watch(self._connection)
        if not self._settled:
            self._checkpoints.settle(self._connection)
            self._settled = True
        return self._pen

    def _failed(self, error: Exception) -> LedgerError:
        why = f"{self._where}: writing failed ({type(error).__name__}: {error})"
        if not self._failure:
            _LOG.exception("%s: it is tried again every %s s", self._where, PROBE)
        self._failure = f"{why}; look at the disk"
        failure = LedgerError(
            f"{why}; nothing of this append was acknowledged: see to the disk, then send it again"
        )
        failure.__cause__ = error
        return failure

    def _abandon(self, pen: Pen) -> None:
        try:
            pen.abandon()
        except apsw.Error as error:
            _LOG.warning("%s: the failed transaction could not be taken back: %s", self._where, error)


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is at a path; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - asked at every commit, and a path would have to be made
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _at_once(pen: Pen, batch: list[Job]) -> Outcomes:
    """What came of the appends of a batch, written as one; nothing where one has to be looked at alone."""
    if any(job.first is not None for job in batch):
        return {}
    sequences = pen.write_new([row for job in batch for row in job.rows])
    if sequences is None:
        return {}
    outcomes, at = Outcomes(), 0
    for job in batch:
        outcomes[job] = sequences[at : at + len(job.rows)]
        at += len(job.rows)
    return outcomes


def _written(pen: Pen, job: Job) -> tuple[int, ...] | AutotrophError:
    try:
        return job.write(pen)
    except AutotrophError as error:
        return error
