"""What is foretold of a ladder: by the rules of the ladder, and by the very bets."""

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.plan import forecasting
from autotroph.plan.forecasting import Guarded, Reward, Terms, forecast
from autotroph.plan.traffic import Flow
from autotroph.stats.batched import peaks
from autotroph.stats.betting import log_target

FLOW = Flow(days=28.0, units=4000.0, decisions=1.0, feedback=0.5)
COIN = Reward(mean=0.3, variance=0.21, width=1.0)
TERMS = Terms(
    steps=(0.1, 0.5, 1.0), floor=1.0, patience=28.0, minimum=30, horizon=0.25, margin=0.02, alpha=0.02,
    level=0.05,
)  # fmt: skip


def split(**other):
    return forecast("split", FLOW, COIN, other.pop("effect", 0.06), replace(TERMS, **other))


def paired(alike: float = 0.0, **other):
    return forecast(
        "paired", FLOW, replace(COIN, alike=alike), other.pop("effect", 0.06), replace(TERMS, **other)
    )


def test_pairs_until_a_proof_are_those_that_the_bet_takes() -> None:
    luck, shape = np.random.default_rng(2), (400, 4000)
    steps = (luck.random(shape) < 0.36).astype(float) - (luck.random(shape) < 0.3)
    looks = np.broadcast_to(np.arange(10, 4001, 10), (400, 400))
    proven = peaks(steps, looks, 1.0) >= log_target(0.02)
    ends = np.where(proven.any(axis=1), 10 * (1 + proven.argmax(axis=1)), np.inf)
    found = split(steps=(0.5, 1.0), floor=0.0)
    assert found.stages[-1].units == pytest.approx(np.median(ends), rel=0.15)


def test_a_step_below_a_quarter_of_the_people_waits_for_its_floor_or_its_units_and_proves_nothing() -> None:
    first, _ = split().stages
    assert (first.share, first.days, first.waits) == (0.1, 1.0, "its floor")
    slow = forecast("split", replace(FLOW, units=200.0), COIN, 0.06, TERMS).stages[0]
    assert slow.waits == "the fewest units"
    assert slow.days == pytest.approx(0.5 + 30 / 10, rel=0.2), "two horizons, and thirty pairs at ten a day"


def test_shadow_proves_and_the_steps_after_it_only_watch() -> None:
    found = paired()
    assert [(one.name, one.share) for one in found.stages] == [
        ("shadow", 0.0),
        ("canary", 0.1),
        ("canary", 0.5),
    ]
    assert found.stages[0].waits == "better, proven"
    assert [one.days for one in found.stages[1:]] == [1.0, 1.0]


def test_answers_that_are_alike_are_told_apart_sooner() -> None:
    alone, alike = paired().stages[0].units, paired(alike=0.8).stages[0].units
    assert alone is not None
    assert alike is not None
    assert alike < alone / 2


@pytest.mark.parametrize(
    ("slower", "quicker"),
    [
        ({"effect": 0.03}, {}),
        ({"alpha": 0.001}, {}),
        ({}, {"margin": 0.1, "alpha": 0.5}),
        ({"outside": 0.5}, {}),
    ],
)
def test_what_asks_for_more_takes_longer(slower: dict, quicker: dict) -> None:
    one, two = split(**slower).days, split(**quicker).days
    assert one is not None
    assert two is not None
    assert one > two


def test_patience_refuses_and_it_is_said_how_often() -> None:
    patient, not_so = split(effect=0.03), split(effect=0.03, patience=3.0)
    assert patient.days == not_so.days, "the days are those that it would take"
    assert patient.climbs > 0.9
    assert not_so.climbs < 0.5
    assert not_so.stages[-1].impatient > 0.5


def test_what_is_no_better_never_gets_there() -> None:
    found = split(effect=-0.05)
    assert found.days is None
    assert found.late is None
    assert found.climbs < 0.1


def test_without_traffic_nothing_comes_of_it() -> None:
    found = forecast("split", replace(FLOW, feedback=0.0), COIN, 0.06, TERMS)
    assert found.days is None


def test_a_guardrail_is_waited_for_where_many_people_meet_it() -> None:
    noisy = Guarded(name="angry", variance=0.2, width=1.0, margin=0.01)
    unbounded = Guarded(name="cost", variance=4.0, width=None, margin=0.1)
    for guard in (noisy, unbounded):
        first, last = paired(guards=(guard,)).stages[1:]
        assert (first.days, last.waits) == (1.0, "its guardrails")
        assert last.days is not None
        assert last.days > 2.0


def test_looks_are_as_often_as_cycles() -> None:
    found = split(cycle=2.0)
    assert all(one.days is not None and one.days % 2.0 == 0.0 for one in found.stages)


def test_the_same_arguments_give_the_same_forecast() -> None:
    assert split() == split()


@pytest.mark.parametrize(
    ("variance", "effect", "width"),
    [(0.21, 0.03, 1.0), (0.001, 0.02, 1.0), (2.0, 0.1, 10.0), (0.0, 0.1, 1.0)],
)
def test_differences_are_drawn_with_the_mean_and_the_variance_that_were_given(
    variance: float, effect: float, width: float
) -> None:
    pair = forecasting._Pair("split", Reward(mean=0.3, variance=variance, width=width), effect)
    assert 0.0 <= pair.down <= pair.up
    assert pair.up + pair.down <= 1.0 + 1e-9
    assert pair.size <= width
    assert (pair.up - pair.down) * pair.size == pytest.approx(effect)
    assert (pair.up + pair.down) * pair.size**2 - effect**2 == pytest.approx(2 * variance, abs=1e-9)
