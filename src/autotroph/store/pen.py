"""What the writer writes with: rows to statements inside one transaction, sequences, retries, the chain."""

import json
from collections.abc import Mapping, Sequence

import apsw
import msgspec

from autotroph.errors import AutotrophError, InputError, LedgerError
from autotroph.records import Record
from autotroph.store.cells import Columns
from autotroph.store.chain import link
from autotroph.store.codec import Layout, Row, decode
from autotroph.store.protocols import SqlValue
from autotroph.store.retries import same_body, same_fields
from autotroph.store.statements import insertion, insertion_wide, matching, selection


class Head(msgspec.Struct, frozen=True, array_like=True):
    """Where the ledger stands: the last sequence given out, the number of links and the newest hash."""

    sequence: int
    links: int
    hash: str


_UNREAD = Head(0, 0, "")


class Pen:
    """Writes a transaction at a time: `begin`, any number of `write` and `keep`, then `commit`.

    Nobody else writes, so where the ledger stands is read once, and again after what was taken back.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._head = _UNREAD

    def begin(self) -> None:
        """Opens the transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        if self._head is _UNREAD:
            found = self._connection.execute("SELECT sequence, links, hash FROM head").fetchone()
            self._head = msgspec.convert(found, Head)

    def commit(self) -> None:
        """Writes where the ledger stands, and syncs everything to disk."""
        head = self._head
        self._connection.execute(
            "UPDATE head SET sequence = ?, links = ?, hash = ?", (head.sequence, head.links, head.hash)
        )
        self._connection.execute("COMMIT")

    def abandon(self) -> None:
        """Takes back the whole transaction, if SQLite has not done so itself."""
        self._head = _UNREAD
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def write(self, rows: Sequence[Row]) -> tuple[int, ...]:
        """Writes all of these rows or, when it raises one of our errors, none of them."""
        before = self._head
        self._connection.execute("SAVEPOINT append")
        try:
            sequences = self._insert(rows)
        except (apsw.ConstraintError, apsw.TooBigError):
            self._take_back(before)
            sequences = self._one_by_one(rows, before)
        self._connection.execute("RELEASE append")
        return sequences

    def write_new(self, rows: Sequence[Row]) -> tuple[int, ...] | None:
        """Writes all of these rows, the first of the transaction.

        None if one of them is there already, or too big: then nothing is written, and the transaction is new.
        """
        try:
            return self._insert(rows)
        except (apsw.ConstraintError, apsw.TooBigError):
            self.abandon()
            self.begin()
            return None

    def keep(self, name: str, value: str) -> None:
        """Writes a fact about the whole ledger."""
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))

    def delete(self, table: str, sequences: Sequence[int]) -> None:
        """Takes rows out of a table, and what lies apart of them."""
        sql = f"DELETE FROM {table} WHERE sequence IN (SELECT value FROM json_each(?))"
        self._connection.execute(sql, (json.dumps(sequences),))

    def _insert(self, rows: Sequence[Row]) -> tuple[int, ...]:
        """Writes rows as new ones, table by table; SQLite says so if one of them is there already."""
        start = self._head.sequence + 1
        sequences = tuple(range(start, start + len(rows)))
        tables: dict[Layout, list[tuple[int, Row]]] = {}
        for sequence, row in zip(sequences, rows, strict=True):
            tables.setdefault(row.layout, []).append((sequence, row))
        head, links = _linked(self._head, rows)
        for form, numbered in tables.items():
            self._connection.executemany(insertion(form), _narrow(form, numbered, links))
            if form.wide_columns:
                apart = [(sequence, *row.wide) for sequence, row in numbered if row.wide]
                self._connection.executemany(insertion_wide(form), apart)
        self._head = head
        return sequences

    def _one_by_one(self, rows: Sequence[Row], before: Head) -> tuple[int, ...]:
        try:
            return tuple([self._once(row) for row in rows])
        except AutotrophError:
            self._take_back(before)
            self._connection.execute("RELEASE append")
            raise

    def _take_back(self, before: Head) -> None:
        self._connection.execute("ROLLBACK TO append")
        self._head = before

    def _once(self, row: Row) -> int:
        """Writes a row unless it is there already; its sequence, or that of the one that is."""
        try:
            (sequence,) = self._insert([row])
        except apsw.ConstraintError as error:
            return self._first(row, error)
        except apsw.TooBigError as error:
            kind = row.layout.kind.__name__
            raise InputError(f"{kind} is too big for one row: {error}; nothing was stored") from error
        return sequence

    def _first(self, row: Row, error: apsw.Error) -> int:
        """The sequence of the row that is there already, if this one is the same.

        Raises:
            Conflict: it is another one, under the same key or id.
        """
        form = row.layout
        key = dict(zip(form.columns, row.narrow, strict=True)).get("key")
        if key and form.digested and (sequence := self._said_before(form, key, row.body_digest)):
            return sequence
        again = decode(form, (0, *row.narrow, *row.wide))
        if key and (first := self._found(form, {"key": key})):
            return same_body(first, again)
        if (identified := form.identified(again)) and (first := self._found(form, identified)):
            return same_fields(first, again)
        raise LedgerError(
            f"{form.table}: {error}; a bug in autotroph or a changed file: run `autotroph doctor`"
        ) from error

    def _said_before(self, form: Layout, key: SqlValue, body_digest: str) -> int | None:
        equal = {"key": key, "body_digest": body_digest}
        sql = f"SELECT sequence FROM {form.table} WHERE 1{matching(form, equal)}"
        sequence: int | None = self._connection.execute(sql, tuple(equal.values())).get
        return sequence

    def _found(self, form: Layout, equal: Mapping[str, SqlValue]) -> Record | None:
        sql = f"{selection(form, texts=True)} WHERE 1{matching(form, equal)}"
        found = self._connection.execute(sql, tuple(equal.values())).fetchone()
        return decode(form, found) if found else None


def _linked(head: Head, rows: Sequence[Row]) -> tuple[Head, dict[int, Columns]]:
    """Where the ledger stands after these rows, and what links those of the chain, by sequence."""
    links: dict[int, Columns] = {}
    previous = head.hash
    for sequence, row in enumerate(rows, head.sequence + 1):
        if row.layout.chained:
            hash_ = link(previous, row.layout.table, sequence, row.body_digest)
            links[sequence] = (previous, hash_)
            previous = hash_
    return Head(head.sequence + len(rows), head.links + len(links), previous), links


def _narrow(form: Layout, numbered: Sequence[tuple[int, Row]], links: Mapping[int, Columns]) -> list[Columns]:
    """The columns of rows of one table, as `insertion` takes them."""
    if form.chained:
        return [(sequence, *row.narrow, row.body_digest, *links[sequence]) for sequence, row in numbered]
    if form.digested:
        return [(sequence, *row.narrow, row.body_digest) for sequence, row in numbered]
    return [(sequence, *row.narrow) for sequence, row in numbered]
