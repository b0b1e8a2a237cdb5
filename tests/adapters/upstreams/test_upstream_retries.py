"""What is tried again: before anything came, where it is safe, within a budget; then nothing is asked."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from flakily import asked, model, read, run, upstream
from hypothesis import given
from hypothesis import strategies as st

from autotroph.adapters.upstreams.asking import HttpUpstream
from autotroph.adapters.upstreams.breaker import Breaker
from autotroph.adapters.upstreams.budget import MOST, START, RetryBudget
from autotroph.adapters.upstreams.openai import OpenAI
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.protocols import Upstream
from autotroph.errors import UpstreamFault
from autotroph.testing.flaky import Fault, Flaky

AGAIN = [Fault("cut"), Fault("429"), Fault("5xx"), Fault("429", retry_after="0.01")]
NOT_AGAIN = [
    Fault("malformed"),
    Fault("in-band error"),
    Fault("redirect"),
    Fault("cut", "head"),
    Fault("cut", "after"),
    Fault("5xx", "after"),
    Fault("429", retry_after="60"),
]


async def outcome(asks: Upstream, *, stream: bool = True) -> str:
    """How a call ends: with the kind of its fault, or well."""
    try:
        await read(await asks.ask(asked(stream=stream)))
    except UpstreamFault as fault:
        return fault.kind
    return "well"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", AGAIN, ids=str)
def test_what_is_safe_is_tried_again(fault: Fault, stream: bool):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        flaky.faults.append(fault)
        reply = await asks.ask(asked(stream=stream))
        assert await read(reply)
        assert (reply.attempts, flaky.received) == (2, 2)
        await asks.close()

    run(use)


@pytest.mark.parametrize("fault", NOT_AGAIN, ids=str)
def test_what_is_not_safe_is_not_tried_again(fault: Fault):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        flaky.faults.append(fault)
        assert await outcome(asks) != "well"
        assert flaky.received == 1
        await asks.close()

    run(use)


@pytest.mark.parametrize(("fault", "received"), [("cut", 1), ("5xx", 1), ("429", 2)])
def test_what_would_be_there_twice_is_not_sent_twice(fault: Any, received: int):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        flaky.faults.append(Fault(fault))
        with suppress(UpstreamFault):
            await asks.ask(asked("/batches"))
        assert flaky.received == received
        await asks.close()

    run(use)


def test_a_fault_says_when_to_come_again():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        flaky.faults.append(Fault("429", retry_after="60"))
        with pytest.raises(UpstreamFault) as caught:
            await asks.ask(asked())
        assert (caught.value.status, caught.value.retry_after) == (429, 60.0)
        await asks.close()

    run(use)


@pytest.mark.parametrize("what", ["cut", "429", "5xx", "malformed", "in-band error"])
def test_a_total_failure_is_not_buried_under_retries(what: Any):
    calls = 200

    async def use(flaky: Flaky) -> None:
        flaky.always = Fault(what)
        asks = upstream(flaky.url, retries=3)
        for _ in range(calls // 20):
            found = await asyncio.gather(*(outcome(asks) for _ in range(20)))
            assert "well" not in found
        assert calls <= flaky.received <= 1.2 * calls
        await asks.close()

    run(use)


def test_a_broken_upstream_is_left_alone_and_then_probed_by_one_call():
    async def use(flaky: Flaky) -> None:
        clock = Moved("s")
        declared = model(flaky.url, retries=0, break_after=5)
        asks = HttpUpstream("small", declared, clock, OpenAI("there", asks_usage=True), flaky.url)
        flaky.always = Fault("5xx")
        assert [await outcome(asks) for _ in range(7)] == ["status"] * 5 + ["open"] * 2
        clock.moved += 20
        found = await asyncio.gather(*(outcome(asks) for _ in range(20)))
        assert sorted(found) == ["open"] * 19 + ["status"]
        assert flaky.received == 6
        clock.moved += 20
        flaky.always = None
        found = await asyncio.gather(*(outcome(asks) for _ in range(20)))
        assert sorted(found) == ["open"] * 19 + ["well"]
        assert [await outcome(asks) for _ in range(3)] == ["well"] * 3
        await asks.close()

    run(use)


def test_a_probe_that_nobody_waits_for_makes_way_for_the_next():
    async def use(flaky: Flaky) -> None:
        clock = Moved("s")
        declared = model(flaky.url, retries=0, break_after=1)
        asks = HttpUpstream("small", declared, clock, OpenAI("there", asks_usage=True), flaky.url)
        flaky.faults.extend([Fault("5xx"), Fault("stall")])
        assert await outcome(asks) == "status"
        clock.moved += 20
        probe = asyncio.create_task(outcome(asks))
        while flaky.received < 2:
            await asyncio.sleep(0)
        assert await outcome(asks) == "open"
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        assert await outcome(asks) == "well"
        await asks.close()

    run(use)


def test_a_stream_that_breaks_after_its_first_token_counts_against_the_upstream():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, break_after=1)
        flaky.faults.append(Fault("cut", "after"))
        assert [await outcome(asks), await outcome(asks)] == ["cut", "open"]
        await asks.close()

    run(use)


def test_a_limit_is_no_fault_of_the_upstreams_health():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, break_after=1, retries=0)
        flaky.always = Fault("429")
        assert [await outcome(asks) for _ in range(3)] == ["status"] * 3
        assert flaky.received == 3
        await asks.close()

    run(use)


class Moved(SystemClock):
    """The machine's clock, and what it was moved on by."""

    moved = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.moved


@given(st.lists(st.booleans(), max_size=300), st.floats(0.0, 0.5))
def test_no_more_is_tried_again_than_its_share(asks: list[bool], share: float):
    budget, calls, taken = RetryBudget(share), 0, 0
    for called in asks:
        if called:
            budget.called()
            calls += 1
        else:
            taken += budget.take()
    assert taken <= START + share * calls + 1e-6
    for _ in range(1000):
        budget.called()
    assert sum(budget.take() for _ in range(100)) <= MOST


@given(st.lists(st.sampled_from(["enter", "answered", "failed", "left", "later"]), max_size=80))
def test_there_is_never_more_than_one_probe(steps: list[str]):
    breaker, now = Breaker(2, 10.0, lambda: 0.5), 0.0
    under_way: list[Any] = []
    for step in steps:
        if step == "later":
            now += 8.0
        elif step == "enter":
            permit = breaker.enter(now)
            under_way += [permit] if permit != "none" else []
        elif under_way:
            permit = under_way.pop(0)
            breaker.failed(permit, now) if step == "failed" else getattr(breaker, step)(permit)
        assert under_way.count("probe") <= 1


def test_those_who_were_asked_before_say_nothing_of_how_it_is_now():
    breaker = Breaker(1, 10.0, lambda: 0.0)
    early = [breaker.enter(0.0) for _ in range(3)]
    breaker.failed(early[0], 0.0)
    breaker.failed(early[1], 9.0)
    assert breaker.enter(10.0) == "probe", "a late fault made the pause longer"
    breaker.answered(early[2])
    assert breaker.enter(10.0) == "none", "a late answer closed it"
    breaker.failed("probe", 11.0)
    assert [breaker.enter(now) for now in (20.9, 21.0)] == ["none", "probe"]
