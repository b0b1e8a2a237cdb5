"""`autotroph init`: a declaration that works, with comments that say what to change."""

from pathlib import Path

import click

from autotroph.errors import InputError
from autotroph.faces.cli.options import as_json, emit

NEXT = """\
{path} is written. Three steps from here:

  1. say what the product decides, and what comes back      edit {name}
  2. decide and signal, from your own code                  import autotroph
                                                            product = autotroph.open("{name}")
                                                            decision = product.decide("route", {{"text": "…"}}, user="u42")
                                                            product.signal(decision.id, "resolved", True)
  3. go round: digest, judge, propose, promote              autotroph cycle
                                                            autotroph status
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
        click.echo(NEXT.format(path=target, name=target.name), nl=False)


def _write(target: Path, name: str, *, force: bool) -> None:
    from autotroph.spec import parse, template

    text = template(name)
    parse(text, str(target))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{target}: is there already, and stays; --force overwrites it") from None
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
