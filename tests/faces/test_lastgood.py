"""A declaration that is blank, cut off or another product's takes nothing down, and nobody overlooks it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from commanding import answer, refused, run

import autotroph
from autotroph.errors import SpecError
from autotroph.faces import lastgood
from autotroph.faces.beginning import begun
from autotroph.records import Entry
from autotroph.spec import template
from autotroph.store import open_reader
from ports import port_of_its_own

SERVE = "from autotroph.faces.cli import main; main()"
TOKEN = "a-token-for-the-declaration-0123456789"
GOOD = template("support")
STORE = 'store = "sqlite:///.autotroph/ledger.db"'
OTHER = template("somebody else's")
BROKEN = {
    "blank": "",
    "cut off": GOOD[: len(GOOD) // 2],
    "half a line": GOOD + "\n[tasks.ro",
    "binary": "\x00\x01",
    "another product's": OTHER,
    "of nothing that there is": GOOD.replace('reward = "', 'reward = "no'),
}


def path(folder: Path) -> Path:
    return folder / "autotroph.toml"


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A product that was opened."""
    path(tmp_path).write_text(GOOD, "utf-8")
    autotroph.open(path(tmp_path)).close()
    return tmp_path


@pytest.mark.parametrize("what", BROKEN)
def test_what_was_declared_before_serves_and_it_is_journalled(used: Path, what: str) -> None:
    path(used).write_text(BROKEN[what], "utf-8")
    with autotroph.open(path(used), strict=False) as product:
        assert product.spec.product.name == "support"
        assert product.refused.startswith(f"{path(used)}:")
        assert product.decide("route", {"text": "lost"}, user="ann").durable().option
        (entry,) = product.store.scan(Entry, event="declaration refused")
        assert entry.details == {"reason": product.refused}
        assert len(list(product.store.scan(Entry, event="declaration"))) == 1
    path(used).write_text(GOOD, "utf-8")
    with autotroph.open(path(used), strict=False) as product:
        assert product.refused == ""


def test_also_where_there_is_no_file_any_more(used: Path) -> None:
    path(used).unlink()
    with autotroph.open(path(used), strict=False) as product:
        assert "no such file" in product.refused


def test_without_anything_before_it_is_refused(tmp_path: Path) -> None:
    path(tmp_path).write_text("", "utf-8")
    with pytest.raises(SpecError, match="product"):
        autotroph.open(path(tmp_path), strict=False)


def test_a_ledger_that_is_elsewhere_is_found_again(tmp_path: Path) -> None:
    elsewhere = tmp_path / "data" / "one.db"
    declared = GOOD.replace(STORE, f'store = "sqlite:///{elsewhere}"')
    path(tmp_path).write_text(declared, "utf-8")
    autotroph.open(path(tmp_path)).close()
    assert (elsewhere.parent / "autotroph.last-good.toml").read_text("utf-8") == declared
    path(tmp_path).write_text("", "utf-8")
    with autotroph.open(path(tmp_path), strict=False) as product:
        assert product.store.path == elsewhere


def test_what_a_product_began_with_is_kept_where_it_is(tmp_path: Path) -> None:
    file = begun(tmp_path / "autotroph.toml", "https://llm.example.com/v1", "openai", "", {})
    autotroph.open(file, strict=False).close()
    assert (file.parent / "upstream.last-good.toml").is_file()
    assert not (file.parent / ".autotroph").exists()
    file.unlink()
    with autotroph.open(file, strict=False) as product:
        assert "no such file" in product.refused


def test_only_what_was_opened_is_kept(used: Path) -> None:
    kept = used / ".autotroph" / "autotroph.last-good.toml"
    path(used).write_text(OTHER, "utf-8")
    with pytest.raises(SpecError):
        autotroph.open(path(used))
    assert kept.read_text("utf-8") == GOOD
    more = GOOD.replace("[product]", '[product]\non_store_failure = "refuse"')
    path(used).write_text(more, "utf-8")
    autotroph.open(path(used)).close()
    assert kept.read_text("utf-8") == more
    assert [one.name for one in kept.parent.iterdir() if one.name.startswith(".")] == []


