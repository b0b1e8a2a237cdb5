"""What a segment's columns are, derived from the records as the ledger's own are (`codec`)."""

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from autotroph.clock import digest
from autotroph.records import (
    IMPROVE,
    Artefact,
    Completion,
    Decision,
    Option,
    Proposal,
    Record,
    Reward,
    Signal,
    Terms,
    Value,
)
from autotroph.store.codec import TABLES, layout

LEFT_OUT: frozenset[type[Record]] = frozenset({Artefact})

MARKED: dict[type[Record], tuple[str, ...]] = {
    Decision: ("id", "shadows", "cluster"),
    Completion: ("decision",),
    Signal: ("subject",),
    Reward: ("decision",),
}
"""What rows are joined and grouped by: as numbers that takes half the time, so these lie beside the texts."""

MARK = "(md5_number({0}) >> 64)::UBIGINT::BIT::BIGINT"
"""The last eight bytes of the MD5 of a text, as DuckDB computes them: alike on every engine and version."""

PROPOSALS = "proposals_as_json"
"""The function that unpacks proposals; the copying process defines it."""


Affinity = Literal["INTEGER", "REAL", "TEXT", "BLOB"]


class Column(msgspec.Struct, frozen=True):
    """A column: its type in a segment, how SQLite keeps it, and how DuckDB makes the one of the other.

    What the ledger does not keep is derived: then `made` names the columns that it is made of.
    """

    name: str
    type: str
    kept: Affinity | None
    made: str = "{}"
    wide: bool = False

    @property
    def expression(self) -> str:
        """The column as DuckDB selects it."""
        quoted = f'"{self.name}"'
        return f"{self.made.format(quoted)} AS {quoted}"


class Layer(msgspec.Struct, frozen=True):
    """A table as segments hold it."""

    table: str
    columns: tuple[Column, ...]

    @property
    def kept(self) -> Iterator[tuple[str, Affinity]]:
        """The columns that the ledger has, and how it keeps them."""
        return ((one.name, one.kept) for one in self.columns if one.kept is not None)

    @property
    def digest(self) -> str:
        """What changes when a column does; segments of another one are written again."""
        return digest(*(f"{column.name} {column.type}" for column in self.columns))


@cache
def tables() -> dict[str, Layer]:
    """Every table that has segments, by name.

    >>> [column.type for column in tables()["completion_texts"].columns]
    ['BIGINT', 'VARCHAR']
    """
    return {layer.table: layer for kind in TABLES if kind not in LEFT_OUT for layer in _layers(kind)}


def _layers(kind: type[Record]) -> Iterator[Layer]:
    form = layout(kind)
    known = {column.name: column for field, hint in _fields(kind) for column in _columns(field, hint)}
    sequence = Column("sequence", "BIGINT", "INTEGER")
    yield Layer(form.table, (sequence, *(known[name] for name in form.columns), *_derived(kind)))
    if form.wide_columns:
        wide = (msgspec.structs.replace(known[name], wide=True) for name in form.wide_columns)
        yield Layer(form.wide_table, (sequence, *wide))


def _derived(kind: type[Record]) -> Iterator[Column]:
    """What is wanted of every row by every digestion, and costs more than reading it."""
    for name in MARKED.get(kind, ()):
        made = f"CASE WHEN {name} <> '' THEN {MARK.format(name)} END"
        yield Column(f"{name}_mark", "BIGINT", None, made)
    if Terms in get_type_hints(kind).values():
        purposes = _NESTED[tuple[str, ...]][2].format('"purposes"')
        yield Column("learns", "BOOLEAN", None, f"learn::BOOLEAN AND list_contains({purposes}, '{IMPROVE}')")


def _fields(kind: type[Record]) -> Iterator[tuple[str, Any]]:
    return ((name, hint) for name, hint in get_type_hints(kind).items() if name != "sequence")


_PLAIN: dict[Any, tuple[str, Affinity, str]] = {
    str: ("VARCHAR", "TEXT", "{}"),
    int: ("BIGINT", "INTEGER", "{}"),
    float: ("DOUBLE", "REAL", "{}"),
    bytes: ("BLOB", "BLOB", "{}"),
    bool: ("BOOLEAN", "INTEGER", "{}::BOOLEAN"),
}

_NESTED: dict[Any, tuple[str, Literal["TEXT", "BLOB"], str]] = {
    tuple[Option, ...]: (
        "STRUCT(id VARCHAR, probability DOUBLE)[]",
        "TEXT",
        """from_json({}, '[{{"id":"VARCHAR","probability":"DOUBLE"}}]')""",
    ),
    tuple[str, ...]: ("VARCHAR[]", "TEXT", """from_json({}, '["VARCHAR"]')"""),
    tuple[Proposal, ...]: ("VARCHAR", "BLOB", PROPOSALS + "({})"),
}


def _columns(field: str, hint: Any) -> Iterator[Column]:
    """The columns of a field."""
    if hint == Value:
        yield from (Column(f"{field}_{part}", *_PLAIN[of]) for part, of in _VALUE)
    elif hint is Terms:
        yield from (column for name, of in _fields(Terms) for column in _columns(name, of))  # type: ignore[arg-type]
    elif _core(hint) in _PLAIN:
        yield Column(field, *_PLAIN[_core(hint)])
    else:
        yield Column(field, *_NESTED.get(hint, _PLAIN[str]), wide=True)


_VALUE: tuple[tuple[str, type], ...] = (("type", str), ("number", float), ("text", str))


def _core(hint: Any) -> Any:
    """The type under `Literal[...]` or `... | None`."""
    if get_origin(hint) is Literal:
        return str
    if get_origin(hint) in (Union, UnionType):
        return next(each for each in get_args(hint) if each is not NoneType)
    return hint
