"""A small product that finishes people's words, with typists of known skill: real ledger, real loop."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import autotroph
from autotroph.clock import ReplayClock, draw
from autotroph.faces.library import Product
from autotroph.records import Decision, Proposal, Verdict
from autotroph.spec import Longest

START = 1_700_000_000.0
MINUTE = 60.0

TOML = """
[product]
name = "typing"
[models.typists]
kind = "local"
[models.disk]
kind = "local"
[tasks.finish]
kind = "text"
unit = "decision"
reward = "kept"
policy = { kind = "longest", variant = "fair" }
[tasks.finish.variants]
poor = { model = "typists" }
fair = { model = "typists" }
fine = { model = "typists" }
best = { model = "typists" }
[tasks.finish.baselines]
naive = { kind = "longest", variant = "poor" }
[signals]
written = { type = "text", scores = "any" }
lesson = { type = "text", about = "session", scores = "any" }
[rewards.kept]
value = "kept(written) / 4"
range = [0.0, 1.0]
horizon = "1m"
scores = "any"
[gate]
fold = 0.2
minimum = 10
[ladder]
steps = [0.5, 1.0]
floor = "2m"
minimum = 20
holdback = 0.1
explore = 0.0
margin = 0.02
"""

SKILL = {"poor": 0.15, "fair": 0.45, "fine": 0.75, "best": 0.98}
"""How often each typist knows the word."""


def word(number: int) -> str:
    """What the person goes on to write, four letters."""
    return "".join("abcdefghijklmnop"[number >> shift & 15] for shift in (12, 8, 4, 0))


class Typists:
    """Proposes one word a typist; each knows its share of the words, the same ones every time."""

    def __init__(self, skill: Mapping[str, float] = SKILL) -> None:
        self.skill = dict(skill)

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        number = int(inputs["number"])
        return [self._typed(name, skill, number) for name, skill in self.skill.items()]

    def _typed(self, name: str, skill: float, number: int) -> Proposal:
        luck = draw("typist", name, str(number))
        features = {"luck": draw("noise", name, str(number)), "sure": luck < skill and 0.5 + luck / 4}
        return Proposal(f"{name}:word", word(number) if luck < skill else "zzzz", features)


class Disk:
    """Reads what was written by now: brilliant afterwards, wrong while somebody still types."""

    def __init__(self) -> None:
        self.written: dict[int, str] = {}

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        return [Proposal("peek:word", self.written.get(int(inputs["number"]), "zzzz"))]


class Pupil:
    """Knows the words that it was taught."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self.known = known

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        right = word(int(inputs["number"]))
        return [Proposal("fair:word", right if right in self.known else "zzzz")]

    def fresh(self) -> "Pupil":
        return Pupil()

    def frozen(self) -> "Pupil":
        return Pupil(self.known)

    def learn(self, text: str) -> None:
        self.known |= {text}


def opened(folder: Path, toml: str = TOML, **models: Any) -> Product:
    """The product on the ledger in a folder; its clock goes on where the ledger ends."""
    path = folder / "autotroph.toml"
    path.write_text(toml, encoding="utf-8")
    given = {"typists": Typists(), "disk": Disk(), **models}
    product = autotroph.open(path, models=given, clock=ReplayClock("typing", at=START))
    product.clock.advance(product.rooms.last.at)
    return product


def use(product: Product, numbers: range, disk: Disk | None = None) -> None:
    """People ask, write on, and a few minutes pass."""
    answers = [product.decide("finish", {"number": n}, session=f"s{n}", key=str(n)) for n in numbers]
    for number, answer in zip(numbers, answers, strict=True):
        product.signal(answer.id, "written", word(number))
        if disk is not None:
            disk.written[number] = word(number)
    product.clock.advance(product.clock.now() + 3 * MINUTE)


def rounds(product: Product, count: int, each: int = 60, disk: Disk | None = None) -> None:
    """Use and cycle, so many times; words never repeat."""
    for _ in range(count):
        start = sum(1 for _ in product.store.scan(Decision, served=True, texts=False))
        use(product, range(start, start + each), disk)
        product.cycle()


def findings(product: Product, name: str) -> list[str]:
    """What was found about the candidates of a name, in order: "not yet" left out, repeated ones once."""
    candidates = {one.id for one in board(product).candidates.values() if one.name == name}
    found = [row.finding for row in product.store.scan(Verdict) if row.candidate in candidates]
    moved = [one for one in found if one not in ("undecided", "hold")]
    return [one for place, one in enumerate(moved) if place == 0 or moved[place - 1] != one]


def board(product: Product) -> Any:
    return product.rooms.desks["finish"].board


def serving(product: Product) -> str:
    """The name of the release that serves."""
    return str(product.rooms.desks["finish"].standing.main.release.name)


def by(variant: str) -> Longest:
    """The policy of always taking one typist's word."""
    return Longest(variant=variant)
