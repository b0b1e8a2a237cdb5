"""Simulated ramps, covariates and heaps of evidence with a known answer; the naive way fails beside each."""

import math

import numpy as np
import pytest
from benchmarks.sequential_paths import ALPHA, tolerated
from benchmarks.sequential_worlds import DRIFT, pooled, proven, ramped
from numpy.typing import NDArray

from autotroph.stats import betting, evalues
from autotroph.stats.adjustment import centres
from autotroph.stats.allocation import Split, effect_interval, increments, swapped
from autotroph.stats.confidence import asymptotic_interval

Array = NDArray[np.float64]


class TestRamp:
    def test_over_a_drifting_base_a_null_is_promoted_at_most_alpha_where_pooled_means_always_do(self) -> None:
        luck, runs = np.random.default_rng(1), 100
        worlds = [ramped(luck) for _ in range(runs)]
        assert np.mean([proven(each) for each in worlds]) <= tolerated(runs)
        assert np.mean([pooled(each) for each in worlds]) >= 0.95, "without the protection"

    def test_where_the_base_falls_a_null_is_rolled_back_at_most_alpha(self) -> None:
        luck, runs = np.random.default_rng(2), 100
        worlds = [swapped(ramped(luck, base=DRIFT[::-1])) for _ in range(runs)]
        assert np.mean([proven(each) for each in worlds]) <= tolerated(runs)
        assert np.mean([pooled(each) for each in worlds]) >= 0.95, "without the protection"

    def test_a_better_one_is_proven_and_a_worse_one_is_found_out(self) -> None:
        luck = np.random.default_rng(3)
        assert np.mean([proven(ramped(luck, 0.08)) for _ in range(40)]) >= 0.9
        assert np.mean([proven(swapped(ramped(luck, -0.08))) for _ in range(40)]) >= 0.9

    def test_one_bound_for_the_whole_ramp_would_find_far_fewer(self) -> None:
        luck, found, dull = np.random.default_rng(4), 0, 0
        for _ in range(40):
            split = ramped(luck, 0.05)
            found += proven(split)
            everywhere = betting.begin(100.0, ceiling=math.inf)
            dull += betting.update(everywhere, increments(split)).rejects(ALPHA)
        assert found >= 2 * dull

    def test_what_is_no_worse_than_the_margin_is_proven_and_the_margin_itself_at_most_alpha(self) -> None:
        luck, runs = np.random.default_rng(5), 60
        assert np.mean([proven(ramped(luck, -0.08), -0.08) for _ in range(runs)]) <= tolerated(runs)
        assert np.mean([proven(ramped(luck), -0.08) for _ in range(40)]) >= 0.9

    def test_the_interval_covers_at_all_looks(self) -> None:
        luck, runs, missed = np.random.default_rng(6), 40, 0
        for _ in range(runs):
            split = ramped(luck, 0.05)
            found = [effect_interval(head(split, n), ALPHA) for n in (500, 1600, 6000)]
            missed += any(not one.low <= 0.05 <= one.high for one in found)
        assert missed / runs <= tolerated(runs)

    def test_a_share_that_answers_to_what_came_before_changes_nothing(self) -> None:
        luck, runs = np.random.default_rng(7), 100
        assert np.mean([proven(adaptive(luck)) for _ in range(runs)]) <= tolerated(runs)


def head(split: Split, n: int) -> Split:
    return Split(split.shares[:n], split.treated[:n], split.rewards[:n], split.centres[:n])


def adaptive(luck: np.random.Generator) -> Split:
    """A null whose share is doubled after a good batch and halved after a bad one, as a bandit would."""
    share, shares, treated, rewards = 0.1, [], [], []
    for base in np.linspace(0.2, 0.45, 30):
        ours = luck.random(100) < share
        said = (luck.random(100) < base).astype(float)
        shares.append(np.full(100, share))
        treated.append(ours)
        rewards.append(said)
        good = ours.any() and said[ours].mean() > said[~ours].mean()
        share = min(0.5, share * 2) if good else max(0.02, share / 2)
    table = np.concatenate(shares), np.concatenate(treated), np.concatenate(rewards)
    return Split(*table, centres(*table))


def tastes(luck: np.random.Generator, n: int, *, explained: float, gain: float = 0.0) -> tuple[Array, ...]:
    """Units of which a covariate explains a share of the variance: share, arm, reward, covariate."""
    half, taste = np.full(n, 0.5), luck.normal(size=n)
    treated = luck.random(n) < half
    noise = luck.normal(size=n)
    rewards = 0.5 + 0.1 * (math.sqrt(explained) * taste + math.sqrt(1 - explained) * noise)
    return half, treated, np.clip(rewards + gain * treated, 0, 1), taste[:, None]


