"""The server as a process: killed, stopped, and on a disk that stands still."""

import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import servers
from servers import Process, started, until

from autotroph.records import Signal
from autotroph.store import open_reader, verify


def stored(folder: Path) -> list[Signal]:
    reader = open_reader(folder / "ledger.db")
    try:
        verify(reader)
        return list(reader.scan(Signal))
    finally:
        reader.close()


class TestKilled:
    def test_every_acknowledged_line_of_a_stream_is_there_after_kill_minus_nine(self, tmp_path: Path) -> None:
        acknowledged: set[str] = set()
        for turn in range(3):
            with started(tmp_path) as server, ThreadPoolExecutor(1) as pool:
                sending = pool.submit(list, streams(server, turn))
                time.sleep(0.5 + 0.3 * turn)
                server.end(signal.SIGKILL)
                acknowledged.update(*sending.result())
        keys = [one.key for one in stored(tmp_path)]
        assert len(acknowledged) > 100
        assert acknowledged <= set(keys)
        assert len(keys) == len(set(keys))

    def test_ten_thousand_events_sent_several_times_have_ten_thousand_effects(self, tmp_path: Path) -> None:
        luck = random.Random(3)
        events = [servers.signal(n, value=n % 2 == 0, key=f"event{n}") for n in range(10_000)]
        sent = [event for event in events for _ in range(luck.randint(1, 5))]
        luck.shuffle(sent)
        half = len(sent) // 2
        with started(tmp_path) as server, ThreadPoolExecutor(4) as pool:
            sending = [pool.submit(give, server, part, patient=False) for part in quarters(sent[:half])]
            while len(stored_keys(tmp_path)) < 1500:
                time.sleep(0.05)
            server.end(signal.SIGKILL)
            left = [event for part in sending for event in part.result()]
        with started(tmp_path) as server, ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda part: give(server, part, patient=True), quarters([*left, *sent[half:]])))
            assert server.end(signal.SIGTERM) == 0
        found = stored(tmp_path)
        assert sorted(one.key for one in found) == sorted(str(event["key"]) for event in events)
        assert {(one.key, one.value) for one in found} == {(event["key"], event["value"]) for event in events}


class TestStopped:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_what_was_begun_is_finished(self, tmp_path: Path, number: int) -> None:
        with started(tmp_path) as server:
            body = json.dumps(servers.signal("slow", key="slow")).encode()
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
                idle = socket.create_connection(("127.0.0.1", server.port))
                connection.sendall(head(server, body) + body[:10])
                time.sleep(0.2)
                os.kill(server.process.pid, number)
                time.sleep(0.5)
                with pytest.raises(OSError, match="refused"):
                    socket.create_connection(("127.0.0.1", server.port), timeout=1)
                connection.sendall(body[10:])
                assert connection.recv(1000).startswith(b"HTTP/1.1 200")
                idle.close()
            server.process.wait(10)
            assert server.process.returncode == 0
        assert [one.key for one in stored(tmp_path)] == ["slow"]

    def test_a_body_that_never_comes_does_not_hold_it(self, tmp_path: Path) -> None:
        with started(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head(server, b"x" * 50))
            time.sleep(0.2)
            os.kill(server.process.pid, signal.SIGTERM)
            assert server.process.wait(12) == 0

    def test_a_disk_that_stands_still_does_not_hold_it(self, tmp_path: Path) -> None:
        with started(tmp_path) as server:
            server.tell("stall")
            assert server.post("/v1/signals", servers.signal("lost")).status == 503
            os.kill(server.process.pid, signal.SIGTERM)
            assert server.process.wait(12) == 1


