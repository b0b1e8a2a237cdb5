"""`autotroph approve`: a person lets a candidate go on."""

from __future__ import annotations

from pathlib import Path

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.asked import done
from autotroph.faces.cli.opening import declared


@click.command(short_help="Let a candidate go on.")
@click.argument("candidate")
@click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")
@options.config
@options.as_json
def approve(*, candidate: str, by: str, config: Path, as_json: bool) -> None:
    """Let CANDIDATE, a name or an id, go on where its task's autonomy asks for a person.

    It still has to pass the gate, and each step of the ladder. Works while the product runs.
    """
    from autotroph.unattended.asking import Approve

    declared(config)
    ask = Approve(candidate=candidate, by=by)
    taken = done(config, ask, lambda product: product.approve(candidate, by=by))
    if as_json:
        options.emit({"event": "approved", "candidate": candidate, "taken": taken})
    else:
        click.echo(f"{candidate}: {'approved' if taken else 'asked for'}")
