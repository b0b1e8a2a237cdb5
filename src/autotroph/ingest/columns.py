"""Rows of a table to arrivals: which column is which field, and texts to what the declaration means by them.

A field is named by its path: `user`, `output`, `inputs.text`, `signals.accepted`, `options.cards`. A column
fills the field that it was named for, or else the field that has its name. An empty cell says nothing.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec

from autotroph.errors import InputError, UnknownName, suggest
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.reading import read_json, typed
from autotroph.spec import Spec

THUMBS = {
    True: ("up", "+1", "1", "true", "t", "yes", "y", "like", "liked", "good", "positive", "accepted", "👍"),
    False: ("down", "-1", "0", "false", "f", "no", "n", "dislike", "disliked", "bad", "negative", "rejected",
            "👎"),
}  # fmt: skip
"""How tables write yes and no; any case, with or without thumb, thumbs and skin. 0 is no: where it means
"neither", empty those cells first."""

_THUMBS = {word: value for value, words in THUMBS.items() for word in words}
_THUMB_PREFIX = re.compile(r"thumbs?[ _-]?(?=up|down)")
_SKIN = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NESTED = ("inputs", "signals", "options")


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which column fills which field.

    Attributes:
        task: of decisions whose rows do not name one.
        fields: column by path; empty where rows are documents already.
    """

    task: str = ""
    fields: dict[str, str] = {}

    def over(self, names: Iterable[str]) -> "Columns":
        """These columns, and of a table's others those that have the name of a field."""
        there, used = list(names), set(self.fields.values())
        signals = "subject" in (*there, *self.fields) and not (self.task or "task" in (*there, *self.fields))
        kind = SignalIn if signals else DecisionIn
        alike = {name: name for name in there if name not in used and _is_field(name, kind)}
        return msgspec.structs.replace(self, fields={**alike, **self.fields})

    def check(self, header: Collection[str]) -> None:
        """Refuse columns that a table with this header does not have; UnknownName."""
        for column in self.fields.values():
            if column not in header:
                raise UnknownName("column", column, header)


def arrival_of(row: Mapping[str, Any], columns: Columns, spec: Spec) -> SignalIn | DecisionIn:
    """What a row says: a signal if it has a subject, a decision if it has a task.

    Raises:
        InputError: it is neither, or a field cannot be what stands there; the message names it.
        UnknownName: no such task or signal.
    """
    document = _document(row, columns, spec) if columns.fields else dict(row)
    if columns.task and "subject" not in document:
        document.setdefault("task", columns.task)
    if "task" in document:
        return typed(document, DecisionIn)
    if "subject" in document:
        return typed(document, SignalIn)
    known = suggest("", (*DecisionIn.__struct_fields__, *SignalIn.__struct_fields__))
    raise InputError(f"neither a decision (task, …) nor a signal (subject, name, value); {known}")


def read_thumb(value: Any) -> bool:
    """Yes or no, as tables write it.

    >>> [read_thumb(one) for one in ("👍🏽", "Thumbs_Down", 1, "no")]
    [True, False, True, False]
    """
    word = _SKIN.sub("", str(value)).strip().casefold()
    word = _THUMB_PREFIX.sub("", word).removesuffix(".0")
    if word not in _THUMBS:
        raise InputError(f"{value!r:.60} is neither yes nor no; known: {', '.join(_THUMBS)}")
    return _THUMBS[word]


def read_number(value: Any) -> Any:
    """A number that a text writes, with a point and without thousands; other values as they are.

    >>> read_number(" 1.5e3 "), read_number(7)
    (1500.0, 7)
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise InputError(f"{value!r:.60} is no number; write it as 1234.5")
    return int(text) if text.lstrip("+-").isdigit() and abs(number) <= 2**53 else number


def _is_field(name: str, kind: type[msgspec.Struct]) -> bool:
    stem, dot, rest = name.partition(".")
    return stem in kind.__struct_fields__ and (stem in _NESTED and bool(rest) if dot else True)


def _document(row: Mapping[str, Any], columns: Columns, spec: Spec) -> dict[str, Any]:
    said = {path: row.get(column) for path, column in columns.fields.items()}
    said = {path: value for path, value in said.items() if value is not None and value != ""}
    document: dict[str, Any] = {}
    for path, value in said.items():
        stem, _, name = path.partition(".")
        task, signal = said.get("task", columns.task), name if stem == "signals" else said.get("name", "")
        try:
            found = _reader(stem, name, spec, str(task), str(signal))(value)
        except InputError as error:
            raise InputError(f"column {columns.fields[path]!r}: {error}") from None
        if stem in _NESTED:
            found = {**document.get(stem, {}), **({name: found} if name else found)}
        document[stem] = found
    return document


Read = Callable[[Any], Any]


def _reader(stem: str, name: str, spec: Spec, task: str, signal: str) -> Read:
    """How a cell is read for a field: as its path says or, of inputs and signals, as they are declared."""
    if stem == "inputs" and name and task:
        return _TYPES[spec.task(task).context.get(name, "category")]
    if stem == "value" or (stem == "signals" and name):
        if signal not in spec.signals:
            raise UnknownName("signal", signal, spec.signals)
        return _TYPES[spec.signals[signal].type]
    return _FIELDS.get(f"{stem}.*" if name else stem, _read_text)


def _as_it_is(value: Any) -> Any:
    return value


def _read_text(value: Any) -> Any:
    """Numbers of rows and people are texts here."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read_list(value: Any) -> Any:
    return re.split(r"[,;\s]+", value.strip()) if isinstance(value, str) else value


def _read_object(value: Any) -> Any:
    """A cell that holds a JSON document."""
    found = read_json(value.encode()) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise InputError("an object was expected: {…}")
    return found


def _read_moment(value: Any) -> Any:
    return read_number(value) if isinstance(value, str) and _NUMBER.fullmatch(value.strip()) else value


_TYPES: dict[str, Read] = {
    "boolean": read_thumb,
    "number": read_number,
    "text": _read_text,
    "category": _as_it_is,
}
_FIELDS: dict[str, Read] = {
    **dict.fromkeys(("tokens_in", "tokens_out", "cost_usd", "latency_ms", "probability"), read_number),
    **dict.fromkeys(_NESTED, _read_object),
    "options.*": read_number,
    "inputs.*": _as_it_is,
    "learn": read_thumb,
    "purposes": _read_list,
    "at": _read_moment,
}
