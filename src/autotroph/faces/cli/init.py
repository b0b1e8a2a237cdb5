"""`autotroph init`: a declaration that works, with comments that say what to change."""

from pathlib import Path
from shlex import quote

import click

from autotroph.errors import InputError
from autotroph.faces.cli.options import as_json, emit

NEXT = """\
{path} is written. Three steps from here:

  1. Say in it what the product decides, and what comes back.

  2. Decide and signal in your own code:

       import autotroph
       product = autotroph.open("{path}")
       decision = product.decide("route", {{"text": "lost my card"}}, user="u42")
       product.signal(decision.id, "resolved", True)

  3. Go round every hour or so, and look:

       autotroph cycle{config}
       autotroph status{config}
"""


@click.command(short_help="Write a declaration that works.")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--name", help="Of the product.  [default: the name of the folder]")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@as_json
def init(*, path: Path, name: str | None, force: bool, as_json: bool) -> None:
    """Write a commented autotroph.toml that works as it is.

    PATH is a folder, or a file that ends in .toml; here, if left out. A file that is there already is
    left alone.
    """
    target = path if path.suffix == ".toml" else path / "autotroph.toml"
    _write(target, name or target.resolve().parent.name or "my-product", force=force)
    if as_json:
        emit({"path": str(target)})
    else:
        config = "" if str(target) == "autotroph.toml" else f" --config {quote(str(target))}"
        click.echo(NEXT.format(path=target.as_posix(), config=config), nl=False)


def _write(target: Path, name: str, *, force: bool) -> None:
    from autotroph.spec import parse, template

    text = template(name)
    parse(text, str(target))
    try:
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True)
        with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        if target.is_file() and not force:
            raise InputError(f"{target}: is there already, and stays; --force overwrites it") from None
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
