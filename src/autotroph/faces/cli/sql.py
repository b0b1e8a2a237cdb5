"""`autotroph sql`: ask the ledger anything; nothing can be written through it."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import reader_of

if TYPE_CHECKING:
    from autotroph.store import SqlValue, Stream


@click.command(short_help="Ask the ledger anything; it only reads.")
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with the names first.")
@click.option(
    "--parquet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what is found to this file, in typed columns.",
)
@click.option("--force", is_flag=True, help="Overwrite the Parquet file that is there.")
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Show no more in the table; 0 shows all.",
)
@click.option(
    "--limit-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Stop a query that takes longer.",
)
@options.config
@options.as_json
def sql(  # noqa: PLR0913 - the command's options
    *,
    query: str,
    as_csv: bool,
    parquet: Path | None,
    force: bool,
    max_rows: int,
    limit_seconds: float,
    config: Path,
    as_json: bool,
) -> None:
    """Answer one SELECT over the ledger; - reads it from stdin.

    The views answers, signals_by_decision, agreed, audit_sample, verdict_log, release_log, loop and kept are
    made for this (docs/reference/views.md). Only the ledger's place is read from the declaration, so it works
    while the rest of it is wrong.
    """
    if as_csv and (as_json or parquet):
        raise click.UsageError("--csv, --json and --parquet are ways to put out the same: choose one")
    if parquet:
        _refuse(parquet, force=force)
    text = sys.stdin.read() if query == "-" else query
    with closing(reader_of(config)) as reader, reader.stream(text, limit_seconds=limit_seconds) as found:
        if parquet:
            _write(found, parquet, as_json=as_json)
        elif as_json:
            _json(found)
        elif as_csv:
            _csv(found)
        else:
            _table(found, max_rows or None)


def _refuse(file: Path, *, force: bool) -> None:
    if str(file) == "-":
        raise click.UsageError("Parquet is written to a file, not to stdout: name one")
    if not file.exists():
        return
    if not force:
        raise InputError(f"{file} is there already; --force overwrites it")
    with file.open("rb") as there:
        if there.read(4) != b"PAR1":
            raise InputError(f"{file} is there already, and is no Parquet file: name another")


def _write(found: Stream, file: Path, *, as_json: bool) -> None:
    from autotroph.faces.cli import parquet

    _refuse_twice(found.columns, str.lower)  # DuckDB and Spark know no case in names
    types, rows = parquet.write(found.columns, found.rows, file)
    if as_json:
        options.emit({"file": str(file), "rows": rows, "types": types})
    else:
        click.echo(f"{file} is written: {rows:,} rows")


def _json(found: Stream) -> None:
    """One object on one line, row by row."""
    import msgspec

    _refuse_twice(found.columns)
    encode, put = msgspec.json.encode, sys.stdout.write
    put(f'{{"columns":{encode(found.columns).decode()},"rows":[')
    for place, row in enumerate(found.rows):
        put("," * (place > 0) + encode(dict(zip(found.columns, row, strict=True))).decode())
    put("]}\n")


def _csv(found: Stream) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(found.columns)
    writer.writerows(map(_printable, found.rows))


def _printable(row: Sequence[SqlValue]) -> list[SqlValue]:
    return [value.hex() if isinstance(value, bytes) else value for value in row]


def _table(found: Stream, most: int | None) -> None:
    from autotroph.faces.terminal import screen

    screen.show(screen.table(found.columns, islice(found.rows, most)))
    if next(found.rows, None) is not None:
        options.say(
            f"the first {most:,} rows are shown; --max-rows 0 shows all, and so do --csv, --json, --parquet"
        )


def _refuse_twice(columns: Sequence[str], alike: Callable[[str], str] = str) -> None:
    """Names that would stand for two columns."""
    for name, count in Counter(map(alike, columns)).items():
        if count > 1:
            raise InputError(f"two columns are named {name!r}; name one of them otherwise, with AS")
