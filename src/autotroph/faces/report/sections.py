"""What there is to say about any product: its loop, its worth, what stands, who was judged and how."""

from collections.abc import Mapping
from itertools import groupby
from shlex import quote

from msgspec.structs import replace

from autotroph.faces.report.charts import Chart, banded, quantitative, zero_rule
from autotroph.faces.report.deserving import sections as deserving
from autotroph.faces.report.experiments import experiments
from autotroph.faces.report.exploring import exploring
from autotroph.faces.report.figures import Asked, Figures, Form, quoted
from autotroph.faces.report.html import EMPTY, Html, join, table, tag
from autotroph.faces.report.page import Section
from autotroph.observe.deserving import examine
from autotroph.observe.health import LIFT
from autotroph.observe.steps import FIRST_TIMES, STEPS, steps
from autotroph.spec import Spec
from autotroph.store import Reader

TOLD = 60
"""Lines of the journal that are shown, the newest."""

_STEPS = FIRST_TIMES.replace(":task", "{task}")

_COUNTS = """
SELECT count(*) AS decisions,
       (SELECT count(*) FROM signals_by_decision WHERE task = {task}) AS signals,
       (SELECT count(*) FROM answers WHERE task = {task} AND served = 1 AND reward IS NOT NULL) AS rewards,
       (SELECT count(*) FROM candidates WHERE task = {task}) AS candidates,
       (SELECT count(*) FROM verdicts WHERE task = {task} AND finding = 'promoted') AS promoted,
       (SELECT count(*) FROM verdicts WHERE task = {task} AND finding = 'rolled back') AS rolled_back,
       (SELECT count(*) FROM verdicts WHERE task = {task} AND finding = 'refused') AS refused
FROM decisions WHERE task = {task} AND served = 1 AND provenance = 'product'"""

_LIFT = """
SELECT sequence, at, value, low, high, n, 1 - alpha AS level FROM measurements
WHERE name = {name} AND task = {task} AND n > 0 ORDER BY sequence"""

_RELEASES = """
SELECT name, made, stage, share, since,
       (SELECT count(*) FROM decisions AS d
         WHERE d.release = r.release AND d.served = 1 AND d.provenance = 'product') AS answered
FROM release_log AS r WHERE task = {task} ORDER BY sequence"""

_WHY = """
coalesce(substr(v.reason, 1,
                nullif(instr(v.reason, ': ' || printf('%+.4f [', v.evidence ->> 'mean')), 0) - 1),
         v.reason) AS why"""
"""The reason without the numbers, which have columns of their own."""

_CANDIDATES = """
SELECT c.id AS candidate, c.name, c.track, c.at, v.judge, coalesce(v.finding, 'not judged yet') AS finding,
       {why}, v.alpha, v.evidence ->> 'mean' AS mean, v.evidence ->> 'low' AS low,
       v.evidence ->> 'high' AS high, v.evidence ->> 'units' AS units, v.evidence ->> 'kind' AS kind
FROM candidates AS c
LEFT JOIN verdicts AS v ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = c.id)
WHERE c.task = {task} ORDER BY c.sequence"""

_VERDICTS = """
SELECT v.candidate, c.name, v.at, v.judge, v.finding, {why}, v.alpha, v.evidence ->> 'mean' AS mean,
       v.evidence ->> 'low' AS low, v.evidence ->> 'high' AS high, v.evidence ->> 'units' AS units,
       v.evidence ->> 'decisions' AS decisions
FROM verdicts AS v JOIN candidates AS c ON c.id = v.candidate
WHERE v.task = {task} ORDER BY c.sequence, v.sequence"""

