"""How long rows are kept: what has outlived its class goes, and what the ledger has no room for.

Only finished interactions go: decisions whose reward is final, or whose task has none, with everything
that came of them. The file keeps its size, and what went is room for what comes.
"""

import json
from collections.abc import Iterable, Mapping
from math import ceil

import msgspec

from autotroph.govern.persons import sequences
from autotroph.records import Completion, Cycle, Decision, Entry, Record, Reward, Signal
from autotroph.spec import Spec
from autotroph.store import Store

BATCH = 5_000
"""Decisions, and signals, that go in one transaction."""

EVERY = 86_400.0
"""Seconds between two looks at the age of rows, where the first one found something."""

LET_GO = "let go"
FEWEST = 8
"""Decisions that go at least, when the ledger is too large."""

_FINISHED = """
SELECT d.sequence, d.id FROM decisions AS d
 WHERE d.sequence <= :through AND {which}
   AND (d.task NOT IN (SELECT value FROM json_each(:rewarded))
        OR EXISTS (SELECT 1 FROM rewards AS w WHERE w.decision = d.id AND w.final = 1
                      AND w.kind = 'reward'))
 ORDER BY d.sequence LIMIT :batch
"""
_AGED = "d.retention = :class AND d.at < :before"
_SIGNALS = """
SELECT s.sequence FROM signals AS s
 WHERE s.sequence <= :through AND s.retention = :class AND s.at < :before
   AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.id = s.subject AND s.about = 'decision')
 ORDER BY s.sequence LIMIT :batch
"""
_ABOUT: dict[type[Record], str] = {
    Completion: "SELECT sequence FROM completions WHERE decision IN (SELECT value FROM json_each(:ids))",
    Reward: "SELECT sequence FROM rewards WHERE decision IN (SELECT value FROM json_each(:ids))",
    Signal: """SELECT sequence FROM signals
                WHERE about = 'decision' AND subject IN (SELECT value FROM json_each(:ids))""",
}


class Retained(msgspec.Struct, frozen=True):
    """What was let go: rows because of their age, rows because of the ledger's size."""

    aged: int = 0
    oldest: int = 0

    @property
    def rows(self) -> int:
        """Both together."""
        return self.aged + self.oldest


def retain(store: Store, spec: Spec, now: float) -> Retained:
    """Let go of what the declared retention does not keep; nothing where nothing is due.

    Age is looked at once a day. A ledger that is too large goes down to a little less than it may be, so
    that this is rare.

    Args:
        store: the ledger.
        spec: declares classes and the largest size.
        now: seconds since the epoch.
    """
    last = store.get(Cycle)
    if last is None or not (spec.retention.classes or spec.retention.largest):
        return Retained()
    rewarded = json.dumps([name for name, task in spec.tasks.items() if task.reward])
    given: dict[str, str | int | float] = {"through": last.through, "rewarded": rewarded, "batch": BATCH}
    aged, recent = 0, store.get(Entry, event=LET_GO)
    due = recent is None or now >= recent.at + EVERY
    for name, kept in spec.retention.classes.items() if due else ():
        aged += _aged(store, {**given, "class": name, "before": now - float(kept)})
    oldest = _oldest(store, int(spec.retention.largest), given)
    done = Retained(aged, oldest)
    if done.rows:
        details = {"aged": aged, "oldest": oldest}
        store.append(
            Entry(actor="retention", event=LET_GO, subject="rows", details=details, at=now)
        ).durable()
    return done


def _aged(store: Store, given: Mapping[str, str | int | float]) -> int:
    went = 0
    while rows := store.query(_FINISHED.format(which=_AGED), given).rows:
        went += _remove(store, rows)
    while rows := store.query(_SIGNALS, {n: v for n, v in given.items() if n != "rewarded"}).rows:
        gone = tuple(int(sequence) for (sequence,) in rows)  # type: ignore[arg-type]
        store.remove({Signal: gone}).durable()
        went += len(gone)
    return went


def _oldest(store: Store, largest: int, given: Mapping[str, str | int | float]) -> int:
    went = 0
    target = int(largest * 0.95) if store.size() > largest else largest
    while largest and (size := store.size()) > target:
        ((count,),) = store.query("SELECT count(*) FROM decisions").rows
        surplus = ceil(msgspec.convert(count, int) * (size - target) / size)
        batch = min(BATCH, max(FEWEST, surplus))
        rows = store.query(_FINISHED.format(which="1"), {**given, "batch": batch}).rows
        if not rows:
            break
        went += _remove(store, rows)
    return went


def _remove(store: Store, found: Iterable[tuple[object, ...]]) -> int:
    """Remove decisions, given as (sequence, id), with what belongs to them."""
    pairs = msgspec.convert(list(found), list[tuple[int, str]])
    ids = {"ids": json.dumps([id_ for _, id_ in pairs])}
    gone: dict[type[Record], tuple[int, ...]] = {Decision: tuple(sequence for sequence, _ in pairs)}
    gone |= {kind: sequences(store, sql, ids) for kind, sql in _ABOUT.items()}
    store.remove(gone).durable()
    return sum(map(len, gone.values()))
