"""The one writer of a ledger: a thread that takes everything queued and commits it whenever it is free.

There is no timer: while one batch is being synced the next one gathers, so a busy ledger has large
batches and an idle one has no delay. Every append is a savepoint of its own, so one that is refused
leaves the others of its batch alone.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import apsw
import msgspec

from autotroph.errors import AutotrophError, LedgerError
from autotroph.store.pen import Pen

_LOG = logging.getLogger(__name__)


class Job(msgspec.Struct, frozen=True, eq=False):
    """Something to write, how many rows that is, and where the outcome is waited for."""

    write: Callable[[Pen], tuple[int, ...]]
    size: int
    outcome: Future[tuple[int, ...]] = msgspec.field(default_factory=Future)


class Writer:
    """Owns the one writing connection, and closes it.

    Args:
        connection: a migrated ledger.
        release: called when everything is closed; lets another writer in.
        room: how many rows may wait to be written before `submit` waits too.
        patience: for how many seconds it waits then.
    """

    def __init__(
        self, connection: apsw.Connection, release: Callable[[], None], *, room: int, patience: float
    ) -> None:
        self._connection, self._release = connection, release
        self._room, self._patience = room, patience
        self._jobs: deque[Job] = deque()
        self._waiting = 0
        self._closed = False
        self._changed = threading.Condition()
        self._where = connection.filename
        self._thread = threading.Thread(target=self._run, name=f"ledger {self._where}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queues a job.

        Raises:
            LedgerError: the ledger is closed, or the queue was full for longer than the patience.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._fits(job), self._patience):
                raise LedgerError(
                    f"{self._where}: {self._waiting} rows wait for the disk and none was written in"
                    f" {self._patience} s; nothing was stored: try again later, and look at the disk"
                )
            if self._closed:
                raise LedgerError(f"{self._where}: the ledger is closed; open it again")
            self._jobs.append(job)
            self._waiting += job.size
            self._changed.notify_all()

    def close(self) -> None:
        """Writes what is queued and closes the connection; waits for both."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _fits(self, job: Job) -> bool:
        return not self._waiting or self._waiting + job.size <= self._room

    def _run(self) -> None:
        pen = Pen(self._connection)
        while batch := self._take():
            self._commit(pen, batch)
            with self._changed:
                self._waiting -= sum(job.size for job in batch)
                self._changed.notify_all()
        self._connection.close()
        self._release()

    def _take(self) -> list[Job]:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            batch = list(self._jobs)
            self._jobs.clear()
        return batch

    def _commit(self, pen: Pen, batch: list[Job]) -> None:
        """Writes a batch; this is the one place that turns any failure into the error of a receipt."""
        refused: dict[Job, AutotrophError] = {}
        written: dict[Job, tuple[int, ...]] = {}
        try:
            pen.begin()
            for job in batch:
                try:
                    written[job] = job.write(pen)
                except AutotrophError as error:
                    refused[job] = error
            pen.commit()
        except Exception as error:  # noqa: BLE001 - the supervisor: nothing may leave a receipt waiting
            _LOG.exception("%s: %d appends were not written", self._where, len(batch))
            self._abandon(pen)
            written, refused = {}, dict.fromkeys(batch, self._failure(error))
        for job, outcome in written.items():
            job.outcome.set_result(outcome)
        for job, refusal in refused.items():
            job.outcome.set_exception(refusal)

    def _abandon(self, pen: Pen) -> None:
        try:
            pen.abandon()
        except apsw.Error:
            _LOG.exception("%s: the failed transaction could not be taken back", self._where)

    def _failure(self, error: Exception) -> LedgerError:
        failure = LedgerError(
            f"{self._where}: writing failed ({type(error).__name__}: {error}); nothing of this append was"
            " stored: see to the disk, then send it again"
        )
        failure.__cause__ = error
        return failure
