"""`autotroph opportunities`: which tasks are worth a loop, and which are not, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.observe.opportunities import Opportunity

MARKS = {"worth it": ("✓", "green"), "unknown": ("?", "yellow"), "not worth it": ("✗", "red")}


@click.command(short_help="Rank tasks by what a loop could gain there.")
@options.config
@options.as_json
def opportunities(*, config: Path, as_json: bool) -> None:
    """Rank the declared tasks by volume × headroom × coverage × delay.

    Headroom is what the best option earns above the mean of all, or, where options cannot be told apart yet,
    what is left to the end of the reward's range. What is not worth a loop says why.

    Only reads, so it works while the product runs.
    """
    from autotroph.observe import opportunities as observed

    spec = declared(config)
    with closing(reader_of(config)) as reader:
        found = observed.opportunities(reader, spec)
    if as_json:
        import msgspec

        options.emit({"tasks": [msgspec.to_builtins(one) for one in found]})
        return
    from autotroph.faces.terminal import screen

    screen.show(_screen(found))


def _screen(found: Sequence[Opportunity]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    if not found:
        return Text("no task is declared; add [tasks.NAME]")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "task", "a week", "headroom", "best", "known", "waits", "why"):
        table.add_column(name, overflow="fold", no_wrap=name in ("", "task"))
    for one in found:
        mark, colour = MARKS[one.finding]
        table.add_row(
            Text(mark, colour), Text(one.task, "bold"), f"{one.weekly:,.0f}", _headroom(one), Text(one.best),
            f"{one.coverage:.0%}", "·" if math.isnan(one.horizon) else f"{one.horizon / 3600:,.3g} h",
            Text("; ".join(one.reasons)),
        )  # fmt: skip
    return table


def _headroom(one: Opportunity) -> str:
    if math.isnan(one.headroom):
        return "·"
    return f"{'at most ' if one.bound else ''}{one.headroom:.1%}"
