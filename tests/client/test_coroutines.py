"""The client for coroutines, against a real HTTP server with scripted faults."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from scripted import Scripted

from autotroph.client import AsyncClient, Client, Limits
from autotroph.errors import AutotrophError, Conflict, Erased, InputError, LedgerError, Overloaded

LIMITS = Limits(events=20, batch_events=5, linger=0.0)


def run(use: Callable[[AsyncClient], Awaitable[Any]], url: str, **given: Any) -> Any:
    async def inside() -> Any:
        async with AsyncClient(url, **given) as client:
            return await use(client)

    return asyncio.run(inside())


async def sent(client: AsyncClient, number: int) -> None:
    for n in range(number):
        await client.signal("d1", "accepted", True, key=f"k{n}")


def test_both_clients_say_the_same_things():
    def said(client: type) -> dict[str, list[str]]:
        public = {name: each for name, each in vars(client).items() if not name.startswith("_")}
        return {name: list(inspect.signature(each).parameters) for name, each in public.items()}

    assert said(AsyncClient) == said(Client)


def test_what_is_signalled_is_stored_in_its_order(server: Scripted):
    async def use(client: AsyncClient) -> None:
        await sent(client, 1234)
        await client.flush()
        assert client.pending == 0

    run(use, server.url)
    assert list(server.stored) == [f"k{n}" for n in range(1234)]


@pytest.mark.parametrize("fault", ["reset", "lost", "broken", "503 1", "500", "nonsense", "401"])
def test_a_fault_costs_no_signal_and_repeats_none(server: Scripted, fault: str):
    server.faults.extend([fault, fault])
    run(lambda client: sent(client, 50), server.url, patience=20)
    assert list(server.stored) == [f"k{n}" for n in range(50)]
    assert set(server.stored.values()) == {1}


def test_a_full_buffer_waits_without_stopping_the_loop(server: Scripted):
    server.hold()

    async def use(client: AsyncClient) -> int:
        await sent(client, 20)
        waiting = asyncio.create_task(client.signal("d1", "accepted", True, key="more"))
        beats = 0
        for _ in range(20):
            await asyncio.sleep(0.01)
            beats += 1
        assert not waiting.done()
        server.release()
        await waiting
        return beats

    assert run(use, server.url, limits=LIMITS, patience=20) == 20
    assert list(server.stored) == [*(f"k{n}" for n in range(20)), "more"]


def test_a_server_that_stays_away_is_said_and_nothing_is_dropped(server: Scripted):
    server.go()

    async def use(client: AsyncClient) -> None:
        await sent(client, 20)
        with pytest.raises(Overloaded, match="20 signals"):
            await client.signal("d1", "accepted", True, key="more")
        with pytest.raises(LedgerError, match="cannot be reached"):
            await client.flush(0.2)
        assert client.pending == 20
        server.come()
        await client.flush(20)

    run(use, server.url, limits=LIMITS, patience=0.3)
    assert list(server.stored) == [f"k{n}" for n in range(20)]


def test_what_is_left_at_the_end_is_given_up_and_reported(server: Scripted):
    server.go()

    async def inside() -> None:
        client = AsyncClient(server.url)
        await sent(client, 3)
        with pytest.raises(LedgerError, match=r"not acknowledged after 0\.2 s: 3 "):
            await client.close(0.2)
        assert [one.signal["key"] for one in client.refused] == ["k0", "k1", "k2"]
        with pytest.raises(LedgerError, match="closed"):
            await client.signal("d1", "accepted", True)

    asyncio.run(inside())


@pytest.mark.parametrize("fault", ["reset", "lost", "broken", "503", "500", "nonsense"])
def test_what_is_waited_for_gets_over_a_fault(server: Scripted, fault: str):
    server.faults.extend([fault, fault])
    stored = run(lambda client: client.signal_now("d1", "accepted", True), server.url)
    assert stored.sequence == 7
    assert list(server.stored.values()) == [1]
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("fault", "kind"), [("409", Conflict), ("410", Erased), ("422", InputError), ("302", InputError)]
)
def test_a_refusal_is_the_librarys_error(server: Scripted, fault: str, kind: type[AutotrophError]):
    server.faults.append(fault)
    with pytest.raises(kind, match=f"because of {fault}") as caught:
        run(lambda client: client.signal_now("d1", "accepted", True), server.url)
    assert type(caught.value) is kind


def test_many_decisions_are_under_way_together(server: Scripted):
    server.always = "slow 0.5"

    async def use(client: AsyncClient) -> float:
        began = time.monotonic()
        answers = await asyncio.gather(*(client.decide("route", {"n": n}, timeout=20) for n in range(60)))
        assert {one.option for one in answers} == {"cards"}
        return time.monotonic() - began

    assert run(use, server.url, api_key="s3cret") < 15  # one after the other, they would take 30
    assert {one["Authorization"] for one in server.headers} == {"Bearer s3cret"}


def test_a_decision_that_is_cancelled_leaves_the_client_whole(server: Scripted):
    server.hold()

    async def use(client: AsyncClient) -> str:
        asking = asyncio.create_task(client.decide("route", {}, timeout=20))
        await asyncio.sleep(0.2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        server.release()
        return (await client.decide("route", {})).option

    assert run(use, server.url) == "cards"


async def _later(inputs: Mapping[str, Any]) -> str:
    await asyncio.sleep(0)
    return f"plan {inputs['n']}"


@pytest.mark.parametrize("otherwise", [_later, lambda inputs: f"plan {inputs['n']}"])
@pytest.mark.parametrize("fault", ["away", "503", "slow 5"])
def test_otherwise_decides_when_the_server_cannot(server: Scripted, fault: str, otherwise: Any):
    server.always = fault
    if fault == "away":
        server.go()
    answer = run(
        lambda client: client.decide("route", {"n": 3}, timeout=0.3, otherwise=otherwise), server.url
    )
    assert answer.option == "plan 3"
    assert not answer.decided
    with pytest.raises(LedgerError):
        run(lambda client: client.decide("route", {"n": 3}, timeout=0.1), server.url)


def test_rows_are_brought(server: Scripted):
    taken = run(lambda client: client.imports({"key": f"k{n}"} for n in range(1201)), server.url)
    assert (taken.stored, taken.known, taken.refused_count) == (1201, 0, 0)
    assert run(lambda client: client.imports([]), server.url).stored == 0


def test_signals_outlive_their_event_loop(server: Scripted):
    async def inside() -> AsyncClient:
        client = AsyncClient(server.url, limits=Limits(linger=0.3))
        await sent(client, 3)
        return client

    client = asyncio.run(inside())
    asyncio.run(client.close())
    assert list(server.stored) == ["k0", "k1", "k2"]