_JOURNAL = """
SELECT sequence, at, actor, event, coalesce(c.name, subject) AS subject,
       CASE event WHEN 'declaration' THEN 'what ' || (details ->> 'source') || ' says began to count'
                  WHEN 'measures' THEN 'what decisions are valued by'
                  WHEN 'standards' THEN 'what a candidate has to show'
                  WHEN 'audit sample' THEN printf('%g %% of decisions, for people to judge',
                                                    (details ->> 'share') * 100)
                  ELSE coalesce(details ->> 'reason', '') END AS reason
FROM (SELECT * FROM journal ORDER BY sequence DESC LIMIT {told}) AS j
LEFT JOIN (SELECT id, name FROM candidates) AS c ON c.id = j.subject ORDER BY sequence"""

Marks = Mapping[str, str]
"""A word that stands beside the name of a candidate, such as saboteur."""


def opening(figures: Figures, spec: Spec) -> Section:
    """The head of a product's own page."""
    done = figures.ask(
        "how often the loop has turned, and the rows of the ledger",
        "SELECT count(*) AS cycles, max(at) AS last, max(through) AS rows FROM cycles",
    )
    thesis = tag("p", spec.season.thesis, class_="lead") if spec.season.thesis else EMPTY
    body = join(tag("h1", spec.product.name), thesis, tag("p", _turned(done), class_="quiet"))
    return Section(id="top", title="", body=body)


def _turned(done: Asked) -> Html:
    """How often the loop has, which is what decides whether there is more to read."""
    cycles = done.rows[0]["cycles"]
    if not cycles:
        return join("The loop has not turned yet.")
    times = " times, the last time on " if cycles != 1 else " time, on "
    last, rows = done.show("last", "day"), done.show("rows")
    return join(
        "The loop has turned ",
        done.show("cycles"),
        times,
        last,
        " (UTC), over ",
        rows,
        " rows of the ledger.",
    )


def of_product(figures: Figures, spec: Spec) -> list[Section]:
    """Everything about every task, then the journal."""
    found = [part for task in spec.tasks for part in of_task(figures, task)]
    return [*found, journal(figures)]


def of_task(figures: Figures, task: str) -> list[Section]:
    """One task: the loop, what it was worth, what stands, who was judged."""
    return [
        turning(figures, task),
        worth(figures, task),
        releases(figures, task),
        Section(
            id=f"candidates-{_id(task)}", title=f"{task}: every candidate", body=candidates(figures, task, {})
        ),
        *experiments(figures, task, _id(task)),
        *exploring(figures, task, _id(task)),
    ]


def chased(reader: Reader, spec: Spec, task: str) -> list[Section]:
    """Whether a task's reward deserves it, if there is an outcome that it is held against."""
    if not (spec.outcomes and spec.task(task).reward):
        return []
    found = examine(reader, spec, task)
    line = tag("code", f"autotroph rewards check {quote(found.reward)}")
    source = tag(
        "p", "What follows about ", tag("b", found.reward), " is what ", line, " finds.", class_="quiet"
    )
    first, *rest = deserving(found, "h3")
    return [replace(first, body=join(first.body, source)), *rest]


def turning(figures: Figures, task: str) -> Section:
    """The five steps, ticked."""
    names = {"task": quoted(task)}
    when = figures.ask(f"{task}: when each step of the loop was first done", _STEPS, **names)
    counts = figures.ask(f"{task}: how much of everything there is", _COUNTS, **names)
    amounts = dict(zip(STEPS, _amounts(counts), strict=True))
    items = [
        tag(
            "li",
            tag("b", step),
            tag("span", when.show(step, "day"), class_="when"),
            tag("span", amounts[step], class_="quiet"),
            class_="done" if when.rows[0][step] is not None else "open",
        )
        for step in STEPS
    ]
    body = join(tag("ol", *items, class_="steps"), closed(figures, task))
    return Section(id=f"loop-{_id(task)}", title=f"{task}: the loop", body=body)


def _amounts(counts: Asked) -> tuple[Html, ...]:
    show = counts.show
    return (
        join(show("decisions"), " decisions"),
        join(show("signals"), " signals"),
        join(show("rewards"), " final rewards"),
        join(show("candidates"), " candidates, ", show("refused"), " refused"),
        join(show("promoted"), " promoted, ", show("rolled_back"), " rolled back"),
    )


