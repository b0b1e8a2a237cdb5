"""`autotroph experiment`: a comparison that a person starts, looks at, and ends with a decision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from autotroph.errors import InputError, UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.asked import done
from autotroph.faces.cli.opening import declared, reader_of
from autotroph.faces.cli.refusals import Polite

if TYPE_CHECKING:
    from autotroph.deploy.experiments.contrasts import Contrast, Results
    from autotroph.faces.tried import Tried

_by = click.option("--by", default="a person", show_default=True, help="Who says so, for the journal.")


@click.group(cls=Polite, short_help="Compare arms by hand.")
def experiment() -> None:
    """Compare what a person wants compared, on a share of the people, while the ladder goes on beside it."""


@experiment.command(short_help="Start one.")
@click.argument("name")
@click.option("--task", help="Whose people.")
@click.option(
    "--arm", "arms", multiple=True, metavar="NAME=WHAT", help="An arm: main, or a name, or a policy."
)
@click.option("--share", type=float, help="Of the people outside the holdback, all arms together.")
@click.option("--metric", help="A measure of the task.  [default: its reward]")
@click.option("--guardrail", "guardrails", multiple=True, help="One of the task's.  [default: all of them]")
@click.option("--margin", type=float, help="How much worse is no worse yet.")
@click.option("--planned", type=int, help="Units that are planned for.")
@click.option("--alpha", type=float, help="Chance of finding a difference where there is none.")
@click.option("--goes-on", is_flag=True, help="Harm, or arms of the wrong size, do not end it.")
@_by
@options.config
@options.as_json
def start(*, name: str, by: str, config: Path, as_json: bool, **given: Any) -> None:
    """Start the experiment NAME: as [experiments.NAME] declares it, or as the options say.

    WHAT is `main`, the name or id of a release, a variant, an action, or a policy as JSON. The others are
    compared with the first arm. Works while the product runs.
    """
    from autotroph.faces.experimenting import declaration
    from autotroph.unattended.asking import Start

    said = _said(given)
    declaration(declared(config), name, said)
    ask = Start(experiment=name, declared=said, by=by)
    taken = done(config, ask, lambda product: product.experiment(name, by=by, **said))
    if as_json:
        options.emit({"event": "experiment started", "experiment": name, "taken": taken})
    else:
        click.echo(f"{name}: {'started' if taken else 'asked for'}")


@experiment.command(short_help="End one with a decision.")
@click.argument("name")
@click.option("--decision", required=True, help="What was decided, in words: it is kept for good.")
@click.option("--propose", default="", metavar="ARM", help="Make this arm a candidate, for gate and ladder.")
@_by
@options.config
@options.as_json
def stop(*, name: str, decision: str, propose: str, by: str, config: Path, as_json: bool) -> None:
    """End the experiment NAME, and keep what it showed and what was decided in the journal.

    Nothing is promoted by it. An arm that is proposed goes the way of every candidate. Works while the
    product runs.
    """
    from autotroph.unattended.asking import Conclude

    ask = Conclude(experiment=name, decision=decision, propose=propose, by=by)
    taken = done(config, ask, lambda product: product.conclude(name, decision, propose=propose, by=by))
    found = _named(config, name) if taken else None
    if as_json:
        options.emit({"event": "experiment stopped", "taken": taken, "record": _document(found)})
    elif found is None:
        click.echo(f"{name}: asked for")
    else:
        _show(found)


@experiment.command(short_help="What one shows so far.")
@click.argument("name")
@options.config
@options.as_json
def status(*, name: str, config: Path, as_json: bool) -> None:
    """Show what the experiment NAME shows: as of the last cycle, or as it ended.

    The intervals hold at all times at once, so look as often as you like, and stop whenever you like.
    """
    found = _named(config, name)
    if as_json:
        options.emit(_document(found))
    else:
        _show(found)


@experiment.command(name="list", short_help="All there are.")
@options.config
@options.as_json
def list_(*, config: Path, as_json: bool) -> None:
    """List every experiment that was started, and those that are declared and were not."""
    found = _tried(config)
    started = {one.experiment.name for one in found}
    waiting = [name for name in declared(config).experiments if name not in started]
    if as_json:
        options.emit({"experiments": [_document(one) for one in found], "not_started": waiting})
        return
    from autotroph.faces.terminal import screen

    rows = [
        (
            one.experiment.name,
            one.experiment.task,
            _day(one.experiment.at),
            _state(one),
            "; ".join(_findings(one)),
        )
        for one in found
    ]
    rows += [(name, declared(config).experiments[name].task, "", "not started", "") for name in waiting]
    screen.show(screen.table(("experiment", "task", "started", "state", "against the first arm"), rows))


# what was said --------------------------------------------------------------------------------------------


def _said(given: dict[str, Any]) -> dict[str, Any]:
    """The options as the keys of a declaration; those that were left out are not among them."""
    said = {name: value for name, value in given.items() if value not in (None, (), False)}
    if "arms" in said:
        said["arms"] = dict(_arm(text) for text in said["arms"])
    if "guardrails" in said:
        said["guardrails"] = list(said["guardrails"])
    if said.pop("goes_on", False):
        said["stops"] = False
    return said


def _arm(text: str) -> tuple[str, Any]:
    name, equals, what = text.partition("=")
    if not (name and equals and what):
        raise InputError(f"--arm {text!r}: expected NAME=WHAT, such as warm=warm or now=main")
    if not what.startswith("{"):
        return name, what
    try:
        return name, json.loads(what)
    except ValueError as error:
        raise InputError(f"--arm {text!r}: not JSON: {error}") from None


# what is shown --------------------------------------------------------------------------------------------


def _tried(config: Path) -> list[Tried]:
    from autotroph.faces.tried import in_ledger

    spec = declared(config)
    with closing(reader_of(config)) as reader:
        return in_ledger(reader, spec)


def _named(config: Path, name: str) -> Tried:
    """The newest of a name."""
    found = _tried(config)
    named = [one for one in found if one.experiment.name == name]
    if not named:
        raise UnknownName("experiment that was started", name, {one.experiment.name for one in found})
    return named[-1]


def _document(one: Tried | None) -> Any:
    import msgspec

    return None if one is None else {**msgspec.to_builtins(one), "state": _state(one)}


def _show(one: Tried) -> None:
    from autotroph.faces.terminal import screen

    experiment = one.experiment
    click.echo(
        f"{experiment.name}: {experiment.metric} of {experiment.task}, {experiment.share:.0%} of the people"
        f" since {_day(experiment.at)}; {_state(one)}"
    )
    if one.results is not None:
        rows = [
            (group.arm, group.exposed, group.counted, _number(group.mean)) for group in one.results.groups
        ]
        screen.show(screen.table(("arm", "units", "counted", "mean"), rows))
    for line in (*_findings(one), *_faults(one)):
        click.echo(f"  {line}")
    for arm in one.may_be_proposed if one.ended is None else ():
        click.echo(f'  autotroph experiment stop {experiment.name} --decision "…" --propose {arm}')


def _findings(one: Tried) -> Iterator[str]:
    for contrast in one.results.contrasts if one.results else ():
        yield _finding(contrast, one.results)


def _finding(one: Contrast, results: Results | None) -> str:
    level = 1.0 - results.level if results else 0.0
    ends = (
        "nothing can be said yet" if one.low is None else f"[{one.low:+.4f}, {one.high:+.4f}] at {level:.1%}"
    )
    return f"{one.arm} − {one.against}: {one.mean:+.4f} {ends}, {one.units} pairs of units: {one.finding}"


def _faults(one: Tried) -> Sequence[str]:
    said = [one.results.harm, one.results.mismatch] if one.results else []
    if one.ended is not None and one.ended.reason not in said:
        said.append(one.ended.reason)
    return [text for text in said if text]


def _state(one: Tried) -> str:
    if one.ended is None:
        return "under way"
    return f"ended by {one.ended.by} on {_day(one.ended.at)}: {one.ended.decision}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
