"""The end of the demonstration on one screen: what it was worth, who was judged how, and where to go on."""

import shlex
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autotroph.demo.scoreboard import Gain, Judged, Shares, Summary

WIDTH = 100
MOST = 12
"""Candidates that are listed; the report has all of them."""

_QUIET = "dim"
_STYLES = {"promoted": "bold green", "refused": "yellow", "rolled back": "bold red", "advance": "cyan"}
_NAME, _VERDICT = 24, 11


def print_closing(
    console: Console, summary: Summary, report_path: Path, repo: Path | None, seed: int
) -> None:
    """Print the summary of a finished demonstration.

    Args:
        console: to print on.
        summary: what was measured.
        report_path: the page with everything.
        repo: what was replayed; the installed dependencies if None.
        seed: of the run.
    """
    parts = [
        _headline(summary),
        _shares(summary),
        _judged(summary.candidates),
        _onwards(summary, report_path, rerun(repo, seed)),
    ]
    for part in parts:
        console.print(Padding(part, (1, 0, 0, 0)), width=min(console.width, WIDTH), highlight=False)


def rerun(repo: Path | None, seed: int) -> str:
    """The command that gives the same run again.

    >>> rerun(Path("my project"), 7)
    "autotroph demo --repo 'my project' --seed 7"
    """
    where = f" --repo {shlex.quote(str(repo))}" if repo is not None else ""
    return f"autotroph demo{where} --seed {seed}"


def _headline(summary: Summary) -> RenderableType:
    gain, loop, zero = summary.kept_gain, summary.loop, summary.holdback
    style = "bold green" if (gain.low or 0.0) > 0 else "bold"
    first = Text.assemble(
        ("Kept characters ", "bold"),
        (f"{gain.mean:+.1%}", style),
        f" {_ends(gain)} against release 0, ",
        f"at an acceptance of {loop.accepted:.1%} against {zero.accepted:.1%}",
    )
    return Group(first, Text("full feedback from replay, not live users", _QUIET))


def _ends(gain: Gain) -> str:
    """The interval of a gain; an end that says nothing is called unknown."""
    low, high = ("unknown" if end is None else f"{end:+.1%}" for end in (gain.low, gain.high))
    return f"[{low}, {high}]"


def _shares(summary: Summary) -> Table:
    table = Table(box=None, pad_edge=False, header_style=_QUIET, padding=(0, 3, 0, 0))
    table.add_column("over the last 40 % of the cursors")
    for name in ("shown", "accepted", "kept"):
        table.add_column(name, justify="right")
    contestants = (
        ("naive: always suggests", summary.naive),
        ("release 0: one frozen threshold", summary.holdback),
        ("the loop", summary.loop),
    )
    for name, shares in contestants:
        table.add_row(name, *_row(shares), style="bold" if name == "the loop" else "")
    return table


def _row(shares: Shares) -> tuple[str, str, str]:
    return f"{shares.shown:.1%}", f"{shares.accepted:.1%}", f"{shares.kept:.1%}"


def _judged(candidates: tuple[Judged, ...]) -> RenderableType:
    grid = Table.grid(padding=(0, 2), expand=True)
    longest = max((len(one.name) for one in candidates[:MOST]), default=0)
    grid.add_column(no_wrap=True, width=min(longest, _NAME))
    grid.add_column(no_wrap=True, width=_VERDICT)
    grid.add_column(no_wrap=True, ratio=1)
    for one in candidates[:MOST]:
        reason = one.reason.partition(" reward a decision")[0]
        grid.add_row(Text(one.name), Text(one.verdict, _STYLES.get(one.verdict, "")), Text(reason, _QUIET))
    more = len(candidates) - MOST
    rest = [Text(f"and {more} more, in the report", _QUIET)] if more > 0 else []
    return Group(Text("What the loop judged", _QUIET), grid, *rest)


def _onwards(summary: Summary, report_path: Path, command: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=_QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("cursors", f"{summary.cursors:,}, in {summary.seconds:.0f} s")
    grid.add_row("trace", summary.trace)
    grid.add_row("again", Text(command))
    grid.add_row("report", Text(str(report_path), "bold"))
    grid.add_row("your own", "autotroph init; then product.decide(…), product.signal(…), product.cycle()")
    return grid
