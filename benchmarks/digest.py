"""A history digested whole: joined, valued, guarded, measured by variant with intervals, and a manifest.

    .venv/bin/python -m benchmarks.digest [--quick] [--large] [--json] [--folder KEPT]

600,000 decisions and as many signals, written through the real store (--quick: 60,000), are digested from
segments, from the ledger, and by the peers of `digest_peers`, each in a process of its own, by turns; figures
are medians, and a ratio is one of medians. Importing is not timed, starting the process that reads the ledger
is. All must find the same counts, and means within 1e-9. `--large` digests ten times as much, from segments
and from a ledger that were multiplied (`digest_large`): how time grows, and how much memory is taken at most.
"""

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

import duckdb
import msgspec
from rich.console import Console
from rich.table import Table

from autotroph.digest.engines.ledger import whole_ledger
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.whole import whole
from autotroph.store.segments import Segments, sync
from benchmarks import digest_large, digest_peers
from benchmarks.digest_large import COPIED, TIMES
from benchmarks.digest_peers import Outcome
from benchmarks.digest_world import NOW, declared, write

ROWS, QUICK_ROWS, ROUNDS, QUICK_ROUNDS = 600_000, 60_000, 5, 3
SEGMENTS, LEDGER = "segments", "ledger"
LARGE_SEGMENTS, LARGE_LEDGER = f"{SEGMENTS}, {TIMES} times", f"{LEDGER}, {TIMES} times"
LARGE = {LARGE_SEGMENTS: SEGMENTS, LARGE_LEDGER: LEDGER}
PEERS = {
    "DuckDB by hand, segments": "duckdb",
    "DuckDB by hand, segments, by marks": "duckdb",
    "polars, segments": "polars",
    "pandas, ledger": "pandas",
    "SQLite SQL, ledger": "sqlite3",
}


class Took(msgspec.Struct):
    """One run of a contestant."""

    seconds: float
    cpu: float
    peak_mib: float
    outcome: Outcome


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    if given.contestant:
        sys.stdout.write(msgspec.json.encode(_run(given.contestant, given.folder)).decode())
        return
    console = Console(stderr=given.json)
    with tempfile.TemporaryDirectory(prefix="digest-") as temporary:
        folder = given.folder or Path(temporary)
        rows = QUICK_ROWS if given.quick else ROWS
        _prepare(folder, rows, console)
        took: dict[str, list[Took]] = {name: [] for name in (SEGMENTS, LEDGER, *_installed())}
        for number in range(QUICK_ROUNDS if given.quick else ROUNDS):
            for name, runs in took.items():
                with console.status(f"round {number + 1}: {name}"):
                    runs.append(_in_a_process(name, folder))
        if given.large:
            with console.status(f"multiplying by {TIMES}"):
                digest_large.multiply(folder)
            for name in LARGE:
                with console.status(name):
                    took[name] = [_in_a_process(name, folder) for _ in range(2)]
    _agree(took)
    console.print(_table(took, rows))
    if given.json:
        sys.stdout.write(_object(took) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.digest", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS} decisions")
    parser.add_argument("--large", action="store_true", help=f"{TIMES} times as much, too")
    parser.add_argument("--folder", type=Path, help="where the history is kept, and found if it is there")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    return parser.parse_args()


def _prepare(folder: Path, rows: int, console: Console) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / "ledger.db"
    if not ledger.exists():
        with console.status(f"writing {rows} decisions") as status:
            write(ledger, rows, lambda done: status.update(f"writing {rows} decisions: {done} rows"))
    with console.status("writing segments"):
        sync(ledger)


def _installed() -> list[str]:
    return [name for name, module in PEERS.items() if importlib.util.find_spec(module) is not None]


def _in_a_process(name: str, folder: Path) -> Took:
    command = [sys.executable, "-m", "benchmarks.digest", "--contestant", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Took)


