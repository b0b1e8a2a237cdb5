"""Experiments by hand: who is in them, how the interval ran, and how each ended."""

from autotroph.faces.report.charts import Chart, banded, quantitative, zero_rule
from autotroph.faces.report.figures import Asked, Figures, quoted
from autotroph.faces.report.html import Html, join, tag
from autotroph.faces.report.page import Section

_STARTED = """
SELECT b.sequence, b.details ->> 'name' AS name, b.actor AS started_by, b.at AS started,
       b.details ->> 'metric' AS metric, b.details ->> 'share' AS share, e.actor AS ended_by, e.at AS ended,
       e.details ->> 'decision' AS decision, e.details ->> 'reason' AS reason,
       (SELECT json_group_array(a.key) FROM json_each(b.details, '$.arms') AS a) AS arms
FROM journal AS b
LEFT JOIN journal AS e ON e.event = 'experiment stopped' AND e.details ->> 'id' = b.details ->> 'id'
WHERE b.event = 'experiment started' AND b.details ->> 'task' = {task} ORDER BY b.sequence"""

_RUNNING = """
SELECT m.name, m.at, m.value, m.low, m.high, m.n, 1 - m.alpha AS level FROM measurements AS m
WHERE m.task = {task} AND m.since = {since} AND m.name LIKE 'experiment %' ORDER BY m.name, m.sequence"""


def experiments(figures: Figures, task: str, id_: str) -> list[Section]:
    """The experiments of a task; no section where there were none.

    Args:
        figures: ask the ledger.
        task: its name.
        id_: the same as a part of an id.
    """
    found = figures.ask(f"{task}: every experiment by hand", _STARTED, task=quoted(task))
    if not found.rows:
        return []
    parts, charts = [], list[Chart]()
    for at, row in enumerate(found.rows):
        since = int(found.number("sequence", at))
        what = f"{task}: how the intervals of {row['name']!s} ran"
        measured = figures.ask(what, _RUNNING, task=quoted(task), since=str(since))
        mine = _charts(measured, f"{id_}-{since}")
        parts += [_head(found, at), *(chart.html for chart in mine)]
        charts += mine
    title = f"{task}: experiments by hand"
    return [Section(id=f"experiments-{id_}", title=title, body=join(*parts), charts=tuple(charts))]


def _head(found: Asked, at: int) -> Html:
    ended = found.rows[at]["ended"] is not None
    end = (
        join(
            "Ended by ",
            found.show("ended_by", "name", at),
            " on ",
            found.show("ended", "day", at),
            ": ",
            found.show("decision", "text", at),
            *([". ", found.show("reason", "text", at)] if found.rows[at]["reason"] else []),
        )
        if ended
        else join("Under way.")
    )
    told = tag(
        "p",
        found.show("metric", "name", at),
        ", on ",
        found.show("share", "percent", at),
        " of the people, since ",
        found.show("started", "day", at),
        ", by ",
        found.show("started_by", "name", at),
        ". ",
        end,
    )
    return join(tag("h3", found.show("name", "name", at)), told)


def _charts(found: Asked, id_: str) -> list[Chart]:
    names = list(dict.fromkeys(str(row["name"]) for row in found.rows))
    return [_chart(found, name, f"experiment-{id_}-{place}") for place, name in enumerate(names)]


def _chart(found: Asked, name: str, id_: str) -> Chart:
    rows = [(at, row) for at, row in enumerate(found.rows) if row["name"] == name]
    last = rows[-1][0]
    points = [
        {"x": row["n"], "value": row["value"], "low": row["low"], "high": row["high"]} for _, row in rows
    ]
    middle = rows[len(rows) // 2][0]
    top = max(0.02, *(abs(found.number(end, middle)) for end in ("low", "high")))
    scale = {
        "domain": [-top, top],
        "nice": True,
    }  # the first intervals say little, and would flatten the rest
    y = quantitative(
        "value", "difference to the first arm", scale=scale, axis={"format": "+.2f", "tickCount": 5}
    )
    x = quantitative("x", "pairs of units", axis={"tickCount": 5})
    spec = banded(points, "difference", y=y, x=x)
    spec["layer"].insert(0, zero_rule())
    under = join(
        found.show("value", "reward", last),
        " ",
        found.interval("low", "high", "reward", last),
        " after ",
        found.show("n", "count", last),
        " pairs, at ",
        found.show("level", "percent", last),
        ".",
    )
    says = "The difference to the first arm with its confidence sequence; the dashed line is no difference. "
    return Chart(id=id_, title=name.removeprefix("experiment "), says=says, spec=spec, under=under)
