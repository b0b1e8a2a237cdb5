"""`autotroph run`, `freeze` and `thaw` as people start them: one leader, and what it is asked for."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commanding import answer, refused, run
from products import declared

import autotroph
from autotroph.records import Cycle, Entry
from autotroph.spec import First, template
from autotroph.store import open_reader, verify

COMMAND = "from autotroph.faces.cli import main; main()"
END = datetime(2999, 1, 2, 8, tzinfo=UTC)
LEDGER = ".autotroph/ledger.db"
HASTY = '[run]\nevery = "1s"\nidle = "1s"\n'


@pytest.fixture(autouse=True)
def _declared(here: Path) -> None:
    (here / "autotroph.toml").write_text(declared() + HASTY, "utf-8")


@contextmanager
def running(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    line = [sys.executable, "-W", "error", "-c", COMMAND, "run", *arguments]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heard(process: "subprocess.Popen[str]") -> str:
    """The next line that it says to a person."""
    assert process.stderr is not None
    return process.stderr.readline()


def turned(process: "subprocess.Popen[str]") -> str:
    """The next line about a cycle."""
    assert process.stdout is not None
    return process.stdout.readline()


def journal(event: str) -> list[Entry]:
    with closing(open_reader(LEDGER)) as reader:
        return list(reader.scan(Entry, event=event))


def test_once_is_for_cron() -> None:
    found = answer("run", "--once")
    assert (found["number"], found["candidates"], found["verdicts"]) == (1, [], [])
    assert run("run", "--once").stdout.endswith("cycle 2: 0 decisions · 0 shadows · 0 rewards\n")


def test_once_brings_segments_up_to_date(here: Path) -> None:
    with (here / "autotroph.toml").open("a") as file:
        file.write('segments = "1h"\n')
    answer("run", "--once")
    assert list((here / ".autotroph").glob("segments/**/*.parquet"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_turns_until_it_is_told_to_end(number: int) -> None:
    with running("--json") as process:
        assert heard(process) == "turning the loop of 'support'; SIGTERM or Ctrl-C ends it\n"
        assert [json.loads(turned(process))["number"] for _ in range(2)] == [1, 2]
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.communicate()[1] == ""
    with closing(open_reader(LEDGER)) as reader:
        assert reader.get(Cycle).number >= 2


def test_one_leads_and_another_takes_over_when_it_is_killed() -> None:
    with running("--json") as first:
        assert json.loads(turned(first))["number"] == 1
        assert "--wait takes over when it is gone" in refused("run", code=1)
        with running("--wait", "--json") as second:
            assert "waiting to take over" in heard(second)
            first.send_signal(signal.SIGKILL)
            assert "turning the loop" in heard(second)
            last = [json.loads(line)["number"] for line in first.stdout or ()][-1:] or [1]
            assert json.loads(turned(second))["number"] in (last[0] + 1, last[0] + 2)
    with closing(open_reader(LEDGER)) as reader:
        numbers = [one.number for one in reader.scan(Cycle)]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.slow
def test_a_chain_of_leaders_killed_at_any_moment_turns_one_cycle_after_the_other() -> None:
    luck, kills = random.Random(60), 20
    with ExitStack() as stack:
        leader = stack.enter_context(running("--json"))
        turned(leader)
        for _ in range(kills):
            heir = stack.enter_context(running("--wait", "--json"))
            assert "waiting to take over" in heard(heir)
            time.sleep(luck.random() * 1.5)
            leader.send_signal(signal.SIGKILL)
            assert "turning the loop" in heard(heir)
            leader = heir
        turned(leader)
    with closing(open_reader(LEDGER)) as reader:
        numbers = [one.number for one in reader.scan(Cycle)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= kills / 2
        assert verify(reader) > 0


def test_one_that_waits_ends_when_it_is_told_to() -> None:
    with autotroph.open("autotroph.toml"), running("--wait") as process:
        assert "waiting to take over" in heard(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_freeze_reaches_whoever_leads() -> None:
    with running("--json") as process:
        turned(process)
        found = answer("freeze", "--reason", "holidays", "--until", "8h", "--by", "Ada")
        assert (found["event"], found["taken"]) == ("frozen", True)
        (entry,) = journal("frozen")
        assert (entry.actor, entry.details["reason"]) == ("Ada", "holidays")
        assert entry.details["ask"]
        needs = answer("status")["needs"]
        assert any("frozen by Ada until" in one["what"] for one in needs)
        assert "no task named 'rout'" in refused("freeze", "rout")
        assert answer("thaw")["taken"] is True
        assert "nothing is frozen" in refused("thaw")
    assert len(journal("thawed")) == 1


def test_a_freeze_where_nobody_leads() -> None:
    assert run("freeze", "route", "--until", "2999-01-02T08:00").stdout == "route: frozen\n"
    (entry,) = journal("frozen")
    assert (entry.subject, entry.details["until"]) == ("route", END.timestamp())
    assert run("thaw", "route").stdout == "route: thawed\n"


def test_a_person_lets_a_candidate_go_on() -> None:
    with autotroph.open("autotroph.toml") as product:
        candidate = product.propose("route", "any", policy=First())
    assert "no candidate under way named 'ayn'" in refused("approve", "ayn")
    assert answer("approve", "any", "--by", "Ada") == {"event": "approved", "candidate": "any", "taken": True}
    with running() as process:
        turned(process)
        assert run("approve", candidate.id).stdout == f"{candidate.id}: approved\n"
        assert "no candidate under way named 'ayn'" in refused("approve", "ayn")
    assert [one.actor for one in journal("approved")] == ["Ada", "a person"]
    assert journal("approved")[1].details["ask"]


@pytest.mark.parametrize("until", ["soon", "2020-01-01", "-8h"])
def test_a_freeze_without_a_future_is_refused(until: str) -> None:
    assert "until" in refused("freeze", f"--until={until}")


def test_models_of_the_products_own_process_are_turned_there(here: Path) -> None:
    text = template("support") + '\n[models.m]\nkind = "local"\n[tasks.t]\nkind = "text"\n'
    (here / "autotroph.toml").write_text(text + '[tasks.t.variants.v]\nmodel = "m"\n', "utf-8")
    assert "call Background(product).begin()" in refused("run")


def test_what_only_another_declaration_can_mend_ends_it(here: Path) -> None:
    path = here / "autotroph.toml"
    path.write_text(path.read_text().replace('horizon = "24h"', 'horizon = "1ms"'), "utf-8")
    with autotroph.open(path) as product:
        product.decide("route", {"text": "lost my card"}, user="u1").durable()
        product.cycle()
        product.cycle()
    path.write_text(path.read_text().replace('value = "', 'value = "0.5 * '), "utf-8")
    assert "no cycle runs" in refused("run", "--once")
    with running() as process:
        assert process.wait(60) == 2
