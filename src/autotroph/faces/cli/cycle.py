"""`autotroph cycle`: once round the loop, where no model has to be asked in the product's own process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, opened

if TYPE_CHECKING:
    from autotroph.faces.library import Product
    from autotroph.spec import Spec

_VERDICTS = """
SELECT task, candidate_name AS candidate, judge, finding, reason
FROM verdict_log WHERE sequence > ? ORDER BY sequence
"""
_CANDIDATES = "SELECT task, name, track FROM candidates WHERE sequence > ? ORDER BY sequence"


@click.command(short_help="Go round the loop once.")
@options.config
@options.as_json
def cycle(*, config: Path, as_json: bool) -> None:
    """Go round once: digest what came in, judge, propose, promote or roll back.

    Leaves with 1 where something was rolled back.
    """
    _refuse_local(declared(config))
    with opened(config, "product.cycle()") as product:
        happened = _turn(product)
    if as_json:
        options.emit(happened)
    else:
        _tell(happened)
    if any(one["finding"] == "rolled back" for one in happened["verdicts"]):
        raise click.exceptions.Exit(1)


def _refuse_local(spec: Spec) -> None:
    """A model that lives in the product's process cannot be asked from here, and nothing may stand in."""
    for name, task in spec.tasks.items():
        asked = bool(task.reward) and spec.reward_of(name)[1].scores == "any"
        for variant in task.variants.values():
            model = spec.models.get(variant.model)
            if model is not None and (model.kind == "local" or asked):
                raise InputError(
                    f"task {name!r} is answered by the model {variant.model!r} of kind {model.kind!r}, which"
                    " answers only in the product's own process: call product.cycle() there"
                )


def _turn(product: Product) -> dict[str, Any]:
    before = product.store.last()
    done = product.cycle()
    product.retain()
    counts = {name: done.counts.get(name, 0) for name in ("decisions", "shadows", "rewards")}
    return {
        "number": done.number,
        **counts,
        "candidates": product.store.query(_CANDIDATES, (before,)).dicts(),
        "verdicts": product.store.query(_VERDICTS, (before,)).dicts(),
    }


def _tell(happened: dict[str, Any]) -> None:
    counts = " · ".join(f"{happened[name]:,} {name}" for name in ("decisions", "shadows", "rewards"))
    click.echo(f"cycle {happened['number']}: {counts}")
    for one in happened["verdicts"]:
        click.echo(
            f"  {one['task']}: {one['candidate']} {one['finding']} by the {one['judge']}: {one['reason']}"
        )
    for one in happened["candidates"]:
        click.echo(f"  {one['task']}: candidate {one['name']} proposed by {one['track']}")
