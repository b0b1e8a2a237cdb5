"""Single signals over HTTP, each on disk before its reply: many connections, a real server on a real ledger.

    .venv/bin/python -m benchmarks.ingest_http [--quick] [--json] [--connections 32] [--folder DISK]

`autotroph serve` runs in a process of its own, and so does the load: raw sockets that send requests made
ready before, the next one of a connection when its reply is there. The peer is the same HTTP server with a
handler that reads the body and answers at once: it checks nothing and stores nothing. Both take turns;
figures are medians over the rounds. Afterwards the ledger is counted: it has every signal that was
acknowledged.
"""

import argparse
import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import msgspec
from rich.console import Console
from rich.table import Table

from autotroph.spec import template
from autotroph.store import open_reader

CONNECTIONS = 32
ROUNDS, SECONDS = 5, 6.0
QUICK_ROUNDS, QUICK_SECONDS = 3, 3.0
WARM = 1.0
"""Seconds before each round that are not counted."""

OURS, BARE = "autotroph serve", "the same server, storing nothing"
COMMAND = "from autotroph.faces.cli import main; main()"


class Load(msgspec.Struct, frozen=True):
    """What one round of requests met.

    Attributes:
        seconds: how long it was measured.
        latencies: of the replies in that time, in seconds.
        acknowledged: replies with 200 in all, those before the measuring included.
        refused: replies with anything else.
        cpu: share of a core that the load itself took.
    """

    seconds: float
    latencies: list[float]
    acknowledged: int
    refused: int
    cpu: float


class HttpPace(msgspec.Struct, frozen=True):
    """Signals over HTTP, over all rounds."""

    http_signals_per_s: float
    http_p50_ms: float
    http_p99_ms: float
    load_cpu: float


def main() -> None:
    """Run, print a table, and with --json one object on the last line."""
    given = _arguments()
    if given.load:
        loaded = asyncio.run(_load(given.load, given.connections, given.seconds))
        sys.stdout.buffer.write(msgspec.json.encode(loaded))
        return
    if given.bare:
        _serve_bare()
        return
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if given.quick else (ROUNDS, SECONDS)
    console = Console(stderr=given.json)
    with tempfile.TemporaryDirectory(prefix="ingest-http-", dir=given.folder) as folder:
        paces = measure(Path(folder), given.connections, rounds, seconds)
    console.print(_table(paces, f"{rounds} rounds of {seconds:g} s over {given.connections} connections"))
    if given.json:
        found = {**msgspec.structs.asdict(paces[OURS]), "connections": given.connections}
        found["peers"] = {BARE: paces[BARE]}
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def measure(folder: Path, connections: int, rounds: int, seconds: float) -> dict[str, HttpPace]:
    """Measure both servers, in turns.

    Args:
        folder: where the ledger goes; on the disk to measure.
        connections: open at a time, each with one request under way.
        rounds: of each server.
        seconds: of each round.

    Raises:
        AssertionError: a signal was refused, or acknowledged and is not in the ledger.
    """
    (folder / "autotroph.toml").write_text(template("ingest"), "utf-8")
    loads: dict[str, list[Load]] = {OURS: [], BARE: []}
    environment = {**os.environ, "AUTOTROPH_API_KEY": secrets.token_urlsafe(32)}
    for _ in range(rounds):
        for name, command in ((OURS, _command()), (BARE, [*_itself(), "--bare"])):
            with _running(command, folder, environment) as port:
                loads[name].append(_loaded(port, connections, seconds, environment))
    _check(folder, loads[OURS])
    return {name: _pace(each) for name, each in loads.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.ingest_http", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS:g} s")
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; the system's temporary one if left out"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _itself() -> list[str]:
    return [sys.executable, "-m", "benchmarks.ingest_http"]


def _command() -> list[str]:
    return [sys.executable, "-c", COMMAND, "serve", "--port", "0", "--json", "--cycle-every", "never"]