def test_where_nothing_can_be_kept_it_goes_without(used: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = used / ".autotroph" / "autotroph.last-good.toml"
    kept.unlink()
    kept.mkdir()
    autotroph.open(path(used)).close()
    assert "could not be kept" in caplog.text
    assert lastgood.last(path(used)) is None


class TestAnotherProduct:
    def test_is_refused_on_a_ledger_that_is_not_its_own_with_the_way_out(self, used: Path) -> None:
        path(used).write_text(GOOD.replace('name = "support"', 'name = "help"'), "utf-8")
        with pytest.raises(SpecError, match=r"autotroph\.toml:\d+: product\.name: .*was = 'support'"):
            autotroph.open(path(used))

    def test_may_be_the_same_one_under_another_name(self, used: Path) -> None:
        renamed = GOOD.replace('name = "support"', 'name = "help"\nwas = "support"')
        path(used).write_text(renamed, "utf-8")
        for strict in (True, False):
            with autotroph.open(path(used), strict=strict) as product:
                assert (product.refused, product.spec.product.name) == ("", "help")

    def test_an_empty_ledger_is_not_taken_for_the_one_with_the_history(self, used: Path) -> None:
        moved = GOOD.replace(STORE, 'store = "sqlite:///new.db"')
        path(used).write_text(moved, "utf-8")
        with autotroph.open(path(used), strict=False) as product:
            assert "there is no ledger at" in product.refused
        assert not (used / "new.db").exists()
        autotroph.open(path(used)).close()  # who is strict means what is written
        assert (used / "new.db").exists()


class TestCommands:
    def test_what_changes_things_refuses(self, here: Path) -> None:
        path(here).write_text(GOOD, "utf-8")
        autotroph.open(path(here)).close()
        path(here).write_text("", "utf-8")
        for command in (["plan"], ["apply"], ["cycle"], ["serve", "--strict"], ["run", "--once", "--strict"]):
            assert "product" in refused(*command)

    def test_the_way_back_does_not(self, here: Path) -> None:
        from products import replaced

        zero, _ = replaced(here)
        path(here).write_text("[product", "utf-8")
        assert answer("rollback", "--yes")["to"] == zero

    def test_the_loop_does_not(self, here: Path) -> None:
        path(here).write_text(GOOD, "utf-8")
        autotroph.open(path(here)).close()
        path(here).write_text("", "utf-8")
        assert run("run", "--once").exit_code == 0
        with closing(open_reader(here / ".autotroph" / "ledger.db")) as reader:
            assert reader.get(Entry, event="declaration refused") is not None


# over HTTP -----------------------------------------------------------------------------------------------


class Asking:
    """Somebody who asks all the time, and asks again where nobody listens."""

    def __init__(self, port: int) -> None:
        self._port, self._ended = port, threading.Event()
        self.answered, self.again, self.failed = 0, 0, list[str]()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(60)

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            body = json.dumps({"inputs": {"text": "lost"}, "user": f"u{number}", "key": f"k{number}"})
            try:
                status, said = ask(self._port, "POST", "/v1/tasks/route/decisions", body)
            except (OSError, http.client.HTTPException):
                self.again += 1
                time.sleep(0.05)
                continue
            number += 1
            self.answered += 1
            self.failed += [] if status == 200 and said["recorded"] else [str(said)]


def ask(port: int, method: str, at: str, body: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, at, body, headers)
        found = connection.getresponse()
        return found.status, json.loads(found.read())


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def ready(port: int) -> bool:
    try:
        return ask(port, "GET", "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def serving(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    line = [sys.executable, "-c", SERVE, "serve", "-c", str(path(folder)), "--port", str(port)]
    env = {**os.environ, "AUTOTROPH_API_KEY": TOKEN}
    log = (folder / "log").open("ab")
    with log, subprocess.Popen(line, env=env, stdout=log, stderr=log) as server:
        try:
            until(lambda: ready(port))
            yield server
        finally:
            server.send_signal(signal.SIGKILL)


def test_no_request_fails_while_the_declaration_is_spoilt_and_the_server_killed(used: Path) -> None:
    port = port_of_its_own()
    asking = Asking(port)
    for what in (GOOD, BROKEN["blank"], BROKEN["cut off"], OTHER, GOOD):
        path(used).write_text(what, "utf-8")  # kill -9 came before; it starts with what is there now
        with serving(used, port):
            assert ask(port, "GET", "/readyz")[1]["declared"] == ("now" if what == GOOD else "before")
            needs = ask(port, "GET", "/v1/status")[1]["needs"]
            assert ("declaration" in [one["subject"] for one in needs]) == (what != GOOD)
            answered = asking.answered
            until(lambda answered=answered: asking.answered > answered)
            again = asking.again
            for spoilt in (OTHER, "", GOOD[:100], what):  # while it runs, nobody reads it
                path(used).write_text(spoilt, "utf-8")
                answered = asking.answered
                until(lambda answered=answered: asking.answered > answered)
            assert asking.again == again
    asking.end()
    print(f"{asking.answered} answered, {asking.again} asked again, {len(asking.failed)} failed")  # noqa: T201
    assert asking.failed == []
    assert asking.answered > 20
    assert "What was declared before serves instead" in (used / "log").read_text("utf-8")
