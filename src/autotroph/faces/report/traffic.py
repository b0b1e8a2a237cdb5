"""What came through the gateway: who was asked, what it cost, how long it took, and what failed."""

from collections.abc import Mapping, Sequence

from autotroph.faces.report.charts import Chart, quantitative, several
from autotroph.faces.report.charts import Spec as ChartSpec
from autotroph.faces.report.figures import Asked, Figures, quoted
from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section
from autotroph.faces.sites import names
from autotroph.faces.terminal.currently import taken
from autotroph.govern.spending import spending
from autotroph.observe.traffic import CALLS, DAYS, FAILED, NEWEST, PAIRS, WHOLE, asked, ranked
from autotroph.spec import Spec

WIDTHS = (1, 10, 60, 300, 900, 3600, 21_600, 86_400)
"""Seconds that a point of the picture may stand for."""

POINTS = 48
"""Points of a line at most, or about that."""

COLOURS = ("var(--naive)", "var(--zero)", "var(--loop)")
"""Of the lines; whoever was asked most has the last one, which has no gaps either."""

_OVER_TIME = f"""{CALLS}, timed AS (
  SELECT *, CAST(at / {{width}} AS INTEGER) * {{width}} AS begins FROM calls
  WHERE option IN (SELECT option FROM calls WHERE error = '' GROUP BY option
                   ORDER BY count(*) DESC, option LIMIT {len(COLOURS)})
){ranked("option, begins", "timed")}
SELECT option, begins, p50, p95 FROM waits ORDER BY begins, option"""

_ASKED_MOST = f"""{CALLS}
SELECT option, count(*) AS calls FROM calls WHERE error = ''
GROUP BY option ORDER BY count(*) DESC, option LIMIT {len(COLOURS)}"""


def traffic(figures: Figures, spec: Spec, now: float) -> list[Section]:
    """What came through; no section where nothing could.

    Args:
        figures: ask the ledger.
        spec: what is declared.
        now: seconds since the epoch.
    """
    given = {name: quoted(str(said)) for name, said in asked(spec).items()}
    whole = figures.ask("what came through the gateway in all", _open(WHOLE), **given)
    if not whole.rows[0]["calls"]:
        outside = spec.product.upstream or any(map(spec.outside, spec.tasks))
        return [Section(id="traffic", title="Traffic", body=_nothing())] if outside else []
    tasks = {"tasks": given["tasks"]}
    pairs = figures.ask("who was asked for what, how often, and how it went", _open(PAIRS), **tasks)
    failed = figures.ask("what failed, and how often", _open(FAILED), **tasks)
    called = names(figures.reader, (str(row["task"]) for row in pairs.rows))
    charts = _charts(figures, whole, tasks)
    parts = (
        _told(whole),
        _pairs(whole, pairs, called),
        *(one.html for one in charts),
        _failed(failed),
        _spent(figures, spec, now),
    )
    return [Section(id="traffic", title="Traffic", body=join(*parts), charts=charts)]


def _open(sql: str) -> str:
    """A query with places for names, as `figures` takes it."""
    return sql.replace(":tasks", "{tasks}").replace(":sites", "{sites}")


def _nothing() -> Html:
    told = tag(
        "p",
        "No call has come through the gateway yet. Start it, and give the address that it prints, with ",
        tag("code", "/v1"),
        " behind it, to any OpenAI client as its ",
        tag("code", "base_url"),
        ". Every call is recorded from then on, and this page says what came of it.",
    )
    return join(told, tag("pre", tag("code", "autotroph serve")))


def _told(found: Asked) -> Html:
    """All of it in a few sentences."""
    row, show = found.rows[0], found.show
    people = (
        join(" by ", show("users"), " people" if row["users"] != 1 else " person") if row["users"] else ""
    )
    spent = join("They cost ", show("cost_usd", "usd"), ".")
    if row["cost_usd"] is None:
        spent = join("What they cost is not known: no price is declared of the models that answered.")
    elif row["unpriced"]:
        spent = join(
            "They cost ",
            show("cost_usd", "usd"),
            ", without ",
            show("unpriced"),
            " whose price is not known.",
        )
    said = tag(
        "p",
        show("calls"),
        " calls" if row["calls"] != 1 else " call",
        people,
        ", from ",
        show("since", "day"),
        " to ",
        show("until", "day"),
        " (UTC): ",
        show("tokens_in"),
        " tokens in, ",
        show("tokens_out"),
        " out. ",
        spent,
        " ",
        join(show("failed"), " failed (", show("failing", "percent"), ").")
        if row["failed"]
        else "None failed.",
    )
    return join(said, _besides(found))


def _besides(found: Asked) -> Html:
    """What is not in the table."""
    row, parts = found.rows[0], list[Html]()
    if row["unrecorded"]:
        what = " decisions of that time were answered and are not in the ledger, which took nothing then."
        parts.append(tag("p", found.show("unrecorded"), what, class_="note"))
    if row["pending"]:
        parts.append(tag("p", found.show("pending"), " have no end yet.", class_="quiet"))
    return join(*parts)


