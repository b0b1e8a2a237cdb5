"""Many runs at once are the same runs, one by one."""

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats.batched import ends_of_intervals, means, peaks
from autotroph.stats.betting import begin, update
from autotroph.stats.confidence import asymptotic_interval

LOOKS = [0, 1, 7, 40, 61]


def runs(seed: int, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Eight runs of different lengths, and the ends at which each is looked at."""
    luck = np.random.default_rng(seed)
    steps = luck.uniform(-width, width, (8, 61)) * (luck.random((8, 61)) < 0.7)
    ends = np.array([LOOKS] * 8)
    for run in range(4):
        steps[run, 50 - run :] = np.nan
        ends[run] = np.minimum(ends[run], 50 - run)
    return steps, ends


@pytest.mark.parametrize(("width", "threshold"), [(1.0, 0.0), (1.0, -0.02), (2.5, 0.3)])
def test_peaks_are_those_of_the_bet(width: float, threshold: float) -> None:
    steps, ends = runs(1, width)
    found = peaks(steps, ends, width, threshold)
    for run, row in enumerate(steps):
        for look, end in enumerate(ends[run]):
            one = update(begin(width, threshold), row[:end])
            assert found[run, look] == pytest.approx(one.peak_log_e, abs=1e-9)


def test_a_bet_that_is_won_or_lost_beyond_all_numbers_stays_won_or_lost() -> None:
    steps = np.vstack((np.ones(3000), -np.ones(3000)))
    found = peaks(steps, np.array([[3000], [3000]]), 1.0)
    assert found.tolist() == [[np.inf], [0.0]]


def test_means_are_plain_means() -> None:
    steps, ends = runs(2, 1.0)
    found = means(steps, ends)
    assert found[0, 0] == 0.0
    assert found[0, 4] == pytest.approx(np.nanmean(steps[0]))


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_ends_are_those_of_the_confidence_sequence(side: str) -> None:
    steps, ends = runs(3, 1.0)
    found = ends_of_intervals(steps, ends, 0.02, 500, side)
    for run, row in enumerate(steps):
        for look, end in enumerate(ends[run]):
            one = asymptotic_interval(row[:end], 0.02, 500, side)
            assert found[run, look] == pytest.approx(one.low if side == "lower" else one.high)


def test_what_is_outside_the_bounds_is_refused() -> None:
    with pytest.raises(InputError, match=r"outside \[-1\.0, 1\.0\]"):
        peaks(np.array([[1.5]]), np.array([[1]]), 1.0)
    with pytest.raises(InputError, match="threshold of 1"):
        peaks(np.array([[0.5]]), np.array([[1]]), 1.0, 1.0)
