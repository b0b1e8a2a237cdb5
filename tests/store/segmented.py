"""Segments read back: as rows by DuckDB, and as the records that the ledger has."""

import hashlib
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_origin, get_type_hints

import apsw
import duckdb
import msgspec

from autotroph.records import ROWS, Artefact, Proposal, Record, Terms, Value
from autotroph.store import open_reader
from autotroph.store.codec import TABLES, layout
from autotroph.store.segments import Segments, copying

KINDS = [kind for kind in ROWS if kind is not Artefact]
EMPTY = {"inputs": "{}", "proposals": "[]", "output": "", "value_text": ""}


def copied(what: str, ledger: Path, folder: Path, rows: int = copying.ROWS) -> dict[str, Any]:
    """Does in this process, which must not have the ledger open, what else a process of its own does."""
    said: list[dict[str, Any]] = []
    before, copying.ROWS = copying.ROWS, rows
    try:
        copying.work(what, ledger, folder, lambda news: said.append(dict(news)))
    finally:
        copying.ROWS = before
    return said[-1]


def deleted(ledger: Path, table: str, *sequences: int) -> None:
    """Takes rows out of a ledger, with their texts."""
    with closing(apsw.Connection(str(ledger))) as connection:
        connection.pragma("foreign_keys", 1)
        connection.pragma("secure_delete", 1)
        connection.executemany(f"DELETE FROM {table} WHERE sequence = ?", [(each,) for each in sequences])


def dicts(files: list[str]) -> list[dict[str, Any]]:
    """The rows of Parquet files, in the order in which they lie there."""
    found = _duck().execute("SELECT * FROM read_parquet(?)", [files])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def records(segments: Segments, kind: type[Record]) -> list[Record]:
    """The records of a kind, put together again from the files."""
    form = layout(kind)
    rows = [_kept(row) for row in dicts(segments.paths(TABLES[kind]))]
    if form.wide_columns:
        texts = {row["sequence"]: row for row in dicts(segments.paths(form.wide_table))}
        nothing = {name: EMPTY[name] for name in form.wide_columns}
        rows = [{**nothing, **texts.get(row["sequence"], {}), **row} for row in rows]
    return [_record(kind, row) for row in rows]


def assert_same(ledger: Path, segments: Segments) -> None:
    """The segments hold what the ledger holds, row for row, and are what the manifest says they are."""
    reader = open_reader(ledger)
    for kind in KINDS:
        assert records(segments, kind) == list(reader.scan(kind)), kind
    reader.close()
    for table, listed in segments.tables.items():
        for one, path in zip(listed, map(Path, segments.paths(table)), strict=True):
            body = path.read_bytes()
            assert (len(body), hashlib.sha256(body).hexdigest()) == (one.bytes, one.sha256)
            sequences = [row["sequence"] for row in dicts([str(path)])]
            assert len(sequences) == one.rows
            assert all(one.first <= each <= one.last for each in sequences)


@cache
def _duck() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is derived, which has to be what it is derived from."""
    row = dict(row)
    for mark in [name for name in row if name.endswith("_mark")]:
        assert row.pop(mark) == _mark(row[mark.removesuffix("_mark")])
    if "learns" in row:
        assert row.pop("learns") == (row["learn"] and "improve" in row["purposes"])
    return row


def _mark(text: str) -> int | None:
    """The last 8 bytes of the MD5, as the other columns' numbers are: signed."""
    digested = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digested[8:], "little", signed=True) if text else None


def _record(kind: type[Record], row: dict[str, Any]) -> Record:
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        if hint is Terms:
            fields[name] = msgspec.convert({part: row.pop(part) for part in Terms.__struct_fields__}, Terms)
        elif hint == Value:
            of, number, text = (row.pop(f"{name}_{part}") for part in ("type", "number", "text"))
            fields[name] = {"boolean": bool(number), "number": number, "text": text}[of]
        elif hint == tuple[Proposal, ...] or (
            isinstance(row[name], str) and hint is not str and get_origin(hint) is not Literal
        ):
            fields[name] = msgspec.json.decode(row.pop(name), type=hint)
        else:
            fields[name] = msgspec.convert(row.pop(name), hint)
    assert row == {}
    return kind(**fields)
