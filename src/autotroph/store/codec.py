"""Records to rows and back, derived from the types of the fields, so that a row is never hand-copied.

| field | columns |
|---|---|
| text, numbers, booleans, bytes | one, of that type; a boolean is 0 or 1 |
| `Terms` | four: purposes, learn, region, retention |
| the value of a signal | three: value_type, value_number (booleans 0/1), value_text |
| `proposals` | one, zlib over msgpack |
| anything nested | one, JSON text, its keys in the order they were given |

Wide columns lie in a table of their own, `<record>_texts`, where a row is only when there is something in it.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from autotroph.clock import digest
from autotroph.errors import InputError, UnknownName
from autotroph.records import (
    CHAINED,
    ROWS,
    Artefact,
    Candidate,
    Completion,
    Cycle,
    Decision,
    Entry,
    Erasure,
    Measurement,
    Proposal,
    Record,
    Release,
    Reward,
    Signal,
    Stage,
    Terms,
    Value,
    Verdict,
    canonical,
)
from autotroph.store.protocols import SqlValue

TABLES: dict[type[Record], str] = {
    Decision: "decisions",
    Completion: "completions",
    Signal: "signals",
    Reward: "rewards",
    Erasure: "erasures",
    Artefact: "artefacts",
    Measurement: "measurements",
    Cycle: "cycles",
    Candidate: "candidates",
    Release: "releases",
    Stage: "stages",
    Verdict: "verdicts",
    Entry: "journal",
}

IDENTITY: dict[type[Record], str] = {
    Decision: "id",
    Completion: "decision",
    Signal: "id",
    Erasure: "digest",
    Artefact: "digest",
    Cycle: "number",
    Candidate: "id",
    Release: "id",
    Verdict: "id",
}
"""The field that no two records of a kind share."""

SAID: dict[type[Record], tuple[str, ...]] = {
    Decision: ("task", "user", "session", "served", "shadows", "provenance", "terms", "inputs"),
    Signal: ("name", "about", "subject", "value", "source", "user", "terms"),
}
"""The body that an idempotency key stands for: what the caller said. What the product made of it (ids,
release, probabilities, the choice, the fold) and when it arrived may differ when it is sent again."""

SAID_OF_IMPORT = (*SAID[Decision], "options", "option")
"""Who brings a decision made elsewhere also says what was chosen, and among what."""

WIDE: dict[type[Record], tuple[str, ...]] = {
    Decision: ("inputs", "proposals"),
    Completion: ("output",),
    Signal: ("value_text",),
}
"""Columns that live in a table of their own, `<record>_texts`, so that facts are read without them."""

NOTHING: frozenset[SqlValue] = frozenset({None, "", "{}", b""})
"""What a wide column holds when there is nothing in it; it reads as a row that is not there does."""

INTEGERS = range(-(2**63), 2**63)


class Cell(msgspec.Struct, frozen=True):
    """A field and the columns that hold it; `plain` ones can be compared in `get` and `scan`."""

    field: str
    columns: tuple[str, ...]
    encode: Callable[[Any], tuple[SqlValue, ...]]
    decode: Callable[..., Any]
    plain: bool = False


class Row(msgspec.Struct, frozen=True):
    """A record as the ledger keeps it.

    Attributes:
        layout: of its kind.
        narrow: the columns of its table, without the sequence.
        wide: the columns apart; none where there is nothing in them.
        body_digest: of its body; empty for kinds without one.
    """

    layout: "Layout"
    narrow: tuple[SqlValue, ...]
    wide: tuple[SqlValue, ...]
    body_digest: str


@dataclass(frozen=True, eq=False)
class Layout:
    """How one kind of record lies in its table; cells with wide columns come last."""

    kind: type[Record]
    table: str
    cells: tuple[Cell, ...]

    @cached_property
    def all_columns(self) -> tuple[str, ...]:
        """The columns of every field, without the sequence."""
        return tuple(column for cell in self.cells for column in cell.columns)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, without the sequence."""
        wide = WIDE.get(self.kind, ())
        return self.all_columns[: len(self.all_columns) - len(wide)]

    @cached_property
    def wide_columns(self) -> tuple[str, ...]:
        """The columns apart."""
        return self.all_columns[len(self.columns) :]

    @cached_property
    def selected(self) -> tuple[str, ...]:
        """What `decode` takes: the sequence, the narrow columns and, where they are read, the wide ones."""
        return ("sequence", *self.all_columns)

    @cached_property
    def transformed(self) -> tuple[Cell, ...]:
        """The cells whose columns are not simply the field."""
        return tuple(cell for cell in self.cells if cell.decode is not _same)

    @cached_property
    def wide_table(self) -> str:
        """The table of the columns apart."""
        return f"{self.kind.__name__.lower()}_texts"

    @cached_property
    def identity(self) -> str:
        """The column that no two rows share, or nothing."""
        return IDENTITY.get(self.kind, "")

    @cached_property
    def chained(self) -> bool:
        """Whether its rows are links of the hash chain."""
        return self.kind in CHAINED

    @cached_property
    def digested(self) -> bool:
        """Whether its rows carry the digest of their body."""
        return self.chained or self.kind in SAID

    def column(self, field: str) -> Cell:
        """The plain field of that name, to compare with."""
        plain = {cell.field: cell for cell in self.cells if cell.plain}
        plain["sequence"] = Cell("sequence", ("sequence",), _integer, _same, plain=True)
        if field not in plain:
            raise UnknownName(f"comparable field of {self.kind.__name__}", field, plain)
        return plain[field]


