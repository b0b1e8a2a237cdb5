"""One field of a record in the columns that hold it, derived from its type.

| field | columns |
|---|---|
| text, numbers, booleans, bytes | one, of that type; a boolean is 0 or 1 |
| `Terms` | four: purposes, learn, region, retention |
| the value of a signal | three: value_type, value_number (booleans 0/1), value_text |
| `proposals` | one, zlib over msgpack |
| anything nested | one, JSON text, its keys in the order they were given |
"""

import sys
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isfinite
from operator import itemgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, convert, defstruct
from msgspec.structs import astuple, replace

from autotroph.records import Proposal, Record, Terms, Value
from autotroph.store.protocols import SqlValue

SMALLEST, LARGEST = -(2**63), 2**63 - 1
SEVERAL = 1024
"""Terms remembered with their columns: a product has a few."""

Columns = tuple[SqlValue, ...]
_TRUE: Columns = ("boolean", 1.0, None)
_FALSE: Columns = ("boolean", 0.0, None)

UNFIT = (TypeError, ValueError, OverflowError, msgspec.MsgspecError)
"""What is raised about a value that no column can hold."""


class Cell(msgspec.Struct, frozen=True):
    """A field and the columns that hold it.

    Attributes:
        field: its name.
        columns: their names.
        encode: what they hold, of the value of the field; raises what Python raises.
        decode: the value of the field, of what they hold.
        plain: whether the column is the field, so that it can be compared in `get` and `scan`.
    """

    field: str
    columns: tuple[str, ...]
    encode: Callable[[Any], Columns]
    decode: Callable[..., Any]
    plain: bool = False

    @property
    def long(self) -> bool:
        """Whether it is one column of JSON or bytes."""
        return self.encode in (_json, _packed, _blob)

    @property
    def apart(self) -> "Cell":
        """The same field in a table of its own, where a row that is not there is an empty field."""
        return replace(self, decode=_or_empty, plain=False) if self.plain else self


def quickly(kind: type[Record], cells: Sequence[Cell]) -> Callable[[Record], Columns]:
    """The quick way from a record to its columns.

    One call checks the types of all plain fields, one all texts. What does not fit, or may not, raises one
    of `UNFIT` and is not named; `Cell.encode` names it.

    Args:
        kind: of the records.
        cells: of its fields, the plain ones first.
    """
    hints, places = get_type_hints(kind), {name: at for at, name in enumerate(kind.__struct_fields__)}
    plain = {cell.field: hints[cell.field] for cell in cells if cell.plain}
    twin = defstruct(
        kind.__name__, [(name, _bounded(plain.get(name, Any))) for name in places], array_like=True
    )
    plain_of = itemgetter(*(places[name] for name in plain))
    texts_of = itemgetter(*(places[name] for name, hint in plain.items() if hint is str))
    made = [(itemgetter(places[cell.field]), cell.encode) for cell in cells if not cell.plain]

    def columns(record: Record) -> Columns:
        fields = astuple(record)
        convert(fields, twin)
        "".join(texts_of(fields)).encode()
        found: Columns = plain_of(fields)
        for field_of, encode in made:
            found += encode(field_of(fields))
        return found

    return columns


def cell(field: str, hint: Any) -> Cell:
    """The cell of a field of that type.

    >>> cell("user", str).columns, cell("value", Value).columns
    (('user',), ('value_type', 'value_number', 'value_text'))
    """
    if hint == Value:
        return Cell(field, (f"{field}_type", f"{field}_number", f"{field}_text"), _value, _value_back)
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


def same(value: Any) -> Any:
    """The value itself."""
    return value


def finite(value: object, where: str = "it") -> None:
    """Refuses what JSON has no word for, however deep it lies.

    Raises:
        ValueError: a number is infinite or none at all; the message says where.
    """
    match value:
        case float() if not isfinite(value):
            raise ValueError(f"{where} is {value}, which is not a finite number")
        case dict():
            for name, each in value.items():
                finite(each, f"{where}[{name!r}]")
        case list() | tuple():
            for place, each in enumerate(value):
                finite(each, f"{where}[{place}]")
        case _:
            pass


def _bounded(hint: Any) -> Any:
    """A type that takes only what SQLite keeps: whole numbers of 64 bits, and no NaN (nor, here, -inf)."""
    bounds = {int: Meta(ge=SMALLEST, le=LARGEST), float: Meta(ge=-sys.float_info.max)}.get(_core(hint))
    if bounds is None:
        return hint
    bounded: Any = Annotated[_core(hint), bounds]
    return bounded if _core(hint) is hint else bounded | None


def _core(hint: Any) -> Any:
    """The type under `Literal[...]` or `... | None`."""
    if get_origin(hint) is Literal:
        return str
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    return hint


def _or_null(into: Callable[[Any], Columns]) -> Callable[[Any], Columns]:
    return lambda value: (None,) if value is None else into(value)


def _or_empty(text: str | None) -> str:
    return text or ""


def _text(value: str) -> Columns:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    if not value.isascii():
        value.encode()
    return (value,)


def integer(value: int) -> Columns:
    """A whole number, as SQLite keeps it."""
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    if not SMALLEST <= value <= LARGEST:
        raise OverflowError(f"{value} does not fit into 64 bits")
    return (int(value),)


def _boolean(value: bool) -> Columns:  # noqa: FBT001 - the value itself, not an option
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not a boolean")
    return (int(value),)


def _real(value: float) -> Columns:
    number = float(value)
    if number != number:
        raise ValueError("it is not a number (NaN)")
    return (number,)


def _blob(value: bytes) -> Columns:
    return (bytes(value),)


_SCALARS: tuple[tuple[type, Callable[[Any], Columns], Callable[[Any], Any]], ...] = (
    (str, _text, same),
    (bool, _boolean, bool),
    (int, integer, same),
    (float, _real, same),
    (bytes, _blob, same),
)


def _json(value: object) -> Columns:
    text = _JSON(value)
    if b"null" in text:  # JSON has no other word for NaN and infinities: they would come back as None
        finite(msgspec.to_builtins(value))
    return (text.decode(),)


_JSON = msgspec.json.Encoder().encode


def _value(value: Value) -> Columns:
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, str):
        return ("text", None, *_text(value))
    if not isfinite(value):
        finite(float(value))
    return ("number", float(value), None)


def _value_back(kind: str, number: float | None, text: str | None) -> Value | None:
    if kind == "boolean":
        return bool(number)
    return text or "" if kind == "text" else number


@lru_cache(SEVERAL)
def _terms(terms: Terms) -> Columns:
    return (*_json(terms.purposes), *_boolean(terms.learn), *_text(terms.region), *_text(terms.retention))


_STRINGS = msgspec.json.Decoder(tuple[str, ...])


@lru_cache(SEVERAL)
def _terms_back(purposes: str, learn: int, region: str, retention: str) -> Terms:
    return Terms(purposes=_STRINGS.decode(purposes), learn=bool(learn), region=region, retention=retention)


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(tuple[Proposal, ...])


def _packed(proposals: tuple[Proposal, ...]) -> Columns:
    return (zlib.compress(_PACK.encode(proposals), 1) if proposals else b"",)


def _unpacked(blob: bytes | None) -> tuple[Proposal, ...]:
    return _UNPACK.decode(zlib.decompress(blob)) if blob else ()
