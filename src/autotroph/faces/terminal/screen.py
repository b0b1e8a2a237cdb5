"""What the command shows in a terminal: 80 columns, one thought a line. Values in, rich renderables out."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autotroph.observe.steps import STEPS

if TYPE_CHECKING:  # reading a health takes numpy, and showing a table does not
    from autotroph.observe.exploring import Cost, Metered
    from autotroph.observe.health import Contender, Health, TaskHealth
    from autotroph.records import Measurement

WIDE = 10_000
UNKNOWN = 1e9
"""An end of an interval that is so far away says nothing."""

MOST = 28
"""Characters of a name that a column is made wider for, of the 80 that there are."""

GOOD, BAD, QUIET = "green", "red", "dim"


def show(what: RenderableType) -> None:
    """Print on stdout: as wide as the terminal, or unfolded where nobody watches."""
    if sys.stdout.isatty():
        Console(highlight=False).print(what)
        return
    text = io.StringIO()
    Console(file=text, width=WIDE, highlight=False).print(what)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))


# status --------------------------------------------------------------------------------------------------


def status(
    health: Health, now: Sequence[RenderableType] = (), asked: Sequence[RenderableType] = ()
) -> RenderableType:
    """The status screen.

    Args:
        health: of the product.
        now: what goes on just now, if anything does.
        asked: what came through the gateway, if anything did.
    """
    wide = breadth((task.name for task in health.tasks), 14)
    return Group(
        _title(health),
        _heading("Is it healthy?"),
        *_healthy(health),
        *([_heading("What is asked?"), *(inset(part) for part in asked)] if asked else []),
        _heading("Is it learning?"),
        *(inset(part) for task in health.tasks for part in _learning(task)),
        *([] if health.tasks else [_line("○", "tasks", "none is declared yet, so nothing is learned")]),
        *([_heading("What goes on?"), *(inset(part) for part in now)] if now else []),
        *([_heading("What was it worth?")] if health.tasks else []),
        *(inset(_worth(task, wide)) for task in health.tasks),
        *(inset(_explored(task.name, task.exploration, wide)) for task in health.tasks if task.exploration),
        _heading("What needs me?"),
        *_needs(health),
        Text("\nTimes are UTC.", QUIET),
    )


def _title(health: Health) -> Text:
    cycles = f"{health.cycles:,} cycle{'' if health.cycles == 1 else 's'}"
    last = f", the last on {when(health.cycled)}" if health.cycled is not None else ""
    return Text.assemble((health.product, "bold"), ("  " + cycles + last, QUIET))


def _heading(question: str) -> Text:
    return Text(f"\n{question}", "bold cyan")


def inset(what: RenderableType, by: int = 2) -> RenderableType:
    """It, so many columns further right."""
    return Padding(what, (0, 0, 0, by), expand=False)


def _healthy(health: Health) -> list[RenderableType]:
    if health.rows is None:
        return [_line("○", "ledger", "none yet; the first decision makes it")]
    chain = health.fault or f"holds, {health.links:,} links from the first row on"
    declared = {
        None: ("○", "declaration", "the product was never opened with one"),
        True: ("✓", "declaration", "the product was opened with what the file says"),
        False: ("!", "declaration", "the file says something else than what the product was opened with"),
    }[health.declared]
    return [
        _line("✓", "ledger", f"opens, {health.rows:,} rows in {health.ledger}"),
        _line("✗" if health.fault else "✓", "chain", chain),
        _line(*declared),
        *([_line("○", "kill switch", f"touch {health.killswitch}")] if health.killswitch else []),
    ]


def _line(mark: str, name: str, text: str) -> RenderableType:
    row = _grid(2, 12, None)
    row.add_row(_mark(mark), name, text)
    return inset(row)


def _mark(mark: str) -> Text:
    return Text(mark, {"✓": GOOD, "✗": BAD, "!": "yellow", "○": QUIET}[mark])


def _grid(*widths: int | None) -> Table:
    """Columns without lines; None takes what is left."""
    grid = Table.grid(padding=(0, 1), expand=False)
    for width in widths:
        grid.add_column(width=width, overflow="fold")
    return grid


def bare(apart: int = 2) -> Table:
    """A table without lines, its columns so far apart."""
    return Table(box=None, pad_edge=False, header_style=QUIET, padding=(0, apart, 0, 0))


def breadth(names: Iterable[str], least: int) -> int:
    """How wide a column of names is: no name is broken that leaves room for what is said of it.

    >>> breadth(["route"], 14), breadth(["check-homework-teachers"], 14)
    (14, 23)
    """
    return max([least, *(min(len(name), MOST) for name in names)])


def _learning(task: TaskHealth) -> Iterable[RenderableType]:
    serving = f"  serves {task.serving} since {when(task.since)}" if task.serving else "  serves nothing yet"
    yield Text.assemble((task.name, "bold"), (serving, QUIET))
    steps = _grid(2, 12, 17, None)
    for step, figure in zip(STEPS, _figures(task), strict=True):
        at = getattr(task.steps, step)
        steps.add_row(_mark("✓" if at is not None else "○"), step, when(at), Text(figure, QUIET))
    yield steps
    if task.steps.seconds is not None:
        yield Text(
            f"loop closed: {_span(task.steps.seconds)} from the first signal to a proven release", GOOD
        )
    yield from (_contender(one) for one in task.contenders if one.stage != "gate")


def _figures(task: TaskHealth) -> tuple[str, ...]:
    """What each of the five steps has amounted to."""
    counts = task.counts
    pending = f", {counts.pending:,} pending" if counts.pending else ""
    return (
        f"{counts.decisions:,} decisions",
        f"{counts.signals:,} signals",
        f"{counts.rewards:,} final rewards{pending}",
        f"{counts.candidates:,} candidates, {counts.refused:,} refused",
        f"{counts.promoted:,} promoted, {counts.rolled_back:,} rolled back",
    )


def _contender(one: Contender) -> RenderableType:
    """A candidate on the ladder."""
    share = f" with {one.share:.0%} of the units" if one.stage == "canary" else ""
    found = f"{one.finding}: {one.reason}" if one.finding else "not judged yet"
    row = _grid(2, 13, None)
    row.add_row(
        Text("↗", "yellow"),
        "on the ladder",
        Text.assemble(f"{one.name} in {one.stage}{share}", (f"\n{found}", QUIET)),
    )
    return row


def _worth(task: TaskHealth, wide: int) -> RenderableType:
    row = _grid(wide, None)
    row.add_row(Text(task.name, "bold"), _lift(task.lift))
    return row


def _explored(task: str, found: Metered, wide: int) -> RenderableType:
    """What trying other options came to, a thought a line."""
    row = _grid(wide, None)
    parts = [
        f"exploration: {found.moved:.1%} of {found.decisions:,} decisions took another option"
        f" ({found.expected:.1%} expected)"
        + (f", none less probable than {found.floor:.2g}" if found.floor else ""),
        *(_cost(one, found.decisions) for one in found.costs),
        f"by it the log can judge another policy as if from {found.judged_by:,.0f} decisions of its own",
    ]
    row.add_row(Text(task, "bold"), Text("\n".join(parts), QUIET))
    return row


def _cost(one: Cost, decisions: int) -> str:
    if abs(one.low) >= UNKNOWN:
        return f"what it costs in {one.measure} cannot be told yet"
    ends = f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
    verdict = "a cost" if one.low > 0 else "a gain" if one.high < 0 else "no cost that could be told from 0"
    return f"cost in {one.measure} a decision {ends}, {one.value * decisions:+,.1f} in all: {verdict}"


def _lift(lift: Measurement | None) -> Text:
    if lift is None or not lift.n:
        return Text("not measured yet", QUIET)
    style, verdict = "", "not told apart from release 0 yet"
    if lift.low > 0:
        style, verdict = GOOD, "better than release 0"
    elif lift.high < 0:
        style, verdict = BAD, "worse than release 0"
    figures = f"{lift.value:+.4f} reward a decision  [{lift.low:+.4f}, {lift.high:+.4f}]"
    return Text.assemble(
        (figures, f"{style} bold"), f"\n{verdict}; {1 - lift.alpha:.0%} at any time, {lift.n:,} units"
    )


def _needs(health: Health) -> list[RenderableType]:
    if not health.needs:
        return [inset(Text("nothing", GOOD))]
    grid = _grid(2, breadth((need.subject for need in health.needs), 12), None)
    for need in health.needs:
        way_out = (f"\n→ {need.way_out}", QUIET) if need.way_out else ""
        grid.add_row(_mark("!"), need.subject, Text.assemble(need.what, way_out))
    return [inset(grid)]


# releases ------------------------------------------------------------------------------------------------


def releases(stood: Sequence[Mapping[str, Any]], fallen: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Releases and the candidates that became none, each with its newest verdict."""
    parts: list[RenderableType] = []
    if not stood:
        parts.append(Text("no release yet; a first decision or cycle makes release 0", QUIET))
    else:
        parts.append(_ranked(stood, ("release", "stage", "since")))
    if fallen:
        parts += [
            Text("\nCandidates that became no release", "bold"),
            _ranked(fallen, ("candidate", "", "made")),
        ]
    return Group(*parts)


