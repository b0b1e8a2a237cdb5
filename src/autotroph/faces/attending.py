"""What a product does while its owner is away: freezes, asks of other processes, what waits."""

import threading
from pathlib import Path

from autotroph.clock import Clock
from autotroph.faces import byhand
from autotroph.faces.experimenting import Experimenting
from autotroph.records import Entry
from autotroph.rooms import Rooms
from autotroph.spec import Spec
from autotroph.store import Store
from autotroph.unattended import asking, freezing, waiving
from autotroph.unattended.asking import Approve, Ask, Conclude, Start
from autotroph.unattended.freezing import Freeze, Thaw
from autotroph.unattended.schedule import Waiting
from autotroph.unattended.waiting import waiting
from autotroph.unattended.waiving import Unwaive, Waive


class Attending(Experimenting):
    """The part of a product that stands still when it is told to; see `faces.library.Product`."""

    spec: Spec
    store: Store
    clock: Clock
    rooms: Rooms
    _turning: threading.RLock

    def freeze(
        self, task: str = "", *, until: float | None = None, by: str = "a person", reason: str = ""
    ) -> Entry:
        """Let nothing advance until it is thawed; rollbacks happen all the same.

        Args:
            task: which; all if left out.
            until: when it is over by itself, seconds since the epoch.
            by: who says so, for the journal.
            reason: why, for the journal.

        Raises:
            UnknownName: no such task.
            InputError: `until` lies in the past.
        """
        what = Freeze(task=task, until=until, by=by, reason=reason)
        return freezing.freeze(self.store, self.spec, what, self.clock.now())

    def thaw(self, task: str = "", *, by: str = "a person") -> Entry:
        """Let things advance again: of one task that is frozen, or whatever is.

        Raises:
            UnknownName: no such task.
            InputError: it is not frozen.
        """
        return freezing.thaw(self.store, self.spec, Thaw(task=task, by=by), self.clock.now())

    def waive(self, task: str, *, until: float, by: str = "a person", reason: str = "") -> Entry:
        """Let what chases a task's reward be promoted for a while though it has not earned trust.

        It is for the reward as it is declared now, and takes the place of an earlier waiver.

        Args:
            task: whose reward.
            until: when it is over, seconds since the epoch.
            by: who takes the risk, for the journal.
            reason: why; must be said where the reward was found not to deserve it.

        Raises:
            UnknownName: no such task.
            SpecError: the task has no reward.
            InputError: `until` lies in the past, or a reason is missing.
        """
        with self._turning:
            return waiving.waive(self.rooms, Waive(task=task, until=until, by=by, reason=reason))

    def unwaive(self, task: str, *, by: str = "a person", reason: str = "") -> Entry:
        """End the waiver of a task's reward now.

        Raises:
            UnknownName: no such task.
            SpecError: the task has no reward.
            InputError: it has no waiver.
        """
        with self._turning:
            return waiving.unwaive(self.rooms, Unwaive(task=task, by=by, reason=reason))

    def waiting(self, enough: int = 1) -> Waiting:
        """What a cycle would have to do; of rewards that can be final at most `enough` are counted."""
        with self._turning:
            return waiting(self.rooms, self.clock.now(), enough)

    def heed(self) -> int:
        """Do what was asked for by processes that cannot write; how much that was. A cycle does so first.

        Raises:
            LedgerError: nothing can be written for now; what was asked for is not forgotten.
        """
        path = getattr(self.store, "path", None)
        if not isinstance(path, Path):
            return 0
        with self._turning:
            return asking.heed(asking.folder_of(path), self.store, self._grant, self._refuse)

    def _grant(self, id_: str, ask: Ask) -> None:
        now = self.clock.now()
        match ask:
            case Freeze():
                freezing.freeze(self.store, self.spec, ask, now, id_)
            case Thaw():
                freezing.thaw(self.store, self.spec, ask, now, id_)
            case Approve():
                byhand.approve(self.rooms, ask.candidate, ask.by, id_)
            case Start():
                self.experiment(ask.experiment, by=ask.by, ask=id_, **ask.declared)
            case Waive():
                waiving.waive(self.rooms, ask, id_)
            case Unwaive():
                waiving.unwaive(self.rooms, ask, id_)
            case Conclude():
                self.conclude(ask.experiment, ask.decision, propose=ask.propose, by=ask.by, ask=id_)

    def _refuse(self, id_: str, reason: str) -> None:
        row = self.rooms.entry("loop", asking.IN_VAIN, ask=id_, reason=reason)
        self.store.append(row).durable()

    def _halted(self, task: str) -> str:
        return freezing.halted(self.store, self.spec, task, self.clock.now())
