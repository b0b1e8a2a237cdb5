"""`autotroph freeze` and `autotroph thaw`: nothing advances, until it may again."""

from __future__ import annotations

from pathlib import Path

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.asked import done
from autotroph.faces.cli.moments import moment
from autotroph.faces.cli.opening import declared

_by = click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")


@click.command(short_help="Let nothing advance.")
@click.argument("task", default="")
@click.option(
    "--until", default="", help="When it is over: 8h, or 2030-01-02T08:00.  [default: until thawed]"
)
@click.option("--reason", default="", help="Why, for the journal and for status.")
@_by
@options.config
@options.as_json
def freeze(*, task: str, until: str, reason: str, by: str, config: Path, as_json: bool) -> None:
    """Let nothing of TASK, or of any task, advance: nothing is promoted, and nobody meets a new candidate.

    Cycles go on, and what does harm is rolled back all the same. A restart does not end it. Works while
    the product runs.
    """
    from autotroph.unattended.freezing import Freeze

    spec = declared(config)
    end = moment(until, spec.run.zone) if until else None
    what = Freeze(task=task, until=end, by=by, reason=reason)
    taken = done(config, what, lambda product: product.freeze(task, until=end, by=by, reason=reason))
    _tell("frozen", task, end, taken=taken, as_json=as_json)


@click.command(short_help="Let things advance again.")
@click.argument("task", default="")
@_by
@options.config
@options.as_json
def thaw(*, task: str, by: str, config: Path, as_json: bool) -> None:
    """Let TASK, which was frozen, advance again; without a TASK, whatever is frozen."""
    from autotroph.unattended.freezing import Thaw

    declared(config)
    taken = done(config, Thaw(task=task, by=by), lambda product: product.thaw(task, by=by))
    _tell("thawed", task, None, taken=taken, as_json=as_json)


def _tell(event: str, task: str, until: float | None, *, taken: bool, as_json: bool) -> None:
    if as_json:
        options.emit({"event": event, "task": task, "until": until, "taken": taken})
    else:
        click.echo(f"{task or 'all tasks'}: {event if taken else 'asked for'}")
