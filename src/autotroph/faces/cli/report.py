"""`autotroph report`: what happened, with pictures, in one file that any browser opens."""

from importlib import import_module
from pathlib import Path

import click

from autotroph.clock import SystemClock
from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of


@click.command(short_help="Write report.html, with pictures.")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The file to write.",
)
@options.config
@options.as_json
def report(*, out: Path, config: Path, as_json: bool) -> None:
    """Write one self-contained page: what the loop did, what it was worth, and every verdict.

    It needs no network, and every number on it comes with the `autotroph sql` line that gives it.
    """
    spec, reader = declared(config), reader_of(config)
    write_report = import_module("autotroph.faces.report").write_report  # when used: pictures weigh much
    try:
        write_report(reader, spec, out, SystemClock("").now())
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        reader.close()
    if as_json:
        options.emit({"report": str(out)})
    else:
        click.echo(f"{out} is written; open it in a browser")
