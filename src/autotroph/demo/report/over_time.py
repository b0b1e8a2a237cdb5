"""What each contestant did over time, and what was promoted or rolled back when."""

from collections.abc import Sequence

from autotroph.demo import scoreboard
from autotroph.demo.report import answers
from autotroph.demo.report.answers import Answers, Point, Window
from autotroph.demo.report.contestants import COLOURS, WHO
from autotroph.faces.report.charts import Chart, Mark, banded, quantitative, several, shares, zero_rule
from autotroph.faces.report.charts import Spec as ChartSpec
from autotroph.faces.report.figures import Asked, Figures
from autotroph.faces.report.html import Html, join, tag
from autotroph.faces.report.page import Section

_OVER_TIME = """
SELECT n AS cursor, shown, accepted, kept FROM (
  SELECT row_number() OVER (ORDER BY asked) AS n, avg(shown) OVER back AS shown,
         sum(accepted) OVER back * 1.0 / nullif(sum(shown) OVER back, 0) AS accepted,
         sum(kept) OVER back * 1.0 / sum(remaining) OVER back AS kept
  FROM kept WHERE task = 'complete' AND signal = 'written' AND release <> '' AND arm <> 'holdback' AND {who}
  WINDOW back AS (ORDER BY asked ROWS {before} PRECEDING))
WHERE n >= {back} AND n % {step} = 0"""

_WINDOW = """
SELECT max(1, min(200, count(*) / 2), count(*) / 6) AS back, max(1, count(*) / 48) AS step FROM decisions
WHERE task = 'complete' AND served = 1 AND provenance = 'product' AND arm <> 'holdback'"""

_EVENTS = """
SELECT c.name, v.finding, v.at,
       (SELECT count(*) FROM decisions AS d WHERE d.task = 'complete' AND d.served = 1
         AND d.provenance = 'product' AND d.arm <> 'holdback' AND d.sequence < v.sequence) AS cursor
FROM verdicts AS v JOIN candidates AS c ON c.id = v.candidate
WHERE v.task = 'complete' AND v.finding IN ('promoted', 'rolled back') ORDER BY v.sequence"""

FEWEST = 3
"""Points that make a line worth drawing."""

Measure = tuple[str, str, str, tuple[str, str]]
"""Id, title and axis of a picture, and the columns that are divided."""

_MEASURES: tuple[Measure, ...] = (
    ("acceptance", "Acceptance", "share of what was shown that was accepted", ("accepted", "shown")),
    ("kept", "Characters kept", "share of the characters left that were kept", ("kept", "remaining")),
    ("shown", "How often something is shown", "share of the cursors", ("shown", "")),
)


def over_time(figures: Figures, since: int) -> Section:
    """The gain as it grew, and three shares in running windows."""
    found = answers.answers(figures.reader)
    asked = figures.ask("how many cursors a point over time looks back over, and their distance", _WINDOW)
    window = Window(max(1, int(asked.number("back"))), max(1, int(asked.number("step"))))
    for who, (_, name, _) in WHO.items():
        numbers = {"back": str(window.back), "before": str(window.back - 1), "step": str(window.step)}
        figures.ask(f"{name} over time", _OVER_TIME, who=scoreboard.WHO[who], **numbers)
    events = figures.ask("promotions and rollbacks, and the cursors before them", _EVENTS)
    marks = _marks(events)
    charts = (_gain(found, since), *(_lines(found, one, window, marks) for one in _MEASURES))
    shown = [chart for chart in charts if chart.spec]
    said = tag(
        "p",
        "Each point looks back over ",
        asked.show("back"),
        " cursors; the band is its own 95 % confidence sequence, clustered by "
        "commit, and is left out where a window holds fewer than 30 commits. Bands hold one by one, "
        "not all at once.",
        class_="quiet",
    )
    first, rest = shown[:1], shown[1:]
    body = join(*(c.html for c in first), _key(), _told(events), said, *(chart.html for chart in rest))
    return Section(id="over-time", title="Over time", body=body, charts=tuple(shown))


