"""Worlds in which a candidate must not come through: what it hurts, and who steers it, is known.

The judge, the bets on guards and the certificate are the product's own; people come in pairs of units, one of
the candidate's arm and one of the control's. Every world is looked at again after each `LOOK` pairs.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from autotroph.deploy.evidence import LEVEL, Evidence, Guard, Survives
from autotroph.deploy.guards import DECLARED, RATIO_ALPHA, SEGMENTS, Watched, bet
from autotroph.deploy.judge import Rule, judge
from autotroph.stats import ratio
from autotroph.stats.alpha import share
from autotroph.stats.betting import begin, update
from autotroph.stats.certificate import certificate
from autotroph.stats.confidence import mean_lower

ALPHA, PAIRS, LOOK = 0.05, 10_000, 500
LAST = Rule(
    judge="ladder",
    need="climb",
    margin=0.02,
    level=ALPHA,
    minimum=30,
    last=True,
    guarded=True,
    proof="better",
)

Array = NDArray[np.float64]
Guards = Callable[[int], tuple[Guard, ...]]
"""What vetoes after so many pairs."""


def coins(luck: np.random.Generator, ours: float, theirs: float, pairs: int = PAIRS) -> Array:
    """Differences of 0/1 values between the two of each pair."""
    return (luck.random(pairs) < ours).astype(float) - (luck.random(pairs) < theirs)


def nothing(_: int) -> tuple[Guard, ...]:
    return ()


def found(reward: Array, guards: Guards = nothing, rule: Rule = LAST, active: int = 0) -> str:
    """The first finding that ends it, or what it came to."""
    finding = "undecided"
    for n in range(LOOK, len(reward) + 1, LOOK):
        finding = judge(evidence(reward[:n], guards(n), active), rule).finding
        if finding in ("promoted", "rolled back"):
            break
    return finding


def evidence(reward: Array, guards: tuple[Guard, ...] = (), active: int = 0) -> Evidence:
    better, margin = update(begin(1.0), reward), LAST.margin
    low = mean_lower(reward, LEVEL / 2, -1.0, 1.0)
    survived = certificate(low, 0.0, len(reward))
    return Evidence(
        task="t", candidate="c", kind="split", since=0, at=0.0, decisions=len(reward), units=len(reward),
        mean=better.mean, low=low, high=1.0, better=better.peak_log_e,
        no_worse=update(begin(1.0, -margin), reward).peak_log_e,
        harm=update(begin(1.0, margin), -reward).peak_log_e,
        alpha=ALPHA * share(1), more=None, guards=guards, active=active,
        survives=Survives(survived.share, survived.count),
    )  # fmt: skip


def shares(worlds: Iterator[str]) -> dict[str, float]:
    seen = list(worlds)
    return {finding: seen.count(finding) / len(seen) for finding in ("promoted", "rolled back", "undecided")}


def at_most(alpha: float, runs: int) -> float:
    return alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5


RUNS = [pytest.param(8, id="8"), pytest.param(200, id="200", marks=pytest.mark.slow)]


class TestAGuardrailThreePointsWorse:
    """+10 points of reward, and 3 points more of what a guardrail forbids, in 20,000 decisions."""

    MARGIN = 0.01

    def world(self, seed: int, *, averaged: bool = False) -> str:
        luck = np.random.default_rng(seed)
        reward, angry = coins(luck, 0.4, 0.3), coins(luck, 0.13, 0.10)
        if averaged:
            return found((reward - angry) / 2)
        watched = Watched("angry", lambda _: None, 0.0, self.MARGIN, (0.0, 1.0), required=True)
        return found(reward, lambda n: (bet(watched, angry[:n].tolist(), 1.0, ALPHA * DECLARED),))

    @pytest.mark.parametrize("runs", RUNS)
    def test_is_promoted_in_none(self, runs):
        assert shares(self.world(seed) for seed in range(runs))["promoted"] == 0.0

    def test_averaged_into_the_reward_it_would_be_in_all(self):
        assert shares(self.world(seed, averaged=True) for seed in range(5))["promoted"] == 1.0


class TestASegmentOfTwoInAHundred:
    """30 points worse for 2 % of the people, better for the rest."""

    def world(self, seed: int, *, apart: bool = True) -> str:
        luck = np.random.default_rng(1000 + seed)
        reward = coins(luck, 0.62, 0.5)
        few = coins(luck, 0.2, 0.5, PAIRS // 50)
        reward[:: PAIRS // len(few)] = few
        watched = Watched("few", lambda _: None, 0.0, LAST.margin, (0.0, 1.0), higher=True)
        slow = replace(LAST, waited=False)

        def guards(n: int) -> tuple[Guard, ...]:
            return (bet(watched, few[: n // 50].tolist(), 1.0, ALPHA * SEGMENTS * share(1)),)

        return found(reward, guards if apart else nothing, slow if apart else LAST)

    @pytest.mark.parametrize("runs", RUNS)
    def test_is_found_where_segments_are_looked_at_apart(self, runs):
        assert shares(self.world(seed) for seed in range(runs))["rolled back"] >= (0.9 if runs > 50 else 0.75)

    def test_all_together_nobody_would_see_it(self):
        assert shares(self.world(seed, apart=False) for seed in range(5))["promoted"] == 1.0


class TestSampleRatio:
    def alarmed(self, seed: int, ours: float, units: int = 20_000) -> bool:
        drawn = np.random.default_rng(seed).random(units) < ours
        test = ratio.begin([0.5, 0.5])
        for look in np.split(drawn, range(200, units, 200)):
            test = ratio.update(test, [int(look.sum()), int((~look).sum())])
        return test.rejects(RATIO_ALPHA)

    @pytest.mark.parametrize("runs", [pytest.param(20), pytest.param(300, marks=pytest.mark.slow)])
    def test_two_points_too_many_are_found(self, runs):
        assert sum(self.alarmed(seed, 0.52) for seed in range(runs)) / runs >= 0.9

    @pytest.mark.parametrize("runs", [pytest.param(60), pytest.param(3000, marks=pytest.mark.slow)])
    def test_fair_arms_hardly_ever_are(self, runs):
        assert sum(self.alarmed(7000 + seed, 0.5) for seed in range(runs)) / runs <= at_most(0.001, runs)


class TestLiars:
    """4,000 users, a variant that is 2 points worse, and half a percent who vote 50 times for it.

    That half a percent may lie is declared, so that a promotion has to survive it.
    """

    RULE = replace(LAST, liars=0.005)

    def votes(self, seed: int) -> tuple[Array, Array]:
        luck = np.random.default_rng(50 + seed)
        lies = luck.random(2 * 2000) < 0.005
        liked = luck.random(2 * 2000) < np.repeat([0.48, 0.5], 2000)
        liked[:2000] |= lies[:2000]
        liked[2000:] &= ~lies[2000:]
        return liked.astype(float), np.where(lies, 50, 1)

    def world(self, seed: int, *, events: bool = False) -> str:
        liked, times = self.votes(seed)
        if not events:
            return found(liked[:2000] - liked[2000:], rule=self.RULE, active=4000)
        mean = [np.average(liked[half], weights=times[half]) for half in (slice(0, 2000), slice(2000, 4000))]
        return "promoted" if mean[0] > mean[1] else "undecided"

    @pytest.mark.parametrize("runs", RUNS)
    def test_one_vote_a_user_promotes_it_in_none(self, runs):
        assert shares(self.world(seed) for seed in range(runs))["promoted"] == 0.0

    def test_a_mean_of_events_would(self):
        assert shares(self.world(seed, events=True) for seed in range(40))["promoted"] == 1.0


class TestLiarsTogether:
    """2 % of 20,000 users lie for a variant that is no better: spread out, or all at once at the start."""

    LIARS, USERS = 0.02, 20_000

    def world(self, seed: int, *, burst: bool, held: bool = True) -> str:
        luck = np.random.default_rng(300 + seed)
        reward = coins(luck, 0.5, 0.5)
        crowd = round(self.LIARS * self.USERS / 2)
        places = np.arange(crowd) if burst else luck.permutation(PAIRS)[:crowd]
        reward[places] = 1.0
        rule = replace(LAST, liars=self.LIARS if held else 0.0)
        return found(reward, rule=rule, active=self.USERS)

    @pytest.mark.parametrize("burst", [False, True])
    @pytest.mark.parametrize("runs", RUNS)
    def test_no_order_promotes_it(self, runs, burst):
        promoted = shares(self.world(seed, burst=burst) for seed in range(runs))["promoted"]
        assert promoted <= at_most(ALPHA, runs)

    def test_all_at_once_they_would_without_waiting_for_enough_of_the_others(self):
        assert shares(self.world(seed, burst=True, held=False) for seed in range(5))["promoted"] == 1.0


class TestTwentySmallStepsDown:
    """Each candidate is worse than what serves by exactly the margin that is no worse yet."""

    def worth(self, seed: int, rule: Rule) -> float:
        luck, base = np.random.default_rng(900 + seed), 0.6
        for _ in range(20):
            worse = base - LAST.margin
            if found(coins(luck, worse, base, 4000), rule=rule) == "promoted":
                base = worse
        return base

    @pytest.mark.parametrize("runs", [pytest.param(2), pytest.param(50, marks=pytest.mark.slow)])
    def test_end_no_more_than_one_margin_down(self, runs):
        ends = [self.worth(seed, LAST) for seed in range(runs)]
        assert sum(end < 0.6 - LAST.margin - 1e-9 for end in ends) / runs <= at_most(ALPHA, runs)

    def test_no_proof_of_being_better_would_let_them_through(self):
        eager = replace(LAST, proof="none", margin=0.05)
        assert self.worth(0, eager) < 0.6 - 3 * LAST.margin
