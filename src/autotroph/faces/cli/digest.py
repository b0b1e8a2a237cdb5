"""`autotroph digest`: what a whole history was worth, by group, on the declared engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import declared, ledger_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.digest.engines.options import Options
    from autotroph.digest.engines.results import Cell, Digested, Figure
    from autotroph.spec import Spec
    from autotroph.store.segments import Segments

DUCKDB = "duckdb"
COLUMNS = ("measure", "mean", "interval", "n", "final", "unknown", "provisional", "pending", "clipped")


class Asked(NamedTuple):
    """What to digest, where, and when values are final."""

    spec: Spec
    tasks: tuple[str, ...]
    engine: str
    ledger: Path
    source: str
    copied: str
    wait: float
    now: float
    options: Options


@click.command(short_help="What a whole history was worth, by group.")
@click.argument("task", default="")
@click.option(
    "--by", default="release,arm,option", show_default=True, help="Columns of a decision to group by."
)
@click.option("--engine", help="duckdb, or a master of Spark.  [default: [product] engine]")
@click.option(
    "--rows",
    help="Write a row for each decision and measure to this Parquet file; on Spark a folder, or its URI.",
)
@click.option(
    "--from",
    "source",
    type=click.Choice(("segments", "ledger")),
    default="segments",
    show_default=True,
    help="Read Parquet segments, brought up to date first, or the ledger itself.",
)
@click.option("--segments", "copied", default="", help="On Spark: where the segments were copied, a URI.")
@click.option("--wait", default="60s", show_default=True, help="On Spark: how long it may take to answer.")
@click.option("--at", type=float, help="As of this time, in seconds since the epoch.  [default: now]")
@options.config
@options.as_json
def digest(*, rows: str | None, config: Path, as_json: bool, **given: Any) -> None:
    """Digest the whole history of a TASK: join, value and measure every decision, all at once.

    TASK may be left out: then all that have a reward are digested. For each group of decisions: the mean of
    each measure with its interval, how many values are final and known, what is still open, and what was
    clipped.

    Only reads the ledger, so it works while the product runs; it writes no rewards.
    """
    from autotroph.clock import SystemClock

    clock = SystemClock("")
    asked = _asked(config, rows or "", clock.now(), **given)
    began = clock.elapsed()
    segments = _segments(asked)
    written = clock.elapsed()
    found = [_digested(asked, task, segments) for task in asked.tasks]
    seconds = clock.elapsed() - written
    if as_json:
        tasks = [_told(one) for one in found]
        options.emit(
            {"engine": asked.engine, "seconds": seconds, "segments_s": written - began, "tasks": tasks}
        )
        return
    from autotroph.faces.terminal import screen

    screen.show(_screen(found))
    options.say(f"digested by {asked.engine} in {seconds:.1f} s, beside {written - began:.1f} s for segments")


def _asked(config: Path, rows: str, now: float, **given: Any) -> Asked:
    """What was asked for, checked before anything is read."""
    from autotroph.digest.engines.options import Options, checked
    from autotroph.spec.durations import Duration
    from autotroph.store.opening import location

    spec = declared(config)
    task, source, copied = given["task"], given["source"], given["copied"]
    engine = _engine(given["engine"]) if given["engine"] else spec.product.engine
    tasks = (task,) if task else tuple(name for name, one in spec.tasks.items() if one.reward)
    for name in tasks:
        spec.reward_of(name)
    if rows and len(tasks) != 1:
        raise click.UsageError(f"--rows writes those of one task: name one of {', '.join(tasks) or 'none'}")
    if engine == DUCKDB and copied:
        raise click.UsageError("--segments is for Spark; DuckDB reads them where they lie")
    if engine != DUCKDB and source == "ledger":
        raise click.UsageError("Spark reads segments; --from ledger is for DuckDB")
    try:
        wait = float(Duration.read(given["wait"]))
    except ValueError as error:
        raise click.UsageError(f"--wait: {error}") from None
    by = tuple(name.strip() for name in given["by"].split(",") if name.strip())
    at = now if given["at"] is None else given["at"]
    found = checked(Options(by=by, rows=rows))
    return Asked(spec, tasks, engine, location(ledger_of(config)), source, copied, wait, at, found)


def _engine(text: str) -> str:
    import msgspec

    from autotroph.spec.shape import describe
    from autotroph.spec.whole import Engine

    try:
        found: str = msgspec.convert(text, Engine)
    except msgspec.ValidationError:
        raise click.UsageError(f"--engine {text}: expected {describe(Engine)}") from None
    return found


def _segments(asked: Asked) -> Segments | None:
    """The segments of the ledger, up to date; those that were copied are taken as they were then."""
    from autotroph.store.segments import Progress, Segments, sync

    if asked.source == "ledger":
        return None
    if asked.copied:
        return Segments.open(asked.ledger)
    with bar("writing segments") as progress:

        def watch(news: Progress) -> None:
            progress(news.at, news.head)

        return sync(asked.ledger, progress=watch)


def _digested(asked: Asked, task: str, segments: Segments | None) -> Digested:
    from autotroph.digest.engines.ledger import whole_ledger
    from autotroph.digest.engines.whole import whole

    with _steps(f"digesting {task}") as watch:
        if segments is None:
            return whole_ledger(asked.spec, task, asked.ledger, asked.now, asked.options)
        if asked.engine == DUCKDB:
            return whole(asked.spec, task, segments, asked.now, asked.options)
        cluster = import_module("autotroph.adapters.spark.cluster")  # by name: adapters stand above the faces
        where = cluster.Cluster(master=asked.engine, segments=asked.copied, wait=asked.wait)
        found: Digested = cluster.whole_on(where, asked.spec, task, segments, asked.now, asked.options, watch)
        return found


@contextmanager
def _steps(title: str) -> Iterator[Callable[[str], None]]:
    """Shows on stderr, where somebody watches, what is being done."""
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title}: {step}")


def _told(found: Digested) -> dict[str, Any]:
    """What a script may want to know."""
    import msgspec

    told: dict[str, Any] = msgspec.to_builtins(found)
    told["manifest"]["digest"] = found.manifest.digest
    return told


def _screen(found: Sequence[Digested]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    if not found:
        return Text("no task chases a reward; name one in [tasks.NAME] reward")
    return Group(*(part for one in found for part in _task(one)))


def _task(found: Digested) -> Iterator[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    manifest = found.manifest
    yield Text.assemble(
        (found.task, "bold"),
        (
            f"  {found.decisions:,} answers up to {found.through:,};"
            f" {manifest.rows:,} may be learned from, {manifest.digest[:16]}",
            "dim",
        ),
    )
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    by = tuple(found.cells[0].by) if found.cells else ()
    for name in (*by, "", *COLUMNS):
        table.add_column(name, justify="right" if name in COLUMNS[3:] else "left")
    for one in found.cells:
        for row in _rows(one):
            table.add_row(*row)
    yield table


def _rows(cell: Cell) -> Iterator[list[str]]:
    """A row a measure; what its decisions share stands in the first."""
    shared = [*cell.by.values(), "" if cell.served else "shadow"]
    for one in cell.figures:
        counts = (one.n, one.final, one.unknown, one.provisional, one.pending, one.clipped)
        yield [*shared, one.measure, *_mean(one), *(f"{count:,}" for count in counts)]
        shared = [""] * len(shared)


def _mean(figure: Figure) -> tuple[str, str]:
    if figure.mean is None:
        return "unknown", ""
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.6g}", ""
    return f"{figure.mean:.6g}", f"[{figure.low:.6g}, {figure.high:.6g}]"
