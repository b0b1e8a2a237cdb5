"""`autotroph backup` and `autotroph restore`: copy the ledger while it is used, and go back to a copy."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import LedgerError
from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import ledger_of

if TYPE_CHECKING:
    from autotroph.govern.backups import Restored
    from autotroph.store.copying import Snapshot


@click.command(short_help="Copy the ledger into one file, while it is used.")
@click.argument("file", type=click.Path(path_type=Path))
@options.config
@options.as_json
def backup(*, file: Path, config: Path, as_json: bool) -> None:
    """Copy the ledger into FILE, while the product goes on.

    The copy is one state of the ledger, without a byte of rows that were removed. It is read from end to
    end before it has its name: one that is there holds. A FILE that is there already is left alone.
    """
    import msgspec

    from autotroph.govern import backups

    with bar("copying") as progress:
        made = backups.backup(ledger_of(config), file, progress)
    if as_json:
        options.emit({"file": str(file), **msgspec.to_builtins(made)})
    else:
        click.echo(f"{file} is written: {_held(made)}; {made.bytes:,} bytes")


@click.command(short_help="Go back to a backup.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
@options.as_json
def restore(*, file: Path, by: str, yes: bool, config: Path, as_json: bool) -> None:
    """Put the backup FILE in the place of the ledger, which is kept beside it.

    People who were erased since the backup was made are erased from it before it is in its place. Rows that
    are newer than the backup are only in the ledger that is put aside. Stop the product first.
    """
    import msgspec

    from autotroph.clock import SystemClock
    from autotroph.govern import backups
    from autotroph.store.opening import location

    url = ledger_of(config)
    if not yes:
        click.confirm(_question(file, location(url)), abort=True, err=True)
    with bar("restoring") as progress:
        done = backups.restore(file, url, SystemClock("").now(), by, progress)
    if as_json:
        options.emit(msgspec.to_builtins(done))
    else:
        _tell(done, file)
    if done.gap:
        options.say(
            f"note: {done.gap}, so erasures since the backup could not be carried over;"
            " erase those people again: `autotroph erase`"
        )


def _held(snapshot: Snapshot) -> str:
    return f"up to row {snapshot.rows:,}, and the chain holds, {snapshot.links:,} links"


def _question(file: Path, ledger: Path) -> str:
    if not ledger.exists():
        return f"Put {file} in the place of {ledger}, where nothing is?"
    return f"Put {file} ({_last(file)}) in the place of {ledger} ({_last(ledger)}), which is kept beside it?"


def _last(path: Path) -> str:
    from autotroph.store.copying import AnySchema

    try:
        with closing(AnySchema(path)) as reader:
            ((last,),) = reader.query("SELECT sequence FROM head").rows
    except (LedgerError, ValueError):
        return "cannot be read"
    return f"up to row {last:,}" if isinstance(last, int) else "cannot be read"


def _tell(done: Restored, file: Path) -> None:
    click.echo(f"{done.ledger} is again what {file} holds: {_held(done.snapshot)}")
    if done.aside:
        click.echo(f"the ledger before is in {done.aside}: {_newer(done.lost)}")
    if done.erased:
        click.echo(f"users erased from it, because they had been since the backup: {done.erased:,}")


def _newer(lost: int | None) -> str:
    if lost is None:
        return "whatever it has that the backup has not is only there"
    return f"rows newer than the backup, which are only there: {lost:,}"
