"""`autotroph ingest`: history from a file: decisions made elsewhere, and what came back about them."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError, UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import opened
from autotroph.faces.cli.refusals import INTERRUPTED, PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autotroph.faces.library import Product
    from autotroph.ingest.columns import Columns
    from autotroph.ingest.files import History
    from autotroph.ingest.importing import Bookmark, Place, Read
    from autotroph.spec import Spec

FORMATS = ("jsonl", "csv", "parquet")
_FIELDS = ("id", "user", "session", "at", "option", "output")


@click.command(short_help="Take in history from a file.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--format", "form", type=click.Choice(FORMATS), help="The format.  [default: by the name]")
@click.option("--task", default="", help="The task of decisions that do not name one.")
@click.option(
    "--id",
    metavar="COLUMN",
    default="",
    help="The column with the decision's own id, by which later signals find it.",
)
@click.option(
    "--user", metavar="COLUMN", default="", help="The column with the pseudonymous id of the person."
)
@click.option("--session", metavar="COLUMN", default="", help="The column with the id of the session.")
@click.option(
    "--at",
    metavar="COLUMN",
    default="",
    help="The column with the time: seconds since the epoch, or ISO 8601 with a zone.",
)
@click.option(
    "--option", metavar="COLUMN", default="", help="The column with what was taken: an action or a variant."
)
@click.option("--output", metavar="COLUMN", default="", help="The column with what was put out.")
@click.option("--input", "inputs", metavar="NAME=COLUMN", multiple=True, help="The column with an input.")
@click.option("--signal", "signals", metavar="NAME[=COLUMN]", multiple=True, help="The column with a signal.")
@click.option("--thumb", metavar="[NAME=]COLUMN", default="", help="The column with thumbs, up or down.")
@click.option("--refused", type=click.Path(path_type=Path, dir_okay=False), help="Where refused rows go.")
@click.option("--resume/--no-resume", default=True, help="Go on where an interrupted run stopped.")
@options.config
@options.as_json
def ingest(*, file: Path, config: Path, as_json: bool, **flags: Any) -> None:
    """Take in the rows of FILE, or of stdin if it is -: JSONL, CSV or Parquet.

    A row of JSONL is a decision ({"task": …}) or a signal ({"subject": …, "name": …, "value": …}). The
    columns of a table are named by flags, or have the name of a field: user, inputs.text,
    signals.accepted. For a table of thumbs, say its --task, and which columns are its --id, --user,
    --input text=…, --output and --thumb.

    Rows that are there already are not stored again, so a file can be taken in twice. Rows that are
    refused go to FILE.refused.jsonl with the reason, and the command leaves with 1.
    """
    from msgspec.structs import asdict  # imported when used: start-up is felt

    where = Path("ingest") if str(file) == "-" else file
    refused = flags["refused"] or where.with_name(f"{where.name}.refused.jsonl")
    if refused.resolve() == file.resolve():
        raise InputError(f"{refused} is what is read: refused rows have to go to another file")
    with opened(config, "product.take(…), or POST to /v1/imports,") as product:
        try:
            place, left_out = _import(product, file, refused, flags)
        except OSError as error:
            raise InputError(
                f"{error.filename or file}: {error.strerror}; --refused names another file for refused rows,"
                " and --no-resume keeps no place beside the file"
            ) from error
    found = {**asdict(place.counts), "refused_rows": str(refused) if place.counts.refused else None}
    if as_json:
        options.emit({**found, "left_out": left_out})
    else:
        _tell(found, left_out)
    if place.counts.refused:
        raise click.exceptions.Exit(PRODUCT)


def _import(product: Product, file: Path, refused: Path, flags: dict[str, Any]) -> tuple[Place, list[str]]:
    """How far it came, and the columns that fill no field."""
    from autotroph.ingest.files import open_history
    from autotroph.ingest.importing import Bookmark, Place, Refusals, import_rows, mark_of

    columns, piped = _columns(flags, product.spec), str(file) == "-"
    with closing(open_history(sys.stdin.buffer if piped else file, flags["form"] or "")) as history:
        columns, left_out = _over(columns, history)
        bookmark, place = None, Place()
        if flags["resume"] and not piped:
            bookmark = Bookmark(file.with_name(f"{file.name}.progress"))
            place = bookmark.read(mark_of(file, repr(columns), product.spec.digest), product.store.last())
        refusals = Refusals(refused, place.written)
        read = _reader(columns, product.spec, history)
        places = import_rows(history, read, product.take, refusals, place)
        place = _follow(places, history, place, bookmark)
    return place, left_out


def _columns(flags: dict[str, Any], spec: Spec) -> Columns:
    """Columns by the paths of the fields that flags name."""
    from autotroph.ingest.columns import Columns

    named = {name: flags[name] for name in _FIELDS if flags[name]}
    for text in flags["inputs"]:
        name, _, column = text.partition("=")
        if not (name and column):
            raise InputError(f"--input {text}: write NAME=COLUMN, such as text=question")
        named[f"inputs.{name}"] = column
    thumb = flags["thumb"]
    thumbs = [thumb if "=" in thumb else f"{_thumb(spec)}={thumb}"] if thumb else []
    for text in (*flags["signals"], *thumbs):
        name, _, column = text.partition("=")
        if name not in spec.signals:
            raise UnknownName("signal", name, spec.signals)
        named[f"signals.{name}"] = column or name
    if flags["task"]:
        spec.task(flags["task"])
    return Columns(task=flags["task"], fields=named)


def _thumb(spec: Spec) -> str:
    """The one signal that thumbs can be."""
    found = [name for name, one in spec.signals.items() if one.type == "boolean" and one.about == "decision"]
    if len(found) != 1:
        raise InputError(
            f"--thumb: {len(found)} signals are boolean and about a decision ({', '.join(found) or 'none'});"
            " say which, as NAME=COLUMN"
        )
    return found[0]


def _over(columns: Columns, history: History) -> tuple[Columns, list[str]]:
    """The columns of a table, with those that are named as the fields are; documents stay as they are."""
    if not history.columns:
        return columns, []
    columns.check(history.columns)
    columns = columns.over(history.columns)
    if not (columns.task or columns.fields.keys() & {"task", "subject"}):
        raise InputError(
            "no column is named task or subject, so the rows are neither decisions nor signals; for decisions"
            " of one task, say --task"
        )
    used = set(columns.fields.values())
    return columns, [name for name in history.columns if name not in used]


def _reader(columns: Columns, spec: Spec, history: History) -> Read:
    from autotroph.ingest.columns import arrival_of

    if history.columns or not columns.fields:
        return lambda row: arrival_of(row, columns, spec)
    return lambda row: arrival_of(row, columns.over(row), spec)


def _follow(places: Iterator[Place], history: History, place: Place, bookmark: Bookmark | None) -> Place:
    """Keep each place, show how far it is, and say how to go on after an interruption."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    try:
        with Progress(console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("", total=history.total or None)
            for place in places:
                if bookmark:
                    bookmark.keep(place)
                progress.update(bar, completed=history.done, description=f"{place.counts.rows:,} rows")
    except KeyboardInterrupt:
        options.say(f"\nstopped after row {place.row:,}: the same command again continues")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if bookmark:
        bookmark.remove()
    return place


def _tell(found: dict[str, Any], left_out: list[str]) -> None:
    click.echo(
        f"{found['rows']:,} rows: {found['decisions']:,} decisions and {found['signals']:,} signals stored ·"
        f" {found['known']:,} rows already there · {found['refused']:,} refused"
    )
    if left_out:
        click.echo(f"columns that are no field: {', '.join(left_out)}")
    if found["refused_rows"]:
        click.echo(f"what was refused, and why: {found['refused_rows']}")
