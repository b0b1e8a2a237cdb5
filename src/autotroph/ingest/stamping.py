"""What a caller sends, checked against the declaration and stamped; bad input is refused, and not stored."""

import math
from typing import Any

from autotroph.clock import Clock, digest
from autotroph.errors import InputError, UnknownName
from autotroph.records import Signal, Value, canonical
from autotroph.spec import Spec

SOURCES = ("user", "outcome", "annotator", "judge", "system")
LONGEST_ID = 256
_TYPES: dict[str, tuple[type, ...]] = {"boolean": (bool,), "number": (int, float), "text": (str,)}


def stamp_signal(spec: Spec, clock: Clock, name: str, subject: str, value: Any, **given: Any) -> Signal:
    """A signal as the ledger takes it.

    Args:
        spec: declares the signal's type and what it is about.
        clock: gives time and id.
        name: of a declared signal.
        subject: id of the decision, session or user.
        value: of the declared type.
        given: `id`, `key`, `at`, `source`, `user`, `verified`, `fold`, `terms` where they are known.

    Raises:
        UnknownName: no such signal is declared.
        InputError: the value is of another type, or not a finite number, or the subject is empty.
    """
    if name not in spec.signals:
        raise UnknownName("signal", name, spec.signals)
    declared = spec.signals[name]
    if not isinstance(subject, str) or not subject:
        raise InputError(
            f"signal {name!r}: the id of the {declared.about} it is about must be a text, got {subject!r}"
        )
    check_ids(subject=subject, key=given.get("key", ""), user=given.get("user", ""))
    checked = _value(name, declared.type, value)
    source, at = given.get("source", "user"), given.get("at")
    if source not in SOURCES:
        raise UnknownName("source", source, SOURCES)
    key = given.get("key") or derived_key(name, subject, checked, at)
    return Signal(
        id=given.get("id") or clock.new_id("signal", key),
        name=name,
        about=declared.about,
        subject=subject,
        value=checked,
        at=clock.now() if at is None else float(at),
        source=source,
        user=given.get("user", ""),
        verified=given.get("verified", False),
        fold=given.get("fold", ""),
        key=key,
        terms=given.get("terms") or spec.privacy.terms,
    )


def derived_key(name: str, subject: str, value: Value, at: float | None, before: str = "") -> str:
    """The idempotency key of a signal whose sender gave none: what was said, and when if that was said.

    It begins as its subject does, so that the keys of what came together lie together in their index.

    Args:
        name: of the signal.
        subject: what it is about.
        value: what was said.
        at: when, if that was said.
        before: the key of the signal that this one takes back.
    """
    return f"derived/{subject[:24]}/{digest(name, subject, canonical([value, at]), before)[:24]}"


def _value(name: str, kind: str, value: Any) -> Value:
    fits = isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        raise InputError(f"signal {name!r} is declared {kind}; got {type(value).__name__} {value!r:.60}")
    if kind == "number":
        if not math.isfinite(value):
            raise InputError(f"signal {name!r} must be a finite number; got {value}")
        return float(value)
    checked: Value = value
    return checked


def check_ids(**ids: object) -> None:
    """Ids are texts, not too long, and without characters that cannot be seen; an empty one is none."""
    for name, value in ids.items():
        if not isinstance(value, str):
            raise InputError(f"{name} must be a text; got {type(value).__name__} {value!r:.60}")
        if len(value) > LONGEST_ID:
            raise InputError(f"{name} has {len(value)} characters; at most {LONGEST_ID} are taken")
        if not value.isprintable():
            raise InputError(f"{name} {value!r:.60} holds a character that cannot be printed")


def check_inputs(inputs: Any) -> dict[str, Any]:
    """The structured inputs of a decision: a mapping of names to JSON values."""
    if not isinstance(inputs, dict) or not all(isinstance(name, str) for name in inputs):
        raise InputError(f"inputs must be a mapping of names to values; got {type(inputs).__name__}")
    try:
        canonical(inputs)
    except (TypeError, ValueError) as error:
        raise InputError(f"inputs must be JSON values: {error}") from None
    return inputs
