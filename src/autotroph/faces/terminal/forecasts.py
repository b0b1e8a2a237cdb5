"""What the next candidate has before it, as `plan` shows it: days, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autotroph.faces.terminal.evaluating import days, flow
from autotroph.faces.terminal.screen import QUIET, bare, inset

if TYPE_CHECKING:
    from autotroph.plan.ahead import Ahead
    from autotroph.plan.forecasting import Forecast, StageAhead

HOW = {"split": "split between people", "paired": "paired in shadow first"}


def screen(found: Iterable[Ahead]) -> RenderableType:
    """All the tasks."""
    return Group(*(part for one in found for part in _task(one)))


def _task(one: Ahead) -> Iterator[RenderableType]:
    yield Text.assemble(("ahead ", "bold cyan"), (one.task, "bold"), ", what a candidate would need")
    yield inset(Text(flow(one.flow), QUIET))
    if one.lacks:
        yield inset(Text.assemble(("? ", "yellow"), f"cannot be foretold: {one.lacks}"))
        return
    yield inset(Text(_assumed(one), QUIET))
    yield inset(_stages(one))
    for forecast in one.forecasts:
        yield inset(Text.assemble(_colour(forecast), f"{HOW[forecast.kind]}: {_total(forecast, one)}"))
    for forecast in one.beside:
        yield inset(Text(f"if it is better by {forecast.effect:.3g}: {_total(forecast, one)}", QUIET))


def _assumed(one: Ahead) -> str:
    (first, *_) = one.forecasts
    return (
        f"if it is better by {first.effect:.3g}, a tenth of the mean of {one.reward}, {one.mean:.3g};"
        f" to be proven at α {one.alpha:.2g}"
    )


def _stages(one: Ahead) -> Table:
    rows = bare()
    for name in ("stage", *(HOW[forecast.kind] for forecast in one.forecasts)):
        rows.add_column(name)
    known = [{_name(stage): stage for stage in forecast.stages} for forecast in one.forecasts]
    for name in dict.fromkeys(name for stages in sorted(known, key=len, reverse=True) for name in stages):
        rows.add_row(name, *(_stage(stages.get(name), one.patience) for stages in known))
    return rows


def _name(stage: StageAhead) -> str:
    return stage.name if stage.name == "shadow" else f"{stage.share:.0%} of the people"


def _stage(stage: StageAhead | None, patience: float) -> Text:
    if stage is None:
        return Text("–", QUIET)
    if stage.days is None:
        return Text(f"years, for {stage.waits}", "red")
    late = stage.days > patience
    return Text(f"{days(stage.days)}, for {stage.waits}", "yellow" if late else "")


def _colour(forecast: Forecast) -> tuple[str, str]:
    return ("✓ ", "green") if forecast.climbs >= 0.5 else ("! ", "yellow")


def _total(forecast: Forecast, one: Ahead) -> str:
    if forecast.days is None:
        return "it would not get there in two years"
    late = "longer than two years" if forecast.late is None else days(forecast.late)
    total = f"{days(forecast.days)}, in nine of ten {late}"
    if forecast.climbs >= 0.95:
        return total
    return f"{total}; a patience of {days(one.patience)} a stage refuses {1 - forecast.climbs:.0%} of such"
