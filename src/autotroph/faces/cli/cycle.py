"""`autotroph cycle`: once round the loop, where no model has to be asked in the product's own process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, opened, refuse_local

if TYPE_CHECKING:
    from autotroph.unattended.telling import Turned


@click.command(short_help="Go round the loop once.")
@options.config
@options.as_json
def cycle(*, config: Path, as_json: bool) -> None:
    """Go round once: digest what came in, judge, propose, promote or roll back.

    Leaves with 1 where something was rolled back.
    """
    refuse_local(declared(config))
    with opened(config, "product.cycle(), or POST /v1/cycle of the running server") as product:
        from autotroph.unattended.telling import happened  # felt: a wrong call is answered without it

        before = product.store.last()
        done = happened(product.store, before, product.cycle())
        product.retain()
    if as_json:
        options.emit(done)
    else:
        _tell(done)
    if done.fell:
        raise click.exceptions.Exit(1)


def _tell(done: Turned) -> None:
    click.echo(f"cycle {done.number}: {done.counted}")
    for one in done.verdicts:
        click.echo(
            f"  {one['task']}: {one['candidate']} {one['finding']} by the {one['judge']}: {one['reason']}"
        )
    for one in done.candidates:
        click.echo(f"  {one['task']}: candidate {one['name']} proposed by {one['track']}")
