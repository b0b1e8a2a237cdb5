"""`autotroph rollback`: serve an earlier release from the next decision on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import InputError, UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, opened, reader_of

if TYPE_CHECKING:
    from autotroph.spec import Spec
    from autotroph.store import Reader, SqlValue

Row = dict[str, "SqlValue"]

_STOOD = """
SELECT r.release, r.name, r.parent, r.stage FROM release_log AS r
WHERE r.task = ? ORDER BY r.sequence
"""
_SERVED = "SELECT DISTINCT release FROM stages WHERE task = ? AND name = 'serving'"


@click.command(short_help="Serve an earlier release again.")
@click.argument("task", default="")
@click.option(
    "--to",
    default="",
    help="Name or id of a release that served before.  [default: what the present one replaced]",
)
@click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
@options.as_json
def rollback(*, task: str, to: str, by: str, yes: bool, config: Path, as_json: bool) -> None:
    """Serve an earlier release from the next decision on; whatever is on the ladder is withdrawn with it.

    TASK may be left out where there is only one.
    """
    task = _task(declared(config), task)
    main, target = _move(config, task, to)
    if not yes:
        question = f"{task}: serve {target['name']} ({target['release']}) instead of {main['name']}?"
        click.confirm(question, abort=True, err=True)
    with opened(config, f'product.rollback("{task}", to="{target["release"]}")') as product:
        product.rollback(task, to=str(target["release"]), by=by)
    if as_json:
        options.emit({"task": task, "from": main["release"], "to": target["release"], "name": target["name"]})
    else:
        click.echo(f"{task}: {target['name']} ({target['release']}) serves from the next decision on")


def _task(spec: Spec, task: str) -> str:
    known = [name for name, one in spec.tasks.items() if one.reward]
    if task and task not in known:
        raise UnknownName("task", task, known)
    if not task and len(known) != 1:
        raise InputError(f"say which task; known: {', '.join(known) or 'none'}")
    return task or known[0]


def _move(config: Path, task: str, to: str) -> tuple[Row, Row]:
    """What serves now, and what is to serve: only what served before is proven enough to serve at once."""
    reader = reader_of(config)
    try:
        stood, served = _stood(reader, task)
    finally:
        reader.close()
    serving = [row for row in stood if row["stage"] == "serving"]
    if not serving:
        raise InputError(f"task {task!r} has no release yet; a first decision or cycle makes release 0")
    main = serving[-1]
    target = _named(served, stood, to) if to else _before(main, served)
    if target is main and not any(row["stage"] in ("shadow", "canary") for row in stood):
        raise InputError(
            f"task {task!r}: {main['name']} ({main['release']}) serves already; there is nothing to undo"
        )
    return main, target


def _stood(reader: Reader, task: str) -> tuple[list[Row], list[Row]]:
    stood = reader.query(_STOOD, (task,)).dicts()
    served = {row[0] for row in reader.query(_SERVED, (task,)).rows}
    return stood, [row for row in stood if row["release"] in served]


def _before(main: Row, served: Sequence[Row]) -> Row:
    return next((row for row in served if row["release"] == main["parent"]), served[0])


def _named(served: Sequence[Row], stood: Sequence[Row], to: str) -> Row:
    fits = [row for row in served if to == row["name"] or str(row["release"]).startswith(to)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        ids = ", ".join(str(row["release"]) for row in fits)
        raise InputError(f"{len(fits)} releases are named {to!r}; say which by its id: {ids}")
    if any(to in (row["name"], row["release"]) for row in stood):
        raise InputError(f"release {to!r} never served: it has to pass the gate and climb the ladder first")
    raise UnknownName("release", to, {str(row["name"]) for row in served})
