"""What a ledger says of a task's traffic, counted as the ladder counts."""

from pathlib import Path

import numpy as np
import pytest

from autotroph.plan.traffic import Flow, traffic
from support_product import START, ask, opened, pass_time

HOUR = 3600.0


def found(product):
    return traffic(product.store, product.spec, "reply")


@pytest.fixture
def product(tmp_path: Path):
    with opened(tmp_path, "[ladder]\nholdback = 0.0\n") as made:
        yield made


def test_a_unit_counts_once_by_its_mean_in_the_window_after_its_first_exposure(product) -> None:
    for minute, value in ((0, True), (30, False), (90, False)):
        product.clock.advance(START + minute * 60)
        product.signal(ask(product, "anna"), "accepted", value)
    product.signal(ask(product, "ben"), "accepted", True)
    pass_time(product, 3 * HOUR)
    seen = found(product)
    assert (seen.decisions, seen.final, seen.known) == (4, 4, 4)
    assert seen.exposed.tolist() == [START, START + 90 * 60]
    assert dict(zip(seen.reward.places.tolist(), seen.reward.values.tolist(), strict=True)) == {
        0: 0.5,
        1: 1.0,
    }
    assert seen.rivals is None, "the reward scores only what was served"
    assert {one.name for one in seen.guards} == {"answers that failed", "rewards that stay away"}


def test_what_nobody_said_anything_about_is_final_and_not_known(product) -> None:
    for user in range(8):
        one = ask(product, f"u{user}")
        if user < 2:
            product.signal(one, "accepted", True)
    pass_time(product, 3 * HOUR)
    seen = found(product)
    assert (seen.final, seen.known, seen.reward.values.size) == (8, 2, 2)
    assert seen.flow.feedback == 0.25
    silent = next(one for one in seen.guards if one.name == "rewards that stay away")
    assert sorted(silent.values.tolist()) == [-1.0] * 6 + [0.0] * 2, "more is better"


def test_the_flow_is_of_the_last_four_weeks(product) -> None:
    ask(product, "long ago")
    for day in range(31, 41):
        product.clock.advance(START + day * 24 * HOUR)
        for user in range(3):
            ask(product, f"u{day} {user}")
            ask(product, f"u{day} {user}")
    flow = found(product).flow
    assert (flow.days, flow.units, flow.decisions) == (9.0, pytest.approx(30 / 9), 2.0)


def test_who_decides_twice_is_twice_as_likely_to_say_something() -> None:
    assert Flow(days=1.0, units=100.0, decisions=2.0, feedback=0.5).known == 75.0


def test_what_is_held_back_is_in_neither_arm(tmp_path: Path) -> None:
    with opened(tmp_path, "[ladder]\nholdback = 0.5\n") as product:
        for user in range(40):
            product.signal(ask(product, f"u{user}"), "accepted", True)
        pass_time(product, 3 * HOUR)
        seen = found(product)
        assert 5 < seen.decisions < 35
        assert seen.reward.values.size == seen.decisions
        assert seen.flow.units == 40.0


def test_a_ledger_without_anything_has_no_traffic(product) -> None:
    seen = found(product)
    assert (seen.decisions, seen.exposed.size, seen.flow.known) == (0, 0, 0.0)
    assert np.isnan(seen.flow.days) or seen.flow.days == 1.0
