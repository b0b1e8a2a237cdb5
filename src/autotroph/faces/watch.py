"""A watch over a product's way back while nobody asks it anything: a thread that looks again and again."""

import logging
import threading
import weakref
from pathlib import Path

from autotroph.clock import Clock
from autotroph.errors import AutotrophError
from autotroph.faces import orders
from autotroph.faces.orders import Answer, Obeyed, Order, Refused
from autotroph.faces.wayback import WayBack

_LOG = logging.getLogger("autotroph.rollback")

TICK = 0.2
"""Seconds between two looks."""


class Watch:
    """Looks at the kill switch and at the orders of other processes, and never waits for a disk.

    It does not keep the product: one that nobody has any more is closed as if there were no watch.

    Args:
        back: the way back.
        ledger: the ledger's file; None where it is none, and nobody can give orders.
        clock: tells orders that are none any more.
    """

    def __init__(self, back: WayBack, ledger: Path | None, clock: Clock) -> None:
        self._back, self._clock = weakref.ref(back), clock
        self._folder = orders.folder_of(ledger) if ledger is not None else None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="way back: watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def look(self, back: WayBack) -> None:
        """Look once."""
        back.attend()
        if self._folder is None:
            return
        for id_, order in orders.taken(self._folder, self._clock.now()):
            said = _obeyed(back, order)
            try:
                orders.answer(self._folder, id_, said)
            except OSError as error:
                _LOG.warning("an order to roll back could not be answered: %s", error)

    def _run(self) -> None:
        while not self._ended.wait(TICK):
            back = self._back()
            if back is None:
                return
            try:
                self.look(back)
            except Exception:  # noqa: BLE001 - the supervisor: whatever it fails with, the watch goes on
                _LOG.exception("the watch failed; it looks again")
            del back


def _obeyed(back: WayBack, order: Order) -> Answer:
    try:
        return Obeyed(done=back.rollback(order.task, order.to, order.by))
    except AutotrophError as error:
        return Refused(reason=str(error))
