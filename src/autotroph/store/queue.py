"""What waits to be written: first in, first out, and bounded in rows and in bytes."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from autotroph.errors import LedgerError, Overloaded
from autotroph.store.pen import Pen

LONGEST = 30.0
"""No one is asked to come back later than this, in seconds."""


class Job(msgspec.Struct, frozen=True, eq=False):
    """Something to write, how many rows and about how many bytes it is, and where its outcome will be.

    With `scrub`, the log is emptied before it is done.
    """

    write: Callable[[Pen], tuple[int, ...]]
    rows: int
    size: int = 0
    scrub: bool = False
    outcome: Future[tuple[int, ...]] = msgspec.field(default_factory=Future)


class Room(msgspec.Struct, frozen=True):
    """How much may wait, that which is being written included; the last job may reach beyond it."""

    rows: int
    size: int


class Queue:
    """Jobs on their way to the one writer; any thread may put them in.

    Args:
        where: the ledger, for messages.
        room: how much may wait before `put` waits too.
    """

    def __init__(self, where: str, room: Room) -> None:
        self._where, self._room = where, room
        self._jobs: deque[Job] = deque()
        self._rows = self._size = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, job: Job, patience: float, stood: Callable[[], float]) -> None:
        """Queues a job.

        Args:
            job: what to write.
            patience: for how many seconds to wait for room.
            stood: for how many seconds the disk has stood still.

        Raises:
            Overloaded: there was no room in all that time.
            LedgerError: the ledger is closed.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or not job.rows or self._open(), patience):
                again = min(LONGEST, max(1.0, stood()))
                raise Overloaded(
                    f"{self._where}: {self._rows} rows wait for the disk, and no room was free for {job.rows}"
                    f" more within {patience:g} s; nothing was stored: send it again in {again:.0f} s",
                    again,
                )
            if self._closed:
                raise LedgerError(f"{self._where}: the ledger is closed; open it again")
            self._jobs.append(job)
            self._rows += job.rows
            self._size += job.size
            self._changed.notify_all()

    def take(self, patience: float | None) -> list[Job] | None:
        """Everything queued; waits for it. Empty when nothing came in `patience` seconds, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed, patience)
            if self._closed and not self._jobs:
                return None
            batch = list(self._jobs)
            self._jobs.clear()
        return batch

    def done(self, batch: list[Job]) -> None:
        """These were written or refused: their room is free again."""
        with self._changed:
            self._rows -= sum(job.rows for job in batch)
            self._size -= sum(job.size for job in batch)
            self._changed.notify_all()

    def close(self) -> None:
        """Takes nothing more; what is queued can still be taken out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _open(self) -> bool:
        """Whether there is any room: a job may be larger than what is left, or it might never get in."""
        return self._rows < self._room.rows and self._size < self._room.size
