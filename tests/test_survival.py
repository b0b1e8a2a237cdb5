"""kill -9, wherever it hits: what was acknowledged is there, the chain holds, and it is soon ready again."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

import apsw
import pytest

from autotroph.records import Decision, Entry, Signal
from autotroph.store import migrations, open_store, verify
from living import HASTY, WAYS

HERE = Path(__file__).parent
SERVE = "from autotroph.faces.cli import main; main()"
TOKEN = "a-token-for-the-kill-test-0123456789"


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed at the end, if it still lives."""
    env = {**os.environ, **environment, "PYTHONPATH": str(HERE)}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=env
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def lines(stream: IO[str] | None) -> Iterator[str]:
    """Whole lines; one that was cut off by the kill says nothing."""
    assert stream is not None
    return (line.strip() for line in stream if line.endswith("\n"))


def live(folder: Path, way: str, luck: random.Random) -> list[str]:
    """Ids that were acknowledged before the kill."""
    with process(str(HERE / "living.py"), str(folder), way) as living:
        told = lines(living.stdout)
        assert next(told) == "ready"
        acknowledged = [next(told) for _ in range(luck.randrange(1, 60))]
        time.sleep(luck.random() * 0.02)
        living.send_signal(signal.SIGKILL)
        return acknowledged + list(told)


def migrate(folder: Path, luck: random.Random) -> list[str]:
    """A ledger of the first schema is opened, and its migration is cut off somewhere."""
    (folder / "autotroph.toml").write_text(HASTY, "utf-8")
    ledger = folder / ".autotroph" / "ledger.db"
    ledger.parent.mkdir(exist_ok=True)
    ids = old_ledger(ledger) if not ledger.exists() else []
    with process(str(HERE / "living.py"), str(folder), "ingest"):
        time.sleep(0.3 + luck.random() * 0.5)
    return ids


def old_ledger(path: Path, rows: int = 3_000) -> list[str]:
    """A ledger as the first version wrote it, with signals in it."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "WAL")
        step = migrations.steps()[0]
        with connection:
            connection.execute(step.sql)
            migrations._record(connection, step, "seed")
            ids = [f"signal_{number}" for number in range(1, rows + 1)]
            connection.executemany(
                """INSERT INTO signals VALUES (?1, ?2, 'edited', 'decision', 'd', 1.0, 'user', '', ?2,
                   '["improve"]', 1, '', 'standard', '', 'text', NULL, 'a text')""",
                enumerate(ids, 1),
            )
            connection.execute("UPDATE head SET sequence = ?", (rows,))
    return ids


def serve(folder: Path, luck: random.Random) -> list[str]:
    """Signals over HTTP, until the server is killed, or told to end and then killed."""
    (folder / "autotroph.toml").write_text(HASTY, "utf-8")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    path = str(folder / "autotroph.toml")
    arguments = ("-c", SERVE, "serve", "-c", path, "--port", str(port), "--cycle-every", "1s")
    acknowledged: list[str] = []
    with process(*arguments, AUTOTROPH_API_KEY=TOKEN) as serving:
        until_ready(port)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            for number in range(luck.randrange(5, 60)):
                acknowledged += post(connection, f"{time.time_ns()}.{number}")
            if luck.random() < 0.5:
                serving.send_signal(signal.SIGTERM)
                time.sleep(luck.random() * 0.3)
            serving.send_signal(signal.SIGKILL)
            serving.wait()
            try:
                acknowledged += post(connection, "too late")
            except (OSError, http.client.HTTPException):
                return acknowledged
    raise AssertionError("a killed server answered")


def until_ready(port: int, seconds: float = 20.0) -> None:
    """Wait until the server says that it is ready."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
        except OSError:
            time.sleep(0.01)
    raise AssertionError(f"not ready after {seconds} s")


def post(connection: http.client.HTTPConnection, subject: str) -> list[str]:
    """The id of a signal that was acknowledged."""
    body = json.dumps({"subject": subject, "name": "accepted", "value": True})
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/signals", body, headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    assert answer.status == 200, said
    return [said["id"]]


def cycles(folder: Path, count: int) -> None:
    """So many lives, each killed; after each, everything that was ever acknowledged is there."""
    luck = random.Random(count)
    ways = [*WAYS, "serve"]
    acknowledged: set[str] = set()
    for number in range(count):
        way = ways[number % len(ways)]
        acknowledged |= set(serve(folder, luck) if way == "serve" else live(folder, way, luck))
        assert_kept(folder, acknowledged)


def assert_kept(folder: Path, acknowledged: set[str]) -> None:
    with closing(open_store(folder / ".autotroph" / "ledger.db")) as store:
        stored = {one.id for kind in (Decision, Signal) for one in store.scan(kind, texts=False)}
        assert acknowledged <= stored
        assert len(acknowledged) > 0
        verify(store)
        assert store.query("SELECT count(*) FROM signals GROUP BY key HAVING count(*) > 1").rows == ()
        store.append(Entry(actor="test", event="lives", subject="ledger", details={}, at=1.0)).durable()


def test_what_was_acknowledged_survives_whatever_is_killed(tmp_path):
    cycles(tmp_path, 8)


def test_a_migration_that_is_killed_is_done_again(tmp_path):
    luck = random.Random(1)
    acknowledged = set(migrate(tmp_path, luck))
    for _ in range(3):
        migrate(tmp_path, luck)
    assert len(acknowledged) == 3_000
    assert_kept(tmp_path, acknowledged)


@pytest.mark.slow
def test_sixty_lives(tmp_path):
    cycles(tmp_path, 52)
    for number in range(8):
        (folder := tmp_path / f"old {number}").mkdir()
        assert_kept(folder, set(migrate(folder, random.Random(number))))
