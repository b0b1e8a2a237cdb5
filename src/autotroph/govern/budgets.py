"""Budgets and rate limits: what a request may take is set aside before it is made, and settled after it.

The counters lie in a file beside the ledger, which all processes of a product share: one transaction looks
and sets aside, so no more is ever admitted than fits. Whoever opens the ledger for writing next ends what a
process held when it was killed: there is one writer a ledger, so it is nobody's any more. Where the file
cannot be written, this process goes on counting for itself, from where the file was.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw
import msgspec

from autotroph.clock import Clock
from autotroph.errors import Exhausted
from autotroph.govern.meters import PICO, Amount, Meter, Taken, meters, refusal
from autotroph.records import IMPORTED, canonical
from autotroph.spec import Spec
from autotroph.store import Reader

_LOG = logging.getLogger("autotroph.budgets")

SECONDS = 900.0
"""For how long something is set aside, if nobody says otherwise: longer than an answer may take."""

LARGEST = 2**60
"""Pico-dollars or tokens that one answer counts at most: a million dollars, so that sums have room."""

WAIT_MS = 1_000
"""For how long a process waits for another one that is counting."""

_OPEN, _EXACT, _ASSUMED = 0, 1, 2
"""How far a hold is counted: not yet, by what the ledger says, or as what was set aside."""

PURGE = 1.0
"""Seconds between two looks for what has expired, while nobody is refused."""

T = TypeVar("T")


class _Share(NamedTuple):
    """What is set aside of one counter."""

    subject: str
    what: str
    every: float
    nth: int
    amount: int


class Hold:
    """What is set aside for a request, until it is settled or released; either is done once."""

    __slots__ = ("at", "id", "key", "meters", "most", "open")

    def __init__(self, id_: str, at: float, meters: Sequence[Meter], most: Amount) -> None:
        self.id, self.at, self.meters, self.most = id_, at, tuple(meters), most
        self.key, self.open = 0, True


class Budgets:
    """The counters of a product. Any thread may use them.

    Args:
        path: their file, shared by all processes; None counts in this process only.
        clock: tells which stretch of time it is.
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._clock, self._path, self._purged = clock, path, 0.0
        self._lock = threading.Lock()
        self._db = self._opened()
        self._earlier = self._do(lambda db: int(str(db.execute(_NEWEST).get)))

    def reserve(
        self,
        id_: str,
        meters: Sequence[Meter],
        most: Amount,
        seconds: float = SECONDS,
        at: float | None = None,
    ) -> Hold:
        """Set aside what a request may take, of all meters or of none.

        Args:
            id_: of the decision that is made, by which the ledger knows what it took: once for all that a
                cascade asks.
            meters: what it is counted against.
            most: what it takes at most; what it takes in fact may not be more.
            seconds: after which it is over, whatever became of it: more than its timeouts allow.
            at: when the decision was made, which says of which stretch of time it is; now if left out.

        Raises:
            Exhausted: it does not fit; with when it may.
        """
        now = self._clock.now()
        hold = Hold(id_, now if at is None else at, meters, most)

        def look(db: apsw.Connection) -> None:
            if now >= self._purged + PURGE:
                self._purge(db, now)
            if _refused(db, hold):
                self._purge(db, now)
                if refused := _refused(db, hold):
                    raise max(refused, key=lambda one: one.until)
            shares = _shares(hold)
            for one in shares:
                _count(db, one, 0, one.amount)
            row = (id_, now + seconds, canonical(shares).decode())
            db.execute("INSERT INTO holds (id, expires, counted, shares) VALUES (?, ?, 0, ?)", row)
            hold.key = db.last_insert_rowid()

        if hold.meters:
            self._do(look)
        return hold

    def settle(self, hold: Hold, took: Amount) -> None:
        """Count what a request took, once its completion is on disk or is known never to get there.

        What nobody knows of it is counted as what was set aside.

        Args:
            hold: what was set aside.
            took: in fact.
        """

        def known(share: _Share) -> int:
            found = took.of(share.what)
            return share.amount if found is None else found

        self._end(hold, known)

    def release(self, hold: Hold) -> None:
        """Give back what was set aside: nothing was asked, and nothing will be in the ledger."""
        self._end(hold, lambda _: 0)

    def taken(self, meters: Iterable[Meter]) -> list[Taken]:
        """What is counted at present."""
        now = self._clock.now()

        def look(db: apsw.Connection) -> list[Taken]:
            self._purge(db, now)
            return [_taken(db, meter, now) for meter in meters]

        return self._do(look)

    def reconcile(self, reader: Reader, spec: Spec) -> None:
        """Count what the ledger has and the counters have not: whoever opens the ledger for writing asks.

        What others held before this was opened is ended. The ledger says what some of it took. The rest has
        no completion and never will: its process has ended, or given up the ledger. Whether anybody was
        asked, and how far the answer came, nobody knows; upstreams charge also for what nobody heard to its
        end. A budget is hard, so it is counted as what was set aside: it may have taken less, never more.

        Args:
            reader: of the ledger.
            spec: the declaration.
        """
        now = self._clock.now()

        def count(db: apsw.Connection) -> None:
            _finish(db, reader)
            db.execute("DELETE FROM counters WHERE (nth + 2) * every < ?", (now,))
            for name in spec.tasks:
                for meter in meters(spec, name):
                    missing = _in_ledger(reader, name, meter, now) - _taken(db, meter, now).used
                    _count(db, _share(meter, now, 0), max(missing, 0), 0)
            _assume(db, self._earlier)

        self._do(count)

    def close(self) -> None:
        """Let go of the file. Closing twice does nothing."""
        with self._lock:
            self._db.close()

    # -------------------------------------------------------------------------------------------------

    def _end(self, hold: Hold, took: Callable[[_Share], int]) -> None:
        with self._lock:
            begun, hold.open = hold.open, False
        if begun and hold.meters:
            self._do(lambda db: _count_ended(db, hold, took))

    def _purge(self, db: apsw.Connection, now: float) -> None:
        """What has expired is set aside no longer."""
        self._purged = now
        gone = "DELETE FROM holds WHERE expires <= ? RETURNING counted, shares"
        for counted, shares in db.execute(gone, (now,)).fetchall():
            for one in () if counted else _SHARES.decode(str(shares)):
                _count(db, one, 0, -one.amount)

    def _do(self, act: Callable[[apsw.Connection], T]) -> T:
        with self._lock:
            try:
                return _whole(self._db, act)
            except apsw.ConnectionClosedError:
                raise
            except apsw.Error as error:
                if self._path is None:
                    raise
                self._db = self._alone(error, self._db)
            return _whole(self._db, act)

    def _opened(self) -> apsw.Connection:
        if self._path is None:
            return _made(apsw.Connection(":memory:"))
        try:
            return _made(apsw.Connection(str(self._path)))
        except (apsw.NotADBError, apsw.CorruptError) as error:
            _LOG.warning(
                "%s: the counters are damaged (%s), and begin anew from the ledger", self._path, error
            )
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            return _made(apsw.Connection(str(self._path)))
        except apsw.Error as error:
            return self._alone(error, None)

    def _alone(self, error: apsw.Error, before: apsw.Connection | None) -> apsw.Connection:
        """Counters of this process alone, from where the file was, if it can still be read."""
        _LOG.error("%s: counted in this process only from now on: %s", self._path, error)
        memory, self._path = apsw.Connection(":memory:"), None
        if before is not None:
            try:
                with memory.backup("main", before, "main") as copy:
                    copy.step()
            except apsw.Error as lost:
                _LOG.warning("what was counted before cannot be read: %s", lost)
        return _made(memory)


