"""Worlds in which the truth is known, lived through on the ladder: who is promoted, and how often wrongly.

The board, the desk and the judge are the product's own; what people do is drawn. Every candidate is let
through the gate, which is the harder case: what the gate refuses nobody can promote. Each run looks at the
evidence after every 40 units, so that a test which may be looked at only once fails here.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.deploy import desk as desks
from autotroph.deploy import weighing
from autotroph.deploy.cohorts import cohort
from autotroph.deploy.desk import Desk
from autotroph.deploy.evidence import Evidence
from autotroph.deploy.judge import Rule, judge
from autotroph.deploy.models import ModelPool
from autotroph.deploy.releases import declared, released, staged
from autotroph.deploy.serving import Serving
from autotroph.policy.documents import freeze
from autotroph.records import Body, Candidate, Decision, Interaction, Proposal, Record, Reward, Verdict
from autotroph.spec import First, parse

ALPHA = 0.05
EACH = 40
CYCLES = 12

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
horizon = "1m"
scores = "SCORES"
[gate]
alpha = 0.05
[ladder]
steps = [0.5, 1.0]
floor = "2m"
minimum = 30
holdback = 0.0
margin = 0.02
"""

Draw = Callable[[np.random.Generator, bool], tuple[float, float]]
"""What the incumbent's and the candidate's answer are worth; the flag: people see the candidate's."""


def coins(ours: float, theirs: float, live: float | None = None) -> Draw:
    """Rewards of 0 or 1; the candidate's mean is `ours`, and `live` in front of people."""

    def draw(luck: np.random.Generator, shown: bool) -> tuple[float, float]:
        mean = live if live is not None and shown else ours
        return float(luck.random() < theirs), float(luck.random() < mean)

    return draw


class World:
    """One candidate's life: `units` a cycle, each of them deciding `times`; counted by `unit`, or wrongly."""

    def __init__(self, draw: Draw, *, scores: str = "any", times: int = 1, sticky: bool = True) -> None:
        self.draw, self.times, self.sticky = draw, times, sticky
        self.spec = parse(SPEC.replace("SCORES", scores))

    def live(self, seed: int) -> str:
        """The last finding about the candidate."""
        self.luck, self.sequence, self.now = np.random.default_rng(seed), 0, 0.0
        self.desk = self._desk()
        for cycle in range(CYCLES):
            self._use(cycle)
            self.now += 180.0
            for row in self._judged():
                if isinstance(row, Verdict) and row.finding in ("promoted", "rolled back", "refused"):
                    return row.finding
        return "undecided"

    def _judged(self) -> list[Record]:
        rows = self.desk.judge((), _nothing, self.now)
        self._apply(*rows)
        return rows

    def _desk(self) -> Desk:
        policy = freeze(First())
        serving = Serving(ModelPool({}, lambda *_: ()), lambda _: First(), "salt")
        self.desk = Desk("t", self.spec, serving)
        body = Body(kind="choice", variants={}, policy=policy.digest)
        zero = declared("t", "release 0", body, 0.0)
        made = Candidate(
            id=f"c{self.luck.integers(1 << 40)}", task="t", name="c", track="person", parent=zero.id,
            body=replace(body, policy="other"), snapshot="", at=0.0,
        )  # fmt: skip
        self._apply(zero, staged(zero, "serving", 1.0, 0, 0.0), made)
        through = Verdict(
            id="v", task="t", candidate=made.id, judge="gate", finding="advance", reason="", evidence={},
            alpha=self.desk.board.grant(), at=0.0,
        )  # fmt: skip
        first = staged(released(made, "v"), "shadow", 0.0, 0, 0.0)
        if not self.desk.paired:
            first = replace(first, name="canary", share=self.spec.ladder.steps[0])
        self._apply(through, released(made, "v"), first)
        return self.desk

    def _apply(self, *rows: Record) -> None:
        for row in rows:
            self.sequence += 1
            self.desk.board.apply(replace(row, sequence=self.sequence))

    def _use(self, cycle: int) -> None:
        standing = self.desk.standing
        (candidate,) = standing.open
        for number in range(EACH):
            user = f"user {cycle} {number}"
            arm = cohort(user, "salt", standing, 0.0)
            worth = self.draw(self.luck, arm.arm == "candidate")
            for time in range(self.times):
                if not self.sticky:
                    worth = self.draw(self.luck, arm.arm == "candidate")
                self._decide(f"{user} {time}", user, arm.arm, (standing.main, candidate), worth)

    def _decide(self, id_: str, user: str, arm: Any, lives: Any, worth: tuple[float, float]) -> None:
        self.sequence += 1
        served, other = lives if arm != "candidate" else lives[::-1]
        decision = Decision(
            sequence=self.sequence, id=id_, task="t", release=served.release.id, epoch=0, arm=arm, p_arm=0.5,
            options=(), option="a", unit=user, unit_kind="user", cluster=user, fold="tracks", policy="",
            variant="", declaration="", at=self.now,
        )  # fmt: skip
        self.desk.comparisons.serve(decision)
        value = dict(zip((lives[0].release.id, lives[1].release.id), worth, strict=True))
        self._rewarded(decision, value[served.release.id])
        if self.desk.paired:
            shadow = replace(
                decision, release=other.release.id, served=False, shadows=id_, id=f"{id_} shadow"
            )
            self._rewarded(shadow, value[other.release.id])

    def _rewarded(self, decision: Decision, value: float) -> None:
        reward = Reward(decision=decision.id, name="r", version="", value=value, final=True, at=self.now)
        self.desk.comparisons.take(decision, reward)


