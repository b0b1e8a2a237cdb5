import pytest

from autotroph.stats.delays import LEAST, UNEVEN, coverage, uneven

DAY = 86_400.0


def test_a_horizon_that_sees_nearly_all_is_enough():
    found = coverage([0.1 * DAY] * 95 + [3.5 * DAY] * 5, 3 * DAY)
    assert (found.share, found.n, found.enough) == (0.95, 100, True)


def test_one_that_cuts_off_a_third_is_not_and_the_delay_is_named():
    found = coverage([DAY] * 60 + [5 * DAY] * 40, 3 * DAY)
    assert not found.enough
    assert found.late == 5 * DAY
    assert found.low < 0.6 < found.high < 0.9


def test_what_came_after_twice_the_horizon_is_not_counted_because_not_all_of_it_was_waited_for():
    assert coverage([DAY] * 60 + [7 * DAY] * 40, 3 * DAY).share == 1.0


def test_little_says_nothing():
    assert coverage([], DAY).enough
    assert coverage([1.5 * DAY] * (LEAST - 1), DAY).enough
    assert not coverage([1.5 * DAY] * LEAST, DAY).enough


def test_a_clock_that_is_behind_is_no_delay():
    assert coverage([-DAY] * 50, DAY).share == 1.0


@pytest.mark.parametrize(("right", "n"), [(90, 100), (9, 10), (450, 500)])
def test_the_interval_is_wilsons(right, n):
    found = coverage([0.0] * right + [1.5] * (n - right), 1.0)
    share, z = right / n, 1.96
    for bound in (found.low, found.high):
        # the score equation that Wilson's bounds solve
        assert (share - bound) ** 2 == pytest.approx(z * z * bound * (1 - bound) / n)


def of(right: int, n: int):
    return coverage([0.0] * right + [1.5] * (n - right), 1.0)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ((499, 500), (456, 500), True),
        ((456, 500), (499, 500), True),
        ((456, 500), (458, 500), False),  # as noise would have it
        ((29, 29), (0, 29), False),  # too few to say
        ((98_800, 100_000), (99_900, 100_000), False),  # sure, and too little to matter
        ((98_200, 100_000), (99_900, 100_000), True),
    ],
)
def test_arms_that_are_seen_unevenly(one, other, told):
    assert uneven(of(*one), of(*other)) is told
    assert UNEVEN < 0.017
