import math

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats.association import area, correlation


def test_correlation_misses_as_often_as_it_may():
    luck = np.random.default_rng(0)
    missed = 0
    for _ in range(500):
        x, y = luck.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 80).T
        found = correlation(x, y, 0.05)
        missed += not found.low <= 0.5 <= found.high
    assert missed / 500 == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("column", [[1.0] * 9, [1.0, 2.0, 3.0]])
def test_correlation_of_what_does_not_vary_or_is_too_little_is_unknown(column):
    found = correlation(column, list(range(len(column))), 0.05)
    assert math.isnan(found.mean)
    assert (found.low, found.high) == (-1.0, 1.0)


def test_area_is_the_share_of_pairs_in_order():
    luck = np.random.default_rng(1)
    scores, good = luck.integers(0, 4, 60).astype(float), luck.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[good] for b in scores[~good]]
    assert area(scores, good, 0.05).mean == pytest.approx(np.mean(pairs))


def test_area_misses_as_often_as_it_may():
    luck = np.random.default_rng(2)
    missed = 0
    for _ in range(500):
        good = luck.random(120) < 0.5
        found = area(luck.normal(size=120) + good, good, 0.05)
        missed += not found.low <= 0.7602 <= found.high  # Φ(1/√2)
    assert missed / 500 == pytest.approx(0.05, abs=0.035)


def test_area_without_two_of_each_is_unknown():
    found = area([1.0, 2.0, 3.0], [True, False, False], 0.05)
    assert math.isnan(found.mean)


def test_columns_of_two_lengths_are_refused():
    with pytest.raises(InputError, match="one pair a unit"):
        correlation([1.0], [1.0, 2.0], 0.05)
