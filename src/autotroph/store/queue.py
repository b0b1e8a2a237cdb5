"""What waits to be written: first in, first out, and bounded in rows and in bytes.

Whoever is in a hurry wakes the writer. Who is not would only take the interpreter from those who are at work,
so it wakes nobody who will look soon.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

import msgspec

from autotroph.errors import LedgerError, Overloaded
from autotroph.store.codec import Row
from autotroph.store.pen import Pen
from autotroph.store.receipt import Receipt

MOMENT = 0.005
"""Seconds for which what is in no hurry waits for others at most, and for which a writer looks out for it."""

LONGEST = 30.0
"""No one is asked to come back later than this, in seconds."""


_HURRIEDLY, _CALMLY = True, False


class Job(msgspec.Struct, frozen=True, eq=False):
    """Something to write.

    Attributes:
        rows: to append.
        first: what else is written, before them; None: nothing.
        count: of the rows that it has, adds or takes away.
        size: about how many bytes it is.
        scrub: whether the log is emptied before it is done.
        leisurely: whether it may wait a moment for others, to be synced with them.
        receipt: whom to tell.
    """

    rows: Sequence[Row] = ()
    first: Callable[[Pen], object] | None = None
    count: int = 0
    size: int = 0
    scrub: bool = False
    leisurely: bool = False
    receipt: Receipt = msgspec.field(default_factory=Receipt)

    def write(self, pen: Pen) -> tuple[int, ...]:
        """Write it; the sequences of its rows."""
        if self.first is not None:
            self.first(pen)
        return pen.write(self.rows)


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
        self._jobs = deque[Job]()
        self._bell: SimpleQueue[bool] = SimpleQueue()  # how it is rung
        self._rung = self._dozes = self._closed = False
        self._rows = self._size = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

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
        with self._lock:
            if not (self._fits(job) or self._changed.wait_for(lambda: self._fits(job), patience)):
                again = min(LONGEST, max(1.0, stood()))
                raise Overloaded(
                    f"{self._where}: {self._rows} rows wait for the disk, and none was free for {job.count}"
                    f" more within {patience:g} s; nothing was stored: send it again in {again:.0f} s",
                    again,
                )
            if self._closed:
                raise LedgerError(f"{self._where}: the ledger is closed; open it again")
            self._rows += job.count
            self._size += job.size
            self._jobs.append(job)
            if not job.leisurely:
                self._ring()
            elif self._dozes:
                self._dozes = False
                self._bell.put(_CALMLY)

    def take(self, patience: float | None) -> list[Job] | None:
        """All that is queued; waits for it, and a moment longer where nothing of it is in a hurry.

        Empty after so many seconds of nothing, None at the end.
        """
        if not self._closed:
            self._wait(patience)
        self._rung, batch = False, list[Job]()
        while self._jobs:
            batch.append(self._jobs.popleft())
        return None if self._closed and not batch else batch

    def done(self, batch: list[Job]) -> None:
        """These were written or refused: their room is free again."""
        with self._lock:
            self._rows -= sum([job.count for job in batch])
            self._size -= sum([job.size for job in batch])
            self._changed.notify_all()

    def close(self) -> None:
        """Takes nothing more; what is queued can still be taken out."""
        with self._lock:
            self._closed = True
            self._ring()
            self._changed.notify_all()

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._bell.put(_HURRIEDLY)

    def _wait(self, patience: float | None) -> None:
        """Until somebody is in a hurry, or whoever is not has waited for a moment."""
        if self._hurried(MOMENT) or self._jobs:
            return
        self._dozes = True  # and only then looks again: nobody rings for what came before
        if not self._jobs and not self._hurried(patience) and self._jobs:
            self._hurried(MOMENT)
        self._dozes = False

    def _hurried(self, seconds: float | None) -> bool:
        """Whether somebody in a hurry rings within so many seconds; any ring ends the wait."""
        with suppress(Empty):
            return self._bell.get(timeout=seconds)
        return False

    def _fits(self, job: Job) -> bool:
        """Whether there is any room: a job may be larger than what is left, or it might never get in."""
        free = self._rows < self._room.rows and self._size < self._room.size
        return free or not job.count or self._closed