def beside(ledger: Path) -> Path:
    """Where the counters of a ledger lie."""
    return ledger.with_name(f"{ledger.name}.budgets")


_SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (
  subject TEXT, what TEXT, every REAL, nth INTEGER,
  used INTEGER NOT NULL,            -- for good
  held INTEGER NOT NULL,            -- set aside for what is under way
  PRIMARY KEY (subject, what, every, nth)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,                 -- of the decision
  expires REAL NOT NULL,
  counted INTEGER NOT NULL,         -- 1: by what the ledger says; 2: as what was set aside
  shares TEXT NOT NULL              -- JSON: what is set aside of which counters
) STRICT;
"""


def _made(db: apsw.Connection) -> apsw.Connection:
    """Not synced: a process that dies loses nothing, and after a power cut nothing is under way any more."""
    db.set_busy_timeout(WAIT_MS)
    db.pragma("journal_mode", "WAL")
    db.pragma("synchronous", "OFF")
    _whole(db, lambda one: one.execute(_SCHEMA))
    return db


def _whole(db: apsw.Connection, act: Callable[[apsw.Connection], T]) -> T:
    """What is done is done as a whole, and nobody else counts meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        found = act(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return found


def _shares(hold: Hold) -> list[_Share]:
    return [_share(one, hold.at, hold.most.of(one.what) or 0) for one in hold.meters]


def _share(meter: Meter, at: float, amount: int) -> _Share:
    return _Share(meter.subject, meter.what, meter.every, meter.nth(at), amount)


def _refused(db: apsw.Connection, hold: Hold) -> list[Exhausted]:
    at = hold.at
    found = (refusal(one, _taken(db, one, at), hold.most.of(one.what), at) for one in hold.meters)
    return [one for one in found if one is not None]


def _taken(db: apsw.Connection, meter: Meter, now: float) -> Taken:
    where = "WHERE subject = ? AND what = ? AND every = ? AND nth = ?"
    found = db.execute(f"SELECT used, held FROM counters {where}", _share(meter, now, 0)[:4]).fetchall()
    return msgspec.convert(found[0], Taken) if found else Taken(0, 0)


def _count(db: apsw.Connection, share: _Share, used: int, held: int) -> None:
    used = max(-LARGEST, min(used, LARGEST))
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET used = used + excluded.used, held = held + excluded.held",
        (*share[:4], used, held),
    )


