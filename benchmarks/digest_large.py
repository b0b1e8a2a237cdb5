"""The history of `digest_world` several times, under other ids: copied, because the store would take an hour.

What is digested lies as it would if the store had written it: the tables that digestion reads, row by row in
ledger order. Texts are left out, and so are the indexes that it does not use.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import msgspec

from autotroph.store.segments import Segment, Segments
from autotroph.store.segments.columns import MARK

TIMES = 10
COPIED = {"decisions": "id", "completions": "decision", "signals": "subject"}
"""The tables, and what in them is a decision's id."""


def multiply(folder: Path) -> None:
    """Writes what is not there yet of the larger history, out of the one that lies in a folder."""
    found = Segments.open(folder / "ledger.db")
    for table in COPIED:
        (folder / "large" / table).mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as duck:
        for time in range(TIMES):
            for table in COPIED:
                for path, to in zip(found.paths(table), _files(folder, found, table, time), strict=True):
                    if not to.exists():
                        _copy(duck, table, path, to, time, found.through)
    if not ledger(folder).exists():
        _copy_ledger(folder)


def segments(folder: Path) -> Segments:
    """The segments of the larger history."""
    found = Segments.open(folder / "ledger.db")
    tables = {
        table: tuple(one for time in range(TIMES) for one in _shifted(found, table, time)) for table in COPIED
    }
    return Segments(folder / "large", found.through * TIMES, tables)


def ledger(folder: Path) -> Path:
    """Its ledger."""
    return folder / "large" / "ledger.db"


def _copy(duck: duckdb.DuckDBPyConnection, table: str, path: str, to: Path, time: int, through: int) -> None:
    renamed = {name: f"{name} || '_{time}'" for name in _renamed(table)}
    changed = [f"{sql} AS {name}" for name, sql in renamed.items()]
    key = COPIED[table]
    changed += [f"sequence + {time * through} AS sequence", f"{MARK.format(renamed[key])} AS {key}_mark"]
    duck.execute(
        f"COPY (SELECT * REPLACE ({', '.join(changed)}) FROM '{path}')"
        f" TO '{to}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)"
    )


def _renamed(table: str) -> list[str]:
    return [COPIED[table], *(["id"] if table == "signals" else [])]


def _files(folder: Path, found: Segments, table: str, time: int) -> list[Path]:
    return [folder / "large" / table / one.name for one in _shifted(found, table, time)]


def _shifted(found: Segments, table: str, time: int) -> list[Segment]:
    shift = time * found.through
    return [
        msgspec.structs.replace(one, first=one.first + shift, last=one.last + shift)
        for one in found.tables[table]
    ]


def _copy_ledger(folder: Path) -> None:
    temporary = ledger(folder).with_suffix(".writing")
    shutil.copy(folder / "ledger.db", temporary)
    with closing(sqlite3.connect(temporary)) as connection:
        for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -1000000"):
            connection.execute(f"PRAGMA {pragma}")
        _strip(connection)
        ((through,),) = connection.execute("SELECT sequence FROM head")
        for time in range(1, TIMES):
            for table in COPIED:
                connection.execute(_shift(connection, table, time, through))
        connection.execute(f"UPDATE head SET sequence = {TIMES * through}")
        connection.commit()
        connection.execute("PRAGMA journal_mode = wal")
    temporary.rename(ledger(folder))


def _strip(connection: sqlite3.Connection) -> None:
    """Does without the indexes, which take most of the time of writing."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        f" AND tbl_name IN ({', '.join(map(repr, COPIED))})"
    ).fetchall()
    for (name,) in names:
        connection.execute(f"DROP INDEX {name}")
    connection.execute(
        "PRAGMA legacy_alter_table = on"
    )  # what refers to a table shall not follow its old rows
    for table in COPIED:
        ((sql,),) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table])
        connection.execute(f"ALTER TABLE {table} RENAME TO old")
        connection.execute(sql.replace(" UNIQUE", ""))
        connection.execute(f"INSERT INTO {table} SELECT * FROM old ORDER BY sequence")
        connection.execute("DROP TABLE old")


def _shift(connection: sqlite3.Connection, table: str, time: int, through: int) -> str:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    changed = {name: f"{name} || '_{time}'" for name in _renamed(table)}
    changed["sequence"] = f"sequence + {time * through}"
    columns = ", ".join(changed.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO {table} SELECT {columns} FROM {table} WHERE sequence <= {through} ORDER BY sequence"
