"""What a query found as a Parquet file: each column of the one type that all its values have.

| values | column |
|---|---|
| whole numbers | BIGINT |
| numbers | DOUBLE |
| text, or several kinds (bytes then as hex digits), or nothing but NULL | VARCHAR |
| bytes | BLOB |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from autotroph.errors import InputError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from autotroph.store import SqlValue

    Row = tuple[SqlValue, ...]
    Kinds = frozenset[str]

CHUNK = 50_000
MEMORY = "1GB"


def write(columns: Sequence[str], rows: Iterable[Row], file: Path) -> tuple[dict[str, str], int]:
    """Writes rows to a file, which is whole when it has its name.

    Rows are taken a chunk at a time, because the type of a column is only known when the last one is seen.

    Args:
        columns: their names, no two alike.
        rows: what each holds.
        file: is overwritten.

    Returns:
        the types of the columns by name, and how many rows were written.

    Raises:
        InputError: the file cannot be written.
    """
    import duckdb

    try:
        with (
            TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as scratch,
            duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": scratch}) as duck,
        ):
            duck.execute("SET enable_progress_bar = false").fetchall()  # it would go to stdout
            found = [_keep(duck, place, part) for place, part in enumerate(_chunks(rows))]
            kinds = [frozenset().union(*(part[place] for part in found)) for place in range(len(columns))]
            types = dict(zip(columns, map(_common, kinds), strict=True))
            made = Path(scratch) / "made.parquet"
            count = _copy(duck, found, types, made)
            made.replace(file)
    except (OSError, duckdb.Error) as error:
        raise InputError(f"{file} cannot be written: {error}") from error
    return types, count


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    taken = iter(rows)
    while part := list(islice(taken, CHUNK)):
        yield part


def _keep(duck: DuckDBPyConnection, place: int, part: list[Row]) -> list[Kinds]:
    """Keeps a chunk as a table of its own; the kinds of values in each column."""
    import numpy as np

    columns = list(zip(*part, strict=True))
    kinds = [frozenset(_KINDS[type(value)] for value in values if value is not None) for values in columns]
    arrays = {f"c{number}": _array(_kept(kinds[number]), values) for number, values in enumerate(columns)}
    duck.register("part", {"row": np.arange(len(part) + 1), **arrays})
    duck.execute(f"CREATE TABLE part{place} AS SELECT * EXCLUDE row FROM part WHERE row > 0").fetchall()
    duck.unregister("part")
    return kinds


def _array(kind: str, values: Sequence[SqlValue]) -> Any:
    """Values as DuckDB takes them, behind one that shows the type: it guesses from what it meets first."""
    import numpy as np

    match kind:
        case "BIGINT" | "DOUBLE":
            absent = [False, *(value is None for value in values)]
            numbers = [0, *(0 if value is None else value for value in values)]
            return np.ma.masked_array(np.array(numbers, np.int64 if kind == "BIGINT" else float), absent)
        case "BLOB":
            return np.array([b"", *values], dtype=object)
        case _:
            return np.array(["", *map(_text, values)], dtype=object)


_KINDS = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", bytes: "BLOB"}


def _common(kinds: Kinds) -> str:
    """The type of a column that has values of these kinds."""
    return "DOUBLE" if kinds == {"BIGINT", "DOUBLE"} else _kept(kinds)


def _kept(kinds: Kinds) -> str:
    """How a chunk of it is kept: several kinds as text, so that the others may still decide."""
    return next(iter(kinds)) if len(kinds) == 1 else "VARCHAR"


def _text(value: SqlValue) -> str | None:
    if isinstance(value, bytes):
        return value.hex()
    return None if value is None else str(value)


def _copy(duck: DuckDBPyConnection, parts: list[list[Kinds]], types: dict[str, str], made: Path) -> int:
    """Puts the chunks together in one file; the number of its rows."""
    names = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in types]
    nothing = ", ".join(f"NULL::{kind} AS {name}" for kind, name in zip(types.values(), names, strict=True))
    selects = [f"SELECT {nothing} WHERE false"]
    for place, kinds in enumerate(parts):
        cells = map(_cast, range(len(kinds)), kinds, types.values())
        selects.append(f"SELECT {', '.join(cells)} FROM part{place}")
    path = str(made).replace("'", "''")
    ((rows,),) = duck.execute(
        f"COPY ({' UNION ALL '.join(selects)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    ).fetchall()
    return int(rows)


def _cast(place: int, kinds: Kinds, into: str) -> str:
    return f"lower(hex(c{place}))" if (_kept(kinds), into) == ("BLOB", "VARCHAR") else f"c{place}::{into}"