def _lines(found: dict[str, Answers], measure: Measure, window: Window, marks: list[Mark]) -> Chart:
    id_, title, axis, columns = measure
    points = answers.over_time(found, columns, window)
    top = 1.0 if id_ != "kept" else _above(points)
    spec = several(points, COLOURS, x=_cursor(), y=shares(axis, domain=[0, top], nice=False), marks=marks)
    first = next((mark.at for mark in marks if mark.kind == "promoted"), None)
    says = f"{axis.capitalize()}, in running windows. {_compared(points, first)}"
    return Chart(id=f"time-{id_}", title=title, says=says, spec=spec)


def _above(points: Sequence[Point]) -> float:
    """Where the axis of a small share ends: above every line, and most bands."""
    line = max((one["value"] or 0.0 for one in points), default=0.0)
    return max(0.05, line * 1.6)


def _compared(points: Sequence[Point], promoted: float | None) -> str:
    """How the loop's line runs against release 0's since something was promoted."""
    if promoted is None:
        return "Nothing was promoted, so the loop is release 0, but for what was tried on some cursors."
    by_who = {
        who: [one["value"] or 0.0 for one in points if one["who"] == who and one["x"] > promoted]
        for who in ("loop", "release 0")
    }
    above = [ours > theirs for ours, theirs in zip(by_who["loop"], by_who["release 0"], strict=True)]
    if not above:
        return "The first promotion came too late for a window after it."
    share = sum(above) / len(above)
    often = (
        "always"
        if share == 1
        else "mostly"
        if share > 0.6
        else "about half of the time"
        if share > 0.4
        else "rarely"
    )
    return f"After the first promotion the loop's line {often} lies above release 0's."


def _cursor(title: str = "cursor") -> ChartSpec:
    return quantitative(
        "x", title, axis={"format": ",d", "tickCount": 6}, scale={"nice": False, "zero": False}
    )


def _gain(found: dict[str, Answers], since: int) -> Chart:
    points = answers.gain_so_far(found, since)
    title, id_ = "Kept characters gained over release 0, so far", "gain"
    if len(points) < FEWEST:
        return Chart(id=id_, title=title, says="", spec={})
    later = [
        one[end] for one in points[len(points) // 4 :] for end in ("low", "high") if one[end] is not None
    ]
    ends = [min([-0.1, *later]), max([0.1, *later])]
    y = quantitative(
        "value",
        "gain over release 0",
        axis={"format": "+.0%", "tickCount": 5},
        scale={"domain": ends, "nice": True},
    )
    spec = banded(points, "gain", y=y, x=_cursor("measured cursors"))
    spec["layer"].insert(0, zero_rule())
    says = (
        "The gain over the measured cursors as they came, with its 95 % confidence sequence, "
        "clustered by commit; "
        "it ends at the figure on top of this page. The dashed line is release 0."
    )
    return Chart(id=id_, title=title, says=says, spec=spec)


def _marks(events: Asked) -> list[Mark]:
    return [
        Mark(
            events.number("cursor", at),
            _letter(at),
            str(row["finding"]),
            " was ".join((str(row["name"]), str(row["finding"]))),
        )
        for at, row in enumerate(events.rows)
    ]


def _letter(at: int) -> str:
    return chr(ord("A") + at) if at < 26 else str(at + 1)


def _key() -> Html:
    items = [tag("li", name, class_=f"who who-{colour}") for colour, name, _ in WHO.values()]
    return tag("ul", *items, class_="key")


def _told(events: Asked) -> Html:
    if not events.rows:
        return tag("p", "Nothing was promoted or rolled back.")
    items = [
        tag(
            "li",
            tag("span", _letter(at), class_=f"event {str(row['finding']).split()[0]}"),
            events.show("name", "name", at),
            " was ",
            events.show("finding", "text", at),
            " after ",
            events.show("cursor", "count", at),
            " cursors",
        )
        for at, row in enumerate(events.rows)
    ]
    return tag("ul", *items, class_="events")
