"""A product with 2,000 decisions a day and 8 % feedback: how long the ladder takes, and what was foretold.

The ladder is the real one: board, desk and judge, once a day or in four, with the default steps from one in a
hundred people on. Decisions that nobody says anything about are left out: they are in neither arm.
"""

import numpy as np
import pytest
from test_ladder_worlds import World

from autotroph.deploy.board import Board
from autotroph.deploy.cohorts import cohort
from autotroph.plan.forecasting import Forecast, Kind, Reward, Terms, forecast
from autotroph.plan.traffic import Flow
from autotroph.records import Verdict
from autotroph.spec import Spec, parse

DAY = 86_400.0
DECISIONS, FEEDBACK = 2000, 0.08
BASE = 0.3
SAME = 0.5
"""Share of the decisions on which both answer from one draw, where they answer the same ones."""

SPEC = """
[product]
name = "world"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
unit = "user"
reward = "r"
[signals]
good = { type = "boolean", scores = "any" }
[rewards.r]
value = "good"
horizon = "1h"
scores = "SCORES"
[gate]
alpha = 0.05
[ladder]
steps = STEPS
floor = "1d"
patience = "730d"
minimum = 30
holdback = 0.0
margin = 0.02
"""


WHOLE = (0.01, 0.1, 0.25, 0.5, 1.0)


def declared(kind: Kind, steps: tuple[float, ...]) -> Spec:
    scores = "any" if kind == "paired" else "served"
    return parse(SPEC.replace("SCORES", scores).replace("STEPS", str(list(steps))))


class Product(World):
    """A candidate that is really better by `effect`, until it serves everybody."""

    def __init__(self, effect: float, spec: Spec, every: int = 1) -> None:
        super().__init__(lambda *_: (0.0, 0.0))
        self.effect, self.spec, self.every = effect, spec, every

    def days(self, seed: int, most: int = 400) -> float:
        """Until it is promoted; infinite where it is not."""
        self.luck, self.sequence, self.now = np.random.default_rng(seed), 0, 0.0
        self.desk = self._desk()
        for day in range(1, most):
            self._use(day)
            self.now = day * DAY
            for row in self._judged() if day % self.every == 0 else ():
                if isinstance(row, Verdict) and row.finding in ("promoted", "rolled back", "refused"):
                    return day if row.finding == "promoted" else np.inf
        return np.inf

    def _use(self, cycle: int) -> None:
        standing = self.desk.standing
        (candidate,) = standing.open
        count = self.luck.binomial(DECISIONS, FEEDBACK)
        for number, at in enumerate(np.sort(self.luck.random(count))):
            self.now = (cycle - 1 + float(at)) * DAY
            arm = cohort(f"user {cycle} {number}", "salt", standing, 0.0)
            lucks = self.luck.random(2)
            second = lucks[0] if self.desk.paired and self.luck.random() < SAME else lucks[1]
            worth = float(lucks[0] < BASE), float(second < BASE + self.effect)
            self._decide(
                f"d {cycle} {number}", f"user {cycle} {number}", arm.arm, (standing.main, candidate), worth
            )


def foretold(kind: Kind, effect: float, spec: Spec, every: int = 1) -> Forecast:
    """What `plan` says of it."""
    variance, better = BASE * (1 - BASE), (BASE + effect) * (1 - BASE - effect)
    together = SAME * (BASE - BASE * (BASE + effect))
    alike = 1 - (variance + better - 2 * together) / (2 * variance)
    terms = Terms(
        steps=spec.ladder.steps,
        floor=spec.ladder.floor / DAY,
        patience=spec.ladder.patience / DAY,
        minimum=spec.ladder.minimum,
        horizon=1 / 24,
        margin=spec.ladder.margin,
        alpha=Board("t", spec.gate.alpha).grant(),
        level=spec.gate.alpha,
        cycle=float(every),
    )
    flow = Flow(days=28.0, units=DECISIONS, decisions=1.0, feedback=FEEDBACK)
    return forecast(kind, flow, Reward(mean=BASE, variance=variance, width=1.0, alike=alike), effect, terms)


def lived(world: Product, runs: int) -> float:
    """The median of real ladders, in days."""
    return float(np.median([world.days(seed) for seed in range(runs)]))


@pytest.mark.parametrize("kind", ["split", "paired"])
def test_a_candidate_that_is_much_better_takes_as_long_as_foretold(kind: Kind) -> None:
    spec = declared(kind, WHOLE[1:])
    took, found = lived(Product(0.12, spec), 5), foretold(kind, 0.12, spec)
    assert found.days is not None
    assert 0.7 * took <= found.days <= 1.3 * took


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "every"), [("split", 4), ("paired", 1)])
def test_ten_per_cent_better_takes_as_long_as_foretold(kind: Kind, every: int) -> None:
    spec, effect = declared(kind, WHOLE), 0.1 * BASE
    took, found = lived(Product(effect, spec, every), 15), foretold(kind, effect, spec, every)
    assert found.days is not None
    assert 0.7 * took <= found.days <= 1.3 * took
