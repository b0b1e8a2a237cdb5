"""Every way to fail, before the first token and after: a fault or an explicit end, never a clean one."""

import asyncio
import json
from typing import Any

import pytest
from flakily import LIMITS, PATHS, asked, read, run, upstream

from autotroph.adapters.upstreams import replies
from autotroph.deploy.upstreams.protocols import Upstream, error_document, told_status
from autotroph.errors import UpstreamFault
from autotroph.testing.flaky import Fault, Flaky

KINDS = tuple(PATHS)
WHATS = ("cut", "unfinished", "stall", "malformed", "in-band error", "429", "5xx", "redirect")
MATRIX = [Fault(what, when) for what in WHATS for when in ("before", "head", "after")]
EXPECTED = {"unfinished": "cut", "redirect": "cut", "429": "in-band error", "5xx": "in-band error"}


async def failed(asks: Upstream, path: str, *, stream: bool) -> tuple[UpstreamFault, int]:
    """The fault that a call ends in, and how many events came before."""
    seen: list[bytes] = []
    with pytest.raises(UpstreamFault) as caught:
        await read(await asks.ask(asked(path, stream=stream)), seen)
    return caught.value, len(seen)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", MATRIX, ids=lambda fault: f"{fault.what} {fault.when}")
def test_a_stream_that_fails_says_so(kind: str, fault: Fault):
    async def use(flaky: Flaky) -> None:
        limit = "between_tokens" if fault.when == "after" else "first_token"
        limits = {limit: LIMITS[limit]} if fault.what == "stall" else {}
        asks = upstream(flaky.url, "openai" if kind == "responses" else kind, retries=0, **limits)
        flaky.faults.append(fault)
        found, seen = await failed(asks, PATHS[kind], stream=True)
        assert found.first_token == (fault.when == "after") == (seen > 0)
        assert found.kind == expected(fault)
        assert "message" in json.loads(error_document(found))["error"]
        assert told_status(found) in (429, 500, 502, 503, 504)
        await asks.close()

    run(use)


def expected(fault: Fault) -> str:
    if fault.when == "before" and fault.what in ("429", "5xx", "redirect"):
        return "status"
    if fault.what == "stall":
        return "between tokens" if fault.when == "after" else "first token"
    return EXPECTED.get(fault.what, fault.what)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", MATRIX, ids=lambda fault: f"{fault.what} {fault.when}")
def test_a_whole_answer_that_fails_says_so(kind: str, fault: Fault):
    async def use(flaky: Flaky) -> None:
        limits = {"total": LIMITS["total"]} if fault.what == "stall" else {}
        asks = upstream(flaky.url, "openai" if kind == "responses" else kind, retries=0, **limits)
        flaky.faults.append(fault)
        found, _ = await failed(asks, PATHS[kind], stream=False)
        assert not found.first_token
        if fault.what in ("cut", "malformed", "in-band error"):
            assert found.kind == fault.what
        if fault.what == "stall":
            assert found.kind == "total"
        await asks.close()

    run(use)


@pytest.mark.parametrize(("stream", "kind"), [(s, k) for s in (True, False) for k in KINDS])
def test_what_goes_well_goes_on_over_the_same_connection(stream: bool, kind: str):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, "openai" if kind == "responses" else kind)
        for _ in range(5):
            reply = await asks.ask(asked(PATHS[kind], stream=stream))
            assert await read(reply)
            assert reply.told
            assert (reply.usage.input, reply.usage.output) == (11, 5)
        assert (flaky.received, flaky.opened) == (5, 1)
        await asks.close()

    run(use)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["cut", "stall"])
def test_what_happens_after_a_complete_answer_is_no_fault(
    kind: str, what: Any, monkeypatch: pytest.MonkeyPatch
):
    async def use(flaky: Flaky) -> None:
        monkeypatch.setattr(replies, "LINGER", 0.02)
        asks = upstream(flaky.url, "openai" if kind == "responses" else kind)
        flaky.faults.append(Fault(what, "end"))
        reply = await asks.ask(asked(PATHS[kind], stream=True))
        assert await read(reply)
        assert reply.told
        assert await flaky.quiet(), "a connection waits for an end that does not come"
        await asks.close()

    run(use)


def test_a_connection_that_is_not_made_in_time():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.slow_url, retries=0, connect=0.05)
        found, _ = await failed(asks, "/chat/completions", stream=True)
        assert found.kind == "connect"
        await asks.close()

    run(use)


def test_all_of_a_stream_has_a_limit_too():
    async def use(flaky: Flaky) -> None:
        flaky.always = Fault("stall", "after")
        asks = upstream(flaky.url, total=0.5)
        found, seen = await failed(asks, "/chat/completions", stream=True)
        assert (found.kind, found.first_token, seen) == ("total", True, 2)
        await asks.close()

    run(use)


def test_whoever_reads_slowly_does_not_make_an_upstream_late():
    async def use(flaky: Flaky) -> None:
        flaky.pause = 0.01
        asks = upstream(flaky.url, between_tokens=0.3)
        reply = await asks.ask(asked(stream=True))
        seen = 0
        async for _ in reply:
            seen += 1
            if seen == 3:  # which was waited for, as are those that follow
                await asyncio.sleep(0.5)
        assert seen > 5
        await asks.close()

    run(use)
