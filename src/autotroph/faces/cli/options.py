"""The options that several commands share, and the one line that --json prints."""

from pathlib import Path

import click
from click.core import ParameterSource


def _there(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """Where nothing is said and nothing declared, what `autotroph serve --upstream` wrote."""
    said = context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    if said or value.exists():
        return value
    from autotroph.faces.beginning import written  # felt: most products have a declaration

    begun = written(value.parent)
    return begun if begun.is_file() else value


config = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("autotroph.toml"),
    show_default=True,
    callback=_there,
    help="The declaration of the product.",
)

strict = click.option(
    "--strict",
    is_flag=True,
    help="Refuse a declaration that is wrong or another product's, instead of going on with that of before.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one object on the last line of stdout.")


def emit(value: object) -> None:
    """Print a value as one line of JSON, on stdout."""
    import msgspec  # imported when used: start-up is felt

    click.echo(msgspec.json.encode(value).decode())


def say(text: str) -> None:
    """Tell the person something, on stderr, so that stdout can be piped."""
    click.echo(text, err=True)
