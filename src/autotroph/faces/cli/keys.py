"""`autotroph keys`: who may ask the server for what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import ledger_of
from autotroph.faces.cli.refusals import Polite

if TYPE_CHECKING:
    from autotroph.govern.keys import Key, Keys


@click.group(cls=Polite, short_help="Make, list and revoke keys to the server.")
def keys() -> None:
    """Make, list and revoke the keys with which others may ask `autotroph serve`.

    They are kept as digests in a file beside the ledger. A server that runs notices a change at once.
    """


@keys.command(short_help="Make a key, and print its secret once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it may do: signals, decide (and signals), read, operate (everything). May be repeated.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    help="A page's origin, such as https://shop.example: the key is for browsers there. May be repeated.",
)
@click.option(
    "--expires", default="", help="After how long it opens nothing more, such as 90d.  [default: never]"
)
@options.config
@options.as_json
def create(
    *, name: str, scopes: tuple[str, ...], origins: tuple[str, ...], expires: str, config: Path, as_json: bool
) -> None:
    """Make a key called NAME. Its secret is the only line on stdout; nobody can tell it later.

    With --origin it is for browsers: it may only send signals, from these pages, and as everybody can read
    it there, the users that it names are not verified.
    """
    kept = _kept(config)
    key, secret = kept.create(name, scopes, origins=origins, lifetime=_seconds(expires))
    if as_json:
        options.emit({**_told(key), "secret": secret})
        return
    click.echo(secret)
    ends = f" until {_time(key.expires)}" if key.expires is not None else ""
    may = ", ".join(sorted(key.scopes))
    options.say(f"key {key.id} ({key.name}) may {may}{ends}; put it away, it is not shown again")


@keys.command("list", short_help="Every key that was made, and whether it opens anything.")
@options.config
@options.as_json
def list_(*, config: Path, as_json: bool) -> None:
    """Show every key that was made, without its secret, and whether it opens anything."""
    found = [_told(key) for key in _kept(config).list()]
    if as_json:
        options.emit({"keys": found})
        return
    if not found:
        options.say("no keys yet; `autotroph keys create NAME --scope signals` makes one")
        return
    from autotroph.faces.terminal import screen

    screen.show(screen.table(found[0], [[_cell(value) for value in row.values()] for row in found]))


@keys.command(short_help="Let a key open nothing more.")
@click.argument("key_id", metavar="ID")
@options.config
@options.as_json
def revoke(*, key_id: str, config: Path, as_json: bool) -> None:
    """Let the key with this ID open nothing more, from now on. The others stay as they are."""
    kept = _kept(config)
    key = kept.revoke(key_id)
    if as_json:
        options.emit(_told(key))
    else:
        click.echo(f"key {key.id} ({key.name}) opens nothing more")


def _kept(config: Path) -> Keys:
    from autotroph.clock import SystemClock
    from autotroph.govern.keys import Keys, keys_file

    return Keys(keys_file(ledger_of(config)), SystemClock(""))


def _seconds(expires: str) -> float | None:
    from autotroph.spec.durations import Duration

    if not expires:
        return None
    try:
        seconds = Duration.read(expires)
    except ValueError as error:
        raise InputError(f"--expires {expires}: {error}") from None
    if not seconds:
        raise InputError(f"--expires {expires}: such a key would never open anything")
    return seconds


def _told(key: Key) -> dict[str, Any]:
    """What anybody may know of a key."""
    from autotroph.clock import SystemClock

    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.granted,
        "origins": key.origins,
        "state": key.state(SystemClock("").now()),
        "created": _time(key.created),
        "expires": None if key.expires is None else _time(key.expires),
        "revoked": None if key.revoked is None else _time(key.revoked),
    }


def _cell(value: object) -> object:
    return ", ".join(value) or None if isinstance(value, tuple) else value


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