class TestAdjustment:
    @pytest.mark.parametrize("explained", [0.0, 0.5, 0.8])
    def test_what_the_past_explains_is_gone_from_the_variance_and_the_effect_is_there(
        self, explained: float
    ) -> None:
        half, treated, rewards, taste = tastes(
            np.random.default_rng(8), 20_000, explained=explained, gain=0.03
        )
        plain, adjusted = (
            increments(Split(half, treated, rewards, centres(half, treated, rewards, given)))
            for given in (None, taste)
        )
        assert adjusted.var() / plain.var() == pytest.approx(1 - explained, abs=0.05)
        assert adjusted.mean() == pytest.approx(0.03, abs=4 * adjusted.std() / math.sqrt(adjusted.size))

    def test_many_covariates_that_say_nothing_mislead_nobody_unless_fitted_on_the_same_units(self) -> None:
        luck, runs, false, naive = np.random.default_rng(9), 60, 0, 0
        for _ in range(runs):
            half, treated, rewards, _ = tastes(luck, 120, explained=0.0)
            noise = luck.normal(size=(120, 90))
            false += ahead(Split(half, treated, rewards, centres(half, treated, rewards, noise)))
            naive += ahead(Split(half, treated, rewards, on_the_same_units(treated, rewards, noise)))
        assert false / runs <= tolerated(runs)
        assert naive / runs > 2 * ALPHA, "without the protection"

    def test_a_covariate_from_after_the_exposure_explains_the_effect_away(self) -> None:
        half, treated, rewards, _ = tastes(np.random.default_rng(10), 5000, explained=0.0, gain=0.05)
        after = rewards[:, None] + 0.001 * np.random.default_rng(11).normal(size=(5000, 1))
        hidden = increments(Split(half, treated, rewards, centres(half, treated, rewards, after)))
        told = increments(Split(half, treated, rewards, centres(half, treated, rewards)))
        assert told.mean() == pytest.approx(0.05, abs=0.01)
        assert hidden.mean() < 0.01, "without the protection"


def ahead(split: Split) -> bool:
    """Whether the asymptotic sequence says so, which takes the variance from the increments."""
    return asymptotic_interval(increments(split), ALPHA, split.shares.size, "lower").low > 0


def on_the_same_units(treated: NDArray[np.bool_], rewards: Array, covariates: Array) -> Array:
    """The usual regression adjustment: one fit on all units, which then knows their rewards."""
    design = np.column_stack((np.ones(len(rewards)), treated, covariates))
    slopes = np.linalg.lstsq(design, rewards, rcond=None)[0]
    design[:, 1] = 0.5
    return np.clip(design @ slopes, 0, 1)


def wealths(luck: np.random.Generator, tests: int, n: int) -> Array:
    """Log wealth of bets on fair coins, shape (tests, n)."""
    start = betting.begin(1.0)
    return np.asarray([betting.log_e_path(start, luck.integers(0, 2, n) * 2.0 - 1) for _ in range(tests)])


class TestEvidencePutTogether:
    def test_looking_twice_at_the_same_units_is_not_twice_as_sure(self) -> None:
        luck, runs = np.random.default_rng(12), 400
        paths = wealths(luck, runs, 300)
        twice = np.stack((paths, paths))
        target = -math.log(ALPHA)
        assert (evalues.mean(twice).max(axis=1) >= target).mean() <= tolerated(runs)
        assert (evalues.product(twice).max(axis=1) >= target).mean() > 2 * ALPHA, "without the protection"

    def test_separate_units_multiply_but_not_at_each_ones_best_moment(self) -> None:
        luck, runs = np.random.default_rng(13), 300
        days = wealths(luck, runs * 4, 150).reshape(runs, 4, 150).swapaxes(0, 1)
        target = -math.log(ALPHA)
        at_their_ends, at_their_best = days[:, :, -1], days.max(axis=2)
        assert (evalues.product(at_their_ends) >= target).mean() <= tolerated(runs)
        assert (evalues.product(at_their_best) >= target).mean() > 2 * ALPHA, "without the protection"

    def test_ranking_keeps_the_share_of_mistakes_and_not_the_chance_of_one(self) -> None:
        luck, seasons, wrong, shares = np.random.default_rng(14), 60, 0, []
        for _ in range(seasons):
            nulls = luck.exponential(size=80)  # the peak of a null wealth, at its worst: P(≥ x) = 1/x
            named = evalues.ranked([*np.full(80, math.log(1e6)), *nulls], share=ALPHA)
            mistakes = sum(each >= 80 for each in named)
            wrong += mistakes > 0
            shares.append(mistakes / len(named))
        assert np.mean(shares) <= ALPHA
        assert wrong / seasons > 0.5, "which is why a ranking never promotes"
