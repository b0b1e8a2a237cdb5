"""Release 0's model at every threshold, against what the loop did."""

from autotroph.demo.report import curve as curves
from autotroph.demo.report.contestants import COLOURS
from autotroph.demo.report.curve import Frontier
from autotroph.faces.report.charts import Chart, quantitative
from autotroph.faces.report.charts import Spec as ChartSpec
from autotroph.faces.report.figures import Asked, Figures
from autotroph.faces.report.html import Html, join, tag
from autotroph.faces.report.page import Section


def frontier(figures: Figures, found: dict[str, Asked], since: int) -> Section:
    """Acceptance against kept characters: every threshold, and the three contestants."""
    curve = curves.frontier(figures.reader, since)
    places = {
        "naive": found["naive"],
        "release 0": found["holdback"],
        "loop": found["loop"],
    }
    chart = Chart(
        id="frontier",
        title="Acceptance against kept characters",
        says="The curve is release 0's model at every threshold, over the options logged with its answers; "
        "the points are release 0 itself, the loop, and naive. Up and to the right is better.",
        spec=_spec(curve, places),
    )
    said = tag("p", _reads(curve, found["loop"]))
    return Section(
        id="frontier-section", title="Every threshold at once", body=join(said, chart.html), charts=(chart,)
    )


def _reads(curve: Frontier, loop: Asked) -> Html:
    at = (
        " (the loop: ",
        loop.show("accepted", "percent"),
        " accepted, ",
        loop.show("kept", "percent"),
        " kept)",
    )
    if not curve.thresholds.size:
        return join("There are too few answers of release 0 for a curve.")
    if curve.beats(loop.number("accepted"), loop.number("kept")):
        return join(
            "Some threshold of release 0's model, chosen after the fact, would have kept as much and "
            "been accepted as "
            "often as the loop",
            *at,
            ": the curve reaches it.",
        )
    return join(
        "The loop lies beyond the curve",
        *at,
        ": no threshold of release 0's model, not even one chosen after the fact, keeps as much and "
        "is accepted as "
        "often. That part of the gain is not a better threshold.",
    )


def _spec(curve: Frontier, places: dict[str, Asked]) -> ChartSpec:
    place = {
        "x": quantitative(
            "kept",
            "characters kept",
            axis={"format": ".0%", "tickCount": 5},
            scale={"zero": False, "padding": 26},
        ),
        "y": quantitative("accepted", "accepted, of those shown", axis={"format": ".0%", "tickCount": 5}),
    }
    tips = [quantitative(name, name, format=".1%") for name in ("threshold", "shown", "accepted", "kept")]
    return {
        "height": 330,
        "width": "container",
        "layer": [*_curve(curve, place, tips), *_named(places, place, tips)],
    }


def _curve(curve: Frontier, place: ChartSpec, tips: list[ChartSpec]) -> list[ChartSpec]:
    """What release 0 could have been at any threshold."""
    line = {"type": "line", "color": "var(--zero)", "strokeWidth": 1.8, "strokeDash": [7, 3], "point": False}
    dots = {"type": "circle", "color": "var(--zero)", "size": 22, "opacity": 0.9}
    order = {"field": "threshold", "type": "quantitative"}
    data = {"values": curve.points}
    return [
        {"data": data, "mark": line, "encoding": {**place, "order": order}},
        {"data": data, "mark": dots, "encoding": {**place, "tooltip": tips}},
    ]


def _named(places: dict[str, Asked], place: ChartSpec, tips: list[ChartSpec]) -> list[ChartSpec]:
    """Who is where, each with its name on a halo of the page's colour."""
    data = {
        "values": [
            {"who": who, **{name: one.number(name) for name in ("kept", "accepted", "shown")}}
            for who, one in places.items()
        ]
    }
    who = {"field": "who", "type": "nominal"}
    scale = {"domain": list(COLOURS), "range": list(COLOURS.values())}
    colour = {**who, "legend": None, "scale": scale}
    zero = "datum.who === 'release 0'"
    text = {
        "type": "text",
        "align": {"expr": f"{zero} ? 'right' : 'center'"},
        "dx": {"expr": f"{zero} ? -6 : 0"},
        "dy": {"expr": "datum.who === 'loop' ? -16 : 17"},
        "fontSize": 13,
        "fontWeight": "bold",
    }
    point = {"type": "point", "filled": True, "size": 130, "opacity": 1}
    halo = {**text, "stroke": "var(--card)", "strokeWidth": 5, "strokeJoin": "round"}
    return [
        {"data": data, "mark": point, "encoding": {**place, "color": colour, "tooltip": [who, *tips[1:]]}},
        {"data": data, "mark": halo, "encoding": {**place, "text": who}},
        {"data": data, "mark": text, "encoding": {**place, "text": who, "color": colour}},
    ]
