"""The gateway is told to stop while answers are under way: they end whole, or in an error that says why."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateways import TOML, Gateway, events, text
from servers import TOKEN, Answer, until

from autotroph.faces.gateway.chat import STOPPED
from autotroph.records import Completion
from autotroph.store import open_reader
from autotroph.testing.flaky import Fault, Flaky
from flaky_upstream import flaky

STREAMS = 20
SAID = "Well, that is it."


class Running(Gateway):
    """`autotroph serve` in a process of its own, with streams under way."""

    process: "subprocess.Popen[str]"

    def streams(self, upstream: Flaky, pool: ThreadPoolExecutor) -> list[Future[Answer]]:
        asked = [pool.submit(self.chat, "bare", stream=True) for _ in range(STREAMS)]
        until(lambda: upstream.received == STREAMS)
        time.sleep(0.2)  # its first token is on its way to whoever asked
        return asked

    def tell(self, *numbers: int) -> None:
        for number in numbers:
            self.process.send_signal(number)
            until(self._takes_nothing)  # it was heard

    def _takes_nothing(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return True
        return False


@contextmanager
def running(folder: Path, upstream: Flaky, *arguments: str) -> Iterator[Running]:
    (folder / "autotroph.toml").write_text(
        TOML.format(small=upstream.url, large=upstream.url, calls=""), "utf-8"
    )
    command = "from autotroph.faces.cli import main; main()"
    line = [sys.executable, "-W", "error", "-c", command, "serve", "--port", "0", *arguments]
    environment = {**os.environ, "AUTOTROPH_API_KEY": TOKEN, "AUTOTROPH_TEST_KEY": "sk"}
    process = subprocess.Popen(line, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = Running(int(process.stderr.readline().rpartition(":")[2].partition("/")[0]))
        found.process = process
        yield found
    finally:
        process.kill()
        process.communicate()


def recorded(folder: Path) -> list[str]:
    """The error of each answer that the ledger has."""
    reader = open_reader(folder / ".autotroph" / "ledger.db")
    try:
        return [one.error for one in reader.scan(Completion)]
    finally:
        reader.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_streams_that_are_done_in_time_end_whole(tmp_path: Path, number: int) -> None:
    with flaky() as small, running(tmp_path, small) as gate, ThreadPoolExecutor(STREAMS) as pool:
        small.pause = 0.1
        asked = gate.streams(small, pool)
        gate.tell(number)
        assert {text(one.result()) for one in asked} == {SAID}
        assert all(events(one.result())[-1] == "[DONE]" for one in asked)
        _, said = gate.process.communicate(timeout=30)
        assert gate.process.returncode == 0
        assert "20 requests are being answered" in said
    assert recorded(tmp_path) == [""] * STREAMS


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [(["--grace", "300s"], [signal.SIGTERM, signal.SIGTERM]), (["--grace", "100ms"], [signal.SIGTERM])],
)
def test_the_others_end_in_an_error_that_is_on_their_rows(
    tmp_path: Path, arguments: list[str], numbers: list[int]
) -> None:
    """By a second signal, or when the time is over."""
    with flaky() as small, running(tmp_path, small, *arguments) as gate, ThreadPoolExecutor(64) as pool:
        small.always = Fault("stall", "after")
        asked = gate.streams(small, pool)
        small.always = Fault("stall")
        whole = pool.submit(gate.chat, "bare")
        until(lambda: small.received == STREAMS + 1)
        gate.tell(*numbers)
        for one in asked:
            *_, last = events(one.result())
            assert last["error"]["message"] == STOPPED
        assert whole.result().status == 503
        assert whole.result().error["type"] == "unavailable"
        _, said = gate.process.communicate(timeout=30)
        assert gate.process.returncode == 0
        assert "Traceback" not in said
    assert recorded(tmp_path) == [STOPPED] * (STREAMS + 1)


def test_a_closed_terminal_does_not_stop_what_was_told_to_ignore_it(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; a child inherits it
    try:
        with flaky() as small, running(tmp_path, small) as gate:
            gate.process.send_signal(signal.SIGHUP)
            assert text(gate.chat("bare")) == SAID
            assert gate.process.poll() is None
    finally:
        signal.signal(signal.SIGHUP, before)
