"""A gateway before a stub, beside the bare pass-through of the same stack and beside other gateways.

    .venv/bin/python -m benchmarks.gateway [--quick] [--json] [--connections 32] [--rounds 5] [--folder DISK]

The stub (`autotroph.testing.recorded --stub`), each contestant and the load (`benchmarks.gateway_load`) are
processes of their own. All contestants run all the time and take turns; each round gives a ratio to the floor
of the same round. Figures are medians over the rounds, in brackets the least and the most. What is *added* is
against the same client straight to the stub, by turns: the difference of the medians, and of the 99th
percentiles.

`AUTOTROPH_PEERS` names a folder with the peers' environments (`benchmarks.gateway_peers`); who is not there
is named as missing.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
from rich.console import Console
from rich.table import Table

from autotroph.store import open_reader
from benchmarks.gateway_inside import Inside, line
from benchmarks.gateway_load import Load, Target, Work
from benchmarks.gateway_peers import PEERS, Missing, Peer, installed

CONNECTIONS = 32
ROUNDS, FULL, SINGLE = 5, 4.0, 3.0
QUICK_ROUNDS, QUICK_FULL, QUICK_SINGLE = 3, 1.0, 0.6
WIDTH = 160
"""Of the table, in characters: intervals do not fit into eighty."""

OURS, FLOOR = "autotroph serve, stored", "bare pass-through"
LEAN = "the same, httptools for aiohttp"
CLIENT = "the same, our client for aiohttp"
BARE = {
    FLOOR: "benchmarks.gateway_floor",
    LEAN: "benchmarks.gateway_lean",
    CLIENT: "benchmarks.gateway_client",
}
COMMAND = [sys.executable, "-c", "from autotroph.faces.cli import main; main()", "serve"]


class Spread(msgspec.Struct, frozen=True):
    """A figure over the rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:,.2f} [{self.least:,.2f}, {self.most:,.2f}]"


class Pace(msgspec.Struct, frozen=True):
    """How a contestant did: milliseconds where nothing else is said.

    Attributes:
        of_floor: its requests a second over those of the bare pass-through, in the same round.
        added_first_p50_ms: until the first text of a stream.
        served_cpu_ms: CPU time that it took for each request, with all connections; where other work
            runs on the same machine, trust it more than seconds.
        load_cpu: share of a core that the load took.
    """

    requests_per_s: Spread
    of_floor: Spread
    added_p50_ms: Spread
    added_p99_ms: Spread
    added_first_p50_ms: Spread
    added_first_p99_ms: Spread
    served_cpu_ms: Spread
    load_cpu: float


class Rounds(msgspec.Struct, frozen=True):
    """How long to measure: rounds, and seconds of each with all connections, and with one."""

    rounds: int
    full: float
    single: float


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    rounds = Rounds(QUICK_ROUNDS, QUICK_FULL, QUICK_SINGLE) if given.quick else Rounds(ROUNDS, FULL, SINGLE)
    rounds = msgspec.structs.replace(rounds, rounds=given.rounds or rounds.rounds)
    console = Console(stderr=given.json, width=WIDTH)
    with tempfile.TemporaryDirectory(prefix="gateway-", dir=given.folder) as folder:
        paces, missing = measure(Path(folder), given.connections, rounds)
        inside = _inside(Path(folder))
    console.print(_table(paces, f"{rounds.rounds} rounds, {given.connections} connections"))
    console.print(line(inside), highlight=False)
    for name, why in missing.items():
        console.print(f"missing: {name}: {why}", style="dim", highlight=False)
    if given.json:
        document = {**_document(paces, missing), "inside_ms": inside}
        sys.stdout.write(msgspec.json.encode(document).decode() + "\n")


def measure(folder: Path, connections: int, rounds: Rounds) -> tuple[Mapping[str, Pace], Mapping[str, str]]:
    """Measure whoever is here, in turns; and say who is missing, and why.

    Args:
        folder: where a ledger goes; on the disk to measure.
        connections: open at a time, each with one request under way.
        rounds: how long.

    Raises:
        AssertionError: a contestant refused a request, or ours lost a decision that it answered.
    """
    missing: dict[str, str] = {}
    with ExitStack() as running:
        stub = running.enter_context(_server([sys.executable, "-m", "autotroph.testing.recorded", "--stub"]))
        upstream = f"http://127.0.0.1:{stub.port}/v1"
        targets = {
            name: running.enter_context(_server([sys.executable, "-m", module, upstream]))
            for name, module in BARE.items()
        }
        for name, begin in _contestants(upstream, folder).items():
            try:
                targets[name] = running.enter_context(begin())
            except Missing as why:
                missing[name] = str(why)
        loads = _loads(targets, stub, connections, rounds)
        for name, each in loads.items():
            assert not sum(load.refused for load in each), f"{name} refused requests"
    if OURS in loads:
        _check_stored(folder, sum(load.answered for load in loads[OURS]))
    return {name: _pace(each, loads[FLOOR]) for name, each in loads.items()}, missing


# the contestants -----------------------------------------------------------------------------------------


def _contestants(upstream: str, folder: Path) -> Mapping[str, Callable[[], AbstractContextManager[Target]]]:
    peers = {
        name: partial(_peer, peer, environment, upstream, folder)
        for name, (environment, peer) in PEERS.items()
    }
    return {OURS: partial(_ours, upstream, folder), **peers}


def _peer(peer: Peer, environment: str, upstream: str, folder: Path) -> AbstractContextManager[Target]:
    return peer(installed(environment), upstream, folder)


