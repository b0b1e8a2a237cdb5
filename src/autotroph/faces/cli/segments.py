"""`autotroph segments`: bring the ledger's Parquet segments up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import ledger_of

if TYPE_CHECKING:
    from autotroph.store.segments import Segments


@click.command(short_help="Write the ledger as Parquet, for digestion and larger engines.")
@click.option("--verify", is_flag=True, help="Read every file, and write damaged ones again.")
@click.option(
    "--forget", "forgetting", is_flag=True, help="Only take out what is not in the ledger any more."
)
@options.config
@options.as_json
def segments(*, verify: bool, forgetting: bool, config: Path, as_json: bool) -> None:
    """Write what is new in the ledger to Parquet segments beside it, while the product goes on.

    They lie in the folder segments, a folder a table; any engine that reads Parquet reads them. Full ones
    are never written again, except to take out rows that were erased.
    """
    from autotroph.store.opening import location

    if verify and forgetting:
        raise click.UsageError("--forget writes nothing that is new and verifies nothing: choose one")
    found = _bring(location(ledger_of(config)), verify=verify, forgetting=forgetting)
    if as_json:
        options.emit(_told(found))
    else:
        _show(found)


def _bring(ledger: Path, *, verify: bool, forgetting: bool) -> Segments:
    from autotroph.store.segments import Progress, forget, sync, tables

    names = list(tables())
    with bar("writing segments") as progress:

        def watch(news: Progress) -> None:
            share = news.at / max(news.head, 1)
            progress(round(1000 * (names.index(news.table) + share)), 1000 * len(names))

        if forgetting:
            return forget(ledger, progress=watch)
        return sync(ledger, verify=verify, progress=watch)


def _told(found: Segments) -> dict[str, Any]:
    import msgspec

    return {
        "folder": str(found.folder),
        "through": found.through,
        "written": msgspec.to_builtins(found.written),
        "tables": {table: {"rows": found.rows(table), "files": found.paths(table)} for table in found.tables},
    }


def _show(found: Segments) -> None:
    from autotroph.faces.terminal import screen

    filled = [(table, ones) for table, ones in found.tables.items() if found.rows(table)]
    rows = [(table, found.rows(table), len(ones), sum(one.bytes for one in ones)) for table, ones in filled]
    screen.show(screen.table(("table", "rows", "files", "bytes"), rows))
    new = found.written
    click.echo(
        f"{found.folder}: all rows up to {found.through:,}; written just now: {new.rows:,} rows in"
        f" {new.files:,} files, {new.bytes:,} bytes, {new.seconds:.1f} s"
    )
