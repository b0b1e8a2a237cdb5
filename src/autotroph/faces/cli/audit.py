"""`autotroph audit`: is the hash chain what it was?"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from autotroph.errors import InputError, LedgerError
from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import reader_of
from autotroph.faces.cli.refusals import Polite

if TYPE_CHECKING:
    from autotroph.store import Parameters, Reader, Table

_ANCHOR = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)


@click.group(cls=Polite, short_help="Prove that the journal is what it was.")
def audit() -> None:
    """Follow the hash chain over everything that changed behaviour, and keep its end somewhere else."""


@audit.command(short_help="Follow the whole chain; finds every edit, deletion, reorder and cut.")
@click.option("--anchor", default="", help="What `autotroph audit head` printed once: LINKS:HASH.")
@options.config
@options.as_json
def verify(*, anchor: str, config: Path, as_json: bool) -> None:
    """Follow the hash chain from its first link to its last.

    Finds every row that was edited, deleted, moved or cut off. With an anchor that was kept elsewhere it
    also finds a chain that was written anew as a whole. Leaves with 1 where it does not hold.
    """
    kept = _read(anchor)
    with closing(reader_of(config)) as reader:
        try:
            links, seconds = _followed(reader, kept)
        except LedgerError as error:
            _tell_restored(reader)
            if not as_json:
                raise
            options.emit({"holds": False, "fault": str(error), "anchor": anchor})
            raise click.exceptions.Exit(1) from error
    speed = round(links / max(seconds, 1e-9))
    if as_json:
        told = {"links": links, "seconds": seconds, "links_per_s": speed, "anchor": anchor}
        options.emit({"holds": True, **told})
    else:
        click.echo(f"the chain holds: {links:,} links in {seconds:.2f} s, {speed:,} a second")
        if not anchor:
            options.say("against a chain written anew: keep `autotroph audit head`, and verify with --anchor")


@audit.command(short_help="Print the end of the chain, to be kept somewhere else.")
@options.config
@options.as_json
def head(*, config: Path, as_json: bool) -> None:
    """Print LINKS:HASH, the end of the chain as it is now.

    Kept where nobody who can write the ledger can write, it proves later that nothing before it was changed.
    """
    from autotroph.store import chain

    with closing(reader_of(config)) as reader:
        _, links, hash_ = chain.head(reader)
    if as_json:
        options.emit({"anchor": f"{links}:{hash_}", "links": links, "hash": hash_})
    else:
        click.echo(f"{links}:{hash_}")
        options.say("keep this line somewhere else; later: autotroph audit verify --anchor LINKS:HASH")


def _read(anchor: str) -> tuple[int, str] | None:
    if not anchor:
        return None
    if not (shape := _ANCHOR.fullmatch(anchor.strip())):
        raise InputError(f"--anchor {anchor!r:.90} is not LINKS:HASH, as `autotroph audit head` prints it")
    return int(shape[1]), shape[2]


def _followed(reader: Reader, anchor: tuple[int, str] | None) -> tuple[int, float]:
    """How many links there are, and how many seconds it took."""
    from autotroph.clock import SystemClock
    from autotroph.store import chain

    _, links, _ = chain.head(reader)
    clock = SystemClock("")
    began = clock.elapsed()
    with bar("verifying") as progress:
        watched = cast("Reader", _Watched(reader, lambda done: progress(done, links)))
        followed = chain.verify(watched, *([anchor] if anchor else []))
    return followed, clock.elapsed() - began


class _Watched:
    """A reader of which is told how many rows were read; the chain is followed by queries alone."""

    def __init__(self, reader: Reader, tell: Callable[[int], None]) -> None:
        self._reader, self._tell, self._rows = reader, tell, 0

    def query(self, sql: str, parameters: Parameters = ()) -> Table:
        found = self._reader.query(sql, parameters)
        self._rows += len(found.rows)
        self._tell(self._rows)
        return found


def _tell_restored(reader: Reader) -> None:
    """A backup that was put in place is another chain from there on, and the journal says so."""
    try:
        rows = reader.query(_RESTORED).rows
    except (LedgerError, InputError):  # the journal is what does not hold
        return
    for at, backup, links in rows:
        options.say(
            f"note: the journal says that the ledger was restored on {at!s} UTC from {backup!s}, up to link"
            f" {links!s}: an anchor with more links, from before that, does not fit any more"
        )


_RESTORED = """SELECT datetime(at, 'unixepoch'), details ->> 'backup', details ->> 'links' FROM journal
                WHERE event = 'restored' ORDER BY sequence DESC LIMIT 1"""
