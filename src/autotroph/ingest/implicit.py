"""Signals that nobody sends, out of what people did: found by SQL, or in the calls of a conversation.

In each cycle what finds such a signal looks at the sessions that were touched since it did last: by a
decision, its answer, a signal, or because the time of a row came that lay ahead. What is found becomes
ordinary rows, from the system, with the fold and the terms of what they are about; a row that does not
differ from the newest one of its subject is not stored again. A value that changed is another row, and one
that is not found any more is withdrawn by a row of another type than declared, which counts for nothing. So
the newest row of a subject is what one look at the whole history would find now, in whatever order things
came.

It may look at one session only: what lies in others is not there when it runs. A decision without a session
is a session of its own. A row is as free as the least free of its session: where anything there may not be
learned from, neither may it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.clock import Clock, digest
from autotroph.errors import Erased, InputError
from autotroph.govern.custody import Custody
from autotroph.ingest.finders import Finder, Found, finder
from autotroph.ingest.happened import ACTIVE, KNOWN, SHARED, STATE, TOUCHED
from autotroph.ingest.stamping import derived_key, stamp_signal
from autotroph.ingest.traffic.calls import Calls
from autotroph.records import Fold, Signal, Terms, Value
from autotroph.spec import Spec
from autotroph.store import Receipt, SqlValue, Store

WITHDRAWN: dict[str, Value] = {"boolean": "", "number": "", "text": False}
"""By the declared type, a value of another one: it counts for nothing."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How far a signal is: kept in the ledger, so that nothing is left out when the product is opened again.

    Attributes:
        sql: digest of what was declared; another one begins again.
        through: the sequence up to which sessions were looked at.
        at: when.
        ahead: how long after the last moment of a session a row of it was due, at most; None: none lay ahead.
    """

    sql: str
    through: int = 0
    at: float = 0.0
    ahead: float | None = None


class About(msgspec.Struct, frozen=True, array_like=True):
    """What a row is about, as the ledger has it."""

    subject: str
    session: str
    user: str
    verified: bool
    fold: Fold
    terms: Terms
    last: float


class Implicit:
    """The signals of a declaration that nobody sends."""

    def __init__(self, spec: Spec, store: Store, clock: Clock, custody: Custody) -> None:
        declared = {name: one for name, one in spec.signals.items() if one.implicit}
        names, calls = json.dumps(sorted(declared)), Calls(store)
        self._watched = [
            Watched(name, finder(one, store, calls), names, spec, store, clock, custody)
            for name, one in declared.items()
        ]
        self._said: dict[str, str] = {}

    @property
    def failing(self) -> bool:
        """Whether some SQL failed when it ran last."""
        return any(self._said.values())

    def take(self, now: float, again: Sequence[int] = ()) -> dict[str, str]:
        """Bring all of them up to the last row of the ledger.

        Args:
            now: seconds since the epoch.
            again: decisions in whose sessions something is gone, by their sequences.

        Returns:
            by the name of a signal why its SQL failed, if it did and that was not said before.
        """
        found = {one.name: one.take(now, again) for one in self._watched}
        news = {name: why for name, why in found.items() if why and why != self._said.get(name)}
        self._said = found
        return news


class Watched:
    """One of them."""

    def __init__(  # noqa: PLR0913 - what a signal is made with
        self,
        name: str,
        finder: Finder,
        implicit: str,
        spec: Spec,
        store: Store,
        clock: Clock,
        custody: Custody,
    ) -> None:
        self.name, self._declared, self._implicit = name, spec.signals[name], implicit
        self._finder = finder
        self._spec, self._store, self._clock, self._custody = spec, store, clock, custody
        self._mark = self._recall()
        self._ahead: list[tuple[float, str]] = []
        self._reopened = True
        self._written: Receipt | None = None

    def take(self, now: float, again: Sequence[int]) -> str:
        """Look at the sessions that were touched; why that failed, empty if it did not."""
        through = self._store.last()
        sessions = self._touched(now, through, again)
        faults = []
        for start in range(0, len(sessions), self._finder.chunk):
            some = sessions[start : start + self._finder.chunk]
            try:
                self._run(some, now, through)
            except InputError as error:
                faults.append(str(error))
                for session in some:
                    heappush(self._ahead, (now, session))  # looked at again in the next cycle
        self._flush()
        self._mark = replace(self._mark, through=through, at=now)
        if sessions and not faults:
            self._store.set_meta(self._place, msgspec.json.encode(self._mark).decode())
        return faults[0] if faults else ""

    # which sessions ----------------------------------------------------------------------------------

    @property
    def _place(self) -> str:
        return f"implicit/{self.name}"

    def _recall(self) -> Mark:
        sql = digest(self._finder.means, self._declared.type, self._declared.about)
        kept = self._store.meta(self._place)
        mark = msgspec.json.decode(kept, type=Mark) if kept else Mark(sql=sql)
        return mark if mark.sql == sql else Mark(sql=sql)

    def _touched(self, now: float, through: int, again: Sequence[int]) -> list[str]:
        """By rows that came or went, or because the time of a row has come; in the order of the ledger."""
        given: dict[str, SqlValue] = {
            "since": self._mark.through,
            "through": through,
            "implicit": self._implicit,
        }
        found = {str(one): None for (one,) in self._store.query(TOUCHED, given).rows}
        if again:
            found |= {str(one): None for (one,) in self._store.query(SHARED, (json.dumps(again),)).rows}
        if self._reopened and self._mark.ahead is not None:  # what lay ahead is not kept, only how far
            since: dict[str, SqlValue] = {"after": self._mark.at - self._mark.ahead, "through": through}
            found |= {str(one): None for (one,) in self._store.query(ACTIVE, since).rows}
        self._reopened = False
        while self._ahead and self._ahead[0][0] <= now:
            found[heappop(self._ahead)[1]] = None
        return list(found)

    # one statement -----------------------------------------------------------------------------------

    def _run(self, sessions: Sequence[str], now: float, through: int) -> None:
        given: dict[str, SqlValue] = {
            "sessions": json.dumps(sessions),
            "implicit": self._implicit,
            "through": through,
        }
        yielded = self._finder.find(given)
        abouts = {one.subject: one for one in self._abouts(given)}
        found = self._ripe(yielded, abouts, now)
        about = self._declared.about
        before = (_known(self.name, about, row) for row in self._store.query(KNOWN, self._of(abouts)).rows)
        known = {one.subject: one for one in before}
        rows = [row for one in abouts.values() for row in self._row(one, found, known.get(one.subject))]
        if rows:
            self._flush()
            self._written = self._store.append(*rows)

    def _flush(self) -> None:
        """Waits for what was written last, so that one append is on its way while the next one is found."""
        if self._written is not None:
            self._written.durable()
            self._written = None

    def _of(self, abouts: Iterable[str]) -> dict[str, SqlValue]:
        return {"subjects": json.dumps(list(abouts)), "name": self.name, "about": self._declared.about}

    def _abouts(self, given: Mapping[str, SqlValue]) -> Iterator[About]:
        """What rows can be about: the decisions of these sessions, or the sessions."""
        for row in self._store.query(STATE[self._declared.about], given).rows:
            subject, session, user, verified, fold, purposes, learn, region, retention, free, last = row
            terms = _terms(str(purposes), learn and free, str(region), str(retention))
            yield About(str(subject), str(session), str(user), bool(verified), fold, terms, float(last or 0))  # type: ignore[arg-type]

    def _ripe(self, found: Mapping[str, Found], abouts: Mapping[str, About], now: float) -> dict[str, Found]:
        """What is about something that is there, and whose time has come; the rest is remembered."""
        ripe = {}
        for subject, one in found.items():
            if subject not in abouts:
                continue
            if one.at <= now:
                ripe[subject] = one
            else:
                about = abouts[subject]
                heappush(self._ahead, (one.at, about.session))
                self._mark = replace(self._mark, ahead=max(self._mark.ahead or 0.0, one.at - about.last))
        return ripe

    def _row(self, about: About, found: Mapping[str, Found], known: Signal | None) -> Iterator[Signal]:
        """The row to be stored about a subject, if there is anything new to say."""
        one = found.get(about.subject)
        if one is None:
            if known is not None and self._fits(known.value):
                yield self._withdrawing(known)
            return
        user = one.user or about.user
        given: dict[str, Any] = {
            "at": one.at, "user": user, "verified": about.verified and user == about.user,
            "source": "system", "fold": about.fold, "terms": about.terms,
        }  # fmt: skip
        value = _typed(self._declared.type, one.value)
        unkeyed = {"id": "found", "key": "found", **given}  # it gets its own when it is known to be new
        signal = stamp_signal(self._spec, self._clock, self.name, about.subject, value, **unkeyed)
        try:
            signal = self._custody.admit(signal)
        except Erased:
            return
        if known is None or _said(known) != _said(signal):
            yield self._after(signal, known)

    def _withdrawing(self, known: Signal) -> Signal:
        return self._after(replace(known, sequence=0, value=WITHDRAWN[self._declared.type]), known)

    def _after(self, signal: Signal, known: Signal | None) -> Signal:
        """With a key that says what it comes after, so that a value that comes back is another row."""
        before = known.key if known is not None else ""
        key = derived_key(signal.name, signal.subject, signal.value, signal.at, before=before)
        return replace(signal, key=key, id=self._clock.new_id("signal", key))

    def _fits(self, value: Value) -> bool:
        return isinstance(value, str) == (self._declared.type == "text")


def _typed(type_: str, value: SqlValue) -> SqlValue:
    """SQLite knows no booleans."""
    return bool(value) if type_ == "boolean" and value in (0, 1) else value


def _said(signal: Signal) -> tuple[object, ...]:
    return signal.value, signal.at, signal.user, signal.verified, signal.fold, signal.terms


def _known(name: str, about: Any, row: Sequence[Any]) -> Signal:
    """The newest row about a subject, out of the columns of KNOWN."""
    subject, key, type_, number, text, at, user, verified, fold, *terms = row
    value: Value = str(text or "") if type_ == "text" else float(number)
    return Signal(
        id="", name=name, about=about, subject=subject, value=bool(value) if type_ == "boolean" else value,
        at=at, source="system", user=user, verified=bool(verified), fold=fold, key=key, terms=_terms(*terms),
    )  # fmt: skip


@lru_cache(1024)
def _terms(purposes: str, learn: object, region: str, retention: str) -> Terms:
    agreed = tuple(json.loads(purposes))
    return Terms(purposes=agreed, learn=bool(learn), region=region, retention=retention)