def _pairs(whole: Asked, found: Asked, called: Mapping[str, str]) -> Html:
    heads = (
        *("task or call site", "calls", "failed", "cost", "tokens in", "tokens out"),
        *("first token, ms", "whole answer, ms"),
    )
    rows = [_pair(found, at, called) for at in range(len(found.rows))]
    more = int(whole.number("pairs")) - len(rows)
    left = f" {more} with fewer calls are left out." if more > 0 else ""
    told = tag(
        "p",
        "Times are the median / what 95 of 100 answers stay below. First tokens are of answers that"
        f" streamed; what failed has no time. The newest {NEWEST:,} decisions of at most {DAYS} days are"
        f" looked at.{left}",
        class_="quiet",
    )
    return join(table(heads, rows, "stack traffic"), told)


def _pair(found: Asked, at: int, called: Mapping[str, str]) -> list[object]:
    row = found.rows[at]
    task = str(row["task"])
    words = tag("b", called[task], class_="text") if task in called else tag("b", _cell(found, "task", at))
    site = join(" · ", tag("span", _cell(found, "task", at), class_="number")) if task in called else EMPTY
    name = join(words, tag("small", _cell(found, "option", at), site))
    share = join(" · ", found.show("failing", "percent", at)) if row["failed"] else EMPTY
    return [
        name,
        found.show("calls", "count", at),
        tag("span", found.show("failed", "count", at), share, class_="number"),
        found.show("cost_usd", "usd", at),
        found.show("tokens_in", "count", at),
        found.show("tokens_out", "count", at),
        _times(found, "first", at),
        _times(found, "whole", at),
    ]


def _cell(found: Asked, column: str, at: int) -> Html:
    return found.show(column, "name", at)


def _times(found: Asked, what: str, at: int) -> Html:
    if found.rows[at][f"{what}_p50"] is None:
        return found.show(f"{what}_p50", "count", at)
    ends = (found.show(f"{what}_{end}", "count", at) for end in ("p50", "p95"))
    return tag("span", join(*ends, between=" / "), class_="number")


def _failed(found: Asked) -> Html:
    if not found.rows:
        return EMPTY
    rows: list[list[object]] = [
        [
            found.show("error", "text", at),
            found.show("calls", "count", at),
            found.show("options", "text", at),
            found.show("last", "day", at),
        ]
        for at in range(len(found.rows))
    ]
    heads = ("why", "calls", "who was asked", "last (UTC)")
    return join(tag("h3", "What failed"), table(heads, rows, "stack"))


def _spent(figures: Figures, spec: Spec, now: float) -> Html:
    """Budgets and limits, which are counted beside the ledger."""
    found = spending(spec, getattr(figures.reader, "path", None), now)
    if not found:
        return EMPTY
    source = tag("p", "As ", tag("code", "autotroph status"), " counts them; times are UTC.", class_="quiet")
    return join(tag("h3", "Budgets and limits"), tag("ul", *(tag("li", taken(one)) for one in found)), source)


# the picture ---------------------------------------------------------------------------------------------


def _charts(figures: Figures, whole: Asked, tasks: Mapping[str, str]) -> tuple[Chart, ...]:
    """How long answers took over time; nothing where there is no time to speak of."""
    width = _width(whole.number("until") - whole.number("since"))
    asked_most = figures.ask("who was asked most", _open(_ASKED_MOST), **tasks)
    found = figures.ask("how long whole answers took over time", _open(_OVER_TIME), width=str(width), **tasks)
    if len({row["begins"] for row in found.rows}) < 2:
        return ()
    most = [str(row["option"]) for row in asked_most.rows]
    order = dict(zip(reversed(most), COLOURS[-len(most) :], strict=True))
    spec = several(_points(found), order, x=_time(), y=_milliseconds())
    spec["layer"][-1]["layer"][-1]["mark"]["point"] = {"size": 18}  # a line of one point is none
    says = (
        "Until the end of an answer, by model or variant: the line is the median, the band reaches up to what"
        " 95 of 100 answers stay below."
    )
    title = "How long answers took"
    return (Chart(id="traffic-times", title=title, says=says, spec=spec, under=_key(most)),)


def _width(seconds: float) -> int:
    """What a point stands for.

    >>> _width(30.0), _width(3600.0), _width(86400.0)
    (1, 300, 3600)
    """
    return next((one for one in WIDTHS if seconds <= one * POINTS), WIDTHS[-1])


def _points(found: Asked) -> list[dict[str, object]]:
    return [
        {
            "who": row["option"],
            "x": found.number("begins", at) * 1000,
            "value": row["p50"],
            "low": row["p50"],
            "high": row["p95"],
        }
        for at, row in enumerate(found.rows)
    ]


_MOMENT = (
    "utcFormat(datum.value, utcseconds(datum.value) ? '%H:%M:%S'"
    " : utchours(datum.value) || utcminutes(datum.value) ? '%H:%M' : '%b %-d')"
)
"""Of 24 hours, and the day where one begins."""


def _time() -> ChartSpec:
    axis = {"tickCount": 5, "labelExpr": _MOMENT}
    return {"field": "x", "type": "temporal", "title": "time (UTC)", "scale": {"type": "utc"}, "axis": axis}


def _milliseconds() -> ChartSpec:
    axis = {"format": ",.0f", "tickCount": 5}
    return quantitative("value", "milliseconds", axis=axis, scale={"zero": True, "nice": True})


def _key(most: Sequence[str]) -> Html:
    colours = dict(zip(most, ("loop", "zero", "naive"), strict=False))
    return tag(
        "ul", *(tag("li", name, class_=f"who who-{one}") for name, one in colours.items()), class_="key"
    )
