"""Budgets and limits of a gateway that is served: nothing is asked for which there is no room."""

import contextlib
import http.client
import json
import re
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from gateways import SECRET, TOML, Gateway, flaky, gateway, limits, opened
from servers import Answer, started, until

from autotroph.govern.budgets import beside
from autotroph.records import Completion
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.flaky import Fault

MOST = 50
"""Tokens that an answer may have."""


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)


def at_once(gate: Gateway, number: int, model: str = "bare", key: str = "all") -> list[Answer]:
    """So many requests, all at the same time."""
    barrier = threading.Barrier(number)

    def one(_: int) -> Answer:
        barrier.wait()
        return gate.chat(model, stream=True, max_tokens=MOST, key=key)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def used(gate: Gateway) -> dict[str, int]:
    taken = gate.taken()
    assert {one.held for one in taken.values()} <= {0}
    return {what: one.used for what, one in taken.items()}


def most(folder: Path) -> float:
    """Dollars that one request may take at most."""
    with gateway(folder, limits(TOML, "bare", usd=1e-9)) as gate:
        answer = gate.chat("bare", stream=True, max_tokens=MOST)
        assert answer.status == 429
        assert "retry-after" not in answer.headers  # it never has room
        assert gate.small.received == 0
        found = re.search(r"never has room for \$([\d.]+);", answer.error["message"])
        assert found
        return float(found[1])


def test_of_64_at_once_the_one_is_admitted_for_which_there_is_dollars(tmp_path: Path) -> None:
    """What it takes in fact is less, and too much for a second one."""
    (tmp_path / "asks").mkdir()
    with gateway(tmp_path, limits(TOML, "bare", usd=most(tmp_path / "asks") + 1e-5)) as gate:
        _admits_one(gate)


def test_of_64_at_once_the_one_is_admitted_that_the_limit_allows(tmp_path: Path) -> None:
    with gateway(tmp_path, limits(TOML, "bare", requests=1)) as gate:
        _admits_one(gate)


def _admits_one(gate: Gateway) -> None:
    answers = at_once(gate, 64)
    assert Counter(answer.status for answer in answers) == {429: 63, 200: 1}
    assert gate.small.received == 1
    for answer in answers:
        if answer.status == 429:
            assert int(answer.headers["retry-after"]) >= 1
    until(lambda: {one.held for one in gate.taken().values()} == {0})
    assert used(gate).items() <= gate.in_ledger().items()


def test_a_key_has_a_limit_of_its_own(tmp_path: Path) -> None:
    toml = TOML + '[keys.decide]\nlimit = {{ requests = 3, every = "365d" }}\n'
    with gateway(tmp_path, toml) as gate:
        for model in ("bare", "small", "anything"):  # whatever it asks
            assert gate.chat(model, key="decide").status == 200
        answers = [gate.chat(model, key="decide") for model in ("safe", "small", "anything")]
        assert [answer.status for answer in answers] == [429] * 3
        assert gate.small.received == 3
        assert gate.chat("bare", key="operate").status == 200


@pytest.mark.parametrize("fault", [Fault("5xx"), Fault("cut", "after"), Fault("stall", "head")])
def test_what_fails_is_counted_as_the_ledger_has_it(tmp_path: Path, fault: Fault) -> None:
    with gateway(tmp_path, limits(TOML, "bare", usd=1, requests=100), calls=', total = "200ms"') as gate:
        gate.small.always = fault
        answers = at_once(gate, 8)
        assert {answer.status for answer in answers} <= {503, 504, 200}
        until(lambda: {one.held for one in gate.taken().values()} == {0})
        assert used(gate) == gate.in_ledger()
        assert used(gate)["requests"] == 8


