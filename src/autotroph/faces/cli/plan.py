"""`autotroph plan`: what a changed declaration would do to the history, before it does it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import declared, ledger_of, reader_of

if TYPE_CHECKING:
    from autotroph.plan.ahead import Ahead
    from autotroph.plan.explaining import Effect
    from autotroph.plan.foreseeing import Foreseen
    from autotroph.plan.steps import Plan
    from autotroph.spec import Spec


class Explained(NamedTuple):
    """A plan, what its steps would do, and how long it took: to write segments, and to find out."""

    plan: Plan
    effects: tuple[Effect, ...]
    foreseen: tuple[Foreseen, ...]
    segments_s: float
    seconds: float


@click.command(short_help="What a changed declaration would do to the history.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with pictures to this file, too.",
)
@options.config
@options.as_json
def plan(*, html: Path | None, config: Path, as_json: bool) -> None:
    """Hold the declaration against the ledger: the steps that `autotroph apply` runs, and what they would do.

    For each measure that is declared otherwise, over the whole history: the values before and after, which
    releases and options change places, for how many units the difference to release 0 turns its sign, and
    which verdicts of the past would be others. Candidates that would be refused are listed, and what applies
    by itself. What a task is declared to serve becomes a candidate: whom it concerns, and what the log says
    that it would earn.

    And for each task, how many days each stage of the ladder would take a candidate, at today's traffic.

    Only reads the ledger, so it works while the product runs; it brings the segments up to date.
    """
    spec = declared(config)
    found = explain(spec, config)
    needed = ahead(spec, config)
    if html is not None:
        from autotroph.faces.report.planned import write_plan

        write_plan(found.plan, found.effects, html)
    if as_json:
        import msgspec

        told_ahead = {"ahead": msgspec.to_builtins(needed)}
        options.emit({**told(found), **told_ahead, "html": None if html is None else str(html)})
        return
    show(found)
    if needed:
        from autotroph.faces.terminal import forecasts, screen

        screen.show(forecasts.screen(needed))
    if html is not None:
        options.say(f"{html} is written; open it in a browser")
    if found.plan.revalued:
        click.echo("`autotroph apply` runs these steps; until then no cycle runs, and all else goes on")
    elif found.plan.run:
        click.echo("`autotroph apply` runs these steps; until then all goes on as before")
    elif found.plan.noted:
        click.echo("no `autotroph apply` is needed: start `autotroph serve`, or open the product, again")


def explain(spec: Spec, config: Path) -> Explained:
    """The plan, with what it would do; a product without a ledger has none.

    Raises:
        SpecError: a prompt or a schema that is declared is none.
    """
    from time import perf_counter

    from autotroph.plan.explaining import explained
    from autotroph.plan.foreseeing import foreseen
    from autotroph.plan.steps import Plan, planned
    from autotroph.prompts.checking import check_prompts
    from autotroph.store import open_reader
    from autotroph.store.opening import location
    from autotroph.store.segments import Progress, sync

    check_prompts(spec)
    ledger = location(ledger_of(config))
    if not ledger.exists():
        return Explained(Plan(steps=(), opened=False), (), (), 0.0, 0.0)
    reader = open_reader(ledger)
    try:
        began = perf_counter()
        found = planned(reader, spec)
        ahead = tuple(foreseen(step, reader, spec) for step in found.proposed)
        if not found.revalued:
            return Explained(found, (), ahead, 0.0, perf_counter() - began)
        with bar("writing segments") as progress:

            def watch(news: Progress) -> None:
                progress(news.at, news.head)

            segments = sync(ledger, progress=watch)
        effects = explained(found, reader, spec, segments)
        whole = perf_counter() - began
        return Explained(found, effects, ahead, segments.written.seconds, whole - segments.written.seconds)
    finally:
        reader.close()


def ahead(spec: Spec, config: Path) -> tuple[Ahead, ...]:
    """What the next candidate of each task has before it; nothing where there is no ledger."""
    from autotroph.plan import ahead as foretold
    from autotroph.store.opening import location

    if not location(ledger_of(config)).exists():
        return ()
    found = []
    with closing(reader_of(config)) as reader:
        for task in (name for name, one in spec.tasks.items() if one.reward):
            with bar(f"foretelling {task}") as progress:
                found.append(foretold.ahead(reader, spec, task, progress))
    return tuple(found)


def told(found: Explained) -> dict[str, Any]:
    """What a script may want to know."""
    import msgspec

    return {
        "opened": found.plan.opened,
        "changed": bool(found.plan.run),
        "digest": found.plan.digest,
        "steps": msgspec.to_builtins(found.plan.steps),
        "effects": msgspec.to_builtins(found.effects),
        "foreseen": msgspec.to_builtins(found.foreseen),
        "seconds": found.seconds,
        "segments_s": found.segments_s,
    }


def show(found: Explained) -> None:
    """Print a plan."""
    from autotroph.faces.terminal import planning, screen

    screen.show(planning.screen(found.plan, found.effects, found.foreseen))
    if found.effects:
        options.say(f"found out in {found.seconds:.1f} s, beside {found.segments_s:.1f} s to write segments")
