"""People who leave: whatever was going on for them ends with them, and nothing of it stays open."""

import asyncio
import gc
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from flakily import asked, read, run, upstream

from autotroph.deploy.upstreams.protocols import Upstream
from autotroph.errors import UpstreamFault
from autotroph.testing.flaky import Fault, Flaky

Leaves = Callable[[Flaky, Upstream, int], Awaitable[object]]
TOGETHER = 25


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def while_nothing_has_come(flaky: Flaky, asks: Upstream, arrived: int) -> None:
    task = asyncio.create_task(asks.ask(asked(stream=True)))
    while flaky.received < arrived:
        await asyncio.sleep(0)
    await cancelled(task)


async def while_it_reads(_: Flaky, asks: Upstream, __: int) -> object:
    reply = await asks.ask(asked(stream=True))

    async def reads() -> None:  # and closes nothing: the server that ran it was killed
        async for _ in reply:
            pass

    task = asyncio.create_task(reads())
    for _ in range(4):
        await asyncio.sleep(0)
    await cancelled(task)
    assert reply.usage.output > 0
    assert not reply.told
    return reply


async def while_it_does_not_read(_: Flaky, asks: Upstream, __: int) -> object:
    reply = await asks.ask(asked(stream=True))
    reply.close()
    reply.close()
    assert reply.usage.output > 0
    with pytest.raises(UpstreamFault):  # never a clean end
        await anext(aiter(reply))
    return reply


PHASES: dict[str, tuple[Fault, Leaves]] = {
    "before the head": (Fault("stall", "before"), while_nothing_has_come),
    "before the first token": (Fault("stall", "head"), while_nothing_has_come),
    "while it reads": (Fault("stall", "after"), while_it_reads),
    "while it does not read": (Fault("stall", "after"), while_it_does_not_read),
}


@pytest.mark.parametrize("number", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_nothing_stays_open_for_those_who_left(number: int):
    before = open_files()

    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, retries=0)
        for fault, leave in PHASES.values():
            flaky.always = fault
            kept = []  # so that it is not their end that closes the connection
            for _ in range(number // len(PHASES) // TOGETHER):
                arrived = flaky.received + TOGETHER
                kept += await asyncio.gather(*(leave(flaky, asks, arrived) for _ in range(TOGETHER)))
            assert await flaky.quiet(), "a connection outlives those for whom it was made"
        assert flaky.received == number
        flaky.always = None
        assert len(await read(await asks.ask(asked(stream=True)))) > 5
        await asks.close()

    run(use)
    assert open_files() <= before


def test_whoever_leaves_before_it_is_connected_leaves_no_connection():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.slow_url, retries=0)
        tasks = [asyncio.create_task(asks.ask(asked())) for _ in range(10)]
        while flaky.open < 10:
            await asyncio.sleep(0)
        for task in tasks:
            await cancelled(task)
        assert await flaky.quiet()
        await asks.close()

    run(use)


def test_whoever_leaves_between_two_attempts_is_not_asked_for_again():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, retries=5)
        flaky.always = Fault("429", retry_after="3")
        task = asyncio.create_task(asks.ask(asked()))
        while not flaky.received:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        await cancelled(task)
        assert flaky.received == 1
        await asks.close()

    run(use)


def test_who_closes_an_answer_that_is_all_there_has_not_read_it():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        reply = await asks.ask(asked(stream=True))
        await asyncio.sleep(0.01)
        reply.close()
        with pytest.raises(UpstreamFault):
            await anext(aiter(reply))
        await asks.close()

    run(use)


def test_a_connection_whose_answer_has_ended_is_kept():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        for _ in range(20):
            await read(await asks.ask(asked(stream=True)))
        assert flaky.opened == 1
        await asks.close()

    run(use)


def test_closing_an_upstream_ends_its_streams_in_a_fault():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        flaky.always = Fault("stall", "after")
        reply = await asks.ask(asked(stream=True))
        task = asyncio.create_task(read(reply))
        await asyncio.sleep(0)
        await asks.close()
        with pytest.raises(UpstreamFault):
            await task

    run(use)


def test_many_at_once_have_their_own_answers():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)

        async def one() -> list[bytes]:
            return await read(await asks.ask(asked(stream=True)))

        found = await asyncio.gather(*(one() for _ in range(64)))
        assert Counter(map(len, found)) == {len(found[0]): 64}
        await asks.close()

    run(use)