@cache
def layout(kind: type[Record]) -> Layout:
    """The layout of a kind of record.

    >>> layout(Decision).table, layout(Decision).wide_columns
    ('decisions', ('inputs', 'proposals'))
    """
    if kind not in TABLES:
        raise UnknownName("kind of row", kind.__name__, (each.__name__ for each in ROWS))
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name != "sequence"}
    wide = set(WIDE.get(kind, ()))
    cells = [_cell(name, hints[name]) for name in kind.__struct_fields__ if name != "sequence"]
    cells = [_wide(cell) if wide.issuperset(cell.columns) else cell for cell in cells]
    form = Layout(
        kind, TABLES[kind], tuple(sorted(cells, key=lambda cell: not wide.isdisjoint(cell.columns)))
    )
    if set(form.wide_columns) != wide:
        raise TypeError(f"{kind.__name__}: the wide columns of a field must be its last ones, got {wide}")
    return form


def encode(record: Record) -> Row:
    """The row of a record.

    Raises:
        InputError: a field holds what no ledger can keep, such as NaN; the message names it.
    """
    form = layout(type(record))
    values = tuple(_encoded(record, form.cells))
    narrow, wide = values[: len(form.columns)], values[len(form.columns) :]
    body_digest = _body_digest(record, form, values)
    return Row(form, narrow, () if NOTHING.issuperset(wide) else wide, body_digest)


def decode(form: Layout, values: Sequence[SqlValue]) -> Record:
    """The record of a row: its sequence, the narrow columns and, where they were read, the wide ones."""
    found: dict[str, Any] = dict(zip(form.selected, values, strict=False))
    for cell in form.transformed:
        found[cell.field] = cell.decode(*[found.pop(column, None) for column in cell.columns])
    return form.kind(**found)


def said(record: Record) -> tuple[str, ...]:
    """The fields that the key of a record stands for: what the caller said; none for kinds without keys."""
    imported = isinstance(record, Decision) and record.provenance == "import"
    return SAID_OF_IMPORT if imported else SAID.get(type(record), ())


def row_digest(values: dict[str, SqlValue]) -> str:
    """The digest of a row by its columns, NULLs left out, so that a new column changes no old digest.

    >>> row_digest({"a": 1.0, "b": None}) == row_digest({"a": 1.0})
    True
    """
    return digest(canonical({name: value for name, value in values.items() if value is not None}))


def _encoded(record: Record, cells: tuple[Cell, ...]) -> Iterator[SqlValue]:
    for cell in cells:
        try:
            yield from cell.encode(getattr(record, cell.field))
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            kind = type(record).__name__
            raise InputError(f"{kind}.{cell.field} cannot be stored: {error}; nothing was stored") from error


def _body_digest(record: Record, form: Layout, values: tuple[SqlValue, ...]) -> str:
    if form.chained:
        _finite(values, form.kind.__name__)
        return row_digest(dict(zip(form.all_columns, values, strict=True)))
    if not form.digested:
        return ""
    return digest(canonical({name: getattr(record, name) for name in said(record)}))


def _wide(cell: Cell) -> Cell:
    """The cell of a field that lies apart as a whole: a row that is not there reads as an empty field."""
    return msgspec.structs.replace(cell, decode=_or_empty, plain=False) if cell.decode is _same else cell


