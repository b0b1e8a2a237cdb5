"""The loop against what it began with, and against always suggesting: the demonstration over several inputs.

    .venv/bin/python -m benchmarks.completion --repo PATH --repo PATH …

Each input is replayed by `autotroph demo`'s own code; the last 40 % of its cursors are compared, on the same
cursors for all three. The pooled gain in kept characters is clustered by commit over all inputs together.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from autotroph.demo.run import run_demo
from autotroph.demo.scoreboard import LEVEL, Shares, Summary, by_commit
from autotroph.stats.confidence import Interval, ratio_interval
from autotroph.store import open_reader

QUICK = 600
CURSORS = 4_000


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    console = Console(stderr=given.json)
    inputs: list[Path | None] = [*([] if given.skip_installed else [None]), *given.repo]
    cursors = QUICK if given.quick else CURSORS
    found = [_run(source, given.seed, cursors, console) for source in inputs]
    pooled = _pooled([pairs for _, _, pairs in found])
    console.print(_table([(name, summary) for name, summary, _ in found], pooled))
    if given.json:
        rows = {name: msgspec.to_builtins(summary) for name, summary, _ in found}
        pooled_row = {"mean": pooled.mean, "low": pooled.low, "high": pooled.high, "commits": pooled.n}
        sys.stdout.write(msgspec.json.encode({"inputs": rows, "kept_gain": pooled_row}).decode() + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.completion", description=__doc__)
    parser.add_argument("--repo", type=Path, action="append", default=[], help="a git repository; repeatable")
    parser.add_argument("--skip-installed", action="store_true", help="leave the installed packages out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} cursors an input")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(
    source: Path | None, seed: int, cursors: int, console: Console
) -> tuple[str, Summary, list[tuple[float, float]]]:
    folder = Path(tempfile.mkdtemp(prefix="completion-"))
    try:
        summary = run_demo(source, seed, folder, console, cursors=cursors)
        reader = open_reader(folder / ".autotroph" / "ledger.db")
        pairs = by_commit(reader)
        reader.close()
    finally:
        shutil.rmtree(folder)
    return _name(source), summary, pairs


def _name(source: Path | None) -> str:
    if source is None:
        return "installed packages"
    parts = [part for part in source.parts if part not in ("repo", ".git")]
    return parts[-1].partition("+")[2] or parts[-1]


def _pooled(inputs: list[list[tuple[float, float]]]) -> Interval:
    pairs = [pair for one in inputs for pair in one]
    return ratio_interval([loop for loop, _ in pairs], [zero for _, zero in pairs], LEVEL)


def _table(rows: list[tuple[str, Summary]], pooled: Interval) -> Table:
    table = Table(title="the last 40 % of the cursors: shown / accepted / kept, in %")
    for column in ("input", "naive", "release 0", "loop", "kept gain", "acceptance", "s"):
        table.add_column(column, justify="left" if column == "input" else "right")
    for name, found in rows:
        gain = found.kept_gain
        interval = f"{gain.mean:+.1%} [{gain.low or 0:+.1%}, {gain.high or 0:+.1%}]"
        points = f"{100 * (found.loop.accepted - found.holdback.accepted):+.1f}"
        shares = (_cell(found.naive), _cell(found.holdback), _cell(found.loop))
        table.add_row(name, *shares, interval, points, f"{found.seconds:.0f}")
    total = f"{pooled.mean:+.1%} [{pooled.low:+.1%}, {pooled.high:+.1%}]"
    table.add_row("pooled", "", "", "", total, "", "", style="bold")
    return table


def _cell(shares: Shares) -> str:
    return f"{100 * shares.shown:.0f} / {100 * shares.accepted:.1f} / {100 * shares.kept:.2f}"


if __name__ == "__main__":
    main()
