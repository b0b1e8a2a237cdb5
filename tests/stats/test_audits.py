import math

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats.audits import audited_mean, gaming, starts


def world(seed, n=1000, *, gamed_from=None, share=0.5):
    """An audit, a reward that mostly agrees with it, and from somewhere on praise for nothing."""
    luck = np.random.default_rng(seed)
    audit = luck.random(n) < 0.5
    reward = np.where(luck.random(n) < 0.25, ~audit, audit)
    if gamed_from is not None:
        reward |= (np.arange(n) >= gamed_from) & (luck.random(n) < share)
    return reward, audit


class TestGaming:
    def test_is_found_wherever_it_begins(self):
        for begins in (200, 800):
            reward, audit = world(1, 2000, gamed_from=begins, share=0.6)
            found = gaming(reward, audit, 0.05)
            assert found.alarmed_at is not None
            assert found.alarmed_at > begins
            assert found.gap > 0

    def test_is_seldom_found_where_it_is_not(self):
        assert sum(gaming(*world(seed, 600), 0.05).alarmed_at is not None for seed in range(60)) <= 3

    def test_a_rise_of_both_is_none(self):
        luck = np.random.default_rng(2)
        better = luck.random(1200) < np.linspace(0.2, 0.8, 1200)
        assert gaming(better, better, 0.05).alarmed_at is None

    def test_an_earlier_look_is_the_same_path(self):
        reward, audit = world(3, 400, gamed_from=100)
        whole, part = gaming(reward, audit, 0.05), gaming(reward[:250], audit[:250], 0.05)
        assert whole.log_e[:250] == pytest.approx(part.log_e)

    def test_too_few_say_nothing(self):
        assert gaming([1.0] * 39, [0.0] * 39, 0.05).peak_log_e < 0.0
        assert gaming([], [], 0.05).n == 0

    @pytest.mark.parametrize(("reward", "audit"), [([0.5], []), ([1.5], [0.5]), ([math.nan], [0.5])])
    def test_refuses_what_is_no_pair_of_shares(self, reward, audit):
        with pytest.raises(InputError):
            gaming(reward, audit, 0.05)

    def test_bets_begin_where_they_were_going_to(self):
        assert list(starts(1000))[:5] == list(starts(210))


class TestAuditedMean:
    def test_misses_as_often_as_it_may_and_is_narrower_than_the_sample_alone(self):
        luck = np.random.default_rng(4)
        missed, narrower = 0, 0
        for _ in range(400):
            truth = (luck.random(2000) < 0.3).astype(float)
            reward = np.where(luck.random(2000) < 0.1, 1 - truth, truth)
            found = audited_mean(reward[150:], reward[:150], truth[:150], 0.05)
            alone = audited_mean([], reward[:150], truth[:150], 0.05)
            missed += not found.low <= 0.3 <= found.high
            narrower += found.high - found.low < alone.high - alone.low
        assert missed / 400 == pytest.approx(0.05, abs=0.035)
        assert narrower == 400

    def test_a_reward_that_lies_does_not_move_it(self):
        luck = np.random.default_rng(5)
        truth = (luck.random(5000) < 0.3).astype(float)
        found = audited_mean(np.ones(4800), np.ones(200), truth[:200], 0.05)
        assert found.mean == pytest.approx(truth[:200].mean())

    def test_nothing_is_known_without_a_sample(self):
        assert math.isnan(audited_mean([1.0], [], [], 0.05).mean)

    def test_refuses_columns_of_two_lengths(self):
        with pytest.raises(InputError, match="one of each"):
            audited_mean([], [1.0, 0.0], [1.0], 0.05)
