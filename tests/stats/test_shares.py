"""An exact interval for a share."""

import pytest

from autotroph.errors import InputError
from autotroph.stats.shares import share_interval


@pytest.mark.parametrize(
    ("count", "runs", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 20, 0.0321, 0.3789), (50, 1000, 0.0373, 0.0654)],
)
def test_its_ends_are_the_published_ones(count: int, runs: int, low: float, high: float) -> None:
    found = share_interval(count, runs)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


def test_more_than_all_is_no_share() -> None:
    with pytest.raises(InputError, match="11 of 10 runs"):
        share_interval(11, 10)
