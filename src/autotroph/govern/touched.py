"""Decisions of others that an erasure touched: what they were worth is found again by the next cycle.

What an erased person said about somebody else's decision, in a session with others or about another person
had counted there. So these decisions are remembered before the first row goes, until a cycle has valued them
again: by their ledger sequences, which say nothing about anybody.
"""

import json
from collections.abc import Iterable

import msgspec

from autotroph.store import Reader, Store

PLACE = "touched"

_WITH = """
SELECT d.sequence FROM decisions AS m CROSS JOIN decisions AS d ON d.session = m.session
WHERE m.user IN (SELECT value FROM json_each(:users)) AND m.session <> ''
  AND d.user NOT IN (SELECT value FROM json_each(:users))"""
_OF = """
SELECT d.sequence FROM signals AS s CROSS JOIN decisions AS d ON {}
WHERE s.user <> '' AND s.user IN (SELECT value FROM json_each(:users)) AND s.about = '{}'
  AND d.user NOT IN (SELECT value FROM json_each(:users))"""
_TOUCHED = (
    _WITH,
    _OF.format("d.id = s.subject", "decision"),
    _OF.format("d.shadows = s.subject AND d.shadows <> ''", "decision"),
    _OF.format("d.session = s.subject AND d.session <> ''", "session"),
    _OF.format("d.user = s.subject AND d.user <> ''", "user"),
)
"""Those who shared a session with them, and those about whom they said something."""


def touched(reader: Reader) -> tuple[int, ...]:
    """The sequences of the decisions that wait for being valued again; some may be gone by now."""
    kept = reader.meta(PLACE)
    return msgspec.json.decode(kept, type=tuple[int, ...]) if kept else ()


def touch(store: Store, users: Iterable[str]) -> None:
    """Remember whom an erasure of these users touches; to be called before their rows go."""
    found, named = set(touched(store)), {"users": json.dumps(list(users))}
    for sql in _TOUCHED:
        found.update(msgspec.convert([row[0] for row in store.query(sql, named).rows], list[int]))
    if found:
        store.set_meta(PLACE, json.dumps(sorted(found)))


def settle(store: Store) -> None:
    """All of them were valued again."""
    if store.meta(PLACE):
        store.set_meta(PLACE, "")