def test_the_counters_are_as_the_ledger_after_a_process_was_killed(tmp_path: Path) -> None:
    """Killed while some are answered, some stream, some are being decided, and some are not counted yet."""
    with flaky() as small, flaky() as large:
        text = limits(TOML, "bare", usd=1000, requests=100_000)
        (tmp_path / "autotroph.toml").write_text(
            text.format(small=small.url, large=large.url, calls=""), "utf-8"
        )
        with started(tmp_path) as process:
            gate = Gateway(process.port)
            threads = [threading.Thread(target=_until_it_ends, args=(gate,)) for _ in range(8)]
            for one in threads:
                one.start()
            until(lambda: small.received > 100)
            small.faults.extend([Fault("stall", "after"), Fault("stall")])
            until(lambda: not small.faults)
            with closing(apsw.Connection(str(beside(tmp_path / "ledger.db")))) as counters:
                counters.set_busy_timeout(10_000)
                counters.execute("BEGIN IMMEDIATE")  # what is answered from now on cannot be counted there
                until(lambda before=small.received: small.received > before + 50)  # type: ignore[misc]
                process.end(signal.SIGKILL)
            for one in threads:
                one.join()
        with opened(tmp_path, small, large, SqliteStore(tmp_path / "ledger.db")) as after:
            assert after.chat("bare", max_tokens=MOST).status == 200
            until(lambda: {one.held for one in after.taken().values()} == {0})
            known, unknown = after.in_ledger(), _assumed(after)
            assert known["requests"] > 90
            assert used(after) == {what: known[what] + sum(unknown[what]) for what in known}
            assert 2 <= len(unknown["requests"]) <= 8


def _assumed(gate: Gateway) -> dict[str, list[int]]:
    """What was set aside for answers that broke off with their process, and now counts as used."""
    found: dict[str, list[int]] = {"usd": [], "requests": []}
    path = gate.product.store.path  # type: ignore[attr-defined]
    with closing(apsw.Connection(str(beside(path)))) as counters:
        for id_, shares in counters.execute("SELECT id, shares FROM holds WHERE counted = 2").fetchall():
            assert gate.product.store.get(Completion, decision=str(id_)) is None
            for _, what, _, _, amount in json.loads(str(shares)):
                found[what].append(amount)
    return found


def test_what_named_its_variant_counts_after_a_restart(tmp_path: Path) -> None:
    toml = limits(TOML, "bare", usd=1, requests=100)
    with flaky() as small, flaky() as large:
        (tmp_path / "autotroph.toml").write_text(
            toml.format(small=small.url, large=large.url, calls=""), "utf-8"
        )
        with opened(tmp_path, small, large) as gate:
            for model in ("bare", "bare::only", "bare::only", "small"):
                assert gate.chat(model, max_tokens=MOST).status == 200
            made = {"task": "bare", "option": "only", "output": "No.", "id": "elsewhere", "cost_usd": 0.5}
            assert gate.post("/v1/imports", made).status == 200
            until(lambda: {one.held for one in gate.taken().values()} == {0})
            before, counters = used(gate), beside(gate.product.store.path)  # type: ignore[attr-defined]
        assert before["requests"] == 3
        counters.unlink()
        with opened(tmp_path, small, large) as gate:
            gate.product.gateway  # noqa: B018 - it counts when it is first asked for
            assert used(gate) == before


def test_a_key_of_an_import_is_for_imports(tmp_path: Path) -> None:
    with gateway(tmp_path) as gate:
        answer = gate.chat("bare", autotroph={"key": "import:bare/1"})
        assert (answer.status, gate.small.received) == (422, 0)
        assert "use another key" in answer.error["message"]


def _until_it_ends(gate: Gateway) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        for nth in range(100_000):
            gate.chat("bare", stream=nth % 2 == 0, max_tokens=MOST)


def test_who_leaves_while_something_is_set_aside_leaves_nothing_set_aside(tmp_path: Path) -> None:
    with gateway(tmp_path, limits(TOML, "bare", usd=1, requests=100)) as gate:
        assert gate.chat("bare", max_tokens=MOST).status == 200
        until(lambda: {one.held for one in gate.taken().values()} == {0})
        counters = gate.product.gateway._accounts._budgets
        assert counters is not None
        with counters._lock:  # somebody else is counting
            connection = http.client.HTTPConnection("127.0.0.1", gate.port)
            body = '{"model": "bare", "max_tokens": 9, "messages": []}'
            named = {"authorization": f"Bearer {gate.secrets['decide']}", "content-type": "application/json"}
            connection.request("POST", "/v1/chat/completions", body, named)
            until(lambda: gate.tasks() > 1)
            time.sleep(0.2)  # it waits for them
            connection.close()
            until(lambda: gate.tasks() == 1)
        until(lambda: {one.held for one in gate.taken().values()} == {0})
        assert used(gate)["requests"] == 1
        assert gate.small.received == 1
