"""`autotroph evaluate`: the ladder's judgement rehearsed on the product's own log, and its frozen sets."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from autotroph.errors import UnknownName
from autotroph.faces.cli import options
from autotroph.faces.cli.bars import bar
from autotroph.faces.cli.opening import declared, reader_of

if TYPE_CHECKING:
    from autotroph.plan.rehearsing import Rehearsal
    from autotroph.plan.traffic import Traffic
    from autotroph.spec import Spec


class Rehearsed(NamedTuple):
    """A task's traffic, and what was rehearsed on it."""

    traffic: Traffic
    found: tuple[Rehearsal, ...]


@click.command(short_help="What the ladder would do wrongly on your log, and what serves on your sets.")
@click.argument("task", default="")
@click.option(
    "--aa",
    "runs",
    metavar="N",
    type=click.IntRange(min=1),
    help="Deal out the units of the log to two arms, at random, so many times.",
)
@click.option("--sets", "frozen", is_flag=True, help="Hold what serves to the frozen sets.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same runs.")
@options.config
@options.as_json
def evaluate(*, task: str, runs: int | None, frozen: bool, seed: int, config: Path, as_json: bool) -> None:
    """Rehearse the ladder on your own log, or hold what serves to your frozen sets.

    TASK is one with a reward; all of them, if left out.

    With --aa: false promotions, false rollbacks, and how soon harm is found. In N runs the units of the log
    are dealt out to two arms at random: whatever is found between them is not there. In N more runs each, the
    reward of one arm is made worse by a fifth and by half of its mean: so long it takes until that is rolled
    back. It is judged as on the ladder, with the margins, levels and minimum that are declared.

    With --sets: what the release that serves now is worth on the cases of each declared set, slice by slice,
    beside the floors.

    Only reads, so it works while the product runs. Leaves with 1 where something that is not there is found
    more often than alpha, and not by luck; or where what serves is below a floor.
    """
    if frozen == (runs is not None):
        raise click.UsageError("either --aa N, to rehearse the ladder, or --sets, for the frozen sets")
    spec = declared(config)
    if runs is None:
        _examine(spec, task, config, as_json=as_json)
        return
    found = _rehearsed(spec, task, (runs, seed), config)
    if as_json:
        options.emit({"runs": runs, "seed": seed, "tasks": [_told(one) for one in found]})
    else:
        from autotroph.faces.terminal import evaluating, screen

        screen.show(evaluating.screen([(one.traffic, one.found) for one in found]))
    if any(one.wrong for each in found for one in each.found):
        raise click.exceptions.Exit(1)


def _rehearsed(spec: Spec, name: str, asked: tuple[int, int], config: Path) -> list[Rehearsed]:
    from autotroph.plan.rehearsing import rehearse
    from autotroph.plan.traffic import traffic

    tasks = [task for task, one in spec.tasks.items() if one.reward]
    if name and name not in tasks:
        raise UnknownName("task with a reward", name, set(tasks))
    found = []
    with closing(reader_of(config)) as reader:
        for task in [name] if name else tasks:
            with bar(f"reading {task}") as progress:
                seen = traffic(reader, spec, task, progress)
            with bar(f"rehearsing {task}") as progress:
                found.append(Rehearsed(seen, tuple(rehearse(seen, spec, *asked, progress))))
    return found


def _examine(spec: Spec, task: str, config: Path, *, as_json: bool) -> None:
    from autotroph.plan.frozen import examined_now

    known = dict.fromkeys(one.task for one in spec.sets.values())
    if task and task not in known:
        raise UnknownName("task with a set", task, set(known))
    with closing(reader_of(config)) as reader:
        exams = [one for name in ([task] if task else known) for one in examined_now(reader, spec, name)]
    if as_json:
        import msgspec

        options.emit({"sets": msgspec.to_builtins(exams)})
    else:
        from autotroph.faces.terminal import examining, screen

        screen.show(examining.screen(exams))
    if any(part.below for one in exams for part in one.parts.values()):
        raise click.exceptions.Exit(1)


def _told(one: Rehearsed) -> dict[str, Any]:
    """What a script may want to know."""
    import msgspec

    return {
        "task": one.traffic.task,
        "reward": one.traffic.name,
        "decisions": one.traffic.decisions,
        "final": one.traffic.final,
        "known": one.traffic.known,
        "flow": msgspec.to_builtins(one.traffic.flow),
        "wrong": any(each.wrong for each in one.found),
        "rehearsals": [msgspec.to_builtins(each) for each in one.found],
    }