def _count_ended(db: apsw.Connection, hold: Hold, took: Callable[[_Share], int]) -> None:
    """What a hold took is counted instead of what stood for it up to now."""
    counted = db.execute(_ENDED, (hold.key,)).get
    for one in () if counted == _EXACT else _shares(hold):
        before = one.amount if counted == _ASSUMED else 0
        _count(db, one, took(one) - before, -one.amount if counted == _OPEN else 0)


def _finish(db: apsw.Connection, reader: Reader) -> None:
    """What was under way when a process ended, and is in the ledger, is counted by what that says."""
    known: set[object] = set()
    for key, id_, shares in db.execute("SELECT key, id, shares FROM holds WHERE NOT counted").fetchall():
        rows = reader.query(_DONE, (id_,)).rows
        if not rows:
            continue
        took = msgspec.convert(rows[0], Amount)
        db.execute("UPDATE holds SET counted = 1 WHERE key = ?", (key,))
        for one in _SHARES.decode(str(shares)):
            found = took.of(one.what)
            used = one.amount if found is None else found
            _count(db, one, 0 if id_ in known else used, -one.amount)
        known.add(id_)


def _assume(db: apsw.Connection, newest: int) -> None:
    """What others held, and nobody knows what it took, is counted as what was set aside."""
    held = "UPDATE holds SET counted = ? WHERE counted = ? AND key <= ? RETURNING shares"
    for (shares,) in db.execute(held, (_ASSUMED, _OPEN, newest)).fetchall():
        for one in _SHARES.decode(str(shares)):
            _count(db, one, one.amount, -one.amount)


_NEWEST = "SELECT coalesce(max(key), 0) FROM holds"
_ENDED = "DELETE FROM holds WHERE key = ? RETURNING counted"
_SHARES = msgspec.json.Decoder(list[_Share])
_USD = f"CAST(round(c.cost_usd * 1e{PICO}) AS INTEGER)"
_DONE = f"SELECT {_USD}, c.tokens_in + c.tokens_out FROM completions AS c WHERE c.decision = ?"
_SUMS = f"""
SELECT coalesce(sum({_USD}), 0), coalesce(sum(c.tokens_in + c.tokens_out), 0), count(*)
FROM decisions AS d JOIN completions AS c ON c.decision = d.id
WHERE d.task = ? AND d.served = 1 AND d.at >= ? AND d.at < ?
  AND (d.provenance = 'product' OR substr(d.key, 1, {len(IMPORTED)}) <> '{IMPORTED}')"""
"""Whoever names a variant has decided, so such a row is marked as an import; what it took was taken here."""


def _in_ledger(reader: Reader, task: str, meter: Meter, now: float) -> int:
    """What the ledger says was taken of a task in this stretch."""
    until = meter.ends(now)
    found = reader.query(_SUMS, (task, until - meter.every, until)).rows[0]
    return int(str(found[("usd", "tokens", "requests").index(meter.what)]))
