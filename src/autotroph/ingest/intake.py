"""What arrives, made into rows and stored: stamped, checked, and told apart from what was said before."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from autotroph.clock import Clock, digest
from autotroph.errors import AutotrophError, Conflict, InputError, LedgerError, Overloaded
from autotroph.govern.custody import Custody
from autotroph.ingest.arrivals import DecisionIn, SignalIn, decision_of, import_key, signal_of
from autotroph.ingest.stamping import check_ids, derived_key, stamp_signal
from autotroph.records import Decision, Fold, Record, Signal, Value, canonical
from autotroph.spec import Spec
from autotroph.store import Receipt, Store

K = TypeVar("K")
V = TypeVar("V")
RECENT = 4096
"""Decisions and signals remembered until the ledger surely has them."""

_FOLDS = {
    "decision": "SELECT w.value, d.fold FROM json_each(?) AS w JOIN decisions AS d ON d.id = w.value",
    "session": """SELECT w.value, (SELECT d.fold FROM decisions AS d WHERE d.session = w.value LIMIT 1)
                  FROM json_each(?) AS w""",
    "user": """SELECT w.value, (SELECT d.fold FROM decisions AS d WHERE d.user = w.value LIMIT 1)
               FROM json_each(?) AS w""",
}

Rows = tuple[Record, ...]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an arrival.

    Attributes:
        status: stored now, known from before, or refused.
        id: of the decision or signal; empty where it was refused.
        sequence: its place in the ledger; 0 where it was refused.
        reason: why it was refused.
        first: what came first under the same key, where that is why.
    """

    status: Literal["stored", "known", "refused"]
    id: str = ""
    sequence: int = 0
    reason: str = ""
    first: dict[str, Any] = {}