@contextmanager
def _ours(upstream: str, folder: Path) -> Iterator[Target]:
    """`autotroph serve` before an upstream: every decision is on disk before the upstream is called."""
    said = subprocess.run([*COMMAND, "--help"], check=True, capture_output=True, text=True).stdout
    if "--upstream" not in said:
        raise Missing("`autotroph serve` has no option --upstream yet")
    key = secrets.token_urlsafe(32)
    given = ["--upstream", upstream, "--port", "0", "--json", "--cycle-every", "never"]
    with _server([*COMMAND, *given], folder, {"AUTOTROPH_API_KEY": key}) as target:
        yield msgspec.structs.replace(target, key=key)


@contextmanager
def _server(
    command: Sequence[str], folder: Path | None = None, more: Mapping[str, str] | None = None
) -> Iterator[Target]:
    """A process that says its `url` on its first line."""
    environment = {**os.environ, **_paths(), **(more or {})}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as server:
        try:
            assert server.stdout is not None
            url = msgspec.json.decode(server.stdout.readline(), type=dict[str, str])["url"]
            port = int(url.removesuffix("/v1").rpartition(":")[2])
            yield Target(port, session=server.pid)
        finally:
            server.terminate()


def _paths() -> Mapping[str, str]:
    here = str(Path(__file__).parent.parent)
    return {"PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}


def _check_stored(folder: Path, answered: int) -> None:
    with closing(open_reader(folder / ".autotroph" / "ledger.db")) as reader:
        stored = int(str(reader.query("SELECT count(*) FROM decisions").rows[0][0]))
    assert stored >= answered, f"{answered} were answered, and {stored} are in the ledger"


# the figures ---------------------------------------------------------------------------------------------


def _loads(
    targets: Mapping[str, Target], stub: Target, connections: int, rounds: Rounds
) -> Mapping[str, list[Load]]:
    loads: dict[str, list[Load]] = {name: [] for name in targets}
    for number in range(rounds.rounds):
        names = list(targets)
        for name in names if number % 2 else names[::-1]:  # nobody always comes after the same
            loads[name].append(_loaded(Work(targets[name], stub, connections, rounds.full, rounds.single)))
    return loads


def _loaded(work: Work) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "load.json"
        command = [sys.executable, "-m", "benchmarks.gateway_load", str(file)]
        given = msgspec.json.encode(work)
        subprocess.run(command, input=given, check=True, env={**os.environ, **_paths()})
        return msgspec.json.decode(file.read_bytes(), type=Load)


def _inside(folder: Path) -> Inside:
    """`product.chat` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.gateway_inside", "--json", "--folder", str(folder)]
    said = subprocess.run(command, check=True, capture_output=True, env={**os.environ, **_paths()}).stdout
    return msgspec.json.decode(said, type=Inside)


def _pace(loads: Sequence[Load], floor: Sequence[Load]) -> Pace:
    ratios = [one.requests_per_s / bare.requests_per_s for one, bare in zip(loads, floor, strict=True)]
    return Pace(
        requests_per_s=_spread([load.requests_per_s for load in loads]),
        of_floor=_spread(ratios),
        added_p50_ms=_spread([_added(load.through, load.straight, 0.5) for load in loads]),
        added_p99_ms=_spread([_added(load.through, load.straight, 0.99) for load in loads]),
        added_first_p50_ms=_spread([_added(load.first_through, load.first_straight, 0.5) for load in loads]),
        added_first_p99_ms=_spread([_added(load.first_through, load.first_straight, 0.99) for load in loads]),
        served_cpu_ms=_spread([1e3 * load.served_cpu for load in loads]),
        load_cpu=median(load.cpu for load in loads),
    )


def _added(through: Sequence[float], straight: Sequence[float], share: float) -> float:
    """Milliseconds that a quantile is later."""
    return 1e3 * (_quantile(through, share) - _quantile(straight, share))


def _quantile(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)]


def _spread(figures: Sequence[float]) -> Spread:
    return Spread(median(figures), min(figures), max(figures))


# what is said --------------------------------------------------------------------------------------------


def _document(paces: Mapping[str, Pace], missing: Mapping[str, str]) -> Mapping[str, object]:
    """Ours at the top, null where it is missing; with `_spread` the least and the most of each figure."""
    said = {name: _figures(pace) for name, pace in paces.items()}
    ours = said.get(OURS) or dict.fromkeys(said[FLOOR])
    peers = {name: each for name, each in said.items() if name != OURS}
    return {
        **ours,
        "floor_requests_per_s": said[FLOOR]["requests_per_s"],
        "peers": {**peers, **{name: {"missing": why} for name, why in missing.items() if name != OURS}},
        "missing": missing.get(OURS),
    }


def _figures(pace: Pace) -> dict[str, object]:
    figures: dict[str, object] = {"load_cpu": pace.load_cpu}
    for name, figure in msgspec.structs.asdict(pace).items():
        if isinstance(figure, Spread):
            figures |= {name: figure.median, f"{name}_spread": [figure.least, figure.most]}
    return figures


def _table(paces: Mapping[str, Pace], caption: str) -> Table:
    table = Table(
        title="a gateway before a stub", caption=f"{caption}; medians [least, most]".replace("[", r"\[")
    )
    table.add_column("")
    for column in ("requests/s", "of floor", "CPU ms", "added p50 ms", "p99", "first text p50 ms", "p99"):
        table.add_column(column, justify="right")
    for name, pace in paces.items():
        wholes = (pace.of_floor, pace.served_cpu_ms, pace.added_p50_ms, pace.added_p99_ms)
        streams = (pace.added_first_p50_ms, pace.added_first_p99_ms)
        each = f"{pace.requests_per_s.median:,.0f}"
        table.add_row(name, each, *map(str, wholes), *(f"{first.median:.2f}" for first in streams))
    return table


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within a minute, and noisier")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS} if left out, {QUICK_ROUNDS} with --quick")
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; the system's temporary one if left out"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
