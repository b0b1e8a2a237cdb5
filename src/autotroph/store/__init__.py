"""The ledger: what was decided, what came of it, what came back, and everything that changed behaviour.

`Reader` reads and cannot write; `Store` appends. Records go in and come out (`autotroph.records`); one
global sequence orders them all. What is acknowledged (`Receipt.durable`) is on disk.

    store = open_store("sqlite:///.autotroph/ledger.db")
    receipt = store.append(decision)              # queued; never waits for the disk
    (sequence,) = receipt.durable()               # on disk
    store.get(Decision, id=decision.id)           # the newest that fits
    store.scan(Signal, after=1200, name="kept")   # in ledger order
    store.query("SELECT task, count(*) FROM answers GROUP BY task")

| file | idea |
|---|---|
| protocols.py | `Reader`, `Store`, `Table` |
| receipt.py | what an append hands back: `Receipt` |
| codec.py | records to rows and back |
| cells.py | which fields are which columns, and what their cells mean |
| statements.py | the SQL of a row |
| pen.py | one transaction: sequences, retries, links |
| retries.py | a retry told from a conflict |
| queue.py | what waits to be written, bounded |
| writer.py | the one writer's thread |
| checkpoints.py | the log moved into the file |
| sweeping.py | what deleted rows leave behind inside pages, zeroed |
| chain.py | the hash chain, and `verify` |
| sqlite.py | the embedded ledger |
| opening.py | its file, opened and locked |
| copying.py | copies of it, taken while somebody writes, and put in place |
| segments/ | the ledger as Parquet, beside it |
| migrations/ | the schema step by step, and the views |
"""

from pathlib import Path

from autotroph.registry import load
from autotroph.store.chain import verify
from autotroph.store.protocols import Parameters, Reader, SqlValue, Store, Stream, Table
from autotroph.store.receipt import Receipt

__all__ = [
    "Parameters",
    "Reader",
    "Receipt",
    "SqlValue",
    "Store",
    "Stream",
    "Table",
    "open_reader",
    "open_store",
    "verify",
]


def open_store(url: str | Path) -> Store:
    """Opens the ledger at `url` for writing, and makes it where there is none.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or a path.

    Raises:
        LedgerError: somebody else writes to it, it is another program's file, or a newer autotroph's.
    """
    store: Store = load("stores", _scheme(url))(url)
    return store


def open_reader(url: str | Path) -> Reader:
    """Opens the ledger at `url` for reading, while this or another process writes to it.

    Raises:
        LedgerError: there is none, or it cannot be read.
    """
    reader: Reader = load("stores", _scheme(url)).open_reader(url)
    return reader


def _scheme(url: str | Path) -> str:
    scheme, separator, _ = str(url).partition("://")
    return scheme if separator else "sqlite"