def closed(figures: Figures, task: str) -> Html:
    """Whether the loop is closed, and how long the first round took."""
    took = round_took(figures, task)
    if took is None:
        return tag("p", "The loop is still open: not every step has been done.", class_="quiet")
    return tag("p", "The loop is closed: ", took, " from the first signal to a proven release.")


def round_took(figures: Figures, task: str) -> Html | None:
    """From the first signal to the first proven release; None while the loop is open."""
    if steps(figures.reader, task).seconds is None:
        return None
    took = figures.ask(
        f"{task}: from the first signal to the first proven release, in seconds",
        "SELECT redeployed - observed AS seconds FROM (" + _STEPS + ")",
        task=quoted(task),
    )
    return took.show("seconds", "span")


def worth(figures: Figures, task: str) -> Section:
    """Lift over time."""
    found = figures.ask(f"{task}: lift over release 0", _LIFT, task=quoted(task), name=quoted(LIFT))
    title = f"{task}: what it was worth"
    if not found.rows:
        body = tag("p", "Not measured yet: no reward of a served decision is final.")
        return Section(id=f"worth-{_id(task)}", title=title, body=body)
    last = len(found.rows) - 1
    said = tag(
        "p",
        "Against release 0, on the same decisions: ",
        found.show("value", "reward", last),
        " reward a decision ",
        found.interval("low", "high", "reward", last),
        ", after ",
        found.show("n", "count", last),
        " units. The interval holds at any time, at ",
        found.show("level", "percent", last),
        ".",
    )
    chart = _lift_chart(found, task)
    return Section(id=f"worth-{_id(task)}", title=title, body=join(said, chart.html), charts=(chart,))


