import math

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats.surrogates import (
    Effect,
    Units,
    agreeing,
    effect,
    moved,
    signs,
    slope,
    treatment_given_reward,
    worth,
)


def exact(pairs):
    return [Effect(x, y, 1e-9, 1e-9, 0.0, 100) for x, y in pairs]


def units(luck, n, *, lift, treated=0.5, stratum=0, base=0.5):
    arm = luck.random(n) < treated
    reward = (luck.random(n) < base + lift * arm).astype(float)
    outcome = (luck.random(n) < 0.2 + 0.5 * reward).astype(float)
    return Units(arm, np.full(n, stratum), reward, outcome)


def stacked(*parts):
    return Units(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("treated", "stratum")),
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("reward", "outcome")),
    )


class TestEffect:
    def test_is_the_difference_of_means_with_its_noise(self):
        one = units(np.random.default_rng(0), 4000, lift=0.2)
        found = effect(one)
        arms = [one.reward[one.treated], one.reward[~one.treated]]
        assert found.reward == pytest.approx(arms[0].mean() - arms[1].mean())
        assert found.reward_noise == pytest.approx(sum(arm.var(ddof=1) / arm.size for arm in arms))
        assert found.units == 4000
        assert 0 < found.shared_noise < found.reward_noise

    def test_a_ramp_over_a_drifting_base_is_no_effect(self):
        luck = np.random.default_rng(1)
        early = units(luck, 20_000, lift=0.0, treated=0.1, stratum=0, base=0.2)
        late = units(luck, 20_000, lift=0.0, treated=0.5, stratum=1, base=0.8)
        both = stacked(early, late)
        pooled = both.reward[both.treated].mean() - both.reward[~both.treated].mean()
        assert pooled > 0.15
        assert abs(effect(both).reward) < 0.02

    def test_an_arm_without_units_is_no_comparison(self):
        one = units(np.random.default_rng(0), 50, lift=0.0, treated=0.0)
        assert effect(one) is None


class TestSlope:
    def test_of_exact_effects_is_their_slope(self):
        found = slope(exact([(x / 10, 0.5 * x / 10) for x in range(-5, 6)]), 0.05)
        assert found.mean == pytest.approx(0.5, rel=1e-3)
        assert found.low == pytest.approx(0.5, abs=0.01)
        assert found.high == pytest.approx(0.5, abs=0.01)

    def test_without_noise_it_is_students_interval(self):
        luck = np.random.default_rng(3)
        x = luck.normal(size=12)
        y = 0.7 * x + luck.normal(size=12) * 0.5
        found = slope([Effect(a, b, 0.0, 0.0, 0.0, 9) for a, b in zip(x, y, strict=True)], 0.05)
        mean = (x @ y) / (x @ x)
        radius = 2.201 * math.sqrt(((y - mean * x) ** 2).sum() / 11 / (x @ x))
        assert (found.mean, found.low, found.high) == pytest.approx(
            (mean, mean - radius, mean + radius), rel=1e-3
        )

    def test_noise_does_not_flatten_it(self):
        luck = np.random.default_rng(4)
        x = luck.normal(size=4000) * 0.1
        seen = x + luck.normal(size=4000) * 0.1
        history = [Effect(a, b, 0.01, 1e-6, 0.0, 9) for a, b in zip(seen, x, strict=True)]
        assert (seen @ x) / (seen @ seen) < 0.6
        found = slope(history, 0.05)
        assert found.mean == pytest.approx(1.0, abs=0.1)
        assert found.low < 1.0 < found.high

    def test_a_rise_that_every_candidate_shares_is_not_taken_for_one(self):
        every = exact([(0.1 + x / 100, -0.05 + x / 100) for x in range(12)])
        assert np.polyfit([one.reward for one in every], [one.outcome for one in every], 1)[0] > 0.99
        assert slope(every, 0.05).low < 0

    @pytest.mark.parametrize("history", [[], exact([(0.1, 0.1)]), exact([(0.0, 0.1)] * 12)])
    def test_nothing_is_known_where_nothing_moved(self, history):
        found = slope(history, 0.05)
        assert math.isnan(found.mean)
        assert (found.low, found.high) == (-math.inf, math.inf)

    def test_refuses_what_is_no_variance(self):
        with pytest.raises(InputError, match="variances"):
            slope([Effect(0.1, 0.1, -1.0, 1.0, 0.0, 9)] * 3, 0.05)


