"""A ledger that takes nothing, a declaration that is gone: answers go on, and say what is not recorded."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateways import SECRET, TOML, Gateway, flaky, gateway, opened
from servers import Answer, until

from autotroph.faces.gateway.gateway import DURABLE
from autotroph.records import Completion
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import BROKEN, FULL, Disk
from autotroph.testing.disks.disk import Fault as DiskFault

MERELY = """
[models.plain]
kind = "openai"
base_url = "{small}"
calls = {{ private = true }}
[tasks.noted]
kind = "chat"
variants = {{ only = {{ model = "plain", prompt = "says.md" }} }}
"""
"""A task that is only recorded."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gateway, Disk]]:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    (tmp_path / "says.md").write_text("--- system ---\nSay {{ what }}.", "utf-8")
    with Disk(keeps=False).mounted() as disk:
        store = SqliteStore(tmp_path / "ledger.db", vfs=disk.name, room=200)
        with gateway(tmp_path, TOML + MERELY, store=store) as found:
            yield found, disk


def load(gate: Gateway, number: int) -> list[Answer]:
    """Many answers, eight at a time: whole and streamed, decided, passed on and with a key."""

    def one(nth: int) -> Answer:
        more = {"autotroph": {"key": f"{time.monotonic_ns()}"}} if nth % 5 == 0 else {}
        return gate.chat(("bare", "safe", "small", "anything")[nth % 4], stream=nth % 3 == 0, **more)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(number)))


def told(answers: list[Answer]) -> Counter[str]:
    """How many are recorded, of answers that are all good."""
    assert {answer.status for answer in answers} == {200}
    assert not [one for one in answers if b"error" in one.body or one.body.count(b"[DONE]") > 1]
    return Counter(answer.headers["x-autotroph-recorded"] for answer in answers)


@contextmanager
def failing(disk: Disk, fault: DiskFault | None) -> Iterator[None]:
    """While this lasts it stands still, or fails."""
    if fault is None:
        with disk.stalled():
            yield
        return
    disk.fail(fault)
    yield
    disk.mend()


@pytest.mark.parametrize("fault", [None, FULL, BROKEN], ids=["stalls", "is full", "is broken"])
def test_answers_go_on_whatever_the_disk_does(served: tuple[Gateway, Disk], fault: DiskFault | None) -> None:
    gate, disk = served
    assert told(load(gate, 16)) == {"yes": 16}
    with failing(disk, fault):
        before = time.monotonic()
        told(load(gate, 8))
        until(lambda: gate.product.store.fault() != "")
        found = told(load(gate, 200))
        waited = time.monotonic() - before
    assert found == {"no": 200}
    assert waited < DURABLE * 200 / 8 / 2  # nobody waits for a disk that is known to stand still
    until(lambda: not gate.product.store.fault())
    assert told(load(gate, 16)) == {"yes": 16}
    gate.product.store.append().durable()
    rows = {row.decision for row in gate.product.store.scan(Completion)}
    decided = {str(id_) for (id_,) in gate.product.store.query("SELECT id FROM decisions").rows}
    assert rows <= decided
    if fault is None:  # a batch that a disk refused may be there all the same, and what came of it is not
        assert rows == decided


def test_a_task_that_is_only_recorded_does_not_wait_for_its_prompt_to_be_kept(
    served: tuple[Gateway, Disk],
) -> None:
    gate, disk = served
    with disk.stalled():
        answers = [gate.chat("noted", autotroph={"inputs": {"what": "it"}}) for _ in range(3)]
        assert {answer.status for answer in answers} == {200}
        assert gate.small.last.document["messages"][0]["content"] == "Say it."
        assert gate.ask("GET", "/healthz", key=None).status == 200
    until(lambda: not gate.product.store.fault())
    answer = gate.chat("noted", autotroph={"inputs": {"what": "it"}})
    assert answer.headers["x-autotroph-recorded"] == "yes"


@pytest.mark.parametrize("left", [b"", b"[product]\nname = ", TOML[: len(TOML) // 2].encode()])
def test_a_declaration_that_is_gone_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    file = tmp_path / "autotroph.toml"
    with flaky() as small, flaky() as large:
        file.write_text(TOML.format(small=small.url, large=large.url, calls=""), "utf-8")
        with opened(tmp_path, small, large) as gate:
            assert told(load(gate, 8)) == {"yes": 8}
            file.write_bytes(left)
            gate.product.cycle()
            assert told(load(gate, 24)) == {"yes": 24}
        with opened(tmp_path, small, large) as after:
            assert after.product.spec.digest == gate.product.spec.digest
            assert told(load(after, 24)) == {"yes": 24}
