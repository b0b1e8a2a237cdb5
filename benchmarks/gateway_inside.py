"""The gateway in one process: what `product.chat` adds to the bare client of its upstream.

    .venv/bin/python -m benchmarks.gateway_inside [--calls 600] [--folder DISK] [--json]

By turns: the upstream's client alone, `product.chat` over it, and one decision on its way to the disk and
back, which is waited for in each answer. `benchmarks.gateway` runs it too.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec
import uvloop
from msgspec.structs import replace

import autotroph
from autotroph import registry
from autotroph.deploy.upstreams.protocols import Call, Upstream
from autotroph.faces.library import Product

CALLS, WARM, IN_A_ROW = 600, 60, 6
STUB = [sys.executable, "-m", "autotroph.testing.recorded", "--stub"]
DECLARED = """
[product]
name = "inside"
[models.stub]
kind = "openai"
base_url = "{url}"
calls = {{ private = true }}
[tasks.answer]
kind = "chat"
reward = "good"
policy = {{ kind = "first" }}
variants = {{ only = {{ model = "stub" }} }}
[signals]
ok = {{ type = "boolean" }}
[rewards.good]
value = "ok"
"""
MESSAGES = [{"role": "user", "content": "How many eggs are left of a dozen?"}]


class Inside(msgspec.Struct, frozen=True):
    """Milliseconds, one call at a time.

    Attributes:
        bare_p50: the client of the upstream alone.
        added_p50: what `product.chat` takes more, the disk included.
        added_p99: the same of the 99th percentiles.
        disk_p50: an append until it is synced, by itself.
    """

    bare_p50: float
    added_p50: float
    added_p99: float
    disk_p50: float


def main() -> None:
    """Run, and print the figures; with --json as one object."""
    given = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="inside-", dir=given.folder) as folder,
        subprocess.Popen(STUB, stdout=subprocess.PIPE) as stub,
    ):
        try:
            assert stub.stdout is not None
            url = msgspec.json.decode(stub.stdout.readline(), type=dict[str, str])["url"]
            path = Path(folder) / "autotroph.toml"
            path.write_text(DECLARED.format(url=url), "utf-8")
            with autotroph.open(path) as product, asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
                found = loop.run(measured(product, given.calls))
        finally:
            stub.terminate()
    said = msgspec.json.encode(found).decode() if given.json else line(found)
    sys.stdout.write(f"{said}\n")


async def measured(product: Product, calls: int) -> Inside:
    """Measure, by turns."""
    model = product.spec.models["stub"]
    upstream: Upstream = registry.load("upstreams", model.kind)("stub", model, product.clock)
    first = await product.chat("answer", MESSAGES, user="first")
    numbers = count()

    async def bare() -> None:
        await upstream.ask(Call(path="/chat/completions", document={"messages": MESSAGES}))

    async def chat() -> None:
        await product.chat("answer", MESSAGES, user=f"u{next(numbers)}")

    async def disk() -> None:
        product.store.append(replace(first.decision, id=f"disk_{next(numbers)}")).durable()

    gc.collect()
    gc.freeze()
    took: dict[Callable[[], Awaitable[None]], list[float]] = {bare: [], chat: [], disk: []}
    for _ in range((calls + WARM) // IN_A_ROW):
        for work, seconds in took.items():
            seconds += [await _timed(work) for _ in range(IN_A_ROW)]
    await upstream.close()
    await product.leave_loop()
    alone, through, synced = (sorted(seconds[WARM:]) for seconds in took.values())
    return Inside(
        bare_p50=1e3 * median(alone),
        added_p50=1e3 * (median(through) - median(alone)),
        added_p99=1e3 * (through[int(len(through) * 0.99)] - alone[int(len(alone) * 0.99)]),
        disk_p50=1e3 * median(synced),
    )


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = perf_counter()
    await work()
    return perf_counter() - began


def line(found: Inside) -> str:
    """The figures in a sentence."""
    return (
        f"product.chat: {found.added_p50:.2f} ms added (p99 {found.added_p99:.2f}) to {found.bare_p50:.2f} ms"
        f" of the bare client; an append alone is on disk after {found.disk_p50:.2f} ms"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.gateway_inside", description=__doc__)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; the system's temporary one if left out"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
