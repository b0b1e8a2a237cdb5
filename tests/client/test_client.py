"""The client for threads, against a real HTTP server with scripted faults."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from scripted import Scripted

from autotroph.client import Client, Limits, Refused
from autotroph.errors import AutotrophError, Conflict, Erased, InputError, LedgerError, Overloaded

QUICK = Limits(linger=0.0)


def keys(server: Scripted) -> list[str]:
    return list(server.stored)


def sent(client: Client, number: int) -> list[str]:
    for n in range(number):
        client.signal("d1", "accepted", True, key=f"k{n}")
    return [f"k{n}" for n in range(number)]


class TestBuffered:
    def test_what_is_flushed_is_stored_in_its_order(self, server: Scripted):
        with Client(server.url) as client:
            expected = sent(client, 1234)
            client.flush()
            assert client.pending == 0
            assert client.stats.delivered == 1234
        assert keys(server) == expected
        assert max(len(values) for _, values in server.bodies) <= 500

    def test_it_returns_at_once_and_goes_by_itself(self, server: Scripted):
        client = Client(server.url)
        client.signal("d1", "accepted", True, key="k", user="u1", learn=False)
        assert client.pending == 1
        until(lambda: client.pending == 0)
        ((path, (signal,)),) = server.bodies
        assert path == "/v1/signals"
        assert signal.pop("at") == pytest.approx(time.time(), abs=60)  # noqa: TID251 - it is a wall clock that is tested
        assert signal == {
            "subject": "d1",
            "name": "accepted",
            "value": True,
            "key": "k",
            "user": "u1",
            "learn": False,
        }
        client.close()

    def test_time_is_of_the_call_and_not_of_its_delivery(self, server: Scripted):
        server.go()
        client = Client(server.url)
        client.signal("d1", "accepted", True)
        before = client._clock.now()
        client.signal("d1", "accepted", False, at=123456789.0)
        server.come()
        client.close()
        first, second = (one for _, values in server.bodies for one in values)
        assert first["at"] <= before
        assert second["at"] == 123456789.0
        assert first["key"] != second["key"]

    @pytest.mark.parametrize(
        "fault", ["reset", "lost", "broken", "503 1", "500", "nonsense", "408", "401", "302"]
    )
    def test_a_fault_costs_no_signal_and_repeats_none(self, server: Scripted, fault: str):
        server.faults.extend([fault, fault])
        with Client(server.url, limits=QUICK, patience=20) as client:
            expected = sent(client, 50)
        assert keys(server) == expected
        assert set(server.stored.values()) == {1}
        assert client.stats.delivered == 50

    def test_retry_after_is_waited_for(self, server: Scripted):
        server.faults.append("503 2")
        with Client(server.url, limits=QUICK) as client:
            began = time.monotonic()
            client.signal("d1", "accepted", True)
            client.flush()
            assert time.monotonic() - began >= 2.0

    def test_a_connection_that_the_server_closes_is_not_used_again(self, server: Scripted):
        server.faults.append("close")
        with Client(server.url) as client:
            for _ in range(3):
                sent(client, 1)
                client.flush()
            assert client.stats.trouble == ""
            assert len(server.connections) == 2

    def test_a_connection_that_idled_too_long_is_not_used_again(
        self, server: Scripted, caplog: pytest.LogCaptureFixture
    ):
        with Client(server.url) as client:
            client.signal("d1", "accepted", True)
            client.flush()
            server.go()
            server.come()
            client.signal("d1", "accepted", False)
            client.flush()
            assert client.signal_now("d1", "accepted", True).sequence == 7
        assert len(server.bodies) == 3
        assert caplog.text == ""

    def test_a_refused_signal_is_reported_and_the_others_are_stored(self, server: Scripted):
        told: list[Refused] = []
        with Client(server.url, on_refused=told.append) as client:
            client.signal("d1", "accepted", True, key="a")
            client.signal("d2", "wrong", 3, key="b")
            client.signal("d3", "accepted", True, key="c")
            client.flush()
            assert client.stats.refused == 1
        assert keys(server) == ["a", "c"]
        assert client.refused == told
        (refused,) = told
        assert (refused.signal["subject"], refused.signal["key"]) == ("d2", "b")
        assert isinstance(refused.error, InputError)
        assert str(refused.error) == "no signal named 'wrong'"

    def test_a_refusal_that_nobody_listens_to_is_logged(
        self, server: Scripted, caplog: pytest.LogCaptureFixture
    ):
        with Client(server.url) as client:
            client.signal("d2", "wrong", 3)
        assert "no signal named 'wrong'" in caplog.text

    def test_a_flush_ends_after_everything_was_told(self, server: Scripted):
        told: list[Refused] = []
        with Client(server.url, on_refused=lambda one: time.sleep(0.3) or told.append(one)) as client:
            client.signal("d2", "wrong", 3)
            until(lambda: client.pending == 0)
            client.flush()
            assert len(told) == 1

    def test_a_listener_that_fails_stops_nothing(self, server: Scripted, caplog: pytest.LogCaptureFixture):
        with Client(server.url, on_refused=lambda _: 1 / 0, limits=QUICK) as client:
            client.signal("d2", "wrong", 3)
            client.flush()
            client.signal("d1", "accepted", True, key="k")
        assert keys(server) == ["k"]
        assert "ZeroDivisionError" in caplog.text

    def test_more_refusals_than_the_server_names_are_all_reported(self, server: Scripted):
        with Client(server.url) as client:
            for n in range(700):
                client.signal("d", "accepted" if n % 2 else "wrong", True, key=f"k{n}")
        assert len(client.refused) == client.stats.refused == 350
        assert len(server.stored) == client.stats.delivered == 350

    def test_threads_share_a_client(self, server: Scripted):
        with Client(server.url, limits=Limits(events=100)) as client, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: client.signal(f"d{n}", "accepted", True, key=f"k{n}"), range(2000)))
        assert sorted(keys(server)) == sorted(f"k{n}" for n in range(2000))

    def test_the_thread_ends_when_there_is_nothing_to_do_and_another_begins(
        self, server: Scripted, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("autotroph.client.sender.IDLE", 0.05)
        with Client(server.url, limits=QUICK) as client:
            assert threads(server) == []
            for n in range(2):
                client.signal("d1", "accepted", True, key=f"k{n}")
                assert len(threads(server)) == 1
                until(lambda: not threads(server))
                assert client.pending == 0


class TestFull:
    LIMITS = Limits(events=20, batch_events=5, linger=0.0)

    def test_a_full_buffer_waits_for_room(self, server: Scripted):
        server.hold()
        client = Client(server.url, limits=self.LIMITS, patience=20)
        expected = sent(client, 20)
        done = threading.Event()

        def one_more() -> None:
            client.signal("d1", "accepted", True, key="more")
            done.set()

        thread = threading.Thread(target=one_more)
        thread.start()
        assert not done.wait(0.3)
        server.release()
        assert done.wait(10)
        thread.join()
        client.close()
        assert keys(server) == [*expected, "more"]

    def test_a_server_that_stays_away_is_said_and_nothing_is_dropped(self, server: Scripted):
        server.go()
        client = Client(server.url, limits=self.LIMITS, patience=0.2)
        expected = sent(client, 20)
        until(lambda: client.stats.trouble)
        with pytest.raises(Overloaded, match=r"20 signals \(.* bytes\) wait .* cannot be reached: .*refused"):
            client.signal("d1", "accepted", True, key="more")
        assert client.pending == 20
        server.come()
        client.flush(20)
        client.close()
        assert keys(server) == expected

    def test_bytes_are_bounded_too(self, server: Scripted):
        server.hold()
        client = Client(server.url, limits=Limits(bytes=1000), patience=0.1)
        client.signal("d1", "edited", "x" * 700)
        with pytest.raises(Overloaded):
            client.signal("d1", "edited", "x" * 700)
        with pytest.raises(InputError, match="the whole buffer has 1,000"):
            client.signal("d1", "edited", "x" * 2000)
        server.release()
        client.close()


class TestEnds:
    def test_what_cannot_be_sent_in_time_is_given_up_and_reported(self, server: Scripted):
        server.go()
        told: list[Refused] = []
        client = Client(server.url, on_refused=told.append)
        sent(client, 3)
        with pytest.raises(LedgerError, match=r"not acknowledged after 0\.3 s: 3 \(.*cannot be reached"):
            client.close(0.3)
        assert [one.signal["key"] for one in told] == ["k0", "k1", "k2"]
        assert all(isinstance(one.error, LedgerError) for one in told)
        with pytest.raises(LedgerError, match="closed"):
            client.signal("d1", "accepted", True)
        client.close()

    def test_a_flush_that_is_late_loses_nothing(self, server: Scripted):
        server.hold()
        client = Client(server.url)
        sent(client, 3)
        with pytest.raises(LedgerError, match=r"signals not acknowledged after 0\.1 s: 3 "):
            client.flush(0.1)
        server.release()
        client.close()
        assert keys(server) == ["k0", "k1", "k2"]

    @pytest.mark.parametrize("fault", ["", "422", "503"])
    def test_an_answer_that_comes_after_the_end_changes_nothing(self, server: Scripted, fault: str):
        server.hold(fault)
        client = Client(server.url, limits=QUICK)
        sent(client, 3)
        until(lambda: server.bodies)
        with pytest.raises(LedgerError):
            client.close(0.1)
        server.release()
        until(lambda: not threads(server))
        assert (client.stats.delivered, client.stats.refused, client.pending) == (0, 3, 0)

    def test_closing_wakes_those_who_wait_for_room(self, server: Scripted):
        server.hold()
        client = Client(server.url, limits=TestFull.LIMITS, patience=20)
        sent(client, 20)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.signal, "d1", "accepted", True)
            time.sleep(0.1)
            with pytest.raises(LedgerError):
                client.close(0.1)
            with pytest.raises(LedgerError, match="closed"):
                waiting.result(5)
        server.release()


class TestNow:
    def test_it_is_on_disk_when_it_returns(self, server: Scripted):
        with Client(server.url, "s3cret") as client:
            stored = client.signal_now("d1", "accepted", True, key="k")
            assert keys(server) == ["k"]
            assert (stored.status, stored.id, stored.sequence) == ("stored", "signal_1", 7)
            assert client.signal_now("d1", "accepted", True, key="k").status == "known"
        assert server.headers[0]["Authorization"] == "Bearer s3cret"

    @pytest.mark.parametrize("fault", ["reset", "lost", "broken", "503", "500", "nonsense"])
    def test_a_fault_is_got_over(self, server: Scripted, fault: str):
        server.faults.extend([fault, fault])
        with Client(server.url) as client:
            client.signal_now("d1", "accepted", True)
        assert list(server.stored.values()) == [1]
        assert len(server.bodies) == 3

    @pytest.mark.parametrize(
        ("fault", "kind", "said"),
        [
            ("409", Conflict, "because of 409"),
            ("410", Erased, "because of 410"),
            ("422", InputError, "because of 422"),
            ("401", InputError, "AUTOTROPH_API_KEY"),
            ("403", InputError, "AUTOTROPH_API_KEY"),
            ("404", InputError, "AUTOTROPH_BASE_URL"),
            ("302", InputError, "AUTOTROPH_BASE_URL"),
        ],
    )
    def test_a_refusal_is_the_librarys_error_and_not_tried_again(
        self, server: Scripted, fault: str, kind: type[AutotrophError], said: str
    ):
        server.faults.append(fault)
        with Client(server.url) as client, pytest.raises(kind, match=said) as caught:
            client.signal_now("d1", "accepted", True)
        assert type(caught.value) is kind
        assert getattr(caught.value, "first", {"value": True}) == {"value": True}
        assert len(server.bodies) == 1

    @pytest.mark.parametrize(
        ("fault", "kind"), [("503 1", Overloaded), ("500", LedgerError), ("slow 9", LedgerError)]
    )
    def test_patience_ends(self, server: Scripted, fault: str, kind: type[AutotrophError]):
        server.always = fault
        began = time.monotonic()
        with Client(server.url, patience=0.4) as client, pytest.raises(kind) as caught:
            client.signal_now("d1", "accepted", True)
        assert type(caught.value) is kind
        assert time.monotonic() - began < 5
        server.always = ""

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1], {"a": 1}])
    def test_what_is_no_value_is_refused_here(self, server: Scripted, value: Any):
        with Client(server.url) as client, pytest.raises(InputError, match="'accepted'"):
            client.signal("d1", "accepted", value)
        with Client(server.url) as client, pytest.raises(InputError, match="subject"):
            client.signal_now("", "accepted", True)
        assert server.bodies == []


class TestDecisions:
    def test_an_answer_has_its_probabilities(self, server: Scripted):
        with Client(server.url) as client:
            options = [{"option": "cards", "output": "x", "features": {"score": 0.5}}]
            answer = client.decide("route/1", {"text": "lost"}, user="u", session="s", options=options)
        assert (answer.id, answer.option, answer.output) == ("decision_1", "cards", "cards")
        assert answer.probabilities == {"cards": 0.75, "fraud": 0.25}
        assert answer.recorded
        assert answer.decided
        ((path, (body,)),) = server.bodies
        assert path == "/v1/tasks/route/1/decisions"  # aiohttp shows %2F decoded
        assert body.pop("key")
        assert body == {"inputs": {"text": "lost"}, "user": "u", "session": "s", "options": options}

    def test_every_attempt_has_the_same_key(self, server: Scripted):
        server.faults.extend(["lost", "503", "broken"])
        with Client(server.url) as client:
            client.decide("route", {}, user="u")
        assert len({values[0]["key"] for _, values in server.bodies}) == 1
        assert len(server.bodies) == 4

    @pytest.mark.parametrize("fault", ["away", "503 1", "500", "slow 5", "401", "nonsense"])
    def test_otherwise_decides_when_the_server_cannot(self, server: Scripted, fault: str):
        server.always = fault
        if fault == "away":
            server.go()
        with Client(server.url) as client:
            answer = client.decide(
                "route", {"n": 3}, timeout=0.3, otherwise=lambda inputs: f"plan {inputs['n']}"
            )
            assert (answer.option, answer.output) == ("plan 3", "plan 3")
            assert not answer.decided
            assert not answer.recorded
            assert answer.probabilities == {}
            assert answer.reason.startswith("not decided by the server: http://")
            assert answer.id.startswith("decision_")
            server.always = ""

    def test_what_cannot_be_decided_is_an_error_all_the_same(self, server: Scripted):
        server.faults.append("422")
        with Client(server.url) as client, pytest.raises(InputError, match="because of 422"):
            client.decide("route", {}, otherwise=lambda _: "cards")
        with Client(server.url) as client, pytest.raises(InputError, match="not JSON"):
            client.decide("route", {"x": float("nan")}, otherwise=lambda _: "cards")

    def test_without_another_way_it_is_an_error(self, server: Scripted):
        server.go()
        with Client(server.url) as client, pytest.raises(LedgerError, match="autotroph serve"):
            client.decide("route", {}, timeout=0.2)

    def test_a_server_that_is_away_is_left_alone_for_a_while(self, server: Scripted):
        server.always = "503"
        with Client(server.url) as client:
            for _ in range(50):
                assert not client.decide("route", {}, timeout=0.05, otherwise=lambda _: "cards").decided
            tried = len(server.bodies)
            assert tried < 25
            server.always = ""
            until(lambda: client.decide("route", {}, otherwise=lambda _: "cards").decided)


class TestImports:
    def test_rows_are_brought_some_at_a_time(self, server: Scripted):
        rows = ({"task": "route", "option": "cards", "key": f"k{n}", "name": name_of(n)} for n in range(1201))
        server.faults.extend(["reset", "503", "lost"])
        with Client(server.url) as client:
            taken = client.imports(rows)
        assert (taken.stored, taken.known, taken.refused_count) == (700, 500, 1)
        assert [one.line for one in taken.refused] == [778]
        assert len(server.stored) == 1200
        assert {path for path, _ in server.bodies} == {"/v1/imports"}

    def test_a_row_that_is_no_json_is_named(self, server: Scripted):
        with Client(server.url) as client, pytest.raises(InputError, match="row 2 is not JSON"):
            client.imports([{"a": 1}, {"a": float("nan")}])

    def test_an_error_says_which_rows_were_taken(self, server: Scripted):
        server.faults.extend(["slow 0", "401"])
        with Client(server.url) as client, pytest.raises(InputError, match="401") as caught:
            client.imports({"key": f"k{n}"} for n in range(700))
        assert caught.value.__notes__ == ["rows 501 to 700; those before were taken"]


class TestAround:
    def test_it_works_while_an_event_loop_runs(self, server: Scripted):
        async def inside() -> str:
            with Client(server.url) as client:
                client.signal("d1", "accepted", True, key="k")
                return client.decide("route", {}).option

        assert asyncio.run(inside()) == "cards"
        assert keys(server) == ["k"]

    def test_the_environment_says_where_and_with_which_key(
        self, server: Scripted, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("AUTOTROPH_BASE_URL", f"{server.url}/behind/")
        monkeypatch.setenv("AUTOTROPH_API_KEY", "from-outside")
        with Client() as client:
            client.signal_now("d1", "accepted", True)
        assert server.bodies[0][0] == "/behind/v1/signals"
        assert server.headers[0]["Authorization"] == "Bearer from-outside"

    @pytest.mark.parametrize(
        "url", ["ftp://host", "127.0.0.1:4780", "http://", "http://a:b", "http://u:p@host"]
    )
    def test_an_address_that_cannot_be_is_refused(self, url: str):
        with pytest.raises(InputError, match=r"base_url '"):
            Client(url)

    def test_a_key_that_cannot_be_is_refused_and_not_shown(self):
        with pytest.raises(InputError, match="AUTOTROPH_API_KEY") as caught:
            Client("", "se\ncret")
        assert "cret" not in str(caught.value)


def name_of(n: int) -> str:
    return "wrong" if n == 777 else "fine"


def threads(server: Scripted) -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == f"signals to {server.url}"]


def until(ready: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.01)
