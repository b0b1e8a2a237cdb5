"""Lives of a product that is killed at one step of its loop after the other, and of one that nobody kills.

    surviving.py FOLDER ROUNDS                # nobody kills it; prints the steps of each round
    surviving.py FOLDER ROUNDS EVERY [torn]   # dies at every EVERY-th of the steps on stdin; prints at which

With `torn` the one transaction of a cycle is two.

In a round people ask and say what was right; a freeze and a thaw are asked for on the way; the runner looks,
and finds a cycle due. Whoever comes after a death goes on from what the ledger says, as a restarted
`autotroph run` does. Each life is a fork, so that it begins quickly.
"""

import os
import signal
import sys
from collections.abc import Collection, Sequence
from itertools import count
from pathlib import Path

import msgspec

import autotroph
from autotroph import loop
from autotroph.clock import ReplayClock, draw
from autotroph.faces.library import Product
from autotroph.records import Cycle
from autotroph.rooms import Rooms
from autotroph.store.pen import Pen
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.mortal import Mortal
from autotroph.unattended import asking
from autotroph.unattended.freezing import Freeze, Thaw
from autotroph.unattended.runner import Runner

START, ROUND, PEOPLE = 1_700_000_000.0, 6 * 3600.0, 60
FREEZES, THAWS = 1, 2
"""The rounds in which they are asked for."""

TOML = '''
[product]
name = "support"
[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "cards", "fraud"]
context = { topic = "category" }
reward = "right"
[signals]
label = { type = "text", scores = "any" }
[signals.again]
type = "boolean"
about = "session"
sql = """
SELECT session AS subject, max(at) AS at, count(*) > 1 AS value FROM moments GROUP BY session"""
[rewards.right]
value = "output = label"
horizon = "1h"
scores = "any"
[outcomes.returns]
value = "again"
horizon = "1h"
[tracks.learn]
kind = "policy"
task = "route"
every = 40
parameters = { examples = 40, refit = 80 }
[gate]
minimum = 10
[ladder]
steps = [0.5, 1.0]
floor = "2h"
minimum = 20
holdback = 0.05
margin = 0.05
[retention.classes]
standard = "36h"
[run]
every = "1m"
'''


class Stopped(ReplayClock):
    """A clock on which nothing takes any time."""

    def elapsed(self) -> float:
        return self.now()


def ask(folder: Path, number: int) -> None:
    """Somebody asks for a freeze, and two rounds later for its end."""
    beside = asking.folder_of(folder / ".autotroph" / "ledger.db")
    if number == FREEZES:
        asking.put(beside, "ask_1", Freeze(reason="holidays", by="Ada"))
    if number == THAWS:
        asking.put(beside, "ask_2", Thaw(by="Ada"))


def live(product: Product, number: int) -> None:
    """A round of people; said twice it is the same."""
    for person in range(PEOPLE * number, PEOPLE * (number + 1)):
        name = str(person)
        topic = ("billing", "cards", "fraud")[int(draw("topic", name) * 3)]
        answer = product.decide("route", {"topic": topic}, session=f"s{person // 2}", key=name)
        product.signal(answer.id, "label", topic)
    product.store.append().durable()


def round_of(product: Product, number: int) -> None:
    product.clock.advance(START + ROUND * (number + 1))
    live(product, number)
    ask(Path(product.spec.source).parent, number)


def opened(folder: Path) -> tuple[Product, Runner]:
    """The product as of when its ledger ends, as whoever restarts it has it."""
    product = autotroph.open(folder / "autotroph.toml", clock=Stopped("seven", at=START))
    ((last,),) = product.store.query("SELECT max(at) FROM decisions").rows
    product.clock.advance(max(product.rooms.last.at, last or START))
    return product, Runner(product, product.spec.run)


def cycles(product: Product) -> int:
    return (product.store.get(Cycle) or product.rooms.last).number


def life(folder: Path, rounds: int, mortal: Mortal, at: Collection[str] = ()) -> list[list[str]]:
    """Go on from wherever the last one died, so many rounds; the steps of each. In the last it may die."""
    product, runner = opened(folder)
    steps = []
    with product:
        mortal.arm(at)
        runner.look()
        for number in range(cycles(product), rounds):
            mortal.disarm()
            round_of(product, number)
            mortal.arm(at if number == rounds - 1 else ())
            runner.look()
            steps.append(mortal.crossed)
        mortal.disarm()
    return steps


def watch(mortal: Mortal) -> None:
    """Every step of a round: the parts of a cycle, what is written, what is let go, what was asked for."""
    mortal.watch(loop, "notice", "ingest", "shadow", "digest", "deploy", "optimize", "observe", "cycle")
    mortal.watch(Rooms, "begin", "append")
    mortal.watch(Pen, "begin", "write", "commit")
    mortal.watch(SqliteStore, "remove", "scrub", "set_meta")
    mortal.watch(Product, "heed", "cycle", "retain")
    mortal.watch(asking, "_take")
    mortal.watch(Path, "unlink")


def tear() -> None:
    """What must not be: the rows of a cycle, and then, in another transaction, that there was one."""
    whole = Rooms.append

    def torn(self: Rooms, *rows: object) -> None:
        parts = [rows[:-1], rows[-1:]] if rows and isinstance(rows[-1], Cycle) else [rows]
        for part in parts:
            whole(self, *part)

    Rooms.append = torn  # type: ignore[method-assign,assignment]


def killed(folder: Path, steps: Sequence[set[str]], mortal: Mortal) -> list[str]:
    """Live so many rounds, and die at each of these steps on the way; those at which it did."""
    died = []
    for number, left in enumerate(steps):
        while left and (step := forked(folder, number + 1, mortal, left)):
            left.remove(step)
            died.append(f"round {number}: {step}")
    forked(folder, len(steps), mortal, ())
    return died


def forked(folder: Path, rounds: int, mortal: Mortal, at: Collection[str]) -> str:
    """A life; where it died, empty if it did not."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        mortal.last = lambda step: os.write(writing, step.encode())
        try:
            life(folder, rounds, mortal, at)
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        step = said.read().decode()
    status = os.waitpid(child, 0)[1]
    assert status == (signal.SIGKILL if step else 0), "a life failed by itself"
    return step


def main(folder: Path, rounds: int, every: int, *, torn: bool) -> object:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "autotroph.toml").write_text(TOML, "utf-8")
    mortal = Mortal()
    watch(mortal)
    if torn:
        tear()
    if not every:
        return life(folder, rounds, mortal)
    known = msgspec.json.decode(sys.stdin.buffer.read(), type=list[list[str]])
    places = count()
    steps = [{step for step in found if next(places) % every == 0} for found in known]
    return killed(folder, steps, mortal)


if __name__ == "__main__":
    said = main(Path(sys.argv[1]), int(sys.argv[2]), int((*sys.argv, 0)[3]), torn="torn" in sys.argv)
    sys.stdout.buffer.write(msgspec.json.encode(said))
