"""Pictures as Vega-Lite specifications: plain data, drawn by the bundle in the page.

Colours are the style sheet's names, `var(--loop)`; the page puts in what they are in light and dark.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from autotroph.faces.report.html import EMPTY, Html, tag

Spec = dict[str, Any]
Points = Sequence[dict[str, Any]]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A picture: its title, what it shows in words for those who cannot see it, and its specification."""

    id: str
    title: str
    says: str
    spec: Spec
    under: Html = EMPTY

    @property
    def html(self) -> Html:
        """The place of the picture, which stands without it too."""
        return tag(
            "figure",
            tag("h3", self.title),
            tag("div", class_="chart", id=self.id, role="img", aria_label=f"{self.title}: {self.says}"),
            tag("figcaption", self.says, self.under),
        )


class Mark(msgspec.Struct, frozen=True):
    """Something that happened at a place of the x axis."""

    at: float
    label: str
    kind: str
    what: str


def banded(points: Points, title: str, *, y: Spec, x: Spec, height: int = 220) -> Spec:
    """A line with its band: points have `x`, `value`, `low` and `high`."""
    return {
        "height": height,
        "width": "container",
        "data": {"values": list(points)},
        "layer": [_band(x, y), _line(x, y, title)],
    }


def several(points: Points, order: dict[str, str], *, x: Spec, y: Spec, marks: Sequence[Mark] = ()) -> Spec:
    """Lines with bands, one a `who`; `order` gives each its colour, and the last one a line without gaps."""
    names = list(order)
    colour = {
        "field": "who",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": names, "range": list(order.values())},
    }
    dash = {
        "field": "who",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": names, "range": [[2, 3], [7, 3], [1, 0]][-len(names) :]},
    }
    lines = {
        "data": {"values": list(points)},
        "layer": [
            _with(_band(x, y, 0.13), color=colour),
            _with(_line(x, y, y["title"], 2.2), color=colour, strokeDash=dash),
        ],
    }
    return {"height": 230, "width": "container", "layer": [*_marks(marks), lines]}


def quantitative(field: str, title: str, **more: Any) -> Spec:
    """An axis of numbers."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def shares(title: str, **scale: Any) -> Spec:
    """A y axis of shares, from nothing."""
    axis = {"format": ".0%", "tickCount": 5}
    return quantitative("value", title, axis=axis, scale={"zero": True, "nice": True, **scale})


def zero_rule() -> Spec:
    """The line of no difference."""
    mark = {"type": "rule", "color": "var(--zero)", "strokeDash": [6, 4], "strokeWidth": 1.5}
    return {"data": {"values": [{"value": 0}]}, "mark": mark, "encoding": {"y": {"datum": 0}}}


def _with(layer: Spec, **encoding: Any) -> Spec:
    changed = {key: value for key, value in layer["mark"].items() if key != "color"}
    return {**layer, "mark": changed, "encoding": {**layer["encoding"], **encoding}}


def _band(x: Spec, y: Spec, opacity: float = 0.18) -> Spec:
    low = {**y, "field": "low"}
    mark = {"type": "area", "opacity": opacity, "clip": True, "color": "var(--loop)"}
    return {"mark": mark, "encoding": {"x": x, "y": low, "y2": {"field": "high"}}}


def _line(x: Spec, y: Spec, title: str, width: float = 2.2) -> Spec:
    form = y.get("axis", {}).get("format", "+.4f")
    tips = [
        {"field": "who", "type": "nominal", "title": "whose"},
        {"field": x["field"], "type": x["type"], "title": x["title"]},
        *(
            {"field": name, "type": "quantitative", "format": form.replace(".0%", ".1%"), "title": said}
            for name, said in (("value", title), ("low", "lower end"), ("high", "upper end"))
        ),
    ]
    mark = {"type": "line", "strokeWidth": width, "color": "var(--loop)", "clip": True}
    return {"mark": mark, "encoding": {"x": x, "y": y, "tooltip": tips}}


def _marks(marks: Sequence[Mark]) -> list[Spec]:
    if not marks:
        return []
    values = [msgspec.to_builtins(mark) for mark in marks]
    place = {"field": "at", "type": "quantitative"}
    good = {"test": "datum.kind === 'promoted'", "value": "var(--good)"}
    colour = {"condition": good, "value": "var(--bad)"}
    tip = {"field": "what", "type": "nominal", "title": "what"}
    rule = {"type": "rule", "strokeWidth": 1.2, "strokeDash": [3, 3]}
    text = {"type": "text", "y": -9, "fontSize": 12, "fontWeight": "bold"}
    return [
        {
            "data": {"values": values},
            "layer": [
                {"mark": rule, "encoding": {"x": place, "color": colour, "tooltip": tip}},
                {
                    "mark": text,
                    "encoding": {
                        "x": place,
                        "color": colour,
                        "text": {"field": "label", "type": "nominal"},
                        "tooltip": tip,
                    },
                },
            ],
        }
    ]