class TestStalled:
    def test_decisions_are_answered_signals_refused_and_all_is_well_again(self, tmp_path: Path) -> None:
        with started(tmp_path) as server:
            decide(server, "before")
            server.tell("stall")
            report = load(server, seconds=4.0, clients=6)
            server.tell("heal")
            assert report["refused decisions"] == 0
            assert report["decisions"] > 20
            assert report["unrecorded"] > 0
            assert report["not ready"] > 0
            assert report["acknowledged"] == 0
            assert until_ready(server)
            assert decide(server, "after")["recorded"] is True
            answer = server.post("/v1/signals", servers.signal("after"))
            assert answer.status == 200
            assert server.end(signal.SIGTERM) == 0

    @pytest.mark.slow
    def test_a_minute_of_it_takes_no_memory(self, tmp_path: Path) -> None:
        with started(tmp_path) as server:
            load(server, seconds=10.0, clients=16)
            before = server.tell("rss")
            server.tell("stall")
            report = load(server, seconds=60.0, clients=32)
            grown = server.tell("rss") - before
            server.tell("heal")
            assert until_ready(server)
            print(report, f"grown by {grown} MiB")  # noqa: T201 - the figure is what the test is for
            assert report["refused decisions"] == 0
            assert grown <= 64
            assert server.end(signal.SIGTERM) == 0


def test_cycles_go_round_in_the_background_and_their_failures_are_shown(tmp_path: Path) -> None:
    with started(tmp_path, "0.2") as server:
        decide(server, "one")
        until(lambda: server.get("/v1/status").value["cycles"] > 1)
        assert server.get("/v1/status").value["serving"]["loop"]["error"] == ""


# clients -------------------------------------------------------------------------------------------------


def head(server: Process, body: bytes) -> bytes:
    lines = (
        "POST /v1/signals HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {servers.TOKEN}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*lines, "", ""]).encode()


def quarters(events: Sequence[Any]) -> list[Sequence[Any]]:
    return [events[start::4] for start in range(4)]


def streams(server: Process, turn: int) -> Iterator[list[str]]:
    """The keys of one acknowledged stream after the other, until the server is gone."""
    for number in range(10_000):
        keys = [f"{turn}-{number}-{line}" for line in range(100)]
        try:
            answer = server.lines("/v1/signals", [servers.signal(key, key=key) for key in keys])
        except (OSError, http.client.HTTPException):
            return
        assert answer.value["stored"] == 100
        yield keys


def give(server: Process, events: Sequence[Any], *, patient: bool) -> list[Any]:
    """Send events in streams and alone, by turns; those that were not acknowledged when the server went."""
    waiting = list(events)
    while waiting:
        size = 1 if len(waiting) % 3 == 0 else 200
        part = waiting[:size]
        try:
            if size == 1:
                answer = server.post("/v1/signals", part[0])
                done = answer.status == 200
            else:
                answer = server.lines("/v1/signals", part)
                done = answer.status == 200 and answer.value["refused_count"] == 0
        except (OSError, http.client.HTTPException):
            if patient:
                raise
            return waiting
        assert done or answer.status == 503, answer.body
        del waiting[: size if done else 0]
    return []


def stored_keys(folder: Path) -> list[str]:
    return [one.key for one in stored(folder)]


def decide(server: Process, user: str) -> dict[str, Any]:
    answer = server.post("/v1/tasks/route/decisions", {"inputs": {"text": "?"}, "user": user})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.value
    return found


def until_ready(server: Process) -> bool:
    until(lambda: server.get("/readyz").status == 200)
    return True


def load(server: Process, *, seconds: float, clients: int) -> dict[str, int]:
    """Decisions and signals as fast as so many clients can send them."""
    report = dict.fromkeys(
        ("decisions", "refused decisions", "unrecorded", "acknowledged", "refused signals", "not ready"), 0
    )
    lock, end = threading.Lock(), time.monotonic() + seconds

    def count(**more: int) -> None:
        with lock:
            for name, number in more.items():
                report[name.replace("_", " ")] += number

    def client(number: int) -> None:
        turn = 0
        while time.monotonic() < end:
            turn += 1
            name = f"{number}-{turn}-{end}"
            if number % 2:
                answer = server.post("/v1/signals", servers.signal(name))
                assert answer.status == 200 or answer.headers["retry-after"]
                count(acknowledged=answer.status == 200, refused_signals=answer.status == 503)
            else:
                answer = server.post("/v1/tasks/route/decisions", {"user": name})
                refused = answer.status != 200
                count(
                    decisions=1,
                    refused_decisions=refused,
                    unrecorded=not refused and not answer.value["recorded"],
                )
            if turn % 10 == 0:
                count(not_ready=server.get("/readyz").status == 503)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return report
