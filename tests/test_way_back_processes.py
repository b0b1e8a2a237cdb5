"""The way back reaches processes that are at work: by the file, by the command, and on a disk that fails."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from autotroph.clock import SystemClock
from autotroph.faces import orders
from autotroph.faces.orders import Order
from autotroph.records import Entry
from autotroph.store import open_reader, verify
from prepared import Prepared
from promoted_product import opened, promote
from support_product import TOML

HERE = Path(__file__).parent
COMMAND = "from autotroph.faces.cli import main; main()"


class Answering:
    """A process that answers decisions in a loop."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = Prepared(str(HERE / "retreating.py"), str(folder), *arguments)

    def next(self) -> tuple[str, float]:
        """The release that answers now, and when it began to; waits for another than before."""
        name, at = self.process.stdout.readline().split("\t")
        return name, float(at)

    def tell(self, word: str) -> None:
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def entries(self) -> list[str]:
        with closing(open_reader(self.folder / ".autotroph" / "ledger.db")) as reader:
            verify(reader)
            return [one.event for one in reader.scan(Entry)]


@contextmanager
def answering(folder: Path, *arguments: str, switch: str = "") -> Iterator[Answering]:
    """A process on a ledger with two promotions, at work."""
    folder.mkdir(exist_ok=True)
    declared = TOML.replace('name = "support"', f'name = "support"\nkillswitch = "{switch}"')
    with opened(folder, declared) as product:
        promote(product, "good")
        promote(product, "better")
    started = Answering(folder, *arguments)
    try:
        assert started.next()[0] == "better"
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def rollback(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    path = str(folder / "autotroph.toml")
    line = [sys.executable, "-c", COMMAND, "rollback", "-c", path, "--yes", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTROPH_")}
    return subprocess.run(line, capture_output=True, text=True, check=False, env=env)


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def told(record: Callable[[str, object], None], name: str, delays: list[float]) -> None:
    record(name, [round(delay * 1000, 1) for delay in delays])
    print(name, "ms:", ", ".join(f"{delay * 1000:.1f}" for delay in delays))  # noqa: T201 - the figure


def test_one_file_takes_back_what_four_processes_serve(tmp_path, record_property):
    switch = tmp_path / "STOP"
    with ExitStack() as stack:
        four = [stack.enter_context(answering(tmp_path / f"p{n}", switch=str(switch))) for n in range(4)]
        began = time.monotonic()
        switch.touch()
        found = [one.next() for one in four]
        assert {name for name, _ in found} == {"good"}
        delays = [at - began for _, at in found]
        told(record_property, "switch, four processes", delays)
        assert max(delays) < 30
        for one in four:  # no cycle runs here, and it is written down all the same
            until(lambda one=one: "kill switch pulled" in one.entries())


def test_the_command_reaches_the_process_that_has_the_ledger(tmp_path):
    with answering(tmp_path / "p") as process:
        done = rollback(process.folder, "--to", "release 0", "--by", "Ada", "--json")
        assert done.returncode == 0, done.stderr
        assert process.next()[0] == "release 0"
        said = json.loads(done.stdout)
        assert (said["name"], said["recorded"]) == ("release 0", True)
        assert process.entries()[-1] == "rolled back by hand"
        refused = rollback(process.folder, "--to", "nothing like it")
        assert refused.returncode == 2
        assert "no release named" in refused.stderr


def test_an_order_is_obeyed_by_whoever_has_the_ledger(tmp_path, record_property):
    clock = SystemClock("")
    with answering(tmp_path / "p") as process:
        folder = orders.folder_of(process.folder / ".autotroph" / "ledger.db")
        delays = []
        for to in ("good", "release 0", "better", "good"):
            began = time.monotonic()
            said = orders.give(folder, Order(task="reply", to=to, by="Ada", until=clock.now() + 60), clock)
            name, at = process.next()
            assert (name, said.done.name, said.done.unrecorded) == (to, to, "")
            delays.append(at - began)
        told(record_property, "order of another process", delays)
        orders.keep(folder / "late.order", msgspec.json.encode(Order(task="", to="", by="", until=1.0)))
        orders.keep(folder / "rubbish.order", b"{")
        until(lambda: not list(folder.iterdir()))  # neither is obeyed, or answered
        assert process.entries().count("rolled back by hand") == 4


def test_the_command_names_the_switch_where_nobody_answers(tmp_path):
    with answering(tmp_path / "p") as process:
        process.process.send_signal(19)  # it stands still, and keeps the ledger
        done = rollback(process.folder)
        assert done.returncode == 1
        switch = process.folder / ".autotroph" / "ledger.db.rollback"
        assert f"echo reply > {switch}" in done.stderr
        assert not list(switch.with_name("ledger.db.orders").glob("*.order"))
        process.process.send_signal(18)
        switch.write_text("reply\n")  # what it says works
        assert process.next()[0] == "good"


@pytest.mark.parametrize("fails", ["stall", "full"])
def test_on_a_disk_that_fails_all_of_it_works_and_is_written_down_later(tmp_path, fails, record_property):
    with answering(tmp_path / "p", "obedient") as process:
        process.tell(fails)
        time.sleep(1.5)  # until the store knows
        began = time.monotonic()
        done = rollback(process.folder, "--json")
        assert done.returncode == 0, done.stderr
        name, at = process.next()
        assert name == "good"
        assert json.loads(done.stdout)["recorded"] is False
        began, switch = time.monotonic(), process.folder / ".autotroph" / "ledger.db.rollback"
        switch.touch()
        name, at = process.next()
        assert name == "release 0"
        told(record_property, f"switch, {fails}", [at - began])
        process.tell("heal")
        until(lambda: "kill switch pulled" in process.entries())
        happened = [event for event in process.entries() if "rolled" in event]
        assert happened == ["rolled back by hand", "rolled back by the kill switch"]
