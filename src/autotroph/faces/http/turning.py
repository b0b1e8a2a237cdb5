"""The cycles of a server: a thread that goes round the loop, and that nothing that fails can stop."""

import logging
import threading

from autotroph.errors import AutotrophError
from autotroph.faces.http.shapes import Turned
from autotroph.faces.library import Product

_LOG = logging.getLogger("autotroph.serve")


class Turning:
    """Goes round every so often, and lets go of what has outlived its retention.

    Args:
        product: whose loop.
        every: seconds between two cycles; None for never.
    """

    def __init__(self, product: Product, every: float | None) -> None:
        self._product, self._every = product, every
        self._ended = threading.Event()
        self._turned = Turned(every=every)
        self._thread = threading.Thread(target=self._run, name="cycles", daemon=True)

    @property
    def turned(self) -> Turned:
        """How the last one went."""
        return self._turned

    def begin(self) -> None:
        """Start the thread, unless there are to be no cycles."""
        if self._every is not None:
            self._thread.start()

    def end(self, patience: float) -> None:
        """Begin no other cycle, and wait so many seconds for the one that is on its way."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            try:
                self._product.cycle()
                self._product.retain()
            except Exception as error:  # noqa: BLE001 - whatever a cycle fails with, serving goes on
                self._failed(error)
            else:
                self._turned = Turned(every=self._every, at=self._product.clock.now())

    def _failed(self, error: Exception) -> None:
        """A failed cycle leaves nothing behind; the next one does its work again."""
        failed, now = self._turned.failed + 1, self._product.clock.now()
        known = isinstance(error, AutotrophError)
        _LOG.error("cycle failed (%d in a row): %s", failed, error, exc_info=not known)
        said = f"{type(error).__name__}: {error}"
        self._turned = Turned(every=self._every, at=now, failed=failed, error=said)
