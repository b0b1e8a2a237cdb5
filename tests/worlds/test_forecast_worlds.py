"""A product with 2,000 decisions a day and 8 % feedback: how long the ladder takes, and what was foretold.

The ladder is the real one: board, desk and judge, once a day, with the default steps from one in a hundred
people on. Decisions that nobody says anything about are left out: they are in neither arm.
"""

import numpy as np
import pytest
from test_ladder_worlds import World

from autotroph.deploy.board import Board
from autotroph.deploy.cohorts import cohort
from autotroph.deploy.guards import REWARD
from autotroph.plan.forecasting import Forecast, Kind, Reward, Terms, forecast
from autotroph.plan.traffic import Flow
from autotroph.records import Verdict
from autotroph.spec import Spec, parse
from autotroph.stats.betting import begin, log_target, update

DAY = 86_400.0
DECISIONS, FEEDBACK = 2000, 0.08
BASE = 0.3
ALPHA, MARGIN = 0.05, 0.02
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
    """A candidate that is really better by `effect`, until it serves everybody.

    The desk is asked on the days on which it may move something. Its proofs are bets whose wealth is followed
    here from day to day, on whatever is in, ripe or not: before that is enough, the desk cannot have enough.
    """

    def __init__(self, effect: float, spec: Spec) -> None:
        super().__init__(lambda *_: (0.0, 0.0))
        self.effect, self.spec = effect, spec

    def days(self, seed: int, most: int = 700, *, ask: bool = False) -> float:
        """Until it is promoted; infinite where it is not. The desk is asked every day if `ask`."""
        self.luck, self.sequence, self.now = np.random.default_rng(seed), 0, 0.0
        self.desk, self.share = self._desk(), -1.0
        for day in range(1, most):
            self._use(day)
            self.now = day * DAY
            for row in self._judged() if ask or self._may_move() else ():
                if isinstance(row, Verdict) and row.finding in ("promoted", "rolled back", "refused"):
                    return day if row.finding == "promoted" else np.inf
        return np.inf

    def _may_move(self) -> bool:
        (live,) = self.desk.standing.open
        need = "climb" if live.stage.name == "canary" else "prove"
        rule, harm = self.desk.rule(need, live, self.now), log_target(ALPHA * REWARD)
        proven = self.better.rejects(self.desk.board.alpha_of(live.release.candidate))
        if need == "climb" and rule.proof != "better":
            proven = rule.proof == "none" or self.no_worse.rejects(ALPHA)
        return proven or self.harm.peak_log_e >= harm

    def _use(self, cycle: int) -> None:
        standing = self.desk.standing
        (candidate,) = standing.open
        if candidate.stage.share != self.share:  # every stage begins anew
            self.share, self.arms = candidate.stage.share, ([], [])
            self.better, self.no_worse, self.harm = begin(1.0), begin(1.0, -MARGIN), begin(1.0, MARGIN)
        lives, found = (standing.main, candidate), []
        for number, at in enumerate(np.sort(self.luck.random(self.luck.binomial(DECISIONS, FEEDBACK)))):
            self.now = (cycle - 1 + float(at)) * DAY
            user = f"user {cycle} {number}"
            arm = cohort(user, "salt", standing, 0.0).arm
            worth = self._worth()
            self._decide(f"d {cycle} {number}", user, arm, lives, worth)
            if self.desk.paired:
                found += [worth[1] - worth[0]] if candidate.stage.name == "shadow" else []
            elif arm != "main":
                self.arms[arm == "control"].append(worth[arm == "candidate"])
        self._follow(found)

    def _worth(self) -> tuple[float, float]:
        lucks = self.luck.random(2)
        second = lucks[0] if self.desk.paired and self.luck.random() < SAME else lucks[1]
        return float(lucks[0] < BASE), float(second < BASE + self.effect)

    def _follow(self, found: list[float]) -> None:
        ours, theirs = self.arms
        pairs = min(len(ours), len(theirs))
        found += [mine - other for mine, other in zip(ours[:pairs], theirs[:pairs], strict=True)]
        self.arms = ours[pairs:], theirs[pairs:]
        self.better, self.no_worse = update(self.better, found), update(self.no_worse, found)
        self.harm = update(self.harm, [-one for one in found])


def foretold(kind: Kind, effect: float, spec: Spec) -> Forecast:
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
        cycle=1.0,
    )
    flow = Flow(days=28.0, units=DECISIONS, decisions=1.0, feedback=FEEDBACK)
    return forecast(kind, flow, Reward(mean=BASE, variance=variance, width=1.0, alike=alike), effect, terms)


def lived(world: Product, runs: int) -> float:
    """The median of real ladders, in days."""
    return float(np.median([world.days(seed) for seed in range(runs)]))


@pytest.mark.parametrize("kind", ["split", "paired"])
def test_asking_the_desk_every_day_comes_to_the_same(kind: Kind) -> None:
    world = Product(0.15, declared(kind, (0.25, 0.5, 1.0)))
    assert [world.days(seed) for seed in range(2)] == [world.days(seed, ask=True) for seed in range(2)]


@pytest.mark.parametrize("kind", ["split", "paired"])
def test_a_candidate_that_is_much_better_takes_as_long_as_foretold(kind: Kind) -> None:
    spec = declared(kind, WHOLE[1:])
    took, found = lived(Product(0.12, spec), 9), foretold(kind, 0.12, spec)
    assert found.days is not None
    assert 0.7 * took <= found.days <= 1.3 * took


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["split", "paired"])
def test_ten_per_cent_better_takes_as_long_as_foretold(kind: Kind) -> None:
    spec, effect = declared(kind, WHOLE), 0.1 * BASE
    took, found = lived(Product(effect, spec), 60), foretold(kind, effect, spec)
    assert found.days is not None
    assert 0.7 * took <= found.days <= 1.3 * took
