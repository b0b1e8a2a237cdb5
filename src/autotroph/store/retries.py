"""A row whose key or id is there already: the same once more, or another one, which is refused."""

from collections.abc import Iterable
from typing import Any

import msgspec

from autotroph.errors import Conflict
from autotroph.records import Record, canonical
from autotroph.store.codec import IDENTITY, said

SHOWN = 60
"""Characters of a value that a message shows."""


def same_body(first: Record, again: Record) -> int:
    """The sequence of the first row under a key, if the caller says the same now.

    Raises:
        Conflict: the body is another one.
    """
    key = getattr(first, "key", "")
    fields = dict.fromkeys((*said(first), *said(again)))
    if differing := _differing(first, again, fields):
        raise _conflict(
            first,
            f"key {key!r} came before with another body: {differing}",
            "send what differs under a key of its own",
        )
    return first.sequence


def same_fields(first: Record, again: Record) -> int:
    """The sequence of the first row of an id, if the other one is that row.

    Raises:
        Conflict: a field is another one.
    """
    identity = IDENTITY[type(first)]
    fields = [name for name in first.__struct_fields__ if name != "sequence"]
    if differing := _differing(first, again, fields):
        raise _conflict(
            first,
            f"{identity} {getattr(first, identity)!r} is there already with other fields: {differing}",
            f"give the new one its own {identity}",
        )
    return first.sequence


def _differing(first: Record, again: Record, fields: Iterable[str]) -> str:
    """What differs, to be read: JSON keeps apart what Python calls equal (True and 1), and the reverse."""
    pairs = [(name, getattr(first, name), getattr(again, name)) for name in fields]
    return "; ".join(
        f"{name} was {_short(was)}, now {_short(now)}"
        for name, was, now in pairs
        if was != now or canonical(was) != canonical(now)
    )


def _conflict(first: Record, what: str, way_out: str) -> Conflict:
    kind, told = type(first).__name__.lower(), _told(first)
    name = next(iter(told.values()))
    return Conflict(
        f"{kind} {what}; the first one is {name!r} (sequence {first.sequence}) and stands; {way_out}", told
    )


def _told(first: Record) -> dict[str, Any]:
    """The first row as plain values: its id, its sequence, and what was said or, without a key, all of it."""
    identity = IDENTITY[type(first)]
    fields = dict.fromkeys((identity, "sequence", *(said(first) or first.__struct_fields__)))
    return {name: msgspec.to_builtins(getattr(first, name)) for name in fields}


def _short(value: object) -> str:
    text = repr(msgspec.to_builtins(value))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
