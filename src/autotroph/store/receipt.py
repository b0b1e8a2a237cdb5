"""What an append hands back at once: a promise that its rows will be on disk."""

import logging
import threading
from collections.abc import Callable

from autotroph.errors import AutotrophError, LedgerError

_LOG = logging.getLogger(__name__)

_KNOWING = threading.Lock()
"""Held for the moment in which something becomes known; one for all receipts, as a lock each costs more."""


class Receipt:
    """A promise that becomes true when the rows are on disk, or is broken; only the store says which."""

    __slots__ = ("_error", "_sequences", "_then")

    def __init__(self) -> None:
        self._sequences: tuple[int, ...] | None = None
        self._error: AutotrophError | None = None
        self._then: list[Callable[[], object]] = []

    def durable(self, timeout: float | None = None) -> tuple[int, ...]:
        """Waits until the rows are synced to disk; their sequences, in the order they were given.

        A row that had been stored before has the sequence of the first one.

        Raises:
            Conflict: a key or an id came before with another body; nothing of this append was stored.
            LedgerError: it could not be written, or `timeout` seconds passed and it is not known yet.
        """
        if not self._known:
            known = threading.Event()
            self.when_known(known.set)
            if not known.wait(timeout):
                raise LedgerError(
                    f"not on disk after {timeout} s, and it may still get there: ask this receipt again,"
                    " or send the same rows with their idempotency keys"
                )
        if self._sequences is None:
            raise self._error or LedgerError("it was not written")
        return self._sequences

    def failure(self) -> AutotrophError | None:
        """Why the rows were not stored, if that is known by now."""
        return self._error

    def when_known(self, then: Callable[[], object]) -> None:
        """Calls `then`, in whatever thread finds out, once the rows are on disk or never will be."""
        with _KNOWING:
            if not self._known:
                self._then.append(then)
                return
        _call(then)

    def if_it_fails(self, then: Callable[[], object]) -> None:
        """Calls `then`, in whatever thread finds out, if the rows are not stored."""
        self.when_known(lambda: then() if self._error is not None else None)

    def settle(self, outcome: tuple[int, ...] | AutotrophError) -> None:
        """For the store: the sequences of what is on disk now, or why it is not; once."""
        with _KNOWING:
            if isinstance(outcome, AutotrophError):
                self._error = outcome
            else:
                self._sequences = outcome
            waiting, self._then = self._then, []
        for then in waiting:
            _call(then)

    @property
    def _known(self) -> bool:
        return self._sequences is not None or self._error is not None


def _call(then: Callable[[], object]) -> None:
    """Tell somebody; what they make of it is their affair, and others wait to be told."""
    try:
        then()
    except Exception:  # noqa: BLE001 - theirs may be any, and it is logged
        _LOG.exception("who waited for rows could not be told what became of them")