@contextmanager
def _running(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """A server in a process of its own, and its port."""
    paths = os.pathsep.join([str(Path(__file__).parent.parent), environment.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command, cwd=folder, env={**environment, "PYTHONPATH": paths}, stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            yield int(msgspec.json.decode(server.stdout.readline())["url"].rpartition(":")[2])
        finally:
            server.terminate()


def _loaded(port: int, connections: int, seconds: float, environment: dict[str, str]) -> Load:
    numbers = ["--load", str(port), "--connections", str(connections), "--seconds", str(seconds)]
    done = subprocess.run([*_itself(), *numbers], check=True, capture_output=True, env=environment)
    return msgspec.json.decode(done.stdout, type=Load)


def _check(folder: Path, loads: Sequence[Load]) -> None:
    with closing(open_reader(folder / ".autotroph" / "ledger.db")) as reader:
        ((stored,),) = reader.query("SELECT count(*) FROM signals").rows
    assert not sum(load.refused for load in loads)
    assert int(str(stored)) >= sum(load.acknowledged for load in loads), "acknowledged, and not in the ledger"


def _pace(loads: Sequence[Load]) -> HttpPace:
    every = sorted(one for load in loads for one in load.latencies)
    return HttpPace(
        http_signals_per_s=median(len(load.latencies) / load.seconds for load in loads),
        http_p50_ms=1e3 * every[len(every) // 2],
        http_p99_ms=1e3 * every[int(len(every) * 0.99)],
        load_cpu=median(load.cpu for load in loads),
    )


def _table(paces: dict[str, HttpPace], caption: str) -> Table:
    table = Table(
        title="single signals over HTTP, each durable before its reply",
        caption=f"{caption}; load: the share of a core that sending and receiving took",
    )
    for column in ("", "of bare", "signals/s", "p50 ms", "p99 ms", "load"):
        table.add_column(column, justify="right" if column else "left")
    for name, pace in paces.items():
        share = pace.http_signals_per_s / paces[BARE].http_signals_per_s
        times = (f"{pace.http_p50_ms:.2f}", f"{pace.http_p99_ms:.2f}", f"{pace.load_cpu:.2f}")
        table.add_row(name, f"{share:.2f}", f"{pace.http_signals_per_s:,.0f}", *times)
    return table


# the load ------------------------------------------------------------------------------------------------


class Caller(asyncio.Protocol):
    """One connection: a request, its reply, the next request.

    Args:
        request: makes the next one.
        replied: called with how long each took, and whether it was a 200.
    """

    def __init__(self, request: Callable[[], bytes], replied: Callable[[float, bool], bool]) -> None:
        self._request, self._replied = request, replied
        self._held, self._began = b"", 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first one."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take a reply, or a part of one."""
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        went_on = self._replied(perf_counter() - self._began, self._held.startswith(b"HTTP/1.1 200"))
        self._held = b""
        if went_on:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say that it ended, and how."""
        if not self.ended.done():
            self.ended.set_exception(exc) if exc else self.ended.set_result(None)

    def _send(self) -> None:
        self._began = perf_counter()
        self._transport.write(self._request())


async def _load(port: int, connections: int, seconds: float) -> Load:
    """Keep connections busy: for a moment first, then for as long as is measured."""
    loop = asyncio.get_running_loop()
    requests = _requests(port, os.environ["AUTOTROPH_API_KEY"])
    latencies, counts = list[float](), {True: 0, False: 0}
    began = loop.time() + WARM
    end = began + seconds
    cpu = [0.0]

    def replied(latency: float, well: bool) -> bool:  # noqa: FBT001 - what a callback is told
        counts[well] += 1
        now = loop.time()
        if began <= now < end:
            latencies.append(latency)
            cpu[0] = cpu[0] or process_time()
        return now < end

    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(lambda: Caller(requests, replied), "127.0.0.1", port)
        callers.append(caller)
    await asyncio.gather(*(caller.ended for caller in callers))
    used = (process_time() - cpu[0]) / seconds
    return Load(seconds, latencies, counts[True], counts[False], used)


def _requests(port: int, key: str) -> Callable[[], bytes]:
    """A function that gives requests; all but a number in each is made ready."""
    run, numbers = secrets.token_hex(6), iter(range(10**9))
    body = b'{"subject":"%s/%09d","name":"resolved","value":true,"key":"%s/%09d","user":"u%04d"}'
    length = len(body % (run.encode(), 0, run.encode(), 0, 0))
    head = (
        f"POST /v1/signals HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()
    whole, name = head.replace(b"%", b"%%") + body, run.encode()

    def request() -> bytes:
        number = next(numbers)
        return whole % (name, number, name, number, number % 1000)

    return request


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])


# the peer ------------------------------------------------------------------------------------------------


def _serve_bare() -> None:
    """The same HTTP server, with a handler that reads the body and answers at once."""
    import socket

    import uvicorn
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        said = msgspec.json.decode(await Request(scope, receive).body())
        answer = msgspec.json.encode({"status": "stored", "id": said["key"], "sequence": 1})
        await Response(answer, media_type="application/json")(scope, receive, send)

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        sys.stdout.write(f'{{"url": "http://127.0.0.1:{listening.getsockname()[1]}"}}\n')
        sys.stdout.flush()
        config = uvicorn.Config(app, lifespan="off", log_level="error", access_log=False)
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
