"""What came through the gateway, as the status screen shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from autotroph.faces.money import usd
from autotroph.faces.terminal.screen import QUIET, bare

if TYPE_CHECKING:
    from autotroph.observe.traffic import Carried, Line

SHOWN = 8
"""Pairs of task and model that fit on a screen; `--json` and the report have more."""

NAME, MODEL = 25, 18
"""Characters of a name and of a model that leave room for what is said of them in 80 columns."""


def carried(found: Carried, called: Mapping[str, str]) -> list[RenderableType]:
    """All of it in a line, then a line for each task or call site and model; nothing where nothing came.

    Args:
        found: what came.
        called: what call sites are called, by their names.
    """
    if not found.calls:
        return []
    rows = bare(1)
    for name in ("", "asked for"):
        rows.add_column(name, overflow="ellipsis", no_wrap=True)
    for name in ("calls", "failed", "cost", "p50/p95 ms"):
        rows.add_column(name, justify="right", no_wrap=True)
    for line in found.lines[:SHOWN]:
        rows.add_row(*_row(line, called))
    return [Text(_whole(found)), rows, *(Text(line, QUIET) for line in _besides(found))]


def _whole(found: Carried) -> str:
    people = f" by {_counted(found.users, 'person', 'people')}" if found.users else ""
    since = f" since {datetime.fromtimestamp(found.since, UTC):%Y-%m-%d %H:%M}" if found.since else ""
    return f"{_counted(found.calls, 'call')}{people}{since}, {found.failing:.1%} failed, {_cost(found)}"


def _cost(found: Carried) -> str:
    if found.cost_usd is None:
        return "their cost is not known"
    without = f", without {found.unpriced:,} of unknown price" if found.unpriced else ""
    return f"{usd(found.cost_usd)}{without}"


def _besides(found: Carried) -> Iterator[str]:
    if left := found.pairs - min(len(found.lines), SHOWN):
        yield f"and {left:,} more; `autotroph report` has {len(found.lines)} of them all"
    if found.untasked:
        are = "is" if found.untasked == 1 else "are"
        yield f"{_counted(found.untasked, 'call')} of {_counted(found.sites, 'call site')} {are} of no task"
    if found.unrecorded:
        yield f"{found.unrecorded:,} decisions were answered and not recorded"


def _row(line: Line, called: Mapping[str, str]) -> tuple[str, ...]:
    cost = "–" if line.cost_usd is None else usd(line.cost_usd)
    times = "–" if line.whole_p50 is None else f"{line.whole_p50:,.0f}/{line.whole_p95:,.0f}"
    name = called.get(line.task, line.task)
    model = _cut(line.option.rpartition("/")[2], MODEL)
    return _cut(name, NAME), model, f"{line.calls:,}", f"{line.failing:.1%}", cost, times


def _cut(name: str, most: int) -> str:
    """A name that is as short.

    >>> _cut("you are a patient tutor", 10)
    'you are a…'
    """
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _counted(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"
