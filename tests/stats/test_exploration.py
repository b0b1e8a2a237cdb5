"""What exploring cost: right on average, covered by its interval, and the gate's own arithmetic."""

import math

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats import exploration
from autotroph.stats.offpolicy import Log, difference_increments

ALPHA = 0.05
SHARE, OPTIONS = 0.2, 4
OWN = 1.0 - SHARE + SHARE / OPTIONS
BEST, OTHER = 0.6, 0.2
COST = (1.0 - OWN) * (BEST - OTHER)


def world(seed, units=300, each=5, other=OTHER):
    """Units of different size and temper; the policy's own option is worth BEST, any other less."""
    luck = np.random.default_rng(seed)
    sizes = luck.integers(1, 2 * each, units)
    clusters = np.repeat(np.arange(units), sizes)
    temper = luck.uniform(-0.2, 0.2, units)[clusters]
    moved = (luck.random(clusters.size) > OWN).astype(float)
    chance = np.where(moved > 0, other, BEST) + temper
    values = (luck.random(clusters.size) < chance).astype(float)
    return np.full(clusters.size, OWN), moved, values, clusters


@pytest.mark.parametrize(("other", "truth"), [(OTHER, COST), (BEST, 0.0)])
def test_the_interval_covers_a_known_cost_and_the_estimate_is_right_on_average(other, truth):
    runs = 400
    found = [exploration.cost(*world(seed, other=other), ALPHA) for seed in range(runs)]
    missed = np.mean([not one.low <= truth <= one.high for one in found])
    assert missed <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    means = np.array([one.mean for one in found])
    assert abs(means.mean() - truth) < 4 * means.std() / math.sqrt(runs)
    if truth:  # and it is no empty promise: most of the time the cost is told from nothing
        assert np.mean([one.low > 0 for one in found]) > 0.8


def test_units_that_repeat_are_clusters():
    """Taken one by one, decisions of few people who differ much look like far more evidence than they are."""
    runs, missed = 200, {"clustered": 0, "alone": 0}
    for seed in range(runs):
        luck = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(60), 40)
        ahead = luck.normal(0.0, 3.0, 60)[clusters]  # what a person's own option is worth to them
        moved = (luck.random(clusters.size) > OWN).astype(float)
        values = np.where(moved > 0, 0.0, ahead) + luck.normal(0.0, 0.1, clusters.size)
        given = np.full(clusters.size, OWN), moved, values
        for how, codes in (("clustered", clusters), ("alone", np.arange(clusters.size))):
            found = exploration.cost(*given, codes, ALPHA)
            missed[how] += not found.low <= 0.0 <= found.high
    assert missed["clustered"] / runs <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    assert missed["alone"] > 3 * missed["clustered"] + 10


def test_it_is_the_gates_own_estimate_of_a_difference():
    own, moved, values, clusters = world(7, units=40)
    others = exploration._others(values, clusters)
    log = Log(
        new=np.column_stack([np.ones_like(own), np.zeros_like(own)]),
        old=np.column_stack([own, 1.0 - own]),
        taken=moved.astype(np.int64),
        reward=values,
        predicted=np.column_stack([others, others]),
    )
    assert exploration.cost_increments(own, moved, values, clusters) == pytest.approx(
        difference_increments(log, math.inf)
    )


def test_any_unit_of_measure_and_nothing_where_nothing_was_tried():
    own, moved, values, clusters = world(3)
    shifted = exploration.cost(own, moved, 1000.0 * values + 5e6, clusters, ALPHA)
    assert shifted.mean == pytest.approx(1000.0 * exploration.cost(own, moved, values, clusters, ALPHA).mean)
    still = exploration.cost(np.ones_like(own), np.zeros_like(own), values, clusters, ALPHA)
    assert (still.mean, still.low, still.high) == (0.0, 0.0, 0.0)
    empty = exploration.cost(*(np.zeros(0),) * 3, np.zeros(0, np.int64), ALPHA)
    assert math.isnan(empty.mean)
    assert (empty.low, empty.high, empty.n) == (-math.inf, math.inf, 0)


def test_little_that_was_tried_and_events_that_never_came_say_nothing():
    own, moved, values, clusters = world(4)
    alike = exploration.cost(own, moved, np.zeros_like(values), clusters, ALPHA)
    assert (alike.low, alike.high) == (-math.inf, math.inf)
    few = np.where(clusters < np.flatnonzero(moved)[10], moved, 0.0) * (np.cumsum(moved) <= 10)
    found = exploration.cost(own, few, values, clusters, ALPHA)
    assert (found.low, found.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(("own", "moved"), [(0.0, 0.0), (1.0, 1.0), (1.5, 0.0)])
def test_what_cannot_have_been_drawn_is_refused(own, moved):
    with pytest.raises(InputError, match="own must be"):
        exploration.cost_increments(np.array([own]), np.array([moved]), np.zeros(1), np.zeros(1, np.int64))
