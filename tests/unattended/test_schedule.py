"""When a cycle is due."""

from hypothesis import given
from hypothesis import strategies as st

from autotroph.spec import Duration, RunSpec
from autotroph.unattended.schedule import LONGEST, Last, Waiting, backoff, due

RUN = RunSpec(every=Duration(60.0), evidence=10, idle=Duration(900.0))
NOTHING, NEWS, SOME, ENOUGH = Waiting(), Waiting(news=True), Waiting(ripe=1), Waiting(news=True, ripe=10)

moments = st.floats(0.0, 1e6)
waits = st.sampled_from([NOTHING, NEWS, SOME, ENOUGH])


def test_what_came_in_waits_for_its_turn():
    assert due(RUN, Last(at=0.0), NEWS, 59.0) == 1.0
    assert due(RUN, Last(at=0.0), NEWS, 60.0) == 0.0


def test_a_horizon_that_has_passed_is_reason_enough():
    assert due(RUN, Last(at=0.0), SOME, 60.0) == 0.0


def test_enough_evidence_does_not_wait():
    assert due(RUN, Last(at=0.0), ENOUGH, 0.1) == 0.0


def test_without_anything_to_do_there_is_one_now_and_then():
    assert due(RUN, Last(at=0.0), NOTHING, 60.0) == 840.0
    assert due(RUN, Last(at=0.0), NOTHING, 900.0) == 0.0


def test_a_clock_that_was_put_back_stops_nothing():
    assert due(RUN, Last(at=1e6), NOTHING, 0.0) == 0.0


@given(waiting=waits, took=st.floats(0.0, 1e4), now=moments)
def test_no_more_than_half_of_the_time_goes_into_cycles(waiting: Waiting, took: float, now: float) -> None:
    wait = due(RUN, Last(at=0.0, took=took), waiting, now)
    assert now + wait >= 2 * took * (1 - 1e-12)  # as far as floats add up


@given(waiting=waits, now=moments)
def test_waiting_as_long_as_it_says_is_long_enough(waiting: Waiting, now: float) -> None:
    wait = due(RUN, Last(at=0.0), waiting, now)
    assert 0.0 <= wait <= RUN.idle
    assert due(RUN, Last(at=0.0), waiting, now + wait + 1e-6) == 0.0


@given(failed=st.integers(1, 10_000))
def test_what_fails_is_left_alone_for_longer_and_longer(failed: int) -> None:
    assert 1.0 <= backoff(failed) <= backoff(failed + 1) <= LONGEST