def _nothing(_interaction: Interaction, _answer: Proposal) -> float | None:
    return None


def share(world: World, finding: str, runs: int, first: int = 0) -> float:
    return sum(world.live(seed) == finding for seed in range(first, first + runs)) / runs


def at_most(alpha: float, runs: int) -> float:
    """Three standard errors above what is allowed."""
    return alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5


SAME = coins(0.5, 0.5)
PAIRED, SPLIT = World(SAME), World(SAME, scores="served")
STICKY = partial(World, coins(0.5, 0.5), times=6)


class TestNoBetter:
    @pytest.mark.parametrize("world", [PAIRED, SPLIT, STICKY()], ids=["paired", "split", "sticky"])
    def test_is_promoted_no_more_often_than_alpha(self, world):
        assert share(world, "promoted", 25) <= at_most(ALPHA, 25)

    @pytest.mark.slow
    @pytest.mark.parametrize("world", [PAIRED, SPLIT, STICKY()], ids=["paired", "split", "sticky"])
    def test_is_promoted_no_more_often_than_alpha_in_many_runs(self, world):
        assert share(world, "promoted", 400, first=10_000) <= at_most(ALPHA, 400)


class TestBetterAndWorse:
    def test_a_better_one_is_promoted_in_most_runs(self):
        assert share(World(coins(0.75, 0.5)), "promoted", 25) >= 0.8

    def test_a_much_better_one_is_promoted_where_only_served_answers_are_scored(self):
        assert share(World(coins(0.85, 0.4), scores="served"), "promoted", 20) >= 0.8

    @pytest.mark.parametrize("scores", ["any", "served"])
    def test_a_worse_one_is_promoted_in_none(self, scores):
        assert share(World(coins(0.4, 0.5), scores=scores), "promoted", 15) == 0.0

    def test_a_much_worse_one_is_rolled_back(self):
        assert share(World(coins(0.1, 0.7), scores="served"), "rolled back", 20) == 1.0

    def test_one_that_only_shines_in_shadow_is_rolled_back_in_all(self):
        assert share(World(coins(0.9, 0.5, live=0.2)), "rolled back", 25) == 1.0


class TestWithoutTheProtection:
    """The same worlds break what is promised as soon as it is taken away, so the tests above can fail."""

    def test_judging_by_the_plain_mean_promotes_what_is_no_better(self, monkeypatch):
        monkeypatch.setattr(desks, "judge", _by_the_mean)
        assert share(PAIRED, "promoted", 15) > 0.5

    def test_counting_each_decision_of_a_sticky_user_decides_what_is_undecided(self, monkeypatch):
        assert share(STICKY(), "undecided", 15) >= 0.8
        monkeypatch.setattr(weighing, "weigh", _each_decision)
        assert share(STICKY(), "undecided", 15) <= 0.5

    def test_without_the_skew_test_what_shines_in_shadow_is_promoted(self, monkeypatch):
        monkeypatch.setattr(weighing, "held_to", lambda evidence, *_: evidence)
        slightly = World(coins(0.8, 0.5, live=0.49))
        assert share(slightly, "promoted", 20) > 0.2


def _by_the_mean(evidence: Evidence, rule: Rule) -> Verdict:
    sure = 100.0 if evidence.mean > 0 else 0.0
    return judge(replace(evidence, better=sure, no_worse=sure), rule)


_WEIGH = weighing.weigh


def _each_decision(candidate: Candidate, differences: Any, *given: Any, **named: Any) -> Evidence:
    alone = [replace(one, unit=f"{one.unit} {place}") for place, one in enumerate(differences)]
    return _WEIGH(candidate, alone, *given, **named)
