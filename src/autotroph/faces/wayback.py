"""The way back of a product: the kill switch and rollbacks by hand, in effect before they are written down.

What takes effect is in memory, and asks neither disk nor cycle. What is written down are the rows of the very
same rollback: at once where the ledger takes rows, else by whoever comes first when it does again, at the
latest the next cycle. In between nothing advances.
"""

import logging
import threading
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from autotroph.clock import Clock
from autotroph.deploy.board import Board
from autotroph.deploy.desk import Desk
from autotroph.deploy.killswitch import Pull, Switch
from autotroph.deploy.retreat import Retreat, Rollback, retreated, settled, target
from autotroph.deploy.standing import Live, Standing
from autotroph.errors import AutotrophError, InputError, UnknownName
from autotroph.records import Entry, Record
from autotroph.rooms import Rooms
from autotroph.spec import LadderSpec, Spec
from autotroph.store import Reader, Store

_LOG = logging.getLogger("autotroph.rollback")

PATIENCE = 2.0
"""Seconds for which whoever rolls back waits for the ledger; it is in effect long before."""

PULLED, RELEASED = "kill switch pulled", "kill switch released"
SWITCH = "the kill switch"


class Served(Protocol):
    """What can be rolled back: a product. `ladder` is as somebody has agreed to it."""

    spec: Spec
    ladder: LadderSpec
    store: Store
    clock: Clock
    rooms: Rooms


class Handled(msgspec.Struct, frozen=True):
    """A task that a switch took back while it is pulled: what it said of it, and the release it went to."""

    said: str
    to: str


def place(spec: Spec, ledger: Reader) -> Path | None:
    """Where the kill switch of a product is; None where its ledger is no file and none is declared."""
    if spec.product.killswitch:
        return Path(spec.source).absolute().parent / spec.product.killswitch
    path = getattr(ledger, "path", None)
    return path.absolute().with_name(f"{path.name}.rollback") if isinstance(path, Path) else None


