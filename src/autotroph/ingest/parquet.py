"""Parquet files of history, read by DuckDB, a batch of rows at a time."""

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isnan
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from autotroph.errors import InputError, SourceError
from autotroph.ingest.files import Refused, Row
from autotroph.ingest.reading import read_json

SETTINGS: dict[str, Any] = {"threads": 2, "memory_limit": "512MB", "autoinstall_known_extensions": False}
BATCH = 500
"""Rows that are held at a time."""


class Parquet:
    """One file. A time without a zone is UTC, as engines write it; a missing number may be NaN.

    Attributes:
        columns: their names.
        done: rows read; `total`: rows in the file.
    """

    def __init__(self, source: Path | BinaryIO) -> None:
        if not isinstance(source, Path):
            raise SourceError("Parquet is read from its end: save the stream to a file first")
        import duckdb  # imported when used: it is large

        self._error: type[Exception] = duckdb.Error
        with source.open("rb"):
            pass  # says in the system's words why it cannot be read
        self._name = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(source))
        self._connection = duckdb.connect(config=SETTINGS)
        try:
            ((self.total,),) = self._asked("SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata(?)")
            described = self._asked("DESCRIBE SELECT * FROM read_parquet(?)")
        except self._error as error:
            self._connection.close()
            raise InputError(f"{source} is no Parquet file: {str(error).splitlines()[0]}") from None
        self.done = 0
        self.columns = tuple(name for name, *_ in described)
        self._times = [name for name, kind, *_ in described if kind.startswith("TIMESTAMP")]

    def rows(self, after: int = 0) -> Iterator[Row]:
        """The rows from 1 on, by the names of their columns."""
        times = ", ".join(f"epoch({_quoted(name)}) AS {_quoted(name)}" for name in self._times)
        chosen = f"* REPLACE ({times})" if times else "*"
        self.done = after
        try:
            found = self._connection.execute(
                f"SELECT {chosen} FROM read_parquet(?) OFFSET ?", [self._name, after]
            )
            while batch := found.fetchmany(BATCH):
                for values in batch:
                    self.done += 1
                    yield self.done, self._row(values)
        except self._error as error:
            raise InputError(f"after row {self.done}: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _asked(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, [self._name]).fetchall()

    def _row(self, values: Sequence[Any]) -> dict[str, Any] | Refused:
        """The row as JSON would have it: so it is held to the same rules."""
        row = {
            name: None if _missing(value) else value for name, value in zip(self.columns, values, strict=True)
        }
        try:
            found: dict[str, Any] = read_json(json.dumps(row, default=_plain).encode())
        except (InputError, TypeError) as error:
            return Refused(f"as JSON: {error}", {name: str(value) for name, value in row.items()})
        return found


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _missing(value: Any) -> bool:
    return isinstance(value, float) and isnan(value)


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    match value:
        case Decimal():
            return float(value)
        case UUID() | date() | datetime() | time() | timedelta():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no value; cast it to a text or a number")
