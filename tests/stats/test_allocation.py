"""What weighted increments, adjustment and combination promise whatever the luck."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import InputError
from autotroph.stats import betting, evalues
from autotroph.stats.adjustment import centres
from autotroph.stats.allocation import (
    Split,
    bounds,
    effect_interval,
    effect_lower,
    increments,
    stakes,
    swapped,
)

inside = st.floats(0.001, 0.999)
whole = st.floats(0, 1)
units = st.lists(st.tuples(inside, st.booleans(), whole, whole), min_size=1, max_size=30)


def split(rows: list[tuple[float, bool, float, float]]) -> Split:
    shares, treated, rewards, middle = zip(*rows, strict=True)
    return Split(np.array(shares), np.array(treated), np.array(rewards), np.array(middle))


@given(units, st.floats(-0.9, 0.9))
def test_no_increment_is_below_its_bound_and_no_stake_below_minus_one(rows, threshold):
    given_ = split(rows)
    assert (increments(given_) >= -bounds(given_) - 1e-9).all()
    assert (bounds(given_) >= 1 - 1e-12).all()
    assert (stakes(given_, threshold) >= -1 - 1e-9).all()
    test = betting.update(betting.begin(1.0, ceiling=math.inf), stakes(given_, threshold))
    assert math.isfinite(test.log_e)


@given(inside, whole, whole, whole)
def test_the_mean_over_both_arms_is_the_difference_whatever_the_centre(share, ours, theirs, middle):
    both = split([(share, True, ours, middle), (share, False, theirs, middle)])
    assert increments(both) @ [share, 1 - share] == pytest.approx(ours - theirs, abs=1e-9)


@given(inside, whole, st.booleans(), whole, whole)
def test_one_centre_is_augmented_weighting_with_two_predictions(share, reward, mine, first, second):
    mixed = split([(share, mine, reward, (1 - share) * first + share * second)])
    left_over = (reward - first) / share if mine else -(reward - second) / (1 - share)
    assert increments(mixed)[0] == pytest.approx(left_over + first - second, abs=1e-6)


@given(units)
def test_exchanged_arms_say_the_opposite(rows):
    assert increments(swapped(split(rows))) == pytest.approx(-increments(split(rows)))


def test_the_bound_is_where_the_bet_stops_ruling_out():
    luck = np.random.default_rng(0)
    shares = np.full(600, 0.3)
    treated = luck.random(600) < shares
    rewards = (luck.random(600) < 0.3 + 0.4 * treated).astype(float)
    given_ = Split(shares, treated, rewards, np.full(600, 0.4))
    found = effect_interval(given_, 0.1)
    assert found.low == effect_lower(given_, 0.05) < 0.4 < found.high
    start = betting.begin(1.0, ceiling=math.inf)
    below, above = (betting.update(start, stakes(given_, found.low + by)).log_e for by in (-1e-4, 1e-4))
    assert above < math.log(20) <= below


def test_nobody_says_nothing():
    nobody = Split(np.array([]), np.array([], dtype=bool), np.array([]), np.array([]))
    found = effect_interval(nobody, 0.05)
    assert (found.low, found.high, found.n) == (-1.0, 1.0, 0)
    assert centres(nobody.shares, nobody.treated, nobody.rewards).size == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((1.0, True, 0.5, 0.5), "strictly between 0 and 1"),
        ((0.0, False, 0.5, 0.5), "strictly between 0 and 1"),
        ((0.5, True, 1.5, 0.5), "rewards must be"),
        ((0.5, True, 0.5, math.nan), "centres must be"),
    ],
)
def test_units_that_cannot_be_are_refused(row, said):
    with pytest.raises(InputError, match=said):
        split([row])


def test_shapes_and_thresholds_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="as many"):
        Split(np.full(2, 0.5), np.array([True]), np.zeros(2), np.zeros(2))
    with pytest.raises(InputError, match="threshold of -1"):
        stakes(split([(0.5, True, 1.0, 0.5)]), -1.0)
    with pytest.raises(InputError, match="as many"):
        centres(np.full(3, 0.5), np.full(3, True), np.zeros(3), np.zeros((2, 1)))
    with pytest.raises(InputError, match="finite"):
        centres(np.full(1, 0.5), np.full(1, True), np.zeros(1), np.full((1, 1), math.nan))


def test_a_later_unit_never_changes_an_earlier_centre():
    luck = np.random.default_rng(1)
    shares, treated, past = np.full(300, 0.4), luck.random(300) < 0.4, luck.normal(size=(300, 3))
    rewards = luck.random(300)
    whole_ = centres(shares, treated, rewards, past)
    for n in (5, 8, 9, 57, 299):
        first = centres(shares[:n], treated[:n], rewards[:n], past[:n])
        assert first == pytest.approx(whole_[:n])
        changed = np.concatenate((rewards[:n], 1 - rewards[n:]))
        assert centres(shares, treated, changed, past)[: n + 1] == pytest.approx(whole_[: n + 1])


def test_covariates_on_any_scale_do_the_same():
    luck = np.random.default_rng(2)
    taste, half = luck.random((2000, 1)), np.full(2000, 0.5)
    treated = luck.random(2000) < half
    rewards = 0.8 * taste[:, 0] + 0.1 * treated
    plain, far = (centres(half, treated, rewards, x) for x in (taste, 1e6 + 1e-3 * taste))
    assert plain == pytest.approx(far, abs=1e-3)


def test_evidence_put_together_is_never_surer_than_the_surest_and_none_is_refused():
    logs = [0.0, 2.0, 5.0]
    assert float(evalues.mean(logs)) < 5.0
    assert float(evalues.product(logs)) == 7.0
    assert evalues.mean(np.zeros((3, 4))).shape == (4,)
    for combine in (evalues.mean, evalues.product):
        with pytest.raises(InputError, match="at least one"):
            combine([])


def test_a_ranking_names_the_surest_first_and_nobody_without_evidence():
    assert evalues.ranked([], 0.05) == []
    assert evalues.ranked([0.0, 1.0], 0.05) == []
    assert evalues.ranked([4.0, 9.0, 3.7], 0.05) == [1, 0, 2]
    with pytest.raises(InputError, match="nan"):
        evalues.ranked([math.nan], 0.05)
