"""The clients against `autotroph serve` in a process of its own, which is killed, stopped, started again."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
from realserver import KEY, Served

from autotroph.client import AsyncClient, Client, Limits
from autotroph.errors import Conflict, Erased, InputError, LedgerError, Overloaded


def test_a_server_killed_in_the_middle_has_every_signal_once(served: Served):
    client = Client(limits=Limits(batch_events=20, linger=0.0), patience=30)
    with served.running() as server:
        for n in range(2000):
            client.signal(f"d{n}", "resolved", n % 2 == 0, key=f"k{n}")
        until(lambda: client.stats.delivered >= 200)
        server.kill()
        server.wait()
    delivered = client.stats.delivered
    assert 0 < client.pending <= 1800
    with served.running():
        client.flush()
        client.close()
    found = served.signals()
    assert [one.key for one in found] == [f"k{n}" for n in range(2000)]
    assert {(one.key, one.value) for one in found} == {(f"k{n}", n % 2 == 0) for n in range(2000)}
    assert client.stats.delivered == 2000 > delivered
    assert not client.refused


def test_killed_under_many_senders_it_has_what_it_acknowledged(served: Served):
    acknowledged: list[str] = []
    lock = threading.Lock()

    def send(name: int) -> None:
        with Client(patience=30) as client:
            for n in range(60):
                key = f"k{name}/{n}"
                client.signal_now(f"d{key}", "resolved", True, key=key)
                with lock:
                    acknowledged.append(key)

    with ThreadPoolExecutor(4) as pool:
        with served.running() as server:
            sending = [pool.submit(send, name) for name in range(4)]
            until(lambda: len(acknowledged) >= 60)
            server.kill()
            server.wait()
        there = {one.key for one in served.signals()}
        with lock:
            assert set(acknowledged) <= there
        with served.running():
            for one in sending:
                one.result()
    assert sorted(one.key for one in served.signals()) == sorted(acknowledged)
    assert len(acknowledged) == 240


def test_while_the_server_is_away_a_full_buffer_pushes_back_and_loses_nothing(served: Served):
    client = Client(limits=Limits(events=100), patience=0.3)
    for n in range(100):
        client.signal("d", "resolved", True, key=f"k{n}")
    with pytest.raises(Overloaded, match="cannot be reached"):
        client.signal("d", "resolved", True, key="more")
    with served.running():
        client.flush(30)
        client.close()
    assert [one.key for one in served.signals()] == [f"k{n}" for n in range(100)]


def client_of(served: Served, **given: Any) -> Client:
    return Client(served.url, KEY, **{"patience": 20, **given})


def test_what_is_said_arrives_as_it_was_said(shared: Served):
    with client_of(shared) as client:
        answer = client.decide("route", {"text": "lost my card"}, user="u42", learn=False, timeout=20)
        assert answer.recorded
        assert answer.decided
        assert sum(answer.probabilities.values()) == pytest.approx(1.0)
        assert answer.option in answer.probabilities
        before = client._clock.now()
        stored = client.signal_now(answer.id, "resolved", True, user="u42", source="outcome", learn=False)
        assert client.signal_now(answer.id, "resolved", True, key="twice", at=before).status == "stored"
        assert client.signal_now(answer.id, "resolved", True, key="twice", at=before).status == "known"
    (decision,) = (one for one in shared.decisions() if one.id == answer.id)
    assert (decision.option, decision.user, decision.inputs) == (
        answer.option,
        "u42",
        {"text": "lost my card"},
    )
    assert decision.verified
    assert not decision.terms.learn
    first, second = (one for one in shared.signals() if one.subject == answer.id)
    assert (first.id, first.sequence) == (stored.id, stored.sequence)
    assert (first.name, first.value, first.user, first.source) == ("resolved", True, "u42", "outcome")
    assert first.at == pytest.approx(before, abs=5)
    assert not first.terms.learn
    assert second.terms.learn


def test_refusals_are_the_librarys_errors(shared: Served):
    with client_of(shared) as client:
        first = client.decide("route", {"text": "a"}, user="u1", key="same", timeout=20)
        assert client.decide("route", {"text": "a"}, user="u1", key="same", timeout=20).id == first.id
        with pytest.raises(Conflict) as conflict:
            client.decide("route", {"text": "b"}, user="u1", key="same", timeout=20)
        assert conflict.value.first["id"] == first.id
        client.signal_now(first.id, "resolved", True, key="s")
        with pytest.raises(Conflict) as conflict:
            client.signal_now(first.id, "resolved", False, key="s")
        assert conflict.value.first["value"] is True
        with pytest.raises(InputError, match="no task named 'rout'; known: route"):
            client.decide("rout", {}, user="u1", otherwise=lambda _: "cards", timeout=20)
        with pytest.raises(InputError, match="pass user="):
            client.decide("route", {}, otherwise=lambda _: "cards", timeout=20)
        client.signal(first.id, "resolved", False, key="s")
        client.signal(first.id, "resolvd", True)
        client.flush()
        conflicting, unknown = client.refused
        assert isinstance(conflicting.error, Conflict)
        assert conflicting.error.first["value"] is True
        assert "no signal named 'resolvd'" in str(unknown.error)


def test_what_is_about_somebody_erased_is_refused(shared: Served):
    with client_of(shared) as client:
        answer = client.decide("route", {"text": "a"}, user="gone", timeout=20)
        erase(shared, "gone")
        with pytest.raises(Erased):
            client.signal_now(answer.id, "resolved", True, user="gone")
        assert not client.decide("route", {"text": "a"}, user="gone", timeout=20).recorded


def test_a_key_that_is_not_known_is_said_and_keeps_the_buffer(shared: Served):
    client = Client(shared.url, "another-key-that-nobody-made", patience=0.5)
    with pytest.raises(InputError, match=r"401: .*AUTOTROPH_API_KEY"):
        client.signal_now("d1", "resolved", True)
    client.signal("unknown", "resolved", True)
    with pytest.raises(LedgerError, match="AUTOTROPH_API_KEY"):
        client.flush()
    assert client.pending == 1
    assert not client.decide("route", {}, user="u", otherwise=lambda _: "cards").decided
    with pytest.raises(LedgerError):
        client.close()
    assert "unknown" not in {one.subject for one in shared.signals()}


def test_what_was_decided_otherwise_can_be_imported(shared: Served):
    inputs = {"text": "lost my card"}
    with Client("http://127.0.0.1:9") as away:
        answer = away.decide("route", inputs, user="u1", timeout=0.1, otherwise=lambda _: "cards")
    row = {"task": "route", "id": answer.id, "inputs": inputs, "option": answer.option, "user": "u1"}
    with client_of(shared) as client:
        client.signal(answer.id, "resolved", True)
        taken = client.imports([row, {**row, "id": "x", "option": "nothing"}])
        assert (taken.stored, taken.refused_count) == (1, 1)
        assert taken.refused[0].line == 2
        assert "no option named 'nothing'" in taken.refused[0].reason
        assert client.imports([row]).known == 1
    (decision,) = (one for one in shared.decisions() if one.id == answer.id)
    assert (decision.provenance, decision.option) == ("import", "cards")
    assert answer.id in {one.subject for one in shared.signals()}


def test_many_rows_and_many_refusals_add_up(shared: Served):
    rows = [
        {"task": "route", "option": "cards" if n % 3 else "wrong", "user": f"u{n}", "id": f"many{n}"}
        for n in range(1500)
    ]
    with client_of(shared) as client:
        taken = client.imports(rows)
        assert (taken.stored, taken.refused_count) == (1000, 500)
        for n in range(700):
            client.signal(f"many{n}", "resolved" if n % 2 else "wrong", True)
        client.flush(30)
        assert (client.stats.delivered, client.stats.refused) == (350, 350)
    assert sum(one.id.startswith("many") for one in shared.decisions()) == 1000


def test_coroutines_do_the_same(shared: Served):
    async def use() -> list[str]:
        async with AsyncClient(shared.url, KEY, patience=20) as client:
            asked = (client.decide("route", {"n": n}, user=f"u{n}", timeout=20) for n in range(50))
            answers = await asyncio.gather(*asked)
            for answer in answers:
                await client.signal(answer.id, "resolved", True)
            stored = await client.signal_now(answers[0].id, "resolved", False)
            assert stored.status == "stored"
            return [one.id for one in answers]

    made = asyncio.run(use())
    assert len(set(made)) == 50
    assert set(made) <= {one.id for one in shared.decisions()}
    assert sum(one.subject in made for one in shared.signals()) == 51


def erase(served: Served, user: str) -> None:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        connection.request("DELETE", f"/v1/users/{user}", headers={"authorization": f"Bearer {KEY}"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def until(ready: object, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.002)
