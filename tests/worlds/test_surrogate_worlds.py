"""Product histories in which it is known what the reward is worth: what passes the check, what it stops.

Every experiment is its units: a reward and an outcome each, which agree on the same unit in every world, so
that agreement alone tells nothing. What differs is what a candidate's change does to the outcome.
"""

from collections import Counter

import numpy as np
import pytest

from autotroph.stats import surrogates
from autotroph.stats.audits import gaming
from autotroph.stats.surrogates import Effect, Units, effect, worth

ARM = 1000
"""Units in each arm, give or take half of them."""


def history(luck: np.random.Generator, world: str, count: int, arm: int = ARM) -> list[Effect]:
    found = [effect(experiment(luck, world, int(arm * luck.uniform(0.5, 1.5)))) for _ in range(count)]
    return [one for one in found if one is not None]


def experiment(luck: np.random.Generator, world: str, arm: int) -> Units:
    """A candidate and its control: rewards and outcomes of 0 or 1 that share half of their luck."""
    reward, outcome = change(luck, world)
    treated = np.repeat([True, False], arm)
    mood, other = luck.random((2, 2 * arm))
    same = luck.random(2 * arm) < 0.5
    accepted = mood < 0.45 + reward * treated
    returned = np.where(same, mood, other) < 0.4 + outcome * treated
    return Units(treated, np.zeros(2 * arm, np.int64), accepted.astype(float), returned.astype(float))


def change(luck: np.random.Generator, world: str) -> tuple[float, float]:
    """What a candidate does to reward and outcome."""
    drawn = float(luck.normal(0.02, 0.09))
    match world:
        case "valid":
            return drawn, 0.7 * drawn + float(luck.normal(0.0, 0.008))
        case "useless":
            return drawn, float(luck.normal(0.0, 0.06))
        case "useless, and the outcome stands still":
            return drawn, 0.0
        case "gamed, the outcome falls":
            return abs(drawn), -0.4 * abs(drawn) + float(luck.normal(0.0, 0.01))
        case "gamed, the outcome is flat":
            return abs(drawn), float(luck.normal(0.0, 0.01))
        case "nothing moves":
            return 0.0, 0.0
        case _:
            raise AssertionError(world)


BAD = (
    "useless",
    "useless, and the outcome stands still",
    "gamed, the outcome falls",
    "gamed, the outcome is flat",
)


def findings(world: str, count: int, runs: int) -> Counter[str]:
    luck = np.random.default_rng(20_000 + count)
    return Counter(worth(history(luck, world, count)).finding for _ in range(runs))


def at_least(rate: float, runs: int) -> float:
    """Three standard errors below what is promised."""
    return rate - 3 * (rate * (1 - rate) / runs) ** 0.5


class TestWhatPasses:
    @pytest.mark.parametrize("count", [10, 16])
    def test_a_valid_reward(self, count):
        assert findings("valid", count, 60)["deserves"] / 60 >= at_least(0.9, 60)

    @pytest.mark.slow
    @pytest.mark.parametrize("count", [10, 12, 16, 24, 40])
    def test_a_valid_reward_in_many_histories(self, count):
        assert findings("valid", count, 500)["deserves"] / 500 >= 0.9


class TestWhatIsStopped:
    @pytest.mark.parametrize("world", BAD)
    def test_a_useless_or_gamed_reward(self, world):
        assert findings(world, 10, 60)["does not"] / 60 >= at_least(0.95, 60)

    @pytest.mark.slow
    @pytest.mark.parametrize("count", [10, 12, 16, 24, 40])
    @pytest.mark.parametrize("world", BAD)
    def test_a_useless_or_gamed_reward_in_many_histories(self, world, count):
        assert findings(world, count, 500)["does not"] / 500 >= 0.95


class TestWhatIsUnknown:
    @pytest.mark.parametrize("world", ["valid", *BAD])
    def test_too_few_experiments_stop_nothing(self, world):
        assert findings(world, 9, 20) == {"unknown": 20}

    def test_where_nothing_moves_hardly_anything_is_stopped_and_nothing_passes(self):
        found = findings("nothing moves", 12, 60)
        assert found["unknown"] >= 48
        assert found["deserves"] <= 3


class TestWithoutTheProtection:
    """Without a protection the same worlds are judged wrongly, so the tests above can fail."""

    def test_noise_that_agrees_makes_signs_agree(self):
        still = history(np.random.default_rng(1), "nothing moves", 400)
        shared = surrogates.agreeing(still).mean()
        alone = np.mean([one.reward * one.outcome > 0 for one in still])
        assert alone > 0.62
        assert abs(shared - 0.5) < 0.08

    def test_a_slope_that_is_not_through_the_origin_lets_the_gamed_pass(self):
        """Candidates differ in how much they inflate and how good they are; all of them inflate."""
        luck = np.random.default_rng(2)
        quality = luck.normal(0.0, 0.02, 20)
        shared = [Effect(0.15 + q, -0.08 + q, 1e-5, 1e-5, 0.0, 2000) for q in quality]
        reward, outcome = np.array([(one.reward, one.outcome) for one in shared]).T
        centred = np.polyfit(reward, outcome, 1)[0]
        assert centred == pytest.approx(1.0)
        assert worth(shared).finding == "does not"


class TestAudits:
    """Over time: the reward of everybody rises, and an audited sample tells whether answers get better."""

    @staticmethod
    def life(seed: int, gamed: bool, n: int = 1200) -> int | None:
        luck = np.random.default_rng(seed)
        level = np.linspace(0.35, 0.65, n)  # what the reward shows
        good = luck.random(n) < (0.35 if gamed else level)
        luckily = luck.random(n) < np.where(good, 0.9, 0.1)
        praised = luckily | (gamed & (luck.random(n) < np.linspace(0.0, 0.8, n)))
        return gaming(praised, good, 0.05).alarmed_at

    def test_gaming_is_found_and_progress_is_not_taken_for_it(self):
        assert sum(self.life(seed, gamed=True) is not None for seed in range(12)) >= 11
        assert sum(self.life(seed, gamed=False) is not None for seed in range(20)) <= 2

    @pytest.mark.slow
    def test_in_many_lives(self):
        assert sum(self.life(seed, gamed=True) is not None for seed in range(300)) / 300 >= 0.95
        assert sum(self.life(seed, gamed=False) is not None for seed in range(1000)) / 1000 <= 0.05