class WayBack:
    """What serves instead of what the ledger says, and until when.

    Args:
        product: whose.
        turning: held while the ledger is moved on.

    Attributes:
        switch: the kill switch.
    """

    def __init__(self, product: Served, turning: threading.RLock) -> None:
        self._product, self._turning, self._lock = product, turning, threading.RLock()
        self.switch = Switch(place(product.spec, product.store), product.spec.tasks)
        self._retreats: list[Retreat] = []
        self._pull: Pull | None = None
        self._noted = pulled(product.store)
        self._handled = dict(self._noted or {}) if self.switch.look() is not None else {}
        self._writing: threading.Thread | None = None

    # on the hot path ---------------------------------------------------------------------------------

    def stand(self, desk: Desk) -> tuple[Standing, LadderSpec]:
        """What stands for the next decision of a task.

        While its switch is pulled nobody meets anything else, and nothing is explored.
        """
        with self._lock:
            self._look()
            retreat = self._retreat(desk.task)
            still = self._pull is not None and self._pull.covers(desk.task)
        standing = desk.standing
        if retreat is not None or still:
            standing = retreated(standing, retreat.to if retreat is not None else standing.main)
        ladder = self._product.ladder
        return standing, replace(ladder, explore=0.0) if still else ladder

    # by hand -----------------------------------------------------------------------------------------

    def rollback(self, task: str, to: str, by: str) -> Rollback:
        """An earlier release serves again; see `Product.rollback`."""
        rooms = self._product.rooms
        if not task and len(rooms.tasks) != 1:
            raise UnknownName("task", "", rooms.tasks)
        task = task or rooms.tasks[0]
        rooms.spec.reward_of(task)
        if rooms.desks[task].board.standing is None:
            with self._turning:
                rooms.begin(task)
        with rooms.answering, self._lock:
            main = self._main(rooms.desks[task])
            live = target(rooms.desks[task].board, main, to)
            retreat = Retreat(task=task, to=live, by=by, event="rolled back by hand")
            self._retreats.append(retreat)
        return Rollback(
            task=task,
            was=main.release.id,
            release=live.release.id,
            name=live.release.name,
            unrecorded=self._recorded(retreat),
        )

    # while nobody asks -------------------------------------------------------------------------------

    def halted(self) -> str:
        """Why nothing may advance; empty where it may."""
        if self._pull is not None:
            return f"the kill switch {self.switch.path} is pulled"
        if self._retreats:
            tasks = ", ".join(dict.fromkeys(one.task for one in self._retreats))
            return f"what {tasks} went back to is not in the ledger yet"
        return self.switch.fault

    def settle(self) -> None:
        """Write down what is in effect and not in the ledger; a cycle does so first.

        Raises:
            LedgerError: it takes no rows; what is in effect stays.
        """
        with self._turning:
            rooms = self._product.rooms
            with rooms.answering, self._lock:
                self.switch.look()
                self._look()
            while self._retreats:
                rooms.append(*_rows(rooms, self._retreats[0]))
                with self._lock:
                    del self._retreats[0]
            self._note(rooms)

    def attend(self) -> None:
        """Look at the switch, and have written down what is not; never waits."""
        with self._product.rooms.answering, self._lock:
            self._look()
        writing = self._writing is not None and self._writing.is_alive()
        if (self._retreats or self._unnoted()) and not writing and not self._product.store.fault():
            self._writing = self._write()

    # -------------------------------------------------------------------------------------------------

    def _retreat(self, task: str) -> Retreat | None:
        """The newest that is in effect and not in the ledger."""
        return next((one for one in reversed(self._retreats) if one.task == task), None)

    def _main(self, desk: Desk) -> Live:
        """What serves everybody now."""
        retreat = self._retreat(desk.task)
        return retreat.to if retreat is not None else desk.standing.main

    def _look(self) -> None:
        pull = self.switch.glance()
        if pull is self._pull:
            return
        self._pull = pull
        if pull is None:
            _LOG.warning("%s is gone: the loop goes on from what serves now", self.switch.path)
            self._handled = {}
            return
        what = "; ".join(pull.faults) or "what serves is taken back"
        _LOG.error("%s is pulled: %s", self.switch.path, what)
        for task in self._product.rooms.tasks:
            if pull.covers(task):
                self._take_back(self._product.rooms.desks[task], pull.tasks.get(task, ""))

    def _take_back(self, desk: Desk, said: str) -> None:
        """A task goes back once for as long as the switch is pulled, unless it names another release."""
        known = self._handled.get(desk.task)
        if desk.board.standing is None or (known and said in ("", known.said)):
            return
        to, fault = self._meant(desk.board, self._main(desk), said)
        self._handled[desk.task] = Handled(said, to.release.id)
        if self._retreat(desk.task) is not None or not settled(desk.standing, to):
            details = {"fault": fault} if fault else {}
            event = "rolled back by the kill switch"
            retreat = Retreat(task=desk.task, to=to, by=SWITCH, event=event, details=details)
            self._retreats.append(retreat)

    def _meant(self, board: Board, main: Live, said: str) -> tuple[Live, str]:
        """The release that is named; where there is none of that name, what the present one replaced."""
        try:
            return target(board, main, said), ""
        except (UnknownName, InputError) as error:
            _LOG.error("%s: %s", self.switch.path, error)
            return target(board, main, ""), str(error)

    def _recorded(self, retreat: Retreat) -> str:
        """Why a way back is not in the ledger; empty where it is."""
        if not (why := self._product.store.fault()):
            self._write().join(PATIENCE)
            why = self._product.store.fault() or "a cycle is under way: it is written down when that ends"
        return why if any(one is retreat for one in self._retreats) else ""

    def _write(self) -> threading.Thread:
        """In a thread of its own, because a disk may stand still for as long as it likes."""
        writing = threading.Thread(target=self._settled, name="way back", daemon=True)
        writing.start()
        return writing

    def _settled(self) -> None:
        try:
            self.settle()
        except AutotrophError as error:
            _LOG.warning("a way back that is in effect is not in the ledger yet: %s", error)

    def _unnoted(self) -> bool:
        return self._noted != (self._handled if self._pull is not None else None)

    def _note(self, rooms: Rooms) -> None:
        """Journal that the switch was pulled, or that it is not any more."""
        with self._lock:
            pull, handled, unnoted = self._pull, dict(self._handled), self._unnoted()
        if not unnoted:
            return
        if pull is None:
            rooms.append(rooms.entry(SWITCH, RELEASED))
        else:
            tasks = msgspec.to_builtins(handled)
            rooms.append(rooms.entry(SWITCH, PULLED, tasks=tasks, faults=list(pull.faults)))
        self._noted = None if pull is None else handled


def pulled(reader: Reader) -> dict[str, Handled] | None:
    """What the journal says a switch has taken back that is still pulled; None where none is."""
    began, ended = reader.get(Entry, event=PULLED), reader.get(Entry, event=RELEASED)
    if began is None or (ended is not None and ended.sequence > began.sequence):
        return None
    return msgspec.convert(began.details["tasks"], dict[str, Handled])


def _rows(rooms: Rooms, retreat: Retreat) -> list[Record]:
    """The rows of a way back; those that say nothing new are left out."""
    desk, now = rooms.desks[retreat.task], rooms.clock.now()
    to = target(desk.board, desk.standing.main, retreat.to.release.id)
    moves = [] if settled(desk.standing, to) else desk.rollback(to, retreat.by, now)
    named = {"to": to.release.id, "name": to.release.name, **retreat.details}
    return [*moves, rooms.entry(retreat.by, retreat.event, retreat.task, **named)]
