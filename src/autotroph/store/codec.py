"""Records to rows and back, derived from the types of the fields, so that a row is never hand-copied.

What a field becomes is in `cells`; here is which table its columns are in. Wide columns lie in a table of
their own, `<record>_texts`, where a row is only when there is something in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from typing import Any, get_type_hints

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
    Record,
    Release,
    Reward,
    Signal,
    Stage,
    Verdict,
    canonical,
)
from autotroph.store.cells import UNFIT, Cell, Columns, cell, finite, integer, quickly, same
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
"""The field that no two records of a kind share: of signals, no two that have no key."""

SAID: dict[type[Record], tuple[str, ...]] = {
    Decision: ("task", "user", "session", "served", "shadows", "provenance", "terms", "inputs"),
    Signal: ("name", "about", "subject", "value", "source", "user", "terms"),
}
"""The body that an idempotency key stands for: what the caller said. What the product made of it (ids,
release, probabilities, the choice, the fold) and when it arrived may differ when it is sent again."""

SAID_OF_IMPORT = (*SAID[Decision], "options", "option")
"""Who brings a decision made elsewhere also says what was chosen, and among what."""

DIGESTED: frozenset[type[Record]] = frozenset({Decision})
"""Kinds whose rows carry the digest of that body, if they have a key: it may be long. A signal's is columns.
(A link of the chain carries the digest of its row.)"""

WIDE: dict[type[Record], tuple[str, ...]] = {
    Decision: ("inputs", "proposals"),
    Completion: ("output",),
    Signal: ("value_text",),
}
"""Columns that live in a table of their own, `<record>_texts`, so that facts are read without them."""

NOTHING: frozenset[SqlValue] = frozenset({None, "", "{}", b""})
"""What a wide column holds when there is nothing in it; it reads as a row that is not there does."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """A record as the ledger keeps it.

    Attributes:
        layout: of its kind.
        narrow: the columns of its table, without the sequence.
        wide: the columns apart; none where there is nothing in them.
        body_digest: of its body, which tells a retry by its key from a conflict, or of the whole row if it
            is a link; empty for others.
    """

    layout: "Layout"
    narrow: tuple[SqlValue, ...]
    wide: tuple[SqlValue, ...]
    body_digest: str

    @property
    def size(self) -> int:
        """How many characters and bytes those of its columns have that may be long."""
        places = self.layout.long
        if not (places or self.wide):
            return 0
        long = (*self.wide, *[self.narrow[place] for place in places])
        return sum([len(cell) for cell in long if isinstance(cell, (str, bytes))])


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
    def width(self) -> int:
        """How many columns its table has, without the sequence."""
        return len(self.all_columns) - len(WIDE.get(self.kind, ()))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, without the sequence."""
        return self.all_columns[: self.width]

    @cached_property
    def wide_columns(self) -> tuple[str, ...]:
        """The columns apart."""
        return self.all_columns[self.width :]

    @cached_property
    def selected(self) -> tuple[str, ...]:
        """What `decode` takes: the sequence, the narrow columns and, where they are read, the wide ones."""
        return ("sequence", *self.all_columns)

    @cached_property
    def transformed(self) -> tuple[Cell, ...]:
        """The cells whose columns are not simply the field."""
        return tuple(cell for cell in self.cells if cell.decode is not same)

    @cached_property
    def long(self) -> tuple[int, ...]:
        """The places, among its narrow columns, of those that hold JSON or bytes of any length."""
        long = {cell.columns[0] for cell in self.cells if cell.long}
        return tuple(place for place, name in enumerate(self.columns) if name in long)

    @cached_property
    def quickly(self) -> Callable[[Record], Columns]:
        """The quick way to the columns of a record that fits."""
        return quickly(self.kind, self.cells)

    @cached_property
    def wide_table(self) -> str:
        """The table of the columns apart."""
        return f"{self.kind.__name__.lower()}_texts"

    @cached_property
    def identity(self) -> str:
        """The column that no two rows share, or nothing."""
        return IDENTITY.get(self.kind, "")

    def identified(self, record: Record) -> dict[str, SqlValue]:
        """The columns, and what they hold, by which a row without a key is found if it is there already."""
        if not self.identity:
            return {}
        keyless = {"key": ""} if self.kind is Signal else {}
        return {self.identity: getattr(record, self.identity), **keyless}

    @cached_property
    def chained(self) -> bool:
        """Whether its rows are links of the hash chain."""
        return self.kind in CHAINED

    @cached_property
    def digested(self) -> bool:
        """Whether its rows carry the digest of their body."""
        return self.chained or self.kind in DIGESTED

    def column(self, field: str) -> Cell:
        """The plain field of that name, to compare with."""
        plain = {cell.field: cell for cell in self.cells if cell.plain}
        plain["sequence"] = Cell("sequence", ("sequence",), integer, same, plain=True)
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
    cells = [cell(name, hints[name]) for name in kind.__struct_fields__ if name != "sequence"]
    cells = [each.apart if wide.issuperset(each.columns) else each for each in cells]
    cells.sort(key=lambda each: (not wide.isdisjoint(each.columns), not each.plain))
    form = Layout(kind, TABLES[kind], tuple(cells))
    if set(form.wide_columns) != wide:
        raise TypeError(f"{kind.__name__}: the wide columns of a field must be its last ones; got {wide}")
    return form


