"""`autotroph rewards waive` and `unwaive`: somebody takes the risk of a reward that has not earned trust."""

from __future__ import annotations

from pathlib import Path

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.asked import done
from autotroph.faces.cli.moments import moment
from autotroph.faces.cli.opening import declared

_by = click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")


@click.command(short_help="Chase a reward for a while that has not earned trust.")
@click.argument("task")
@click.option("--until", required=True, help="When it is over: 30d, or 2030-01-02T08:00.")
@click.option("--reason", default="", help="Why; must be said of a reward that does not deserve it.")
@_by
@options.config
@options.as_json
def waive(*, task: str, until: str, reason: str, by: str, config: Path, as_json: bool) -> None:
    """Let what chases the reward of TASK be promoted for a while, though that has not earned trust.

    It is for the reward as it is declared now: whoever changes it looks again. It takes the place of an
    earlier waiver, and every verdict that it lets through names it. Works while the product runs.
    """
    from autotroph.unattended.waiving import Waive

    spec = declared(config)
    end = moment(until, spec.run.zone)
    what = Waive(task=task, until=end, by=by, reason=reason)
    taken = done(config, what, lambda product: product.waive(task, until=end, by=by, reason=reason))
    if as_json:
        options.emit({"event": "reward waived", "task": task, "until": end, "taken": taken})
    else:
        click.echo(f"{task}: {'waived' if taken else 'asked for'}")


@click.command(short_help="End the waiver of a reward.")
@click.argument("task")
@click.option("--reason", default="", help="Why, for the journal.")
@_by
@options.config
@options.as_json
def unwaive(*, task: str, reason: str, by: str, config: Path, as_json: bool) -> None:
    """End the waiver that the reward of TASK has, also the one that a new task begins with.

    Nothing is promoted then until the reward has earned trust, or is waived again. Works while the product
    runs.
    """
    from autotroph.unattended.waiving import Unwaive

    declared(config)
    what = Unwaive(task=task, by=by, reason=reason)
    taken = done(config, what, lambda product: product.unwaive(task, by=by, reason=reason))
    if as_json:
        options.emit({"event": "waiver ended", "task": task, "taken": taken})
    else:
        click.echo(f"{task}: {'its waiver is over' if taken else 'asked for'}")
