"""People who leave a gateway: whatever went on for them ends with them, and its price is written down."""

import gc
import json
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from gateways import SECRET, TOML, Gateway, gateway, limits
from servers import until

from autotroph.faces.gateway.chat import LEFT
from autotroph.faces.http import listening
from autotroph.records import Completion, Decision
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk
from autotroph.testing.flaky import Fault, answers

TOGETHER = 20
AT_ONCE = struct.pack("ii", 1, 0)
"""Of SO_LINGER: the connection is reset, and does not end in good order."""


class Leaving(NamedTuple):
    """One way to leave: what the upstream does meanwhile, whether it streams, and when everybody has come."""

    fault: Fault
    stream: bool
    until: Callable[[Gateway, list[socket.socket], int], object]


def at_the_disk(served: Gateway, _: list[socket.socket], __: int) -> None:
    """Of those who come late none waits for it: by then it is known that it stands still."""
    until(lambda: served.tasks() > TOGETHER)


def at_the_upstream(served: Gateway, _: list[socket.socket], before: int) -> None:
    until(lambda: served.small.received == before + TOGETHER)


def after_a_token(_: Gateway, sockets: list[socket.socket], __: int) -> None:
    for one in sockets:
        came = b""
        while b"Well" not in came:
            came += one.recv(2**16)


PHASES = {
    "while the decision waits for the disk": Leaving(Fault("stall"), True, at_the_disk),
    "before the first token": Leaving(Fault("stall", "head"), True, at_the_upstream),
    "between two tokens": Leaving(Fault("stall", "after"), True, after_a_token),
    "a whole answer under way": Leaving(Fault("stall", "after"), False, at_the_upstream),
}


def asks(served: Gateway, nth: int, *, stream: bool) -> socket.socket:
    """A request on a connection of its own; every second one has an idempotency key."""
    body = {"model": "bare", "messages": [{"role": "user", "content": "Is that it? " * 2000}]}
    text = json.dumps({**body, "stream": stream, "max_tokens": 50})
    key = f"idempotency-key: k{nth}\r\n" if nth % 2 else ""
    made = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    made.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{served.port}\r\n{key}"
        f"authorization: Bearer {served.secrets['decide']}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(text)}\r\n\r\n{text}".encode()
    )
    return made


def leave(sockets: list[socket.socket]) -> None:
    for nth, one in enumerate(sockets):
        if nth % 2:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        one.close()


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gateway, Disk]]:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    with Disk(keeps=False).mounted() as disk:
        store = SqliteStore(tmp_path / "ledger.db", vfs=disk.name)
        with gateway(tmp_path, limits(TOML, "bare", usd=1000, requests=100_000), store=store) as found:
            yield found, disk


@pytest.mark.parametrize("number", [80, pytest.param(1000, marks=pytest.mark.slow)])
def test_nothing_stays_of_those_who_left(
    served: tuple[Gateway, Disk], number: int, caplog: pytest.LogCaptureFixture
) -> None:
    gate, disk = served
    assert gate.chat("bare", max_tokens=50).status == 200
    until(lambda: gate.tasks() == 1, 10.0)
    before, rounds = open_files(), -(-number // len(PHASES) // TOGETHER)
    with caplog.at_level(logging.WARNING):
        for name, phase in PHASES.items():
            gate.small.always = phase.fault
            for nth in range(rounds):
                _leave_once(gate, disk, name, nth)
    gate.small.always = None
    _nothing_is_left(gate, before)
    assert [one.getMessage() for one in caplog.records] == []
    _all_is_told(gate, rounds)
    assert gate.chat("bare", max_tokens=50).status == 200


def _leave_once(gate: Gateway, disk: Disk, name: str, nth: int) -> None:
    phase, received = PHASES[name], gate.small.received
    with ExitStack() as stalls:
        if phase.until is at_the_disk:
            stalls.enter_context(disk.stalled())
        sockets = [asks(gate, 100 * nth + n, stream=phase.stream) for n in range(TOGETHER)]
        phase.until(gate, sockets, received)
        leave(sockets)
        until(lambda: gate.small.open == 0 or phase.until is at_the_disk, 10.0)  # its own limit is a minute
        until(lambda: gate.tasks() == 1, 10.0)


def _nothing_is_left(gate: Gateway, files: int) -> None:
    gateway = gate.product.gateway
    until(lambda: open_files() <= files)
    assert gateway._repeats._under_way == {}
    assert gateway._repeats._called == {}
    assert {one.held for one in gate.taken().values()} == {0}


def _all_is_told(gate: Gateway, rounds: int) -> None:
    gate.product.store.append().durable()
    left = [one for one in gate.product.store.scan(Completion) if one.error == LEFT]
    asked, everybody = [one for one in left if one.cost_usd], rounds * TOGETHER * len(PHASES)
    assert len(asked) >= everybody * (len(PHASES) - 1) // len(PHASES)
    assert len(asked) < len(left) <= everybody  # some had left before they were decided
    assert all(one.tokens_in > 1000 for one in asked)  # what was read, even where not a token was written
    assert sum(one.output == "Well" for one in asked) == rounds * TOGETHER
    assert {what: found.used for what, found in gate.taken().items()} == gate.in_ledger()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system cannot tell")
def test_who_reads_nothing_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    monkeypatch.setattr(listening, "SILENT", 1)
    monkeypatch.setattr(answers, "TOKENS", ("so " * 50_000,) * 200)
    with gateway(tmp_path) as gate:
        with asks(gate, 0, stream=True):
            until(lambda: gate.small.received == 1)
            until(lambda: not gate.small.open)
        made = gate.product.store.get(Decision, task="bare")
        assert made is not None
        assert gate.completion(made.id).error == LEFT
