"""How processes end, and what a fork shares: real interpreters, a real HTTP server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scripted import Scripted

BEGIN = """
import asyncio, os, signal, sys, threading, time
from autotroph.client import AsyncClient, Client, Limits
url = sys.argv[1]
def sent(client, name, number=700):
    for n in range(number):
        client.signal("d1", "accepted", True, key=f"{name}{n}")
"""


def run(server: Scripted, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-c", BEGIN + script, server.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def expected(name: str, number: int = 700) -> list[str]:
    return [f"{name}{n}" for n in range(number)]


def test_the_end_of_a_process_sends_what_is_buffered(server: Scripted):
    done = run(server, 'sent(Client(url, limits=Limits(linger=60.0)), "a")')
    assert (done.returncode, done.stderr) == (0, "")
    assert list(server.stored) == expected("a")


def test_so_does_an_end_by_an_error(server: Scripted):
    done = run(server, 'sent(Client(url, limits=Limits(linger=60.0)), "a"); 1 / 0')
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (1, True)
    assert list(server.stored) == expected("a")


def test_so_does_the_end_of_an_event_loop(server: Scripted):
    script = """
async def main():
    client = AsyncClient(url, limits=Limits(linger=60.0))
    for n in range(700):
        await client.signal("d1", "accepted", True, key=f"a{n}")
asyncio.run(main())
"""
    done = run(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(server.stored) == expected("a")


def test_faults_at_the_end_are_got_over(server: Scripted):
    server.faults.extend(["reset", "503", "lost"])
    done = run(server, 'sent(Client(url, limits=Limits(linger=60.0)), "a")')
    assert done.returncode == 0
    assert list(server.stored) == expected("a")
    assert set(server.stored.values()) == {1}


def test_an_interpreter_that_begins_no_thread_any_more_sends_all_the_same(server: Scripted):
    script = """
def no(self):
    raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = no
client = Client(url)
sent(client, "a")
client.flush()
sent(client, "b")
"""
    done = run(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(server.stored) == expected("a") + expected("b")


def test_a_server_that_is_away_holds_no_process_back_for_long(server: Scripted):
    server.go()
    began = time.monotonic()
    done = run(server, 'sent(Client(url, patience=0.5), "a", 2)')
    assert time.monotonic() - began < 20
    assert done.returncode == 0
    assert "signals not acknowledged after 0.5 s: 2 " in done.stderr
    assert "signals given up: 2; the first, because not acknowledged" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_a_fork_sends_its_own_signals_and_not_its_parents(server: Scripted, client: str):
    script = f"""
client = {client}(url, limits=Limits(linger=60.0))
def say(name, number):
    for n in range(number):
        done = client.signal("d1", "accepted", True, key=f"{{name}}{{n}}")
        if done is not None:
            asyncio.run(done)
say("parent", 30)
child = os.fork()
if not child:
    assert client.pending == 0
    say("child", 20)
    sys.exit(0)
say("after", 10)
assert os.waitpid(child, 0)[1] == 0
"""
    done = run(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(server.stored) == sorted(
        expected("parent", 30) + expected("child", 20) + expected("after", 10)
    )
    assert sum(len(values) for _, values in server.bodies) == 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_does_not_speak_on_its_parents_connections(server: Scripted):
    script = """
client = Client(url)
client.signal_now("d1", "accepted", True, key="parent")
child = os.fork()
for n in range(20):
    assert client.decide("route", {"n": n}).option == "cards"
    client.signal_now("d1", "accepted", True, key=f"{child == 0} {n}")
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    done = run(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(server.connections) == 2
    assert len(server.stored) == 41


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_in_the_middle_of_everything_leaves_no_lock_behind(server: Scripted):
    script = """
client = Client(url, limits=Limits(linger=0.0))
ended = threading.Event()
def busy(name):
    n = 0
    while not ended.is_set():
        client.signal("d1", "accepted", True, key=f"{name} {n}")
        n += 1
threads = [threading.Thread(target=busy, args=(name,)) for name in "ab"]
for thread in threads: thread.start()
children = []
for number in range(8):
    time.sleep(0.02)
    child = os.fork()
    if not child:
        client.signal("d1", "accepted", True, key=f"child {number}")
        client.close()
        os._exit(0)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
ended.set()
for thread in threads: thread.join()
client.close()
print(codes, client.stats.delivered)
"""
    done = run(server, script)
    assert (done.returncode, done.stderr) == (0, "")
    codes, _, delivered = done.stdout.strip().rpartition(" ")
    assert codes == str([0] * 8)
    assert {f"child {n}" for n in range(8)} <= server.stored.keys()
    assert len(server.stored) == int(delivered) + 8


@contextmanager
def begun(server: Scripted, script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive what looks at it."""
    line = [sys.executable, "-c", BEGIN + script, server.url]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_interrupt_ends_what_waits_and_sends_what_is_buffered(server: Scripted):
    script = """
client = Client(url, limits=Limits(linger=60.0), patience=50)
sent(client, "a", 5)
try:
    client.decide("route", {}, timeout=50)
except KeyboardInterrupt:
    print("interrupted", client.decide("route", {}, timeout=50).option, flush=True)
"""
    server.faults.append("slow 100")
    with begun(server, script) as process:
        while not server.bodies:
            time.sleep(0.01)
        time.sleep(0.2)  # a system call that has not begun yet is not interrupted
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "interrupted cards\n", "")
    assert sorted(server.stored) == expected("a", 5)


def test_an_interrupt_while_waiting_for_room_leaves_no_half_signal(server: Scripted):
    script = """
client = Client(url, limits=Limits(events=5, linger=0.0), patience=50)
def told():
    while client.pending < 5:
        time.sleep(0.01)
    print("full", flush=True)
threading.Thread(target=told, daemon=True).start()
try:
    sent(client, "a", 6)
except KeyboardInterrupt:
    print("interrupted", client.pending, flush=True)
"""
    server.hold()
    with begun(server, script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted 5\n"
        server.release()
        assert process.communicate(timeout=30)[1] == ""
    assert sorted(server.stored) == expected("a", 5)


def test_a_backend_that_sends_signals_imports_little(server: Scripted):
    script = """
with Client(url) as client:
    client.signal("d1", "accepted", True)
print(*sorted(sys.modules))
"""
    done = run(server, script.replace("AsyncClient, ", ""))
    loaded = set(done.stdout.split())
    assert not {"aiohttp", "numpy", "apsw", "sqlglot", "starlette", "rich", "click"} & loaded
    house = {name for name in loaded if name.startswith("autotroph")}
    assert {name for name in house if not name.startswith("autotroph.client")} == {
        "autotroph",
        "autotroph.clock",
        "autotroph.errors",
        *(name for name in house if name.startswith("autotroph.wire")),
    }
