"""What the rest of the house may ask of a ledger: `Reader`, which cannot write, and `Store`, which can."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar, runtime_checkable

import msgspec

from autotroph.records import Erasure, Record
from autotroph.store.receipt import Receipt

R = TypeVar("R", bound=Record)
SqlValue = None | int | float | str | bytes
Parameters = Mapping[str, SqlValue] | Sequence[SqlValue]


class Table(msgspec.Struct, frozen=True):
    """What a query found: the names of the columns, and the rows.

    >>> Table(("task", "n"), (("route", 3),)).dicts()
    [{'task': 'route', 'n': 3}]
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[SqlValue, ...], ...]

    def dicts(self) -> list[dict[str, SqlValue]]:
        """Each row by the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Stream(msgspec.Struct, frozen=True):
    """What a query finds, row by row: the names of the columns, and the rows as they are found."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[SqlValue, ...]]


@runtime_checkable
class Reader(Protocol):
    """Reads what was acknowledged; nothing that is handed a Reader can change the ledger.

    Any thread may use it. `equal` compares plain fields of the record (`task="route"`, `served=True`,
    `sequence=12`); a field that the record does not have, or that is nested, is an `UnknownName`.
    """

    def get(self, kind: type[R], **equal: object) -> R | None:
        """The newest record, in ledger order, whose fields equal these; None if there is none."""

    def scan(
        self, kind: type[R], *, after: int = 0, until: int | None = None, texts: bool = True, **equal: object
    ) -> Iterator[R]:
        """Records in ledger order, with `after` < sequence ≤ `until` (default: all there is when it begins).

        With `texts=False` the wide fields (`inputs` and `proposals` of a decision) are left empty and
        their table is not touched. Writers go on while a scan is read.
        """

    def query(self, sql: str, parameters: Parameters = (), *, limit_seconds: float | None = None) -> Table:
        """The answer to one SQL statement that only reads; anything else is an `InputError`."""

    def stream(
        self, sql: str, parameters: Parameters = (), *, limit_seconds: float | None = None
    ) -> AbstractContextManager[Stream]:
        """As `query`, for answers that need not fit into memory: rows are found while they are read.

        Read them within `with`, and soon: until then the ledger keeps what is removed meanwhile. The time
        that it takes to read them counts.
        """

    def last(self) -> int:
        """The last acknowledged sequence of the ledger; 0 while it is empty."""

    def size(self) -> int:
        """How many bytes its rows take, room that was freed aside."""

    def meta(self, name: str) -> str | None:
        """A fact about the whole ledger: `seed`, `schema`, `created`, or what `set_meta` kept."""

    def close(self) -> None:
        """Lets go of the file. Closing twice does nothing."""


@runtime_checkable
class Store(Reader, Protocol):
    """A ledger open for writing. There is one writer a ledger; it gives out the sequences."""

    def append(self, *records: Record, patience: float | None = None, leisurely: bool = False) -> Receipt:
        """Stores all of these records or none, without waiting for the disk.

        An empty append is a receipt for everything appended before it. Only when the queue is full
        does the call wait: for at most `patience` seconds, by default the store's own. Where they are
        `leisurely`, they may wait some milliseconds for others, with which they are synced then; their
        order stays.

        A record that is there already is not stored again: a decision or signal is recognised by its
        `key` and by what the caller said (see `codec.SAID`), any record by its id and all its fields.

        Raises:
            InputError: a record holds something that no ledger can keep.
            Overloaded: its queue stayed full; nothing of this append was stored.
            LedgerError: the store is closed.
        """

    def fault(self) -> str:
        """Why nothing can be written at the moment, in a sentence; empty while the store is healthy."""

    def remove(self, gone: Mapping[type[Record], Iterable[int]], marks: Sequence[Erasure] = ()) -> Receipt:
        """Deletes rows for good, by kind and sequence, and stores the marks in the same transaction.

        What lies apart of them goes too. The rows of the hash chain cannot be removed: they hold no
        person's data. Bytes may linger in the files until `scrub`.
        """

    def scrub(self) -> None:
        """Leaves nothing of removed rows in the ledger's files.

        Until it was done, `meta("scrub")` is `due`.

        Raises:
            LedgerError: another process reads an old state; what was removed is still in the log.
        """

    def set_meta(self, name: str, value: str) -> None:
        """Keeps a fact about the whole ledger; returns when it is on disk."""

    def reader(self) -> Reader:
        """A Reader of its own connection, which cannot write; close it when done."""

    def close(self) -> None:
        """Writes what is queued, then lets go of the file. Closing twice does nothing."""
