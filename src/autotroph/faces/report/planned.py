"""What a changed declaration would do, with pictures: one page, by `autotroph plan --html`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autotroph.faces.report.charts import Chart, quantitative
from autotroph.faces.report.charts import Spec as Picture
from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section, write
from autotroph.faces.terminal.planning import interval, said, summary
from autotroph.plan.applied import says
from autotroph.plan.explaining import Effect
from autotroph.plan.ranks import Place, Ranked
from autotroph.plan.steps import Plan

BEFORE, AFTER = "before", "after"
COLOURS = {"domain": [BEFORE, AFTER], "range": ["var(--zero)", "var(--loop)"]}
TONES = {"other": "rolled-20-back", "same": "advance", "cannot be told": "refused"}


def write_plan(plan: Plan, effects: Sequence[Effect], path: Path) -> None:
    """Write one self-contained page about a plan.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
        InputError: the file cannot be written.
    """
    parts = [part for number, one in enumerate(effects) for part in _sections(one, f"m{number}")]
    write(path, "What a changed declaration would do", [_opening(plan, effects), *parts])


def _opening(plan: Plan, effects: Sequence[Effect]) -> Section:
    overturned = sum(len(one.overturned) for one in effects)
    lead = (
        f"{says(plan.revalued)}; of the verdicts of the past, {overturned:,} would be others."
        if effects
        else "No measure is declared otherwise than what the history was valued by."
    )
    refused = [
        tag("li", tag("bdi", one.name), f", at {one.stage} of task {one.task}, would be refused")
        for one in plan.dismissed
    ]
    noted = [
        tag("li", one.part, ": ", tag("code", f"{_short(one.before)} → {_short(one.after)}"))
        for one in plan.noted
    ]
    body = join(
        tag("h1", "autotroph plan"),
        tag("p", lead, class_="lead"),
        _listed("Candidates, whose evidence was weighed by what has changed", refused),
        _listed("What applies by itself when the product is opened", noted),
        tag(
            "p",
            "Nothing of this is done until ",
            tag("code", "autotroph apply"),
            " is asked to.",
            class_="note",
        ),
    )
    return Section(id="top", title="What a changed declaration would do", body=body)


def _listed(title: str, items: Sequence[Html]) -> Html:
    return join(tag("h3", title), tag("ul", *items)) if items else EMPTY


def _sections(effect: Effect, id_: str) -> Iterator[Section]:
    change = effect.change
    declared = table(
        ("declared", BEFORE, AFTER),
        [
            [one.field, tag("code", one.before or "–"), tag("code", one.after or "–")]
            for one in effect.differs
        ],
        "dense",
    )
    told = tag("ul", *(tag("li", line) for line in summary(effect)))
    charts = tuple(_charts(effect, id_))
    rankings = (_table(one) for one in effect.ranks)
    yield Section(
        id=id_,
        title=f"{change.name}, {change.kind} of task {change.task}",
        body=join(declared, told, *(chart.html for chart in charts), *rankings, _verdicts(effect)),
        charts=charts,
    )


def _charts(effect: Effect, id_: str) -> Iterator[Chart]:
    name = effect.change.name
    if effect.moved.bins:
        yield Chart(
            id=f"{id_}-values",
            title=f"Values of {name}",
            says="How many answers have which value, before and after: every final value of the history.",
            spec=_histogram(effect),
        )
    for one in effect.ranks:
        if len(one.after) > 1:
            yield Chart(
                id=f"{id_}-{one.by}",
                title=f"{one.by.capitalize()}s by their mean {name}",
                says="Means with intervals that hold at any time, before and after; in the order of after. "
                "Where there is no whisker, too few units have a value.",
                spec=_means(one),
            )


def _histogram(effect: Effect) -> Picture:
    values: list[dict[str, Any]] = [
        {"low": one.low, "high": one.high, "who": who, "count": count}
        for one in effect.moved.bins
        for who, count in ((BEFORE, one.before), (AFTER, one.after))
    ]
    tips = [
        {"field": "who", "type": "nominal", "title": "when"},
        {"field": "low", "type": "quantitative", "format": ".3f", "title": "from"},
        {"field": "high", "type": "quantitative", "format": ".3f", "title": "to"},
        {"field": "count", "type": "quantitative", "format": ",", "title": "answers"},
    ]
    return {
        "height": 220,
        "width": "container",
        "data": {"values": values},
        "mark": {"type": "bar", "opacity": 0.55},
        "encoding": {
            "x": quantitative(
                "low", effect.change.name, bin="binned", axis={"tickCount": 6, "format": ".2~f"}
            ),
            "x2": {"field": "high"},
            "y": quantitative("count", "answers", stack=None, axis={"tickCount": 5, "format": "~s"}),
            "color": _colour(),
            "tooltip": tips,
        },
    }


def _means(ranking: Ranked) -> Picture:
    values = [
        {
            "name": one.name,
            "who": who,
            "mean": one.mean,
            "low": _end(one.low, one),
            "high": _end(one.high, one),
        }
        for who, places in ((BEFORE, ranking.before), (AFTER, ranking.after))
        for one in places
        if one.mean is not None
    ]
    y = {
        "field": "name", "type": "nominal", "title": None, "sort": [one.name for one in ranking.after],
        "axis": {"ticks": False, "domain": False, "labelPadding": 8},
    }  # fmt: skip
    place = {
        "y": y,
        "yOffset": {"field": "who", "type": "nominal", "sort": [BEFORE, AFTER]},
        "color": _colour(),
    }
    x = quantitative(
        "mean", "mean", scale={"zero": False, "nice": True}, axis={"tickCount": 6, "format": "+.2f"}
    )
    tips = [
        {"field": "name", "type": "nominal", "title": ranking.by},
        {"field": "who", "type": "nominal", "title": "when"},
        *(
            {"field": field, "type": "quantitative", "format": "+.4f", "title": title}
            for field, title in (("mean", "mean"), ("low", "lower end"), ("high", "upper end"))
        ),
    ]
    whisker = {"type": "rule", "strokeWidth": 2, "opacity": 0.6}
    return {
        "height": 40 * len(ranking.after),
        "width": "container",
        "data": {"values": values},
        "layer": [
            {"mark": whisker, "encoding": {**place, "x": {**x, "field": "low"}, "x2": {"field": "high"}}},
            {
                "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                "encoding": {**place, "x": x, "tooltip": tips},
            },
        ],
    }


def _end(end: float | None, one: Place) -> float | None:
    """An end that there is not is drawn as none."""
    return one.mean if end is None else end


def _colour() -> dict[str, Any]:
    legend = {"orient": "top", "title": None, "labelColor": "var(--ink)"}
    return {"field": "who", "type": "nominal", "sort": [BEFORE, AFTER], "scale": COLOURS, "legend": legend}


def _table(ranking: Ranked) -> Html:
    rows: list[list[object]] = [
        [
            tag("bdi", new.name),
            f"{old.place or '–'} → {new.place or '–'}",
            _minus(interval(old)),
            _minus(interval(new)),
            f"{new.n:,}",
        ]
        for old, new in zip(ranking.before, ranking.after, strict=True)
    ]
    return table((ranking.by, "place", "mean before", "mean after", "values after"), rows)


def _verdicts(effect: Effect) -> Html:
    if not effect.verdicts:
        return EMPTY
    rows = [
        tag("li", tag("span", one.answer, class_=f"finding {TONES[one.answer]}"), " ", said(one))
        for one in effect.verdicts
    ]
    return join(tag("h3", "Verdicts of the past, weighed again"), tag("ul", *rows))


def _short(digest: str) -> str:
    return digest[:8] or "none"


def _minus(text: str) -> str:
    return text.replace("-", "−")
