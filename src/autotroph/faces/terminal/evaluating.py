"""A rehearsal as the command shows it: what was found that is not there, and how soon harm was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotroph.faces.terminal.screen import QUIET, bare, inset

if TYPE_CHECKING:
    from autotroph.plan.rehearsing import Harm, Often, Rehearsal, Wait
    from autotroph.plan.traffic import Flow, Traffic


def screen(found: Iterable[tuple[Traffic, Sequence[Rehearsal]]]) -> RenderableType:
    """All the tasks."""
    parts = [part for traffic, rehearsals in found for part in _task(traffic, rehearsals)]
    return Group(*parts) if parts else Text("no task chases a reward; name one in [tasks.NAME] reward")


def days(value: float | None) -> str:
    """A time, in the unit that fits it."""
    if value is None:
        return "·"
    if value < 2 / 24:
        return f"{value * 1440:.0f} min"
    return f"{value * 24:.0f} h" if value < 2 else f"{value:,.0f} days"


def flow(each: Flow) -> str:
    """How much comes in, in words."""
    one = each.decisions
    counted = "a day" if each.days < 1.5 else f"{each.days:.0f} days"
    return (
        f"{each.units:,.3g} units a day, {one:.3g} decision{'' if one == 1 else 's'} each, of which"
        f" {each.feedback:.0%} come to have a reward, as of the last {counted}"
    )


def _task(traffic: Traffic, rehearsals: Sequence[Rehearsal]) -> Iterator[RenderableType]:
    yield Text.assemble((traffic.task, "bold"), f", by its reward {traffic.name}")
    yield inset(Text(flow(traffic.flow), QUIET))
    for one in rehearsals:
        yield inset(Text.assemble((one.kind, "cyan"), f", {_how(one)}"))
        if one.lacks:
            yield inset(Text.assemble(("? ", "yellow"), f"cannot be rehearsed: {one.lacks}"), 4)
        else:
            yield inset(_false(one), 4)
            yield inset(_harms(one.harms), 4)
    yield Text("")


def _how(one: Rehearsal) -> str:
    looks = f"{one.units:,} units, looked at after every {one.every}"
    if one.kind == "split":
        return f"two arms of the same: {looks}"
    return f"on the same decisions, what served against {one.against!r}, names exchanged: {looks}"


def _false(one: Rehearsal) -> Table:
    rows = Table.grid(padding=(0, 1))
    for name, often in (("promoted", one.promotions), ("rolled back", one.rollbacks)):
        if often is not None:
            rows.add_row(_mark(often), f"falsely {name}", *_often(often))
    return rows


def _mark(often: Often) -> Text:
    return Text("✗", "red") if often.exceeds else Text("✓", "green")


def _often(often: Often) -> tuple[str, Text]:
    share = often.count / often.runs
    said = f"{share:.1%} [{often.low:.1%}, {often.high:.1%}]"
    return said, Text(f"{often.count} of {often.runs:,} runs; at most {often.alpha:.0%} is allowed", QUIET)


def _harms(harms: Sequence[Harm]) -> Table:
    rows = bare()
    rows.add_column("planted")
    for name in ("rolled back", "half of the runs after", "95 % after"):
        rows.add_column(name)
    shares = [wait.share for wait in harms[0].waits] if harms else []
    for share in shares:
        rows.add_column(f"in front of {share:.0%}")
    for one in harms:
        rows.add_row(
            f"−{one.share:.0%} (−{one.drop:.3g})",
            f"{one.rolled_back / one.runs:.0%}",
            _units(one.median),
            _units(one.late),
            *(_wait(wait) for wait in one.waits),
        )
    return rows


def _units(count: int | None) -> str:
    return "more than there are" if count is None else f"{count:,} units"


def _wait(wait: Wait) -> str:
    return "·" if wait.median is None else f"{days(wait.median)}, {days(wait.late)}"
