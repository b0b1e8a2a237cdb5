"""Worlds in which the truth is known, tried by hand: how often a difference is found that is not there.

Units come by the product's own draw, decide several times each, and the base rate drifts; what their arms
show is weighed by the product's own code, looked at after every thirty units.
"""

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.clock import draw
from autotroph.deploy.comparisons import Comparisons
from autotroph.deploy.experiments import contrasts as module
from autotroph.deploy.experiments.contrasts import Contrast, Results, contrasts, results
from autotroph.deploy.experiments.journal import Experiment
from autotroph.records import Decision, Reward
from autotroph.spec import parse

ALPHA = 0.05
EACH, LOOKS, TIMES = 30, 8, 4
MINUTE = 60.0

SPEC = parse("""
[product]
name = "world"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
unit = "user"
reward = "r"
[signals]
good = { type = "boolean" }
[rewards.r]
value = "good"
horizon = "1m"
""")

MADE = Decision(
    id="", task="t", release="", epoch=0, arm="main", p_arm=0.3, options=(), option="a", unit="",
    unit_kind="user", cluster="", fold="tracks", policy="", variant="", declaration="", at=0.0,
)  # fmt: skip

Life = tuple[list[Contrast], Results]
"""What one experiment showed at each look, and all of it at the last: a harm test keeps what it found."""


class World:
    """Experiments in which `a` and `b` are the rates of the arms, and `out` that of everybody else.

    People differ much: whoever likes it once mostly likes it again. With `sticky=False` each decision is
    counted as if it were somebody else's, which takes the protection away.
    """

    def __init__(
        self, a: float, b: float, out: float = 0.5, *, drift: float = 0.0, share: float = 0.6,
        each: int = EACH, sticky: bool = True,
    ) -> None:  # fmt: skip
        self.rates, self.drift, self.sticky = {"a": a, "b": b, "": out}, drift, sticky
        self.share, self.each = share, each

    def live(self, seed: int) -> Life:
        """One experiment, look after look."""
        luck, known, now, shown = np.random.default_rng(seed), Comparisons("r"), 0.0, list[Contrast]()
        tried = Experiment(
            id=f"e{seed}", name="e", task="t", arms={"a": "ra", "b": "rb"}, same=(), share=self.share,
            metric="r", guardrails=(), margin=0.0, planned=1000, alpha=ALPHA, stops=True, at=0.0, since=1,
        )  # fmt: skip
        sequence = 1
        for look in range(LOOKS):
            for number in range(self.each):
                unit = f"u{look} {number}"
                place = draw(tried.id, unit) / tried.share
                arm = "ab"[int(place * 2)] if place < 1 else ""
                mean = float(np.clip(self.rates[arm] + self.drift * (look / LOOKS - 0.5), 0.01, 0.99))
                likes = luck.beta(0.5 * mean, 0.5 * (1.0 - mean))
                for good in luck.random(TIMES) < likes:
                    sequence += 1
                    self._decide(known, sequence, unit, arm, now, value=float(good))
            now += 3 * MINUTE
            shown += contrasts(tried, SPEC, known, now)
        return shown, results(tried, SPEC, known, now)

    def _decide(
        self, known: Comparisons, sequence: int, unit: str, arm: str, now: float, *, value: float
    ) -> None:
        counted = unit if self.sticky else f"{unit} {sequence}"
        made = replace(
            MADE, id=f"d{sequence}", sequence=sequence, unit=counted, cluster=counted, at=now,
            arm="experiment" if arm else "main", release=f"r{arm}" if arm else "main",
        )  # fmt: skip
        known.serve(made)
        known.take(made, Reward(decision=made.id, name="r", version="", value=value, final=True, at=now))

    def lives(self, runs: int, first: int = 0) -> list[Life]:
        """So many experiments."""
        return [self.live(seed) for seed in range(first, first + runs)]


def differing(lives: list[Life]) -> float:
    """The share of experiments that found a difference at any look."""
    return sum(any(one.finding in ("better", "worse") for one in shown) for shown, _ in lives) / len(lives)


def ended(lives: list[Life]) -> float:
    """The share of experiments that harm ended."""
    return sum(bool(last.harm) for _, last in lives) / len(lives)


def at_most(runs: int) -> float:
    """Three standard errors above what is allowed."""
    return ALPHA + 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


WORLDS = [World(0.5, 0.5), World(0.5, 0.5, drift=0.6)]
NAMES = ["steady", "drifting"]


class TestNoDifference:
    @pytest.mark.parametrize("world", WORLDS, ids=NAMES)
    def test_is_found_and_ends_an_experiment_no_more_often_than_alpha(self, world):
        lives = world.lives(20)
        assert differing(lives) <= at_most(20)
        assert ended(lives) <= at_most(20)

    @pytest.mark.slow
    @pytest.mark.parametrize("world", [*WORLDS, World(0.05, 0.05, 0.05)], ids=[*NAMES, "rare"])
    def test_is_found_no_more_often_than_alpha_in_many_runs(self, world):
        lives = world.lives(600, first=5000)
        assert differing(lives) <= at_most(600)
        assert ended(lives) <= at_most(600)

    def test_would_be_found_by_counting_each_decision_of_a_person(self):
        assert differing(World(0.5, 0.5, sticky=False).lives(20)) > at_most(20)


class TestASmallShareWhileTheBaseRateFalls:
    WORLD = World(0.5, 0.5, drift=-0.9, share=0.2, each=120)

    def test_is_no_harm(self):
        assert ended(self.WORLD.lives(10)) <= at_most(10)

    def test_would_be_by_comparing_everybody_in_the_order_in_which_they_came(self, monkeypatch):
        monkeypatch.setattr(module, "partners", lambda served, *_: served)
        assert ended(self.WORLD.lives(5)) == 1.0


class TestADifference:
    def test_is_found_in_most_experiments_and_the_right_way_round(self):
        found = [last for _, last in World(0.25, 0.8, 0.25).lives(15)]
        assert sum(one.better == ("b",) for one in found) >= 12
        assert not any(one.contrasts[0].finding == "worse" for one in found)

    def test_that_harms_ends_most_experiments(self):
        assert ended(World(0.85, 0.15, 0.85).lives(12)) >= 0.8

    def test_between_arms_that_are_both_worse_than_what_serves_ends_them_too(self):
        lives = World(0.15, 0.15, 0.85).lives(12)
        assert ended(lives) >= 0.8
        assert differing(lives) <= at_most(12)
