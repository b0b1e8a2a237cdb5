"""`autotroph serve` as people start it: what it prints, what it refuses, how it ends."""

import http.client
import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import until

from autotroph.clock import SystemClock
from autotroph.errors import InputError
from autotroph.faces.http.listening import handed_over
from autotroph.govern.keys import LOOK, Keys
from autotroph.spec import template

COMMAND = "from autotroph.faces.cli import main; main()"
OURS = "0123456789-abcdefghijklm"


@pytest.fixture(autouse=True)
def folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("AUTOTROPH_API_KEY", raising=False)
    (here / "autotroph.toml").write_text(template("support"), "utf-8")
    return here


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", COMMAND, "serve", *arguments]


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command("--port", "0", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def refused(*arguments: str) -> str:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    return done.stderr


def get(url: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_prints_one_line_with_an_address_that_opens() -> None:
    with running() as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+)(/\?token=\S+)\n", line)
        assert found, line
        assert get(found[1], "/readyz") == 200
        assert get(found[1], found[2]) == 200
        assert get(found[1], "/") == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.communicate() == ("", "")


def test_who_begins_with_an_upstream_is_told_what_a_client_needs(folder: Path) -> None:
    (folder / "autotroph.toml").unlink()
    with running("--upstream", "http://127.0.0.1:9/v1") as process:
        assert process.stderr is not None
        url, token = process.stderr.readline().strip().split("/?token=")
        assert process.stderr.readline() == f"an OpenAI client: base_url={url}/v1 api_key={token}\n"
        assert get(url, "/v1/models/small", authorization=f"Bearer {token}") != 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_scripts_read_one_object() -> None:
    with running("--json") as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        assert get(found["url"], "/v1/status", authorization=f"Bearer {found['token']}") == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.communicate() == ("", "")


def test_a_token_of_the_environment_is_taken_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOTROPH_API_KEY", OURS)
    with running("--json") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert OURS not in line
        assert get(json.loads(line)["url"], "/v1/status", authorization=f"Bearer {OURS}") == 200


def test_a_key_made_while_it_runs_opens_and_revoked_does_not(folder: Path) -> None:
    with running("--json") as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        keys = Keys(folder / ".autotroph/ledger.db.keys", SystemClock(""))
        _, secret = keys.create("later", ["read"])
        time.sleep(2 * LOOK)
        assert get(url, "/v1/journal", authorization=f"Bearer {secret}") == 200
        keys.revoke(secret)
        time.sleep(2 * LOOK)
        assert get(url, "/v1/journal", authorization=f"Bearer {secret}") == 401


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused("--port", str(port))
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in message
        assert "--port" in message


def test_another_address_takes_a_key(folder: Path) -> None:
    assert "autotroph keys create" in refused("--host", "0.0.0.0")
    Keys(folder / ".autotroph/ledger.db.keys", SystemClock("")).create("somebody", ["read"])
    with running("--host", "0.0.0.0", "--json", "--allow-host", "loop.example") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = json.loads(process.stdout.readline())["url"]
        assert process.stderr.readline().startswith("note: others can reach 0.0.0.0")
        assert [get(url, "/healthz", host=one) for one in ("loop.example", "10.1.2.3", "evil.example")] == [
            200,
            200,
            421,
        ]


@pytest.mark.parametrize("every", ["soon", "0s", "10", "-5s"])
def test_a_time_between_cycles_that_is_none_is_refused(every: str) -> None:
    assert "--cycle-every" in refused("--cycle-every", every)


def test_a_ledger_that_is_served_already_is_said() -> None:
    with running("--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        done = subprocess.run(command("--port", "0"), capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 1
        assert "already open for writing" in done.stderr
        assert "Is it served already?" in done.stderr


def test_it_is_soon_ready_again_after_kill_minus_nine() -> None:
    for _ in range(2):
        with running("--json") as process:
            assert process.stdout is not None
            assert get(json.loads(process.stdout.readline())["url"], "/readyz") == 200
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no shell to hand a socket over")
def test_whoever_asks_while_it_is_started_again_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_API_KEY", OURS)
    with socket.create_server(("127.0.0.1", 0)) as kept:
        url = f"http://127.0.0.1:{kept.getsockname()[1]}"
        with handed(kept) as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(f"{url}/")
            assert get(url, "/readyz") == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(get, url, "/readyz")
            time.sleep(0.2)
            assert not asked.done()
            with handed(kept):
                assert asked.result(30) == 200


def test_several_sockets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    with pytest.raises(InputError, match="one socket is served"):
        handed_over(os.environ)
    monkeypatch.setenv("LISTEN_PID", "1")  # they are meant for somebody else
    assert handed_over(os.environ) is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("option", ["--strict", "--json"])
def test_a_log_that_nothing_can_be_written_to_keeps_nobody_from_being_served(option: str) -> None:
    port = free_port()
    full = Path("/dev/full").open("w")  # noqa: SIM115 - closed when the process has it
    with full, subprocess.Popen(command("--port", str(port), option), stdout=full, stderr=full) as process:
        try:
            until(lambda: connects(port))
            assert get(f"http://127.0.0.1:{port}", "/readyz") == 200
            assert process.poll() is None
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_it_takes_connections_before_it_is_ready() -> None:
    port = free_port()
    with subprocess.Popen(command("--port", str(port)), stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: connects(port))
            assert process.stderr is not None
            assert select.select([process.stderr], [], [], 0)[0] == []  # it has not said yet that it is ready
            assert get(f"http://127.0.0.1:{port}", "/readyz") == 200
        finally:
            process.kill()


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def handed(kept: socket.socket) -> Iterator["subprocess.Popen[str]"]:
    """A server that is started as systemd does it: with a socket as its third file."""
    line = shlex.join(command("--port", "0"))
    script = f"exec 3<&0; LISTEN_FDS=1 LISTEN_PID=$$ exec {line}"
    process = subprocess.Popen(["/bin/sh", "-c", script], stdin=kept, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
