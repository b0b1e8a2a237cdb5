import pytest

from autotroph.observe.lift import lift
from autotroph.observe.steps import Steps


def measured(increments):
    return lift("t", increments, 1.0, (3, 9), 5.0)


def test_nothing_measured_says_nothing():
    found = measured([])
    assert (found.value, found.low, found.high, found.n) == (0.0, -1.0, 1.0, 0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_clear_difference_is_told_with_its_sign(sign):
    found = measured([sign * (number % 2) for number in range(400)])
    assert found.value == pytest.approx(sign / 2)
    assert found.low * sign > 0 < found.high * sign
    assert (found.since, found.until, found.at, found.n) == (3, 9, 5.0, 400)


def test_no_difference_is_not_made_one():
    found = measured([1.0, -1.0] * 200)
    assert found.low < 0 < found.high


def test_the_loop_is_closed_when_all_five_steps_are_done():
    almost = {"deployed": 1.0, "observed": 2.0, "labelled": 3.0, "trained": 4.0}
    assert Steps(**almost).seconds is None
    assert Steps(**almost, redeployed=9.0).seconds == 7.0