def _lift_chart(found: Asked, task: str) -> Chart:
    points = [
        {"x": float(str(row["at"])) * 1000, "value": row["value"], "low": row["low"], "high": row["high"]}
        for row in found.rows
    ]
    reach = max(abs(found.number(end, len(points) // 2)) for end in ("low", "high"))
    top = max(0.02, reach)  # the first intervals say little, and would flatten the rest
    y = quantitative(
        "value",
        "reward a decision more than release 0",
        scale={"domain": [-top, top], "nice": True},
        axis={"format": "+.2f", "tickCount": 5},
    )
    x = {
        "field": "x",
        "type": "temporal",
        "title": "time (UTC)",
        "scale": {"type": "utc"},
        "axis": {"tickCount": 5},
    }
    spec = banded(points, "lift", y=y, x=x)
    spec["layer"].insert(0, zero_rule())
    says = (
        "Mean reward over release 0 since the beginning, with its confidence sequence; "
        "the dashed line is release 0."
    )
    return Chart(id=f"lift-{_id(task)}", title="Lift over release 0", says=says, spec=spec)


def releases(figures: Figures, task: str) -> Section:
    """What stands, and what stood."""
    found = figures.ask(f"{task}: every release", _RELEASES, task=quoted(task))
    heads = ("release", "made", "now", "share", "since", "decisions answered")
    forms: tuple[tuple[str, Form], ...] = (
        ("name", "name"),
        ("made", "day"),
        ("stage", "text"),
        ("share", "percent"),
        ("since", "day"),
        ("answered", "count"),
    )
    rows: list[list[object]] = [
        [found.show(column, form, at) for column, form in forms] for at in range(len(found.rows))
    ]
    body = table(heads, rows, "stack") if rows else tag("p", "No release yet.")
    return Section(id=f"releases-{_id(task)}", title=f"{task}: every release", body=body)


def candidates(figures: Figures, task: str, marks: Marks) -> Html:
    """Each candidate with its verdicts in order and the evidence of the last one."""
    found = figures.ask(
        f"{task}: every candidate and its last verdict", _CANDIDATES, task=quoted(task), why=_WHY
    )
    every = figures.ask(f"{task}: every verdict with its evidence", _VERDICTS, task=quoted(task), why=_WHY)
    if not found.rows:
        return tag("p", "No candidate yet.")
    heads = ("candidate", "last word", "difference in reward", "units", "α", "why")
    rows = [
        _candidate(found, at, _trail(every, str(row["candidate"])), marks.get(str(row["name"]), ""))
        for at, row in enumerate(found.rows)
    ]
    return join(table(heads, rows, "stack candidates"), _every_verdict(every))


def _candidate(found: Asked, at: int, trail: Html, mark: str) -> list[object]:
    row = found.rows[at]
    word = tag("em", mark, class_="mark") if mark else EMPTY
    track = found.show("track", "text", at)
    name = join(tag("b", found.show("name", "name", at)), " ", word, tag("small", "by ", track))
    difference = EMPTY
    if row["mean"] is not None:
        difference = join(found.show("mean", "reward", at), " ", found.interval("low", "high", "reward", at))
    last = tag("span", found.show("finding", "text", at), class_=f"finding {_id(str(row['finding']))}")
    alpha = found.show("alpha", "level", at) if row["alpha"] else "–"
    why = tag("span", found.show("why", "text", at), class_="why")
    return [name, join(last, trail), difference or "–", found.show("units", "count", at), alpha, why]


def _trail(every: Asked, candidate: str) -> Html:
    """The verdicts in order, equal ones that follow each other counted."""
    mine = [(str(row["judge"]), str(row["finding"])) for row in every.rows if row["candidate"] == candidate]
    parts = [
        f"{judge}: " + ", ".join(_times(finding, len(list(same))) for finding, same in groupby(found))
        for judge, found in ((judge, [one for _, one in group]) for judge, group in groupby(mine, _judge))
    ]
    return tag("small", " → ".join(parts), class_="trail")


def _judge(pair: tuple[str, str]) -> str:
    return pair[0]


def _times(finding: str, times: int) -> str:
    return finding if times == 1 else f"{finding} ×{times}"


def _every_verdict(every: Asked) -> Html:
    heads = ("candidate", "when", "judge", "finding", "difference in reward", "units", "α", "why")
    rows: list[list[object]] = []
    for at, row in enumerate(every.rows):
        shown = (
            join(every.show("mean", "reward", at), " ", every.interval("low", "high", "reward", at))
            if row["mean"] is not None
            else "–"
        )
        rows.append(
            [
                every.show("name", "name", at),
                every.show("at", "day", at),
                every.show("judge", "text", at),
                every.show("finding", "text", at),
                shown,
                every.show("units", "count", at),
                every.show("alpha", "level", at),
                every.show("why", "text", at),
            ]
        )
    return tag("details", tag("summary", "All verdicts, in order"), table(heads, rows, "dense"))


def journal(figures: Figures) -> Section:
    """What changed behaviour, newest last."""
    found = figures.ask(f"the last {TOLD} lines of the journal", _JOURNAL, told=str(TOLD))
    forms: tuple[tuple[str, Form], ...] = (
        ("at", "day"),
        ("actor", "text"),
        ("event", "text"),
        ("subject", "name"),
        ("reason", "text"),
    )
    rows: list[list[object]] = [
        [found.show(column, form, at) for column, form in forms] for at in range(len(found.rows))
    ]
    heads = ("when (UTC)", "who", "what", "about", "why")
    body = table(heads, rows, "stack") if rows else tag("p", "Nothing that changes behaviour was done yet.")
    return Section(id="journal", title="The journal", body=body)


def lines(figures: Figures) -> Section:
    """Every number of the page with the line that gives it."""
    told = (
        "Each number on this page came out of one of these lines, or of the command that is named beside it;"
    )
    said = tag("p", told, " run them yourself.")
    body = join(said, tag("details", tag("summary", "Show the lines"), figures.lines()))
    return Section(id="lines", title="Where every number comes from", body=body)


def _id(name: str) -> str:
    """A name as a part of an id: letters, digits and the numbers of other signs."""
    return "".join(sign if sign.isascii() and sign.isalnum() else f"-{ord(sign):x}-" for sign in name).strip(
        "-"
    )
