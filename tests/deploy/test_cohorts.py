from collections import Counter
from functools import cache
from itertools import pairwise

import pytest
from rows import canary, standing

from autotroph.deploy.cohorts import cohort
from autotroph.deploy.standing import Standing
from autotroph.spec import GateSpec

UNITS = [f"user {number}" for number in range(10_000)]
SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 1.0)


@cache
def arms(share: float | None, holdback: float = 0.02) -> dict[str, str]:
    stands = standing(share)
    return {unit: cohort(unit, "salt", stands, holdback).arm for unit in UNITS}


def test_a_unit_stays_in_its_arm():
    assert arms(0.25) == arms.__wrapped__(0.25)


@pytest.mark.parametrize("share", SHARES)
def test_arms_are_as_large_as_they_say(share):
    counts = Counter(arms(share, 0.1).values())
    expected = {"holdback": 0.1, "candidate": 0.9 * share, "control": 0.9 * min(share, 1 - share)}
    for arm, part in expected.items():
        spread = (part * (1 - part) / len(UNITS)) ** 0.5
        assert abs(counts[arm] / len(UNITS) - part) <= 4 * spread


@pytest.mark.parametrize("share", [None, *SHARES])
def test_the_probabilities_of_the_arms_sum_to_1(share):
    stands = standing(share)
    chances = {one.arm: one.p_arm for one in (cohort(u, "salt", stands, 0.1) for u in UNITS[:2000])}
    assert sum(chances.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("before", "after"), list(pairwise(SHARES)))
def test_growing_the_share_adds_people_and_moves_nobody_out(before, after):
    smaller, larger = arms(before), arms(after)
    assert {u for u in UNITS if smaller[u] == "candidate"} < {u for u in UNITS if larger[u] == "candidate"}


def test_the_holdback_is_the_same_people_for_every_task_and_candidate():
    one, other = standing(0.5), standing(0.5)
    changed = Standing(
        zero=other.zero, main=other.main, parent=None, canary=canary(0.1, "c2"), shadows=(), baselines=()
    )
    for unit in UNITS[:5000]:
        in_one = cohort(unit, "salt", one, 0.1).arm == "holdback"
        assert in_one == (cohort(unit, "salt", changed, 0.1).arm == "holdback")


def test_the_holdback_gets_release_0_and_the_canary_its_own():
    stands = standing(0.5)
    for unit in UNITS[:2000]:
        found = cohort(unit, "salt", stands, 0.1)
        expected = {"candidate": stands.canary, "holdback": stands.zero}.get(found.arm, stands.main)
        assert found.live is expected


def test_another_candidate_meets_other_people():
    one = {unit for unit, arm in arms(0.1, 0.0).items() if arm == "candidate"}
    stands = standing(0.1)
    other = Standing(
        zero=stands.zero, main=stands.main, parent=None, canary=canary(0.1, "c2"), shadows=(), baselines=()
    )
    two = {u for u in UNITS if cohort(u, "salt", other, 0.0).arm == "candidate"}
    assert 0.05 < len(one & two) / len(one) < 0.15


def test_the_fold_is_a_share_of_the_clusters_apart_from_the_holdback():
    gate = {unit for unit in UNITS if GateSpec(fold=0.2).fold_of(unit, "salt") == "gate"}
    assert abs(len(gate) / len(UNITS) - 0.2) < 0.016
    held = {unit for unit, arm in arms(None, 0.1).items() if arm == "holdback"}
    assert abs(len(gate & held) / len(held) - 0.2) < 0.04
