"""`autotroph rewards`: what is chased, and whether it deserves that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError, UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of
from autotroph.faces.cli.refusals import Polite

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.observe.deserving import Against, Deserving
    from autotroph.spec import Spec

MARKS = {"deserves": ("✓", "green"), "does not": ("✗", "red"), "unknown": ("?", "yellow")}


@click.group(cls=Polite, short_help="Does what is chased deserve it?")
def rewards() -> None:
    """Look at rewards: whether what they are chased for comes of it."""


@rewards.command(short_help="Hold rewards against the outcomes, by past experiments.")
@click.argument("name", default="")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with pictures to this file, too.",
)
@options.config
@options.as_json
def check(*, name: str, html: Path | None, config: Path, as_json: bool) -> None:
    """Find whether a reward deserves to be chased.

    NAME is a reward that a task chases; all of them, if left out. Each is held against every declared
    outcome: did past experiments that moved it move the outcome the same way, do the two agree on the same
    answers, does it go with how an answer is dressed, and has it risen while answers that somebody looked
    at have not? It is about the newest version that the ledger has values of.

    Only reads, so it works while the product runs. Leaves with 1 where a reward does not deserve it: the gate
    refuses what was made by chasing that.
    """
    found = _examined(declared(config), name, config)
    if html is not None:
        _write(found, html)
    if as_json:
        options.emit({"rewards": [_told(one) for one in found], "html": None if html is None else str(html)})
    else:
        from autotroph.faces.terminal import screen

        screen.show(_screen(found))
        if html is not None:
            options.say(f"{html} is written; open it in a browser")
    if any(one.finding == "does not" for one in found):
        raise click.exceptions.Exit(1)


def _examined(spec: Spec, name: str, config: Path) -> list[Deserving]:
    from autotroph.observe.deserving import examine

    chased = {task: one.reward for task, one in spec.tasks.items() if one.reward}
    if name and name not in chased.values():
        raise UnknownName("reward of a task", name, set(chased.values()))
    reader = reader_of(config)
    try:
        return [examine(reader, spec, task) for task, reward in chased.items() if name in ("", reward)]
    finally:
        reader.close()


def _write(found: list[Deserving], path: Path) -> None:
    from autotroph.faces.report.deserving import write_deserving

    try:
        write_deserving(found, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _told(found: Deserving) -> dict[str, Any]:
    """What a script may want to know; ends that nothing is known about are null."""
    import msgspec

    return {
        "task": found.task,
        "reward": found.reward,
        "version": found.version,
        "finding": found.finding,
        "reasons": found.reasons,
        "warnings": found.warnings,
        "outcomes": [_outcome(one) for one in found.against],
        "audits": [
            {
                "signal": one.signal,
                "units": one.units,
                "log_e": one.gaming.peak_log_e,
                "alarmed_at": one.gaming.alarmed_at,
                "gap": one.gaming.gap,
                "mean": msgspec.to_builtins(one.mean),
            }
            for one in found.audits
        ],
    }


def _outcome(one: Against) -> dict[str, Any]:
    import msgspec

    return {
        "outcome": one.outcome,
        **msgspec.to_builtins(one.worth),
        "correlation": msgspec.to_builtins(one.agreement.correlation),
        "area": msgspec.to_builtins(one.agreement.area),
        "traits": msgspec.to_builtins(one.agreement.traits),
        "experiments": msgspec.to_builtins(one.experiments),
    }


def _screen(found: list[Deserving]) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if not found:
        return Text("no task chases a reward; name one in [tasks.NAME] reward")
    rows = Table.grid(padding=(0, 1))
    for width in (1, None):
        rows.add_column(width=width, overflow="fold")
    for one in found:
        mark, colour = MARKS[one.finding]
        head = "unknown whether it deserves" if one.finding == "unknown" else f"{one.finding} deserve"
        said = {"deserves": "deserves"}.get(one.finding, head)
        title = Text.assemble((one.reward, "bold"), (f" of task {one.task}", "dim"), f": {said} to be chased")
        rows.add_row(Text(mark, colour), title)
        for reason in one.reasons:
            rows.add_row("", Text(reason))
        for warning in one.warnings:
            rows.add_row(Text("!", "yellow"), Text(warning, "dim"))
    return Group(rows)
