"""What trying other options took, cost and bought: how the estimate ran, and the newest figures."""

from autotroph.faces.report.charts import Chart, Spec, banded, quantitative, zero_rule
from autotroph.faces.report.figures import Asked, Figures, quoted
from autotroph.faces.report.html import Html, join, table, tag
from autotroph.faces.report.page import Section
from autotroph.observe.exploring import COST, EXPECTED, FLOOR, JUDGED, MOVED

_SHARES = """
SELECT a.n AS decisions, a.value AS moved, e.value AS expected, f.value AS floor, j.value AS judged_by
FROM measurements AS a, measurements AS e, measurements AS f, measurements AS j
WHERE a.sequence = (SELECT max(sequence) FROM measurements WHERE name = {moved} AND task = {task})
  AND e.task = a.task AND e.name = {expected} AND e.at = a.at
  AND f.task = a.task AND f.name = {floor} AND f.at = a.at
  AND j.task = a.task AND j.name = {judged} AND j.at = a.at"""

_COSTS = """
SELECT substr(c.name, length({cost}) + 1) AS measure, c.value, c.low, c.high, c.n AS units,
       c.value * a.n AS whole, 1 - c.alpha AS level
FROM measurements AS a JOIN measurements AS c
  ON c.task = a.task AND c.at = a.at AND substr(c.name, 1, length({cost})) = {cost}
WHERE a.sequence = (SELECT max(sequence) FROM measurements WHERE name = {moved} AND task = {task})
ORDER BY c.sequence"""

_RAN = """
SELECT at, value, low, high FROM measurements
WHERE task = {task} AND name = {name} AND abs(low) < 1e9 ORDER BY sequence"""


def exploring(figures: Figures, task: str, id_: str) -> list[Section]:
    """What a task tries; no section where it never did.

    Args:
        figures: ask the ledger.
        task: its name.
        id_: the same as a part of an id.
    """
    names = {"task": quoted(task), "moved": quoted(MOVED)}
    more = {"expected": quoted(EXPECTED), "floor": quoted(FLOOR), "judged": quoted(JUDGED)}
    shares = figures.ask(f"{task}: how often another option was taken", _SHARES, **names, **more)
    if not shares.rows:
        return []
    costs = figures.ask(f"{task}: what trying other options cost", _COSTS, cost=quoted(COST), **names)
    charts = _charts(figures, task, costs, id_)
    body = join(_told(shares), _table(costs), *(chart.html for chart in charts))
    title = f"{task}: what trying other options cost"
    return [Section(id=f"exploration-{id_}", title=title, body=body, charts=charts)]


def _told(found: Asked) -> Html:
    taken = tag(
        "p",
        "Of the newest ",
        found.show("decisions"),
        " decisions outside the holdback, ",
        found.show("moved", "percent"),
        " took another option than the policy would have taken by itself (",
        found.show("expected", "percent"),
        " were expected to).",
        join(" No option was served with a probability below ", found.show("floor", "level"), ".")
        if found.number("floor")
        else "",
    )
    bought = tag(
        "p",
        "What it buys: the log can judge a policy that always wants another option as if by ",
        found.show("judged_by"),
        " decisions of its own; without trying any, by none.",
        class_="quiet",
    )
    return join(taken, bought)


def _table(found: Asked) -> Html:
    heads = ("in", "a decision", "interval", "in all", "units")
    rows: list[list[object]] = [
        [
            found.show("measure", "name", at),
            found.show("value", "reward", at),
            found.interval("low", "high", "reward", at),
            found.show("whole", "reward", at) if not _untold(found, at) else "–",
            found.show("units", "count", at),
        ]
        for at in range(len(found.rows))
    ]
    return table(heads, rows)


def _untold(found: Asked, at: int) -> bool:
    return abs(found.number("low", at)) >= 1e9


def _charts(figures: Figures, task: str, costs: Asked, id_: str) -> tuple[Chart, ...]:
    """How the cost in the reward ran, which is the first measure."""
    if not costs.rows:
        return ()
    measure = str(costs.rows[0]["measure"])
    what = f"{task}: how the cost in {measure} ran"
    ran = figures.ask(what, _RAN, task=quoted(task), name=quoted(f"{COST}{measure}"))
    if len(ran.rows) < 2:
        return ()
    points = [
        {"x": float(str(row["at"])) * 1000, **{name: row[name] for name in ("value", "low", "high")}}
        for row in ran.rows
    ]
    y = quantitative("value", f"{measure} a decision", axis={"format": "+.3f", "tickCount": 5})
    x: Spec = {"field": "x", "type": "temporal", "title": "measured (UTC)", "scale": {"type": "utc"}}
    x["axis"] = {"tickCount": 5}
    spec = banded(points, "cost", y=y, x=x, height=140)
    spec["layer"].insert(0, zero_rule())
    says = (
        "What trying other options cost, with its interval; above the dashed line it is a cost, below a gain."
    )
    title = f"The cost in {measure}"
    return (Chart(id=f"exploration-chart-{id_}", title=title, says=says, spec=spec),)
