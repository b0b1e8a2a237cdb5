"""`autotroph rollback`: serve an earlier release from the next decision on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from autotroph.errors import InputError, LedgerError, Occupied, UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, ledger_of, opened, reader_of

if TYPE_CHECKING:
    from autotroph.deploy.retreat import Rollback
    from autotroph.spec import Spec


class Stood(NamedTuple):
    """A release and where it stands."""

    release: str
    name: str
    parent: str
    stage: str
    served: int

    def __str__(self) -> str:
        return f"{self.name} ({self.release})"


_STOOD = """
SELECT r.release, r.name, r.parent, r.stage,
       EXISTS (SELECT 1 FROM stages AS s WHERE s.release = r.release AND s.name = 'serving') AS served
FROM release_log AS r WHERE r.task = ? ORDER BY r.sequence
"""


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

    TASK may be left out where there is only one. A process that has the ledger open does it at once.
    """
    task = _task(declared(config, strict=False), task)
    main, target = _move(task, _stood(config, task), to)
    if not yes:
        click.confirm(f"{task}: {_question(main, target)}?", abort=True, err=True)
    done = _rolled_back(config, task, target.release, by)
    if as_json:
        recorded = {"recorded": not done.unrecorded, "reason": done.unrecorded}
        options.emit({"task": task, "from": done.was, "to": done.release, "name": done.name, **recorded})
        return
    click.echo(f"{task}: {target} serves from the next decision on")
    if done.unrecorded:
        options.say(f"note: it is not in the ledger yet, and will be: {done.unrecorded}")


def _rolled_back(config: Path, task: str, to: str, by: str) -> Rollback:
    """Done here, or by the process that has the ledger open."""
    try:
        with opened(config, "product.rollback()", strict=False) as product:
            return product.rollback(task, to=to, by=by)
    except Occupied:
        return _ordered(config, task, to, by)


def _ordered(config: Path, task: str, to: str, by: str) -> Rollback:
    from autotroph.clock import SystemClock
    from autotroph.faces import orders
    from autotroph.store.opening import location

    ledger, clock = location(ledger_of(config, strict=False)), SystemClock("")
    order = orders.Order(task=task, to=to, by=by, until=clock.now() + orders.PATIENCE)
    try:
        said = orders.give(orders.folder_of(ledger), order, clock)
    except OSError as error:
        why = f"and an order to it cannot be written: {error.strerror}"
        raise LedgerError(f"{ledger}: another process has it open, {why}. {_switch(config, task)}") from error
    if said is None:
        why = f"and did not answer within {orders.PATIENCE:g} s"
        raise LedgerError(f"{ledger}: another process has it open, {why}. {_switch(config, task)}")
    if isinstance(said, orders.Refused):
        raise InputError(said.reason)
    return said.done


def _switch(config: Path, task: str) -> str:
    """What works all the same."""
    from autotroph.faces.wayback import place

    reader = reader_of(config, strict=False)
    try:
        path = place(declared(config, strict=False), reader)
    finally:
        reader.close()
    return f"The kill switch asks nobody: echo {task} > {path}"


def _question(main: Stood, target: Stood) -> str:
    if main is target:
        return f"withdraw what is on the ladder, and let {main} serve alone"
    return f"serve {target} instead of {main}"


def _task(spec: Spec, task: str) -> str:
    known = [name for name, one in spec.tasks.items() if one.reward]
    if task and task not in known:
        raise UnknownName("task", task, known)
    if not task and len(known) != 1:
        raise InputError(f"say which task; known: {', '.join(known) or 'none'}")
    return task or known[0]


def _stood(config: Path, task: str) -> list[Stood]:
    import msgspec  # imported when used: start-up is felt

    reader = reader_of(config, strict=False)
    try:
        return msgspec.convert(reader.query(_STOOD, (task,)).rows, list[Stood])
    finally:
        reader.close()


def _move(task: str, stood: Sequence[Stood], to: str) -> tuple[Stood, Stood]:
    """What serves now, and what is to serve: only what served before is proven enough to serve at once."""
    serving = [one for one in stood if one.stage == "serving"]
    if not serving:
        raise InputError(f"task {task!r} has no release yet; a first decision or cycle makes release 0")
    main = serving[-1]
    target = _named(stood, to) if to else _before(main, stood)
    if target is main and not any(one.stage in ("shadow", "canary", "experiment") for one in stood):
        raise InputError(f"task {task!r}: {main} serves already, and nothing is on the ladder")
    return main, target


def _before(main: Stood, stood: Sequence[Stood]) -> Stood:
    """What the present release replaced, else release 0."""
    served = [one for one in stood if one.served]
    return next((one for one in served if one.release == main.parent), served[0])


def _named(stood: Sequence[Stood], to: str) -> Stood:
    """The one release that served and is called so, by its name, its id, or the beginning of its id."""
    fits = [one for one in stood if to == one.name or one.release.startswith(to)]
    served = [one for one in fits if one.served]
    if len(served) == 1:
        return served[0]
    if served:
        ids = ", ".join(one.release for one in served)
        raise InputError(f"{len(served)} releases are called {to!r}; say which by its id: {ids}")
    if fits:
        raise InputError(f"release {to!r} never served: the gate and the ladder have to let it pass first")
    raise UnknownName("release", to, {one.name for one in stood if one.served})
