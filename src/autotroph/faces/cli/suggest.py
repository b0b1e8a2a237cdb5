"""`autotroph rewards suggest`: what could be chased, by what the history says of every signal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.errors import UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.observe.suggestions import Chased, Suggestions
    from autotroph.spec import Spec
    from autotroph.stats.confidence import Interval

MARKS = {"chase": ("✓", "green"), "unknown": ("?", "yellow"), "noise": ("✗", "red"), "late": ("✗", "red")}
OTHER = ("✗", "red")


@click.command(short_help="Rank the signals that could be chased.")
@click.argument("task", default="")
@click.option("--outcome", default="", help="Hold signals against this outcome; the first, if left out.")
@options.config
@options.as_json
def suggest(*, task: str, outcome: str, config: Path, as_json: bool) -> None:
    """Rank what could be chased on a task, and write rewards to be pasted.

    TASK is a declared one; all of them, if left out. For each declared signal: how many decisions have it,
    how long it takes to come, whether it goes with the outcome, how easily it is gamed, and, of one that
    nobody sends, how far it goes with what people say.

    Looks at the newest 20,000 decisions. Only reads, so it works while the product runs.
    """
    found = _suggested(declared(config), task, outcome, config)
    if as_json:
        import msgspec

        options.emit({"tasks": [msgspec.to_builtins(one) for one in found]})
        return
    from autotroph.faces.terminal import screen

    for one in found:
        screen.show(_screen(one))


def _suggested(spec: Spec, task: str, outcome: str, config: Path) -> list[Suggestions]:
    from autotroph.observe import suggestions

    if outcome and outcome not in spec.outcomes:
        raise UnknownName("outcome", outcome, spec.outcomes)
    tasks = [task] if task else list(spec.tasks)
    for name in tasks:
        spec.task(name)
    with closing(reader_of(config)) as reader:
        return [suggestions.suggest(reader, spec, name, outcome) for name in tasks]


def _screen(found: Suggestions) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    against = f" against {found.outcome}" if found.outcome else ""
    looked = f"  {found.decisions:,} decisions of {found.units:,} units{against}"
    parts: list[RenderableType] = [Text.assemble((found.task, "bold"), (looked, "dim"))]
    if not found.ranked:
        parts.append(Text("nothing to look at: no decisions, or no signals are declared"))
        return Group(*parts)
    parts.append(_table(found))
    parts += [Text(line, "dim") for one in found.ranked for line in _doubts(one)]
    good = [one.block for one in found.ranked if one.finding == "chase"]
    parts += [Text(f"\n{block.rstrip()}") for block in good[:3]]
    return Group(*parts)


def _table(found: Suggestions) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "signal", "coverage", "comes after", "95 %", "goes with outcome", "what to know"):
        table.add_column(name, overflow="fold", no_wrap=name in ("", "signal"))
    for one in found.ranked:
        mark, colour = MARKS.get(one.finding, OTHER)
        table.add_row(
            Text(mark, colour), Text(f"{one.signal}{' (implicit)' if one.implicit else ''}"),
            f"{one.coverage.mean:.0%}", _span(one.delay), _span(one.late),
            Text(_between(one.agreement)), Text(one.reason),
        )  # fmt: skip
    return table


def _doubts(one: Chased) -> Iterator[str]:
    """What does not decide, and somebody should know."""
    if one.trust:
        known = {name: each for name, each in one.trust.items() if not math.isnan(each.mean)}
        best = max(known, key=lambda name: abs(known[name].mean), default="")
        with_it = f"most with {best}, {_between(known[best])}" if best else "nothing that people say is known"
        yield f"{one.signal} is found, not sent; of what people say it goes {with_it}"
    if one.finding == "chase" and one.busiest > 0.2:
        yield f"{one.signal}: the busiest hundredth of those who gave it gave {one.busiest:.0%} of it"
    if one.finding == "chase" and one.by_user > 0.5 and not one.implicit:
        yield f"{one.signal}: users send {one.by_user:.0%} of it, not all of them mean well; audit a sample"


def _between(found: Interval) -> str:
    if math.isnan(found.mean):
        return "unknown"
    return f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _span(seconds: float) -> str:
    """A stretch of time in its largest unit.

    >>> _span(90.0), _span(86_400.0)
    ('1.5 min', '1.0 d')
    """
    if math.isnan(seconds):
        return "·"
    for unit, size in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