def encode(record: Record) -> Row:
    """The row of a record.

    Raises:
        InputError: a field holds what no ledger can keep, such as NaN; the message names it.
    """
    form = layout(type(record))
    columns, width = _columns(form, record), form.width
    narrow, wide = columns[:width], columns[width:]
    body_digest = _body_digest(form, record, columns) if form.digested else ""
    return Row(form, narrow, () if NOTHING.issuperset(wide) else wide, body_digest)


def decode(form: Layout, values: Sequence[SqlValue]) -> Record:
    """The record of a row: its sequence, the narrow columns and, where they were read, the wide ones."""
    found: dict[str, Any] = dict(zip(form.selected, values, strict=False))
    for each in form.transformed:
        found[each.field] = each.decode(*[found.pop(column, None) for column in each.columns])
    return form.kind(**found)


def said(record: Record) -> tuple[str, ...]:
    """The fields that the key of a record stands for: what the caller said; none for kinds without keys."""
    if isinstance(record, Decision) and record.provenance == "import":
        return SAID_OF_IMPORT
    return SAID.get(type(record), ())


def row_digest(values: dict[str, SqlValue]) -> str:
    """The digest of a row by its columns, NULLs left out, so that a new column changes no old digest.

    >>> row_digest({"a": 1.0, "b": None}) == row_digest({"a": 1.0})
    True
    """
    if None in values.values():
        values = {name: value for name, value in values.items() if value is not None}
    return digest(canonical(values))


def _columns(form: Layout, record: Record) -> Columns:
    if not form.chained:
        try:
            return form.quickly(record)
        except UNFIT:  # which is named below
            pass
    return _exactly(form, record)


def _exactly(form: Layout, record: Record) -> Columns:
    """Field by field, so that what does not fit is named; what links are made of is always taken so."""
    columns: Columns = ()
    for each in form.cells:
        try:
            found = each.encode(getattr(record, each.field))
            if form.chained:
                finite(found[0])
        except UNFIT as error:
            where = f"{form.kind.__name__}.{each.field}"
            raise InputError(f"{where} cannot be stored: {error}; nothing was stored") from error
        columns += found
    return columns


def _body_digest(form: Layout, record: Any, columns: Columns) -> str:
    if form.chained:
        return row_digest(dict(zip(form.columns, columns, strict=True)))
    if not record.key:
        return ""
    return blake2b(canonical([getattr(record, name) for name in said(record)]), digest_size=16).hexdigest()
