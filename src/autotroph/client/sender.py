"""The thread that sends what is buffered: a loop around the state machine, and the ends that it has to meet.

It lives as long as there is something to send, and is not waited for when the process ends; what is buffered
then is sent by whoever ends it. A forked process begins with an empty buffer: what was in it is the parent's.
"""

import atexit
import logging
import math
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable

from autotroph.client.answers import Refused, Stats
from autotroph.client.bell import Bell
from autotroph.client.connections import Connections
from autotroph.client.delivery import Delivery, Limits
from autotroph.client.exchange import LEAST, LINES, Lost, Outcome, Request
from autotroph.client.pace import luck_of
from autotroph.client.server import SIGNALS
from autotroph.clock import Clock
from autotroph.errors import InputError, LedgerError, Overloaded

_LOG = logging.getLogger("autotroph.client")
ATTEMPT = 15.0
"""Seconds that a batch waits for its answer; a server waits 10 for its disk."""

IDLE = 5.0
"""Seconds without anything to send after which the thread ends; the next signal begins another."""

TOLD = 1000
"""Refused signals that are kept to be looked at; all of them are reported."""

OnRefused = Callable[[Refused], object]


class Sender:
    """Sends signals in the background, in their order, until the server has acknowledged them.

    Args:
        connections: to the server; closed with this.
        clock: gives time and luck.
        limits: of what is held and sent.
        patience: seconds to wait at the end of the process.
        on_refused: called with each signal that is given up, in the thread that learned of it.
    """

    def __init__(
        self,
        connections: Connections,
        clock: Clock,
        limits: Limits,
        patience: float,
        on_refused: OnRefused | None,
    ) -> None:
        self.limits, self.patience = limits, patience
        self._connections, self._url = connections, connections.place.url
        self._clock, self._on_refused = clock, on_refused
        self._luck = luck_of(clock)
        self._kept: deque[Refused] = deque(maxlen=TOLD)
        self._closed = False
        self._begin()
        _SENDERS.add(self)

    def _begin(self) -> None:
        """Everything that a forked process must not share with its parent."""
        self._delivery = Delivery(self.limits, self._luck, self._url)
        self._lock = threading.RLock()  # a signal handler may send, too
        self._work, self._moved = threading.Condition(self._lock), Bell()
        self._thread: threading.Thread | None = None
        self._told = 0

    @property
    def stats(self) -> Stats:
        """How the buffer is."""
        with self._lock:
            return self._delivery.stats

    @property
    def refused(self) -> list[Refused]:
        """The signals that were given up, the latest of very many."""
        return list(self._kept)

    def offer(self, line: bytes) -> bool:
        """Take a signal if there is room for it.

        Raises:
            InputError: it is too long for the whole buffer.
            LedgerError: this is closed.
        """
        with self._lock:
            return self._offered(line)

    def put(self, line: bytes, patience: float) -> None:
        """Take a signal, and wait so many seconds for room.

        Raises:
            InputError: it is too long for the whole buffer.
            LedgerError: this is closed.
            Overloaded: there is no room, and the signal was not taken.
        """
        if not self._moved.wait_for(lambda: self.offer(line), patience):
            raise self.overloaded(patience)

    def hurry(self) -> int:
        """Have everything sent now; it is, when `settled` says so of the result."""
        with self._lock:
            through = self._delivery.hurry()
            self._wake()
            self._work.notify()
            return through

    def settled(self, through: int) -> bool:
        """Whether the signals up to one are all acknowledged, or given up and reported."""
        return self._told >= through

    def flush(self, timeout: float) -> None:
        """Have everything sent, and wait for it.

        Raises:
            LedgerError: not all of it is settled in time; it is still tried.
        """
        through = self.hurry()
        if self._thread is not None:
            self._moved.wait_for(lambda: self.settled(through), timeout)
        if self._thread is None and not self.settled(through):  # too late for a thread: the process ends
            self._thread = threading.current_thread()
            self._run(self._clock.elapsed() + timeout)
        if not self.settled(through):
            raise self.late(timeout)

    def close(self, timeout: float) -> None:
        """Have everything sent, wait for it, and end.

        Raises:
            LedgerError: something was left; each signal of it was reported.
        """
        try:
            self.flush(timeout)
        finally:
            self.end()

    def end(self) -> None:
        """Take nothing more, and give up what is left."""
        with self._lock:
            self._closed = True
            lost = self._delivery.forget(self._unsent())
        self._report(lost)
        self._connections.close()

    def overloaded(self, patience: float) -> Overloaded:
        """Why a signal was not taken."""
        stats = self.stats
        return Overloaded(
            f"{stats.pending:,} signals ({stats.pending_bytes:,} bytes) wait for {self._url}, and there was"
            f" no room within {patience:g} s ({stats.trouble or 'it is slower than we are'}); this one was"
            " not taken: give it again later"
        )

    def late(self, timeout: float) -> LedgerError:
        """Why not everything is settled."""
        stats = self.stats
        why = stats.trouble or "no answer yet"
        return LedgerError(f"signals not acknowledged after {timeout:g} s: {stats.pending:,} ({why})")

    # -------------------------------------------------------------------------------------------------

    def _offered(self, line: bytes) -> bool:
        if self._closed:
            raise LedgerError("the client is closed; make another")
        if len(line) >= self.limits.bytes:
            raise InputError(f"a signal of {len(line):,} bytes; the whole buffer has {self.limits.bytes:,}")
        now = self._clock.elapsed()
        taken = self._delivery.offer(line, now)
        self._wake()
        if self._delivery.taken - self._delivery.settled == 1 or self._delivery.due(now) <= 0:
            self._work.notify()
        return taken

    def _wake(self) -> None:
        """See that somebody sends, if there is something to send."""
        alive = self._thread is not None and self._thread.is_alive()
        if alive or self.settled(self._delivery.taken):
            return
        self._thread = threading.Thread(target=self._run, name=f"signals to {self._url}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # the interpreter ends; whoever ends it sends what is left
            self._thread = None
            if error.__context__ is not None:  # or an interrupt came while the thread began
                raise error.__context__ from None

    def _run(self, end: float = math.inf) -> None:
        while batch := self._next(end):
            self._settle(self._sent(batch, end))

    def _next(self, end: float) -> bytes:
        """The next batch, once it is due; none where there is nothing more to do."""
        with self._lock:
            while self._thread is threading.current_thread():  # or another was begun after an interrupt
                now = self._clock.elapsed()
                batch = b"" if now >= end else self._delivery.take(now)
                nothing = self.settled(self._delivery.taken)
                if batch:
                    return batch
                if now >= end or (nothing and (self._closed or end < math.inf)):
                    break
                woken = self._work.wait(min(self._delivery.due(now), IDLE, end - now))
                if nothing and not woken and self.settled(self._delivery.taken):
                    break
            else:
                return b""
            self._thread = None
            return b""

    def _sent(self, batch: bytes, end: float) -> Outcome:
        timeout = max(LEAST, min(ATTEMPT, end - self._clock.elapsed()))
        try:
            return self._connections.send(
                Request(path=SIGNALS, body=batch, media_type=LINES, timeout=timeout)
            )
        except Exception as error:  # noqa: BLE001 - the supervisor: a batch must not stay on its way for ever
            return Lost(f"{type(error).__name__}: {error}")

    def _settle(self, outcome: Outcome) -> None:
        with self._lock:
            if self._closed:
                return
            well = self._delivery.trouble is None
            refused = self._delivery.settle(outcome, self._clock.elapsed())
            trouble = self._delivery.trouble
        if trouble and well:
            _LOG.warning("%s; signals are kept and sent again", trouble)
        self._report(refused)

    def _report(self, refused: list[Refused]) -> None:
        """Tell what was given up; only then are those woken who wait for it."""
        self._kept.extend(refused)
        if self._on_refused is not None:
            for one in refused:
                self._tell(self._on_refused, one)
        elif refused:
            _LOG.error("signals given up: %d; the first, because %s", len(refused), refused[0].error)
        with self._lock:
            self._told = self._delivery.settled
            self._work.notify_all()
        self._moved.ring()

    def _tell(self, on_refused: OnRefused, refused: Refused) -> None:
        try:
            on_refused(refused)
        except Exception:  # noqa: BLE001 - what somebody else's code does must not stop the delivery
            _LOG.exception("on_refused failed; it was told: %s", refused.error)

    def _unsent(self) -> LedgerError:
        why = self._delivery.trouble or "no answer yet"
        return LedgerError(
            f"not acknowledged when the client closed ({why}); it may have arrived: sent again with its key,"
            " it counts once"
        )

    def _at_exit(self) -> None:
        try:
            self.close(self.patience)
        except LedgerError as error:
            _LOG.error("at the end of the process: %s", error)


_SENDERS: "weakref.WeakSet[Sender]" = weakref.WeakSet()


def _close_all() -> None:
    for sender in list(_SENDERS):
        sender._at_exit()


def _begin_all() -> None:
    for sender in list(_SENDERS):
        sender._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
