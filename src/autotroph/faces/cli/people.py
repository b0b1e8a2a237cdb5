"""`autotroph export` and `autotroph erase`: what is known of a person, handed over or taken out for good."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, ledger_of, opened, reader_of

if TYPE_CHECKING:
    from autotroph.govern.persons import Erasing

PAGE = 500
"""Users that are looked for at once."""


@click.command(short_help="Hand over every row about a user.")
@click.argument("user")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, readable for you alone.  [default: stdout]",
)
@options.config
@options.as_json
def export(*, user: str, out: Path | None, config: Path, as_json: bool) -> None:
    """Write every row about USER, one JSON document a line, with its kind.

    Only reads, so it works while the product runs.
    """
    if as_json and out is None:
        raise click.UsageError("the documents themselves are JSON on stdout; --json goes with --out")
    counts = _exported(config, user, out)
    found = ", ".join(f"{number:,} of kind {kind}" for kind, number in counts.items())
    if as_json:
        options.emit({"user": user, "out": str(out), "rows": sum(counts.values()), "kinds": counts})
    else:
        options.say(f"{out or 'stdout'}: {found}" if found else f"nothing about {user!r} is in the ledger")


def _exported(config: Path, user: str, out: Path | None) -> Counter[str]:
    import msgspec

    from autotroph.govern import persons

    counts: Counter[str] = Counter()
    with closing(reader_of(config)) as reader, _into(out) as file:
        for document in persons.export(reader, user):
            counts[document["kind"]] += 1
            file.write(msgspec.json.encode(document) + b"\n")
    return counts


@contextmanager
def _into(out: Path | None) -> Iterator[IO[bytes]]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InputError(f"{out}: is there already, and stays; name another file") from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        yield file


@click.command(short_help="Take users out for good.")
@click.argument("users", nargs=-1)
@click.option(
    "--from-file",
    type=click.File("r", encoding="utf-8"),
    help="Ids of users, one a line; - reads them from stdin.",
)
@click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
@options.as_json
def erase(
    *, users: tuple[str, ...], from_file: IO[str] | None, by: str, yes: bool, config: Path, as_json: bool
) -> None:
    """Take USERS out of the ledger for good: their rows, and every byte of them in its files.

    What comes in about them later is refused. Backups made before still hold them; restoring one erases
    them again.
    """
    named = _named(users, from_file)
    declared(config)
    if not yes:
        click.confirm(_question(config, named), abort=True, err=True)
    instead = "product.erase(…), or DELETE /v1/users/{user} of the running server"
    with opened(config, instead) as product, _waiting():
        done = product.erase(*named, by=by)
    if as_json:
        import msgspec

        options.emit(msgspec.to_builtins(done))
    else:
        click.echo(_told(done))
    for path in _aside(config):
        options.say(
            f"note: {path} was put aside by a restoration and still holds them; when it is needed no"
            f" longer: rm {path}"
        )


def _named(users: Sequence[str], file: IO[str] | None) -> list[str]:
    lines = [line.rstrip("\r\n") for line in file] if file is not None else []
    found = list(dict.fromkeys([*users, *filter(None, lines)]))
    if not found:
        raise InputError("name the users to erase, or a file with their ids: --from-file FILE")
    return found


def _question(config: Path, users: Sequence[str]) -> str:
    from autotroph.govern.persons import belongings, named
    from autotroph.records import Signal

    with closing(reader_of(config)) as reader:
        mine = [belongings(reader, named(reader, users[at : at + PAGE])) for at in range(0, len(users), PAGE)]
    decisions = sum(len(one.decisions) for one in mine)
    signals = sum(len(one.rows[Signal]) for one in mine)
    gone = _gone(decisions, signals, sum(one.count for one in mine))
    return f"Erase for good: users {len(users):,}, {gone}?"


def _told(done: Erasing) -> str:
    gone = _gone(done.decisions, done.signals, done.rows)
    return f"erased: users {done.users:,}, {gone}; what comes in about them is refused from now on"


def _gone(decisions: int, signals: int, rows: int) -> str:
    return f"decisions {decisions:,}, signals {signals:,}, rows in all {rows:,}"


@contextmanager
def _waiting() -> Iterator[None]:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("erasing"):
        yield


def _aside(config: Path) -> list[Path]:
    from autotroph.store.opening import location

    ledger = location(ledger_of(config))
    return sorted(ledger.parent.glob(f"{ledger.name}.before-*"))
