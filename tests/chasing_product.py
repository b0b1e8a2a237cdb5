"""A reply product with a past: candidates that people met, what they did, and what the business got of it.

Gate, ladder, arms, rewards and the ledger are the product's own; what people do is drawn. Each candidate
moves how often replies are accepted, which is the reward, and how often people return, which is the outcome,
as its kind of history says. The audit sample, a tenth, is looked at by an annotator, who judges as the
outcome does.
"""

from pathlib import Path
from typing import Literal

import numpy as np

import autotroph
from autotroph.clock import ReplayClock
from autotroph.faces.library import Product
from autotroph.observe.sampling import draw_of
from autotroph.records import Proposal, Reward
from autotroph.spec import First
from autotroph.store import Store

Kind = Literal["valid", "useless", "gamed"]

START = 1_700_000_000.0
HOUR = 3600.0

TOML = """
[product]
name = "support"
[tasks.reply]
kind = "text"
unit = "user"
reward = "useful"
[signals]
accepted = { type = "boolean" }
returned = { type = "boolean" }
good = { type = "boolean" }
[rewards.useful]
value = "accepted"
horizon = "1h"
silent = { accepted = false }
[outcomes.retained]
value = "returned"
[gate]
margin = 1.0
minimum = 1
audit = 0.1
[ladder]
steps = [0.5, 1.0]
floor = "1h"
holdback = 0.0
"""

WORDS = ("thank", "you", "for", "writing", "to", "us", "your", "order", "is", "on", "its", "way")


class History:
    """Lives through experiments, one after the other, in a folder.

    Args:
        folder: where the declaration and the ledger are.
        kind: of the reward: what moves it moves the outcome, something else, or the wrong way.
        seed: of everything that is drawn.
        users: how many people meet each candidate and its control, together.
    """

    def __init__(self, folder: Path, kind: Kind, *, seed: int = 7, users: int = 200) -> None:
        self.folder, self.kind, self.users = folder, kind, users
        self.luck = np.random.default_rng(seed)
        self.levels: dict[str, tuple[float, float]] = {}
        (folder / "autotroph.toml").write_text(TOML, "utf-8")

    def opened(self) -> Product:
        """The product, to be closed by the caller."""
        return autotroph.open(self.folder / "autotroph.toml", clock=ReplayClock("seven", at=START))

    def live(self, experiments: int = 12) -> None:
        """Open the product, and take so many candidates to people and away again."""
        with self.opened() as product:
            for number in range(experiments):
                self._experiment(product, f"idea {number + 1}")
            outcomes(product.store)

    def _experiment(self, product: Product, name: str) -> None:
        self._use(product, f"{name} before", 20)
        self._pass(product)
        product.propose("reply", name, policy=First())
        self._pass(product)
        desk = product.rooms.desks["reply"]
        canary = desk.standing.canary
        assert canary is not None, "the gate let it through"
        main = desk.standing.main.release
        reward, outcome = self.levels.setdefault(main.id, (0.45, 0.45))
        more = self._effect()
        self.levels[canary.release.id] = (_chance(reward + more[0]), _chance(outcome + more[1]))
        self._use(product, name, self.users)
        self._pass(product)
        if desk.standing.canary is not None:
            product.rollback("reply", to=main.id)
            self._pass(product)

    def _effect(self) -> tuple[float, float]:
        """What a candidate moves: reward and outcome."""
        drawn = float(self.luck.normal(0.0, 0.2))
        match self.kind:
            case "valid":
                return drawn, 0.8 * drawn
            case "useless":
                return drawn, float(self.luck.normal(0.0, 0.2))
            case "gamed":
                return abs(drawn), -0.5 * abs(drawn)

    def _use(self, product: Product, name: str, users: int) -> None:
        for number in range(users):
            product.clock.advance(product.clock.now() + HOUR / 600)
            self._ask(product, f"{name} {number}")

    def _ask(self, product: Product, user: str) -> None:
        length = int(self.luck.integers(5, 60))
        text = " ".join(self.luck.choice(WORDS, length)) + "!" * int(self.luck.integers(0, 4))
        answer = product.decide(
            "reply", {"text": "where is it?"}, user=user, options=(Proposal("one", text),)
        )
        if answer.option != "one":
            return
        reward, outcome = self.levels.get(answer.decision.release, (0.45, 0.45))
        if self.kind == "gamed":
            reward += 0.5 * (length - 32) / 55
        mood, other = self.luck.random(2)
        shared = mood if self.luck.random() < 0.5 else other
        if mood < reward:
            product.signal(answer.id, "accepted", True)
        product.signal(answer.id, "returned", bool(shared < outcome), source="outcome")
        if draw_of(product.store, product.spec)(answer.id):
            product.signal(answer.id, "good", bool(shared < outcome), source="annotator")

    def _pass(self, product: Product) -> None:
        product.clock.advance(product.clock.now() + 3 * HOUR)
        product.cycle()


def _chance(level: float) -> float:
    return min(max(level, 0.1), 0.9)


def outcomes(store: Store) -> None:
    """Values of the outcome, where the loop has not digested them itself."""
    if store.get(Reward, name="retained") is not None:
        return
    found = store.query(
        "SELECT subject, value_number, at FROM signals WHERE name = 'returned' ORDER BY sequence"
    )
    rows = [
        Reward(decision=str(of), name="retained", version="v1", value=float(value), final=True, at=float(at))  # type: ignore[arg-type]
        for of, value, at in found.rows
    ]
    for start in range(0, len(rows), 500):
        store.append(*rows[start : start + 500]).durable()