class Intake:
    """Takes what comes from outside, by one declaration, into one ledger. Any thread may call it."""

    def __init__(self, spec: Spec, clock: Clock, store: Store, custody: Custody, salt: str) -> None:
        self._spec, self._clock, self._salt = spec, clock, salt
        self._store, self._custody = store, custody
        self._folds: OrderedDict[str, Fold] = OrderedDict()
        self._said: OrderedDict[tuple[str, str], tuple[str, str, str]] = OrderedDict()
        self._by_user = any(task.unit == "user" for task in spec.tasks.values())

    def decided(self, decision: Decision) -> None:
        """Note a decision that the ledger may not have yet."""
        _remember(self._folds, decision.id, decision.fold)

    def signal(self, name: str, subject: str, value: Any, **given: Any) -> Receipt:
        """Store one signal without waiting for the disk; `given` as for `stamp_signal`."""
        ids = {"user": given.get("user", ""), "key": given.get("key", "")}
        check_ids(subject=subject, **ids)
        given |= {what: self._custody.called(id_) for what, id_ in ids.items()}
        subject = self._custody.called(subject)
        signal = stamp_signal(self._spec, self._clock, name, subject, value, **given)
        if not given.get("key") and given.get("at") is None:
            signal = self._after_the_last(signal)
        folds = self._folds_of([signal])
        return self._store.append(self._custody.admit(_with_fold(signal, folds)))

    def take(
        self, arrivals: Sequence[SignalIn | DecisionIn], *, verified: bool, patience: float | None
    ) -> list[Outcome]:
        """Store each arrival or refuse it, and wait until what was stored is on disk.

        Args:
            arrivals: in the order in which they came.
            verified: whether a server-side key vouches for the users that they name.
            patience: for how many seconds to wait for the disk, at most; None: as long as it takes.

        Raises:
            Overloaded: the ledger takes nothing for now; none of them is acknowledged.
            LedgerError: the ledger cannot be written; none of them is acknowledged.
        """
        if patience is not None and (fault := self._store.fault()):
            raise Overloaded(f"{fault}; nothing was stored: send it again later")
        now = self._clock.now()
        made = [self._rows(one, now, verified=verified) for one in arrivals]
        folds = self._folds_of(row for rows in made if isinstance(rows, tuple) for row in rows)
        admitted = [self._admitted(rows, folds) for rows in made]
        return self._stored(admitted, patience)

    # making ------------------------------------------------------------------------------------------

    def _rows(self, arrival: SignalIn | DecisionIn, now: float, *, verified: bool) -> Rows | AutotrophError:
        arrival = self._called(arrival)
        try:
            if isinstance(arrival, DecisionIn):
                decision, completion, signals = decision_of(
                    self._spec,
                    self._clock,
                    arrival,
                    salt=self._salt,
                    verified=verified,
                    at=self._first_time(arrival, now),
                )
                self.decided(decision)
                return (decision, completion, *signals)
            signal = signal_of(self._spec, self._clock, arrival, verified=verified)
            return (signal if arrival.key or arrival.at is not None else self._after_the_last(signal),)
        except AutotrophError as error:
            return error

    def _called(self, arrival: SignalIn | DecisionIn) -> SignalIn | DecisionIn:
        """What arrived, by the ids that rows have; what has no key keeps the one that it came with."""
        called = self._custody.called
        names = ("subject",) if isinstance(arrival, SignalIn) else ("id", "session")
        ids = {name: called(getattr(arrival, name)) for name in ("user", "key", *names)}
        if all(getattr(arrival, name) == id_ for name, id_ in ids.items()):
            return arrival
        if isinstance(arrival, DecisionIn):
            ids["key"] = ids["key"] or ids["id"] or digest(canonical(arrival))
        return replace(arrival, **ids)

    def _first_time(self, arrival: DecisionIn, now: float) -> float:
        """When an import was stored first, if nobody says when it was made: sent again, it is the same."""
        known = None if arrival.at is not None else self._store.get(Decision, key=import_key(arrival))
        return known.at if known else now

    def _admitted(
        self, rows: Rows | AutotrophError, folds: Mapping[tuple[str, str], Fold]
    ) -> Rows | AutotrophError:
        if isinstance(rows, AutotrophError):
            return rows
        try:
            return tuple([self._custody.admit(_with_fold(row, folds)) for row in rows])
        except AutotrophError as error:
            return error

    def _after_the_last(self, signal: Signal) -> Signal:
        """Tell a value sent twice, which counts once, from one that was taken back and given again."""
        about, said = (signal.name, signal.subject), _digest(signal.value)
        last = self._said.get(about) or self._last(signal)
        if last is not None:
            before, key, id_ = last
            if before == said:
                return replace(signal, key=key, id=id_)
            key = derived_key(signal.name, signal.subject, signal.value, None, before=key)
            signal = replace(signal, key=key, id=self._clock.new_id("signal", key))
        _remember(self._said, about, (said, signal.key, signal.id))
        return signal

    def _last(self, signal: Signal) -> tuple[str, str, str] | None:
        last = self._store.get(Signal, name=signal.name, subject=signal.subject)
        return (_digest(last.value), last.key, last.id) if last else None

    def _folds_of(self, rows: Iterable[Record]) -> Mapping[tuple[str, str], Fold]:
        """Whose evidence the subjects of signals are: that of their decisions' cluster."""
        subjects = {(row.about, row.subject) for row in rows if isinstance(row, Signal)}
        found: dict[tuple[str, str], Fold] = {
            ("decision", id_): self._folds[id_]
            for about, id_ in subjects
            if about == "decision" and id_ in self._folds
        }
        for about, sql in _FOLDS.items():
            wanted = [id_ for kind, id_ in subjects - found.keys() if kind == about]
            for id_, fold in self._store.query(sql, (json.dumps(wanted),)).rows if wanted else ():
                found[about, str(id_)] = fold or ""  # type: ignore[assignment]
        for about, id_ in subjects:
            if about == "session" and not found.get((about, id_)) and not self._by_user:
                found[about, id_] = self._spec.gate.fold_of(id_, self._salt)
        return found

    # storing -----------------------------------------------------------------------------------------

    def _stored(self, made: Sequence[Rows | AutotrophError], patience: float | None) -> list[Outcome]:
        """All in one append; where one of them is refused by the ledger, each in an append of its own."""
        before = self._store.last()
        good = [rows for rows in made if isinstance(rows, tuple)]
        try:
            receipt = self._store.append(*(row for rows in good for row in rows), patience=patience)
            sequences = iter(receipt.durable(patience))
            found = [tuple(next(sequences) for _ in rows) for rows in good]
        except InputError:
            return self._one_by_one(made, before, patience)
        places, tell = iter(found), _Teller(before)
        return [
            _refused(rows) if isinstance(rows, AutotrophError) else tell(rows, next(places)) for rows in made
        ]

    def _one_by_one(
        self, made: Sequence[Rows | AutotrophError], before: int, patience: float | None
    ) -> list[Outcome]:
        waiting = [
            (rows, rows if isinstance(rows, AutotrophError) else self._append(rows, patience))
            for rows in made
        ]
        tell = _Teller(before)
        return [_waited(rows, receipt, tell, patience) for rows, receipt in waiting]

    def _append(self, rows: Rows, patience: float | None) -> Receipt | AutotrophError:
        try:
            return self._store.append(*rows, patience=patience)
        except InputError as error:
            return error


class _Teller:
    """Tells what is stored now from what was known, also within one batch."""

    def __init__(self, before: int) -> None:
        self._before, self._seen = before, set[int]()

    def __call__(self, rows: Rows, sequences: tuple[int, ...]) -> Outcome:
        row, sequence = rows[0], sequences[0]
        known = sequence <= self._before or sequence in self._seen
        self._seen.add(sequence)
        id_ = row.id if isinstance(row, Decision | Signal) else ""
        return Outcome(status="known" if known else "stored", id=id_, sequence=sequence)


def _waited(
    rows: Rows | AutotrophError, receipt: Receipt | AutotrophError, tell: _Teller, patience: float | None
) -> Outcome:
    if isinstance(rows, AutotrophError):
        return _refused(rows)
    if isinstance(receipt, AutotrophError):
        return _refused(receipt)
    try:
        return tell(rows, receipt.durable(patience))
    except InputError as error:
        return _refused(error)


def _refused(error: AutotrophError) -> Outcome:
    if isinstance(error, LedgerError):
        raise error
    first = error.first if isinstance(error, Conflict) else {}
    return Outcome(status="refused", reason=str(error), first=first)


def _with_fold(row: Record, folds: Mapping[tuple[str, str], Fold]) -> Record:
    if isinstance(row, Signal) and (fold := folds.get((row.about, row.subject))):
        return replace(row, fold=fold)
    return row


def _digest(value: Value) -> str:
    return digest(canonical(value))


def _remember(kept: OrderedDict[K, V], name: K, value: V) -> None:
    kept[name] = value
    if len(kept) > RECENT:
        kept.popitem(last=False)
