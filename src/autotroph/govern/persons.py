"""A person's rows: found, handed over, and taken out of the ledger for good.

What belongs to a user: the decisions made for them, served and unseen, with what came of them and what
they were worth; the signals about those, about the user, or from the user; and sessions that are theirs
alone. Candidates, releases, verdicts and the journal hold no person's data.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from autotroph.errors import InputError
from autotroph.govern.custody import Custody, alias
from autotroph.govern.touched import touch
from autotroph.records import Completion, Decision, Entry, Erasure, Record, Reward, Signal
from autotroph.store import Reader, Store

_DECISIONS = """
SELECT sequence, id, session FROM decisions WHERE user <> '' AND user IN (SELECT value FROM json_each(?))
"""
_SESSIONS = """
SELECT DISTINCT w.value FROM json_each(:sessions) AS w WHERE NOT EXISTS (
  SELECT 1 FROM decisions AS d
   WHERE d.session = w.value AND d.user NOT IN (SELECT value FROM json_each(:users)))
"""
_SIGNALS = """
SELECT sequence FROM signals
 WHERE about = 'decision' AND subject IN (SELECT value FROM json_each(:decisions))
    OR about = 'session' AND subject IN (SELECT value FROM json_each(:sessions))
    OR about = 'user' AND subject IN (SELECT value FROM json_each(:users))
    OR user <> '' AND user IN (SELECT value FROM json_each(:users))
"""
_OF_DECISIONS = "SELECT sequence FROM {table} WHERE decision IN (SELECT value FROM json_each(?))"


class Belongings(msgspec.Struct, frozen=True):
    """What is in the ledger of some users: ids, and sequences by kind of row."""

    users: tuple[str, ...]
    decisions: tuple[str, ...]
    sessions: tuple[str, ...]
    rows: dict[type[Record], tuple[int, ...]]

    @property
    def count(self) -> int:
        """How many rows."""
        return sum(map(len, self.rows.values()))


class Erasing(msgspec.Struct, frozen=True):
    """What an erasure did: users that were named, and rows that went."""

    users: int
    decisions: int
    signals: int
    rows: int


def belongings(reader: Reader, users: Sequence[str]) -> Belongings:
    """What the ledger has of these users."""
    mine = json.dumps(users)
    found = reader.query(_DECISIONS, (mine,)).rows
    decisions = tuple(str(id_) for _, id_, _ in found)
    sessions = json.dumps(sorted({str(session) for _, _, session in found if session}))
    alone = tuple(str(id_) for (id_,) in reader.query(_SESSIONS, {"sessions": sessions, "users": mine}).rows)
    about = {"decisions": json.dumps(decisions), "sessions": json.dumps(alone), "users": mine}
    rows: dict[type[Record], tuple[int, ...]] = {
        Decision: tuple(msgspec.convert([row[0] for row in found], list[int])),
        Signal: sequences(reader, _SIGNALS, about),
    }
    for kind, table in ((Completion, "completions"), (Reward, "rewards")):
        rows[kind] = sequences(reader, _OF_DECISIONS.format(table=table), (about["decisions"],))
    return Belongings(tuple(users), decisions, alone, rows)


def named(reader: Reader, users: Sequence[str]) -> list[str]:
    """What rows call these users: their ids, or what stands for them where these give somebody away."""
    others = [alias(one, reader.meta("seed") or "") for one in users]
    if not belongings(reader, others).count:  # as a rule
        return list(users)
    return [*users, *(one for one in others if belongings(reader, [one]).count)]


def export(reader: Reader, user: str) -> Iterator[dict[str, Any]]:
    """Every row of a user as a document with its `kind`, in ledger order by kind."""
    mine = belongings(reader, named(reader, [user]))
    for kind, sequences in mine.rows.items():
        for sequence in sorted(sequences):
            if (row := reader.get(kind, sequence=sequence)) is not None:
                yield {"kind": kind.__name__.lower(), **msgspec.to_builtins(row)}


def erase(store: Store, custody: Custody, users: Sequence[str], by: str, now: float) -> Erasing:
    """Take users out of the ledger: rows, and the bytes of the files that held them.

    From the first moment nothing new about them is stored. Rows and marks go in one transaction, so
    that whoever is marked as erased is erased. What they had said about others, or beside them in a session,
    stops counting: the next cycle values that again. The journal says how many, never who.

    Args:
        store: the ledger.
        custody: what refuses them from now on.
        users: their ids.
        by: who says so, for the journal.
        now: seconds since the epoch.

    Raises:
        InputError: no user is named, or an id is empty.
        LedgerError: it could not be done, or bytes of theirs are left because somebody reads them.
    """
    if not users or not all(users):
        raise InputError("name the users to erase by their ids; none of them may be empty")
    ids = list(dict.fromkeys([*named(store, users), *map(custody.called, users)]))
    custody.shut(custody.mark("user", one) for one in ids)
    store.append().durable()
    mine = _take_out(store, custody, ids, now)
    done = Erasing(
        users=len(users),
        decisions=sum(len(one.decisions) for one in mine),
        signals=sum(len(one.rows[Signal]) for one in mine),
        rows=sum(one.count for one in mine),
    )
    details = {"users": done.users, "decisions": done.decisions, "signals": done.signals}
    store.append(Entry(actor=by, event="erased", subject="users", details=details, at=now)).durable()
    store.scrub()
    return done


def _take_out(store: Store, custody: Custody, users: Sequence[str], now: float) -> list[Belongings]:
    """Remove and mark; once more, until nothing is left that was on its way meanwhile."""
    found: list[Belongings] = []
    while not found or found[-1].count:
        touch(store, users)
        one = belongings(store, users)
        marks = _marks(custody, one, now)
        custody.shut(mark.digest for mark in marks)
        fresh = [mark for mark in marks if not store.get(Erasure, digest=mark.digest)]
        store.remove(one.rows, fresh).durable()
        store.append().durable()
        found.append(one)
    return found


def _marks(custody: Custody, mine: Belongings, now: float) -> list[Erasure]:
    ids = [("user", one) for one in mine.users]
    ids += [("decision", one) for one in mine.decisions]
    ids += [("session", one) for one in mine.sessions]
    return [Erasure(digest=custody.mark(about, id_), about=about, at=now) for about, id_ in ids]  # type: ignore[arg-type]


def sequences(reader: Reader, sql: str, parameters: Any) -> tuple[int, ...]:
    """The first column of what a query finds: sequences."""
    return tuple(msgspec.convert([row[0] for row in reader.query(sql, parameters).rows], list[int]))
