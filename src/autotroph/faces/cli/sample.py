"""`autotroph rewards sample`: the decisions that somebody should look at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, reader_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from autotroph.observe.sampling import Asked, Sample

LONG = 400
"""Characters of inputs and output that the table shows."""


@click.command(short_help="Print the audit sample that waits for a judgement.")
@click.argument("task")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="So many; 0: all.")
@options.config
@click.option("--json", "as_json", is_flag=True, help="Print one object a decision, and a line each.")
def sample(*, task: str, limit: int, config: Path, as_json: bool) -> None:
    """Print the decisions of TASK's audit sample that nobody has judged yet.

    The sample is the share [gate] audit of what is served, drawn by chance: only what is said of these shows
    whether the reward rises while answers do not get better. A judgement is a signal about the decision, by
    an annotator or a judge, that the reward is not made of. Lines of --json become signals that `autotroph
    ingest` takes: {"subject": DECISION, "name": SIGNAL, "value": …, "source": "annotator"}.

    They come in the order in which chance has drawn them, so the first few are a random sample, too. Only
    reads, so it works while the product runs.
    """
    from autotroph.observe import sampling

    spec = declared(config)
    spec.reward_of(task)
    with closing(reader_of(config)) as reader:
        found = sampling.sample(reader, spec, task)
        asked = list(sampling.asked(reader, found.waiting[: limit or None]))
    if as_json:
        for one in asked:
            options.emit(one)
        return
    from autotroph.faces.terminal import screen

    screen.show(_screen(found, asked))


def _screen(found: Sample, asked: Sequence[Asked]) -> RenderableType:
    import json

    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    said = f"{len(found.waiting):,} wait for a judgement, {found.judged:,} have one"
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("decision", "inputs", "output"):
        table.add_column(name, overflow="fold", no_wrap=name == "decision")
    for one in asked:
        given = json.dumps(one.inputs, ensure_ascii=False)
        table.add_row(Text(one.decision), Text(_cut(given)), Text(_cut(one.output or one.option)))
    return Group(*([table] if asked else []), Text(said, "dim"))


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}…"