def _ranked(rows: Sequence[Mapping[str, Any]], columns: tuple[str, str, str]) -> Table:
    identity, stage, at = columns
    table_ = bare()
    for name in ("task", "name", identity, *([stage] if stage else []), at):
        table_.add_column(name, no_wrap=name != "name")
    table_.add_column("verdict", overflow="fold")
    for row in rows:
        stages = [_stage(row)] if stage else []
        table_.add_row(
            Text(row["task"]), Text(row["name"]), row[identity][:16], *stages, when(row[at]), _found(row)
        )
    return table_


def _stage(row: Mapping[str, Any]) -> Text:
    share = f" {row['share']:.0%}" if row["stage"] == "canary" else ""
    style = {"serving": GOOD, "canary": "yellow", "shadow": "yellow", "withdrawn": BAD}.get(row["stage"], "")
    return Text(f"{row['stage']}{share}", style)


def _found(row: Mapping[str, Any]) -> Text:
    if not row["finding"]:
        return Text("declared", QUIET)
    style = {"promoted": GOOD, "refused": BAD, "rolled back": BAD}.get(row["finding"], "")
    return Text.assemble((row["finding"], style), (f" {row['reason']}", QUIET))


# any table -----------------------------------------------------------------------------------------------


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """What a query found; numbers to the right, nothing as a dot."""
    found = [[_cell(value) for value in row] for row in rows]
    table_ = bare()
    for name in columns:
        table_.add_column(Text(name), overflow="fold")
    for row in found:
        table_.add_row(*row)
    return table_


def _cell(value: object) -> Text:
    match value:
        case None:
            return Text("·", QUIET)
        case bytes():
            return Text(f"{len(value):,} bytes", QUIET)
        case float() if value == value and abs(value) != float("inf"):
            return Text(f"{value:.10g}", justify="right")
        case int() | float():
            return Text(str(value), justify="right")
        case _:
            return Text(str(value))


# words ---------------------------------------------------------------------------------------------------


def when(at: float | None) -> str:
    """A moment, to the minute, in UTC; nothing where there was none."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):
        return f"{at:.0f} s"


def _span(seconds: float) -> str:
    """A stretch of time in its two largest units.

    >>> _span(90061.0), _span(42.0)
    ('1 d 1 h', '42 s')
    """
    whole, parts = int(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
