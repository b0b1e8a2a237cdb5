"""The loop, turned when it is due until it is told to end; what fails is told, journalled and tried again.

Nothing is kept here that counts: a process that is killed at any point leaves what its last append left, and
whoever runs next goes on from there. Who may run is the ledger's to say, because it has one writer.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from autotroph.clock import Clock
from autotroph.errors import AutotrophError, LedgerError
from autotroph.govern.retention import Retained
from autotroph.records import Cycle
from autotroph.rooms import Rooms
from autotroph.spec import RunSpec, Spec
from autotroph.store import Store
from autotroph.store.segments import sync
from autotroph.unattended.schedule import Last, Waiting, backoff, due
from autotroph.unattended.telling import Failed, Turned, happened

_LOG = logging.getLogger("autotroph.run")

LOOK = 1.0
"""Seconds between two looks at what waits, and at what was asked for."""

Tell = Callable[[Turned | Failed], object]


class Loop(Protocol):
    """What is turned: a product."""

    @property
    def spec(self) -> Spec:
        """What is declared."""

    @property
    def store(self) -> Store:
        """Its ledger."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def rooms(self) -> Rooms:
        """The rooms as they are now."""

    def heed(self) -> int:
        """Do what was asked for by processes that cannot write; how much that was."""

    def waiting(self, enough: int) -> Waiting:
        """What a cycle would have to do."""

    def cycle(self) -> Cycle:
        """Once round."""

    def retain(self, now: float) -> Retained:
        """Let go of what has outlived its retention by then."""


class Chore(msgspec.Struct, frozen=True):
    """Something besides cycles that is done from time to time: its name, seconds between two, and how."""

    name: str
    every: float
    do: Callable[[], object]


class Turning(msgspec.Struct, frozen=True, kw_only=True):
    """How the cycles of a process go.

    Attributes:
        every: seconds between two while something comes in; None where there are none.
        at: when the last one ended, seconds since the epoch.
        failed: how many have failed in a row.
        error: what the last one failed with; empty where it did not.
    """

    every: float | None = None
    at: float | None = None
    failed: int = 0
    error: str = ""


class Runner:
    """Turns a loop.

    Args:
        loop: a product, open for writing.
        run: how often.
        tell: is told of each cycle, and of each failure.
        chores: what else there is to do.
        fatal: errors that only a person can mend: they end it.
        ended: is set when it is to end.

    Attributes:
        turning: how it goes.
    """

    def __init__(
        self,
        loop: Loop,
        run: RunSpec,
        tell: Tell = lambda _: None,
        chores: Sequence[Chore] = (),
        *,
        fatal: tuple[type[Exception], ...] = (),
        ended: threading.Event | None = None,
    ) -> None:
        self._loop, self._run, self._tell, self._fatal = loop, run, tell, fatal
        self._chores = dict.fromkeys(chores, -1.0)
        self._ended = ended or threading.Event()
        self._took, self._again, self._fresh = 0.0, 0.0, True
        self.turning = Turning(every=float(run.every))

    def run(self) -> None:
        """Turn the loop whenever it is due, until `end` is called."""
        while not self._ended.is_set():
            self.pause(self.look())

    def end(self) -> None:
        """Begin no other step; any thread, and any handler of a signal, may say so."""
        self._ended.set()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it is to end."""
        self._ended.wait(seconds)

    def look(self) -> float:
        """Do what is due. Returns the seconds after which it is worth looking again."""
        if (left := self._again - self._loop.clock.elapsed()) > 0.0:
            return min(LOOK, left)
        wait = self._supervised("cycle", self._turn)
        for chore in self._chores:
            self._do(chore)
        return LOOK if wait is None else min(LOOK, wait)

    def once(self) -> None:
        """Turn it once now, with all chores; what fails is raised.

        Raises:
            AutotrophError: as `Product.cycle`, and as the chores do.
        """
        self._loop.heed()
        self._cycle()
        for chore in self._chores:
            chore.do()

    def _turn(self) -> float:
        """A cycle, if one is due; else the seconds until then."""
        self._loop.heed()
        if self._fresh:  # whoever ran before may have been killed in the middle of it
            self._retain()
            self._fresh = False
        waiting = self._loop.waiting(self._run.evidence)
        last = Last(self._loop.rooms.last.at, self._took)
        wait = due(self._run, last, waiting, self._loop.clock.now())
        if wait == 0.0 and not self._ended.is_set():
            self._cycle()
        return wait

    def _cycle(self) -> None:
        before, began = self._loop.store.last(), self._loop.clock.elapsed()
        done = self._loop.cycle()
        self._took = self._loop.clock.elapsed() - began
        self._tell(happened(self._loop.store, before, done))
        if not self._ended.is_set():
            self._retain()
        self._well()

    def _retain(self) -> None:
        """As of the last cycle, so that whoever finishes it after a crash lets go of the very same rows."""
        self._loop.retain(self._loop.rooms.last.at)

    def _do(self, chore: Chore) -> None:
        now = self._loop.clock.elapsed()
        if not self._ended.is_set() and now >= self._chores[chore]:
            self._chores[chore] = now + chore.every
            self._supervised(chore.name, chore.do, chore)

    # what fails --------------------------------------------------------------------------------------

    def _supervised(
        self, what: str, do: Callable[[], float | object], chore: Chore | None = None
    ) -> float | None:
        """Do it; None where it failed, which is told and on record."""
        try:
            done = do()
        except self._fatal:
            raise
        except Exception as error:  # noqa: BLE001 - the one supervisor: a model's own code may raise anything
            self._failed(what, error, chore)
            return None
        return done if isinstance(done, float) else 0.0

    def _failed(self, what: str, error: Exception, chore: Chore | None) -> None:
        """A failed cycle leaves nothing behind; the next one does its work again."""
        failed, again = 1, chore.every if chore else 0.0
        said = f"{type(error).__name__}: {error}"
        if chore is None:
            failed = self.turning.failed + 1
            again = backoff(failed)
            self._again = self._loop.clock.elapsed() + again
            self.turning = msgspec.structs.replace(self.turning, failed=failed, error=said)
        known = isinstance(error, AutotrophError)
        shown = (what, failed, error, again)
        _LOG.error("%s failed (%d in a row): %s; again in %g s", *shown, exc_info=not known)
        self._journal(f"{what} failed", failed=failed, error=type(error).__name__)
        self._tell(Failed(what=what, failed=failed, error=said, again=again))

    def _well(self) -> None:
        if failed := self.turning.failed:
            self._journal("cycles go on", failed=failed)
        self.turning = Turning(every=self.turning.every, at=self._loop.clock.now())

    def _journal(self, event: str, **details: object) -> None:
        """Only the kind of an error is on record: a message may say what nobody may keep."""
        row = self._loop.rooms.entry("loop", event, **details)
        try:
            self._loop.store.append(row).durable()
        except LedgerError as error:
            _LOG.error("%s, and the journal cannot say so: %s", event, error)


def chores(loop: Loop, run: RunSpec) -> list[Chore]:
    """What is declared to be done besides cycles."""
    path = getattr(loop.store, "path", None)
    if run.segments is None or not isinstance(path, Path):
        return []
    return [Chore("segments", float(run.segments), lambda: sync(path))]
