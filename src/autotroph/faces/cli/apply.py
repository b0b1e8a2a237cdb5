"""`autotroph apply`: runs the steps that `autotroph plan` shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError
from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import declared, opened
from autotroph.faces.cli.plan import Explained, explain, show, told

if TYPE_CHECKING:
    from autotroph.plan.steps import Plan


@click.command(short_help="Run the steps of the plan.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--yes-with-candidates",
    "candidates",
    is_flag=True,
    help="Do not ask, and refuse candidates that people meet: what measures them has changed.",
)
@click.option("--plan", "digest", default="", help="Only if the plan has this digest, see `plan --json`.")
@click.option(
    "--force", is_flag=True, help="What is proposed serves everybody at once, unproven. It is journalled."
)
@click.option("--by", default="a person", show_default=True, help="Who forces it, for the journal.")
@options.config
@options.as_json
def apply(  # noqa: PLR0913 - one a flag
    *, yes: bool, candidates: bool, digest: str, force: bool, by: str, config: Path, as_json: bool
) -> None:
    """Show the plan, ask, and run it, and nothing else.

    The history is valued by the measures as they are declared now. What a task is declared to serve becomes a
    candidate, and goes to the gate and the ladder like every other.

    Values of before stay, under their version. What was interrupted is gone on with when it is called again;
    until it is done, no cycle runs. It refuses while people meet a candidate that was weighed by what has
    changed.
    """
    found = explain(declared(config), config)
    if not as_json:
        show(found)
    if not found.plan.run:
        _done(found, 0, as_json=as_json)
        return
    if digest:
        found.plan.refuse_other(digest)
    _refuse(found.plan, candidates=candidates)
    if force and found.plan.proposed:
        options.say(f"! {_FORCED}")
    if not (yes or candidates):
        click.confirm("Do this?", abort=True, err=True)
    with opened(config, _INSTEAD) as product, bar("valuing") as progress:
        before = product.store.last()
        product.apply(progress, candidates=candidates, expected=found.plan.digest, force=by if force else "")
        appended = product.store.last() - before
    _done(found, appended, force=force, as_json=as_json)


_INSTEAD = "product.apply(); where that is `autotroph serve`, stop it, apply, and start it again"

_FORCED = "by force: what is proposed serves everybody from the next decision on, and nothing has proven it"


def _refuse(plan: Plan, *, candidates: bool) -> None:
    """Before anything is asked."""
    if plan.in_front and not candidates:
        names = ", ".join(f"{one.name!r} (task {one.task})" for one in plan.in_front)
        raise InputError(
            f"people meet {names}, weighed by what has changed: wait until the ladder has decided, or have it"
            " refused with --yes-with-candidates"
        )


def _done(found: Explained, appended: int, *, as_json: bool, force: bool = False) -> None:
    if as_json:
        options.emit({**told(found), "rows": appended})
    elif found.plan.revalued:
        click.echo(f"applied: {appended:,} rows; cycles run again")
    elif force and found.plan.proposed:
        names = ", ".join(one.name for one in found.plan.proposed)
        click.echo(
            f"applied: {appended:,} rows; {names} serves everybody; `autotroph rollback` takes it back"
        )
    elif found.plan.run:
        click.echo(f"applied: {appended:,} rows; the gate looks at what is proposed in the next cycle")
