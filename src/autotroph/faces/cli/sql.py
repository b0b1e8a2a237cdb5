"""`autotroph sql`: ask the ledger anything; nothing can be written through it."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import reader_of

if TYPE_CHECKING:
    from autotroph.store import Table


@click.command(short_help="Ask the ledger anything; it only reads.")
@click.argument("query")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, with the names first.")
@click.option(
    "--limit-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Stop a query that takes longer.",
)
@options.config
@options.as_json
def sql(*, query: str, as_csv: bool, limit_seconds: float, config: Path, as_json: bool) -> None:
    """Answer one SELECT over the ledger; - reads it from stdin.

    The views answers, signals_by_decision, verdict_log, release_log and loop are made for this. Only the
    ledger's place is read from the declaration, so it works while the rest of it is wrong.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json are two ways to print the same: choose one")
    text = sys.stdin.read() if query == "-" else query
    reader = reader_of(config)
    try:
        table = reader.query(text, limit_seconds=limit_seconds)
    finally:
        reader.close()
    _print(table, "json" if as_json else "csv" if as_csv else "table")


def _print(table: Table, form: str) -> None:
    match form:
        case "json":
            options.emit({"columns": table.columns, "rows": _dicts(table)})
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        case _:
            from autotroph.faces import screen

            screen.show(screen.table(table.columns, table.rows))


def _dicts(table: Table) -> list[dict[str, object]]:
    twice = [name for name, count in Counter(table.columns).items() if count > 1]
    if twice:
        raise InputError(f"two columns are named {twice[0]!r}; name one of them otherwise, with AS")
    return [dict(row) for row in table.dicts()]