def _cell(field: str, hint: Any) -> Cell:
    if hint == Value:
        return Cell(field, (f"{field}_type", f"{field}_number", f"{field}_text"), _signal_value, _value)
    if hint is Terms:
        return Cell(field, ("purposes", "learn", "region", "retention"), _terms, _terms_back)
    if hint == tuple[Proposal, ...]:
        return Cell(field, (field,), _packed, _unpacked)
    for known, into, back in _SCALARS:
        if _core(hint) is known:
            return Cell(field, (field,), into if _core(hint) is hint else _or_null(into), back, plain=True)
    decoder = msgspec.json.Decoder(hint)
    empty: Any = {} if get_origin(hint) is dict else None
    return Cell(field, (field,), _json, lambda text: empty if text is None else decoder.decode(text))


def _core(hint: Any) -> Any:
    """The type under `Literal[...]` or `... | None`."""
    if get_origin(hint) is Literal:
        return str
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    return hint


def _or_null(into: Callable[[Any], tuple[SqlValue, ...]]) -> Callable[[Any], tuple[SqlValue, ...]]:
    return lambda value: (None,) if value is None else into(value)


def _same(value: Any) -> Any:
    return value


def _or_empty(text: str | None) -> str:
    return text or ""


def _text(value: str) -> tuple[SqlValue, ...]:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    if not value.isascii():
        value.encode()
    return (value,)


def _integer(value: int) -> tuple[SqlValue, ...]:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    if value not in INTEGERS:
        raise OverflowError(f"{value} does not fit into 64 bits")
    return (int(value),)


def _boolean(value: bool) -> tuple[SqlValue, ...]:  # noqa: FBT001 - the value itself, not an option
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not a boolean")
    return (int(value),)


def _real(value: float) -> tuple[SqlValue, ...]:
    number = float(value)
    if number != number:
        raise ValueError("it is not a number (NaN)")
    return (number,)


def _blob(value: bytes) -> tuple[SqlValue, ...]:
    return (bytes(value),)


_SCALARS: tuple[tuple[type, Callable[[Any], tuple[SqlValue, ...]], Callable[[Any], Any]], ...] = (
    (str, _text, _same),
    (bool, _boolean, bool),
    (int, _integer, _same),
    (float, _real, _same),
    (bytes, _blob, _same),
)


def _json(value: object) -> tuple[SqlValue, ...]:
    text = msgspec.json.encode(value)
    if b"null" in text:  # JSON has no other word for NaN and infinities: they would come back as None
        _finite(msgspec.to_builtins(value), "the value")
    return (text.decode(),)


def _finite(value: object, where: str) -> None:
    match value:
        case float() if not isfinite(value):
            raise InputError(f"{where} holds {value}, which is not a finite number; nothing was stored")
        case dict():
            for name, each in value.items():
                _finite(each, f"{where}[{name!r}]")
        case list() | tuple():
            for place, each in enumerate(value):
                _finite(each, f"{where}[{place}]")
        case _:
            pass


def _signal_value(value: Value) -> tuple[SqlValue, ...]:
    if isinstance(value, bool):
        return ("boolean", float(value), None)
    if isinstance(value, str):
        return ("text", None, *_text(value))
    if not isfinite(value):
        raise ValueError(f"it is {value}, which is not a finite number")
    return ("number", float(value), None)


def _value(kind: str, number: float | None, text: str | None) -> Value | None:
    if kind == "boolean":
        return bool(number)
    return text or "" if kind == "text" else number


def _terms(terms: Terms) -> tuple[SqlValue, ...]:
    return (*_json(terms.purposes), *_boolean(terms.learn), *_text(terms.region), *_text(terms.retention))


_STRINGS = msgspec.json.Decoder(tuple[str, ...])


@cache
def _terms_back(purposes: str, learn: int, region: str, retention: str) -> Terms:
    return Terms(purposes=_STRINGS.decode(purposes), learn=bool(learn), region=region, retention=retention)


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(tuple[Proposal, ...])


def _packed(proposals: tuple[Proposal, ...]) -> tuple[SqlValue, ...]:
    return (zlib.compress(_PACK.encode(proposals), 1) if proposals else b"",)


def _unpacked(blob: bytes | None) -> tuple[Proposal, ...]:
    return _UNPACK.decode(zlib.decompress(blob)) if blob else ()