class TestSigns:
    def test_counts_equal_signs(self):
        found = signs(exact([(0.1, 0.2), (-0.1, -0.1), (0.1, -0.1), (0.0, 0.1)]), 0.05)
        assert (found.mean, found.n) == (0.5, 4)
        assert found.low < 0.5 < found.high

    def test_noise_that_agrees_is_no_agreement(self):
        luck = np.random.default_rng(5)
        drawn = luck.multivariate_normal([0, 0], [[1.0, 0.8], [0.8, 1.0]], 4000)
        same = agreeing([Effect(x, y, 1.0, 1.0, 0.8, 9) for x, y in drawn])
        assert np.mean(drawn[:, 0] * drawn[:, 1] > 0) > 0.75
        assert same.mean() == pytest.approx(0.5, abs=0.03)

    def test_nothing_agrees_in_no_experiments(self):
        assert signs([], 0.05).n == 0


class TestMoved:
    def test_is_as_often_wrong_as_it_may(self):
        luck = np.random.default_rng(6)
        ones = np.ones(12)
        wrong = np.mean([moved(luck.normal(size=12), ones, 0.05) for _ in range(4000)])
        assert wrong == pytest.approx(0.05, abs=0.012)

    def test_sees_what_is_beyond_noise(self):
        assert moved(np.array([0.1, 0.5]), np.array([0.01, 0.01]), 0.05)
        assert not moved(np.array([]), np.array([]), 0.05)


class TestTreatmentGivenReward:
    def test_is_nothing_where_the_reward_carries_all_of_it(self):
        found = treatment_given_reward(units(np.random.default_rng(7), 8000, lift=0.3), 0.05)
        assert found.low < 0 < found.high
        assert found.high - found.low < 0.06

    def test_is_below_nothing_where_the_reward_promises_too_much(self):
        one = units(np.random.default_rng(8), 8000, lift=0.0)
        inflated = Units(one.treated, one.stratum, np.maximum(one.reward, one.treated * 0.8), one.outcome)
        assert treatment_given_reward(inflated, 0.05).high < 0

    def test_misses_as_often_as_it_may(self):
        luck = np.random.default_rng(9)
        found = [treatment_given_reward(units(luck, 400, lift=0.2), 0.05) for _ in range(400)]
        assert np.mean([one.low > 0 or one.high < 0 for one in found]) == pytest.approx(0.05, abs=0.03)

    def test_nothing_is_known_where_the_reward_does_not_vary(self):
        one = units(np.random.default_rng(0), 50, lift=0.0)
        flat = Units(one.treated, one.stratum, np.ones(50), one.outcome)
        assert math.isnan(treatment_given_reward(flat, 0.05).mean)


class TestWorth:
    def test_signs_alone_are_enough(self):
        steps = [(0.01 * (k + 1), 0.2 if k == 0 else 0.001) for k in range(10)]
        found = worth(exact(steps))
        assert found.slope.low < 0
        assert found.finding == "deserves"

    def test_too_few_experiments_are_unknown_whatever_they_say(self):
        falls = exact([(0.1 * (k + 1), -0.1 * (k + 1)) for k in range(10)])
        assert worth(falls[:9]).finding == "unknown"
        assert worth(falls).finding == "does not"
        assert "9 of at least 10" in worth(falls[:9]).reason

    def test_a_reward_that_stands_still_while_the_outcome_moves_does_not(self):
        still = [Effect(0.001 * (-1) ** k, 0.3 * (-1) ** (k // 2), 0.01, 0.001, 0.0, 9) for k in range(12)]
        assert worth(still).finding == "does not"

    def test_where_nothing_moved_it_is_unknown(self):
        assert worth([Effect(0.01, 0.01, 1.0, 1.0, 0.0, 9)] * 12).finding == "unknown"
