"""The ledger as streams of Arrow into DuckDB's tables: only in a process of its own, see `ledger`."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import adbc_driver_manager as adbc
import adbc_driver_sqlite

from autotroph.digest.engines.relations import Raw, from_sqlite

if TYPE_CHECKING:
    import duckdb

BATCH = "16384"
PARTS = 2
"""Connections that read at once, each its stretch of the ledger."""


class Connection:
    """A ledger, for reading."""

    def __init__(self, ledger: Path) -> None:
        uri = f"{ledger.absolute().as_uri()}?mode=ro"
        self._database = adbc.AdbcDatabase(driver=adbc_driver_sqlite._driver_path(), uri=uri)
        self._connection = adbc.AdbcConnection(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._database.close()

    @contextmanager
    def stream(self, sql: str) -> Iterator[Any]:
        """What a query finds, for DuckDB to read once."""
        with closing(adbc.AdbcStatement(self._connection)) as statement:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH})
            statement.set_sql_query(sql)
            yield statement.execute_query()[0]


def load(duck: "duckdb.DuckDBPyConnection", ledger: Path, raws: Mapping[str, Raw]) -> int:
    """Makes the narrow relations of a ledger; the last sequence that they cover.

    Args:
        duck: where they are made.
        ledger: its file, which somebody holds open meanwhile.
        raws: what to read, by name.
    """
    with Connection(ledger) as first, first.stream("SELECT sequence FROM head") as head:
        ((through,),) = duck.from_arrow(head).fetchall()
    bounds = [through * part // PARTS for part in range(PARTS + 1)]
    opening = threading.Lock()  # two that open a file at once may find it locked

    def part(number: int) -> None:
        with opening:
            connection = Connection(ledger)
        with connection, duck.cursor() as own:
            for name, raw in raws.items():
                sql = from_sqlite(raw, bounds[number] + 1, bounds[number + 1])
                with connection.stream(sql) as rows:
                    own.register("rows", rows)
                    own.execute(
                        f"CREATE TABLE {name}_{number} AS SELECT {raw.made} FROM rows WHERE {raw.real}"
                    )
                    own.unregister("rows")

    with ThreadPoolExecutor(PARTS) as pool:
        list(pool.map(part, range(PARTS)))
    for name in raws:
        duck.execute(f"CREATE VIEW {name} AS {_together(name, range(PARTS))}")
    return int(through)


def _together(name: str, parts: Sequence[int]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM {name}_{part}" for part in parts)
