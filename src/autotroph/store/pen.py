"""What the writer writes with: rows to statements inside one transaction, sequences, retries, the chain."""

from collections.abc import Sequence

import apsw
import msgspec

from autotroph.errors import AutotrophError, Conflict, InputError, LedgerError
from autotroph.records import Record
from autotroph.store.chain import link
from autotroph.store.codec import Layout, Row, decode
from autotroph.store.protocols import SqlValue
from autotroph.store.statements import equality, insertion, insertion_wide, selection


class Head(msgspec.Struct, frozen=True, array_like=True):
    """Where the ledger stands: the last sequence given out, the number of links and the newest hash."""

    sequence: int
    links: int
    hash: str


class Pen:
    """Writes one transaction. `begin`, any number of `write` and `keep`, then `commit`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._head = Head(0, 0, "")

    def begin(self) -> None:
        """Opens the transaction and reads where the ledger stands."""
        self._connection.execute("BEGIN IMMEDIATE")
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
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def write(self, rows: Sequence[Row]) -> tuple[int, ...]:
        """Writes all of these rows or, when it raises one of our errors, none of them."""
        before = self._head
        self._connection.execute("SAVEPOINT append")
        try:
            sequences = tuple([self._row(row) for row in rows])
        except AutotrophError:
            self._head = before
            self._connection.execute("ROLLBACK TO append")
            self._connection.execute("RELEASE append")
            raise
        self._connection.execute("RELEASE append")
        return sequences

    def keep(self, name: str, value: str) -> tuple[int, ...]:
        """Writes a fact about the whole ledger."""
        self._connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
        return ()

    def _row(self, row: Row) -> int:
        sequence = self._head.sequence + 1
        form = row.layout
        linked = _Linked(self._head, row, sequence) if form.chained else None
        try:
            self._insert(form, row, sequence, linked)
        except apsw.ConstraintError as error:
            return self._first(row, error)
        except apsw.TooBigError as error:
            raise InputError(
                f"{form.kind.__name__} is too big for one row: {error}; nothing was stored"
            ) from error
        self._head = linked.head if linked else Head(sequence, self._head.links, self._head.hash)
        return sequence

    def _insert(self, form: Layout, row: Row, sequence: int, linked: "_Linked | None") -> None:
        extra = linked.columns if linked else (row.body_digest,) if form.digested else ()
        self._connection.execute(insertion(form), (sequence, *row.narrow, *extra))
        if form.wide:
            self._connection.execute(insertion_wide(form), (sequence, *row.wide))

    def _first(self, row: Row, error: apsw.Error) -> int:
        """The sequence of the row that is there already, if this one is the same."""
        form = row.layout
        values = dict(zip(form.columns, row.narrow, strict=True))
        if values.get("key"):
            found = self._find(
                f"SELECT sequence, id, body_digest FROM {form.table} WHERE key = ?", values["key"]
            )
            if found:
                return _same_body(form, row, values["key"], found)
        found = self._find(_by_identity(form), values[form.identity]) if form.identity else None
        if not found:
            where = f"{form.table}: {error}"
            raise LedgerError(
                f"{where}; a bug in autotroph or a changed file: run `autotroph doctor`"
            ) from error
        return _same_row(form, row, values[form.identity], found)

    def _find(self, sql: str, value: SqlValue) -> tuple[SqlValue, ...] | None:
        return self._connection.execute(sql, (value,)).fetchone()


def _by_identity(form: Layout) -> str:
    return f"{selection(form, texts=True)} WHERE 1{equality(form, (form.identity,))}"


class _Linked:
    """A row as the next link of the chain."""

    def __init__(self, head: Head, row: Row, sequence: int) -> None:
        hash_ = link(head.hash, row.layout.table, sequence, row.body_digest)
        self.columns = (row.body_digest, head.hash, hash_)
        self.head = Head(sequence, head.links + 1, hash_)


def _same_body(form: Layout, row: Row, key: SqlValue, found: tuple[SqlValue, ...]) -> int:
    sequence, id_, body_digest = found
    if body_digest != row.body_digest:
        raise Conflict(
            f"{form.kind.__name__.lower()} key {key!r} came before with another body: the first one is"
            f" {id_!r} (sequence {_number(sequence)}) and stands; send what differs under a key of its own"
        )
    return _number(sequence)


def _same_row(form: Layout, row: Row, identity: SqlValue, found: tuple[SqlValue, ...]) -> int:
    sequence = _number(found[0])
    if _record(form, found) != _record(form, (0, *row.narrow, *row.wide)):
        raise Conflict(
            f"{form.kind.__name__.lower()} {form.identity} {identity!r} is there already with other fields"
            f" (sequence {sequence}), and stands; give the new one its own {form.identity}"
        )
    return sequence


def _record(form: Layout, values: Sequence[SqlValue]) -> Record:
    return msgspec.structs.replace(decode(form, values), sequence=0)


def _number(value: SqlValue) -> int:
    if not isinstance(value, int):
        raise LedgerError(f"a sequence is {value!r}, not a whole number")
    return value
