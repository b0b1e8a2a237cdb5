"""A relation of narrow columns, written for either source.

This is all that the process needs which reads the ledger, until it has read it: so little is imported here.
"""

from typing import Literal

import msgspec


class Kept(msgspec.Struct, frozen=True):
    """A column as SQLite is asked for it: few of them, because each value costs, and texts most."""

    name: str
    sqlite: str
    kind: Literal["INTEGER", "REAL", "TEXT"]


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """A relation, out of either source.

    Attributes:
        wide: the table of its texts, joined by sequence, where texts are read.
        parquet: its columns over the segments `t` and their texts `w`.
        kept: what is read of the ledger, and `made`: its columns over these.
        real: what holds for rows of `kept` that are no example of the types.
    """

    table: str
    wide: str
    where: str
    parquet: str
    kept: tuple[Kept, ...]
    made: str
    real: str


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def from_parquet(raw: Raw, files: list[str], wide: list[str]) -> str:
    """The relation as DuckDB reads it from segments."""
    joined = f" LEFT JOIN {_parquet(wide)} AS w USING (sequence)" if raw.wide else ""
    return f"SELECT {raw.parquet} FROM {_parquet(files)} AS t{joined} WHERE {raw.where}"


def from_sqlite(raw: Raw, first: int, last: int) -> str:
    """What SQLite reads of the ledger between two sequences, behind a row that shows the types.

    The driver guesses them from what it meets first; `Raw.real` tells the rows from it.
    """
    shown = ", ".join(f'{_SHOWN[one.kind]} AS "{one.name}"' for one in raw.kept)
    columns = ", ".join(one.sqlite for one in raw.kept)
    joined = f" LEFT JOIN {raw.wide} AS w ON w.sequence = t.sequence" if raw.wide else ""
    return (
        f"SELECT {shown} UNION ALL SELECT * FROM (SELECT {columns} FROM {raw.table} AS t NOT INDEXED{joined}"
        f" WHERE t.sequence BETWEEN {first} AND {last} AND ({raw.where}))"
    )


_SHOWN = {"INTEGER": "-1", "REAL": "0.0", "TEXT": "''"}


def _parquet(files: list[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, files))}])"