def _run(name: str, folder: Path) -> Took:
    for module in (PEERS.get(name), "duckdb"):
        if module:
            importlib.import_module(module)
    contestant = _contestants(folder)[name]
    began, used = perf_counter(), _cpu()
    outcome = contestant()
    seconds, cpu = perf_counter() - began, _cpu() - used
    who = resource.RUSAGE_CHILDREN if LEDGER in (name, LARGE.get(name)) else resource.RUSAGE_SELF
    return Took(seconds, cpu, resource.getrusage(who).ru_maxrss / 1024, outcome)


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _contestants(folder: Path) -> dict[str, Callable[[], Outcome]]:
    ledger, spec = folder / "ledger.db", declared()

    def over(peer: Callable[..., Outcome], **how: str) -> Callable[[], Outcome]:
        return lambda: peer(*(Segments.open(ledger).paths(table) for table in COPIED), **how)

    return {
        SEGMENTS: lambda: _outcome(whole(spec, "reply", Segments.open(ledger), NOW)),
        LEDGER: lambda: _outcome(whole_ledger(spec, "reply", ledger, NOW)),
        "DuckDB by hand, segments": over(digest_peers.by_duckdb),
        "DuckDB by hand, segments, by marks": over(digest_peers.by_duckdb, mark="_mark"),
        "polars, segments": over(digest_peers.by_polars),
        "pandas, ledger": lambda: digest_peers.by_pandas(ledger),
        "SQLite SQL, ledger": lambda: digest_peers.by_sqlite(ledger),
        LARGE_SEGMENTS: lambda: _outcome(whole(spec, "reply", digest_large.segments(folder), NOW)),
        LARGE_LEDGER: lambda: _outcome(whole_ledger(spec, "reply", digest_large.ledger(folder), NOW)),
    }


def _outcome(found: Digested) -> Outcome:
    cells = {
        "/".join(cell.by.values()): {one.measure: (one.n, one.mean or 0.0) for one in cell.figures}
        for cell in found.cells
    }
    return Outcome(cells, found.manifest.rows)


def _agree(took: dict[str, list[Took]]) -> None:
    """Everybody found the same."""
    first = took[SEGMENTS][0].outcome
    for name, runs in took.items():
        for run in runs:
            times = TIMES if name in LARGE else 1
            assert run.outcome.learned == first.learned * times, name
            assert run.outcome.cells.keys() == first.cells.keys(), name
            for key, figures in run.outcome.cells.items():
                for measure, (n, mean) in figures.items():
                    wanted, near = first.cells[key][measure]
                    assert n == wanted * times, (name, key, measure, n, wanted)
                    assert abs(mean - near) <= 1e-9 * max(1.0, abs(near)), (name, key, measure, mean, near)


def _seconds(took: dict[str, list[Took]], name: str) -> float:
    return median(run.seconds for run in took[name])


def _table(took: dict[str, list[Took]], rows: int) -> Table:
    missing = [name for name in PEERS if name not in took]
    caption = f"{rows:,} decisions; medians of {len(took[SEGMENTS])} rounds; DuckDB {duckdb.__version__}"
    table = Table(title="A history digested whole", caption=f"{caption}; not installed: {missing or 'none'}")
    for column in ("", "seconds", "CPU seconds", "peak MiB", "segments are", "ledger is"):
        table.add_column(column, justify="right" if column else "left")
    for name, runs in took.items():
        seconds = _seconds(took, name)
        ratios = (f"{seconds / _seconds(took, mine):.1f}x" for mine in (SEGMENTS, LEDGER))
        cpu, peak = median(run.cpu for run in runs), max(run.peak_mib for run in runs)
        table.add_row(name, f"{seconds:.2f}", f"{cpu:.2f}", f"{peak:.0f}", *ratios)
    return table


def _object(took: dict[str, list[Took]]) -> str:
    mine, theirs = (SEGMENTS, LEDGER), [name for name in took if name in PEERS]
    peers: dict[str, object] = {
        name: {
            "s": _seconds(took, name),
            "peak_mib": max(run.peak_mib for run in took[name]),
            "segments_ratio": _seconds(took, name) / _seconds(took, SEGMENTS),
            "ledger_ratio": _seconds(took, name) / _seconds(took, LEDGER),
        }
        for name in theirs
    }
    found = {
        "segments_s": _seconds(took, SEGMENTS),
        "ledger_s": _seconds(took, LEDGER),
        "segments_cpu_s": median(run.cpu for run in took[SEGMENTS]),
        "ledger_cpu_s": median(run.cpu for run in took[LEDGER]),
        "peak_mib": max(run.peak_mib for name in mine for run in took[name]),
        "peers": peers | {name: "not installed" for name in PEERS if name not in took},
    }
    for large, usual in LARGE.items():
        if large in took:
            found[f"large_{usual}_s"] = _seconds(took, large)
            found[f"large_{usual}_growth"] = _seconds(took, large) / _seconds(took, usual) / TIMES
            found[f"large_{usual}_peak_mib"] = max(run.peak_mib for run in took[large])
    return msgspec.json.encode(found).decode()


if __name__ == "__main__":
    main()
