"""What goes on just now, as the status screen shows it: what has to be ended by a person it has elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from autotroph.faces.money import usd
from autotroph.faces.terminal.evaluating import days
from autotroph.faces.terminal.screen import QUIET, when

if TYPE_CHECKING:
    from autotroph.faces.underway import Climbing, Compared, Running, UnderWay
    from autotroph.govern.spending import Spending


def under_way(found: UnderWay) -> list[RenderableType]:
    """A line each, and what there is to say about it below."""
    rows = Table.grid(padding=(0, 1), expand=False)
    for width in (2, 12, None):
        rows.add_column(width=width, overflow="fold")
    for mark, what, told in _lines(found):
        rows.add_row(mark, what, told)
    return [rows] if rows.row_count else []


def _lines(found: UnderWay) -> Iterator[tuple[Text, str, Text]]:
    if found.quiet:
        yield Text("‖", "yellow"), "quiet hours", Text(f"{found.quiet}: nothing advances")
    for spent in found.budgets:
        yield Text("$", QUIET), "budget" if spent.what == "usd" else "limit", Text(taken(spent))
    for running in found.experiments:
        yield Text("⇄", "cyan"), "experiment", _experiment(running)
    for climbing in found.ladder:
        yield Text("↗", "yellow"), "ladder", _climbing(climbing)


def taken(one: Spending) -> str:
    """How much of a budget or a limit is taken."""
    figure = usd if one.what == "usd" else "{:,.0f}".format
    unit = "" if one.what == "usd" else f" {one.what}"
    most = f"{figure(one.most)}{unit} until {when(one.until)}"
    if one.used is None or one.held is None:
        return f"{one.subject}: of {most} nobody knows what is taken; the counters cannot be read"
    held = f", and {figure(one.held)} set aside," if one.held else ""
    return f"{one.subject}: {figure(one.used)}{held} of {most}"


def _experiment(one: Running) -> Text:
    head = f"{one.name} of {one.task}, with {one.share:.0%} of the units since {when(one.since)}"
    return Text.assemble(head, *((f"\n{_compared(arm, one.metric)}", QUIET) for arm in one.arms))


def _compared(one: Compared, metric: str) -> str:
    if one.value is None:
        return f"{one.arm} − {one.against}: nothing can be said yet"
    return (
        f"{one.arm} − {one.against}: {one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}] {metric},"
        f" {one.units:,} pairs of units"
    )


def _climbing(one: Climbing) -> Text:
    where = f"{one.stage} with {one.share:.0%} of the units" if one.stage == "canary" else one.stage
    return Text.assemble(
        f"{one.name} of {one.task}, in {where} since {when(one.since)}", (f"\n{_ends(one)}", QUIET)
    )


def _ends(one: Climbing) -> str:
    if one.days is None or one.left is None:
        return f"when this stage ends cannot be foretold: {one.waits}"
    if not one.left:
        return f"was expected to take {days(one.days)}, for {one.waits}; the next cycles will tell"
    return f"expected to end in {days(one.left)}, for {one.waits}"
