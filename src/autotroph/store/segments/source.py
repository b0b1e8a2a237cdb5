"""The ledger as streams of Arrow, through ADBC's SQLite, for DuckDB to read.

This is a second SQLite library: it must not open the file in a process that holds it (see `sqlite.py`), so
only the copying process imports this. It reads, through a connection that cannot write.
"""

import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

import adbc_driver_manager as adbc
import adbc_driver_sqlite
import msgspec

from autotroph.errors import LedgerError
from autotroph.store.segments.columns import PROPOSALS, Layer

BATCH = "16384"
MEMORY = "1GB"
NULLS = {"INTEGER": "0", "REAL": "0.0", "TEXT": "''", "BLOB": "x''"}
PATIENCE = 60.0


class Source:
    """A ledger, for reading.

    Args:
        ledger: its file.
        scratch: a folder for what does not fit into memory.
    """

    def __init__(self, ledger: Path, scratch: Path) -> None:
        import duckdb

        self._database, self._connection = _opened(ledger, "ro")
        self.duck = duckdb.connect(
            config={"threads": 1, "memory_limit": MEMORY, "temp_directory": str(scratch)}
        )
        self.duck.execute(
            "SET enable_progress_bar = false"
        ).fetchall()  # it would go to stdout, where we tell
        self.duck.create_function(PROPOSALS, _proposals, ["BLOB"], "VARCHAR")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.duck.remove_function(PROPOSALS)
        self.duck.close()
        self._connection.close()
        self._database.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        with self._stream(sql) as stream:
            return self.duck.from_arrow(stream).fetchall()

    def value(self, sql: str) -> Any:
        """The one value that a query finds; None where it finds nothing."""
        found = self.rows(sql)
        return found[0][0] if found else None

    def copy(self, layer: Layer, between: tuple[int, int], file: Path) -> int:
        """Writes rows to a Parquet file, one row group, in ledger order.

        Args:
            layer: the table.
            between: the first and the last sequence.
            file: is made anew.

        Returns:
            how many rows they are.
        """
        selected = ", ".join(column.expression for column in layer.columns)
        name = str(file).replace("'", "''")
        form = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072, USE_TMP_FILE false"
        with self._stream(_typed(layer, between)) as stream:
            self.duck.register("chunk", stream)
            ((rows,),) = self.duck.execute(
                f"COPY (SELECT {selected} FROM chunk WHERE sequence > -1) TO '{name}' ({form})"
            ).fetchall()
            self.duck.unregister("chunk")
        return int(rows)

    @contextmanager
    def _stream(self, sql: str) -> Iterator[Any]:
        with closing(adbc.AdbcStatement(self._connection)) as statement:
            statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH})
            statement.set_sql_query(sql)
            yield statement.execute_query()[0]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the one place of whoever writes segments in a folder; waits for it, and not for ever.

    It is an SQLite lock, so that it works wherever the ledger does, and dies with the process.
    """
    (folder / ".lock").touch()  # says better than SQLite why it cannot be
    database, connection = _opened(folder / ".lock", "rw")
    with closing(database), closing(connection), closing(adbc.AdbcStatement(connection)) as statement:
        statement.set_sql_query("BEGIN EXCLUSIVE")
        end = monotonic() + PATIENCE
        while True:
            try:
                statement.execute_update()
                break
            except adbc.Error as error:
                if "locked" not in str(error):
                    raise
                if monotonic() > end:
                    raise LedgerError(
                        f"{folder}: somebody else has been writing segments here for {PATIENCE:.0f} s;"
                        " try again when they are done"
                    ) from error
            sleep(0.05)
        yield


def _opened(path: Path, mode: str) -> tuple[adbc.AdbcDatabase, adbc.AdbcConnection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    database = adbc.AdbcDatabase(driver=adbc_driver_sqlite._driver_path(), uri=uri)
    return database, adbc.AdbcConnection(database)


def _typed(layer: Layer, between: tuple[int, int]) -> str:
    """Rows behind one that shows the types: the driver guesses them from what it meets first."""
    first, last = between
    shown = ", ".join(
        f'{"-1" if name == "sequence" else NULLS[kept]} AS "{name}"' for name, kept in layer.kept
    )
    names = ", ".join(f'"{name}"' for name, _ in layer.kept)
    return (
        f"SELECT {shown} UNION ALL"
        f" SELECT * FROM (SELECT {names} FROM {layer.table} WHERE sequence BETWEEN {first} AND {last}"
        " ORDER BY sequence)"
    )


def _proposals(packed: bytes) -> str:
    """What `codec` packed, as JSON text."""
    return msgspec.json.encode(msgspec.msgpack.decode(zlib.decompress(packed))).decode() if packed else "[]"
