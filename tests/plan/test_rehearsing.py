"""What is rehearsed is the ladder's own judgement, and it can be told when that is wrong."""

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.deploy.guards import Sides
from autotroph.deploy.judge import Rule, judge
from autotroph.deploy.weighing import Weighing, weigh
from autotroph.plan import dealing, rehearsing
from autotroph.plan.dealing import split
from autotroph.plan.rehearsing import Rehearsal, rehearse
from autotroph.plan.traffic import Flow, Rivals, Traffic, columns
from autotroph.records import Body, Candidate, Decision, Reward
from autotroph.spec import Spec, parse

TOML = """
[product]
name = "world"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
unit = "user"
reward = "r"
guardrails = ["short", "cost"]
segments = ["plan"]
context = { plan = "category" }
[signals]
good = { type = "boolean" }
size = { type = "number" }
[rewards.r]
value = "good"
horizon = "1m"
[guardrails.short]
value = "good"
range = [0.0, 1.0]
margin = 0.05
[guardrails.cost]
value = "size"
margin = 0.2
[ladder]
minimum = 30
margin = 0.02
steps = [0.1, 0.5, 1.0]
holdback = 0.0
"""
ALPHA = 0.05


def spec(more: str = "") -> Spec:
    return parse(TOML + more)


def lived(spec: Spec, units: int, seed: int, arms: np.ndarray | None = None, better: float = 0.0) -> Weighing:
    """Units that decide once or twice; what is compared by `arms`, True for the candidate's."""
    luck, found = np.random.default_rng(seed), Weighing("t", spec)
    for unit in range(units):
        ours = arms is None or bool(arms[unit])
        for time in range(int(luck.integers(1, 3))):
            decision = Decision(
                sequence=2 * unit + time + 1, id=f"{unit}/{time}", task="t",
                release="new" if ours else "old", epoch=0, arm="candidate" if ours else "control", p_arm=0.5,
                options=(), option="a", unit=f"u{unit}", unit_kind="user", cluster=f"u{unit}", fold="tracks",
                policy="", variant="", declaration="", at=10.0 * unit + time,
                inputs={"plan": "paid" if luck.random() < 0.1 else "free"},
            )  # fmt: skip
            found.comparisons.serve(decision, failed=luck.random() < 0.02)
            good = float(luck.random() < 0.3 + better * ours)
            silent = luck.random() < 0.1
            values = {"r": None if silent else good, "short": 1 - good, "cost": float(luck.lognormal())}
            for name, value in values.items():
                row = Reward(decision=decision.id, name=name, version="", value=value, final=True, at=0.0)
                found.comparisons.take(decision, row)
    return found


def traffic_of(weighing: Weighing, now: float = 1e9) -> Traffic:
    served = list(weighing.comparisons.served())
    exposed, reward, guards = columns(weighing, served, now)
    return Traffic(
        task="t", name="r", decisions=len(served), final=len(served), known=len(served), range=(0.0, 1.0),
        exposed=exposed, reward=reward, guards=guards, verified=False, rivals=None,
        flow=Flow(days=28.0, units=100.0, decisions=1.5, feedback=0.5),
    )  # fmt: skip


def plain(values: np.ndarray, rivals: np.ndarray | None = None) -> Traffic:
    """Traffic of units that decide once, and nothing that can veto."""
    places, at = np.arange(values.size), np.arange(values.size, dtype=float)
    found = traffic_of(lived(spec(), 2, 0))
    reward = replace(found.reward, places=places, at=at, values=values)
    both = None if rivals is None else Rivals(against="other", ours=values, theirs=rivals)
    return replace(found, exposed=at, reward=reward, guards=(), rivals=both)


def rehearsed(found: Traffic, declared: Spec, runs: int = 200) -> list[Rehearsal]:
    return list(rehearse(found, declared, runs, 0, lambda *_: None))


@pytest.mark.parametrize("better", [0.0, -0.25])
def test_a_run_is_weighed_as_the_desk_would_weigh_it(better: float) -> None:
    declared, units, runs = spec(), 400, 4
    arms = np.random.default_rng(7).random((runs, units)) < 0.5
    for run in range(runs):
        world = lived(declared, units, 1, arms[run], better)
        found = traffic_of(world)
        luck = np.random.default_rng(7)
        seen = split(found)(luck, runs, 0.0)
        served = list(world.comparisons.served())
        sides = Sides(served, lambda one: one.arm == "candidate", lambda one: one.arm == "control")
        body = Body(kind="choice", variants={}, policy="")
        made = Candidate(id="c", task="t", name="", track="", parent="", body=body, snapshot="", at=0.0)
        differences = sides.differences(world.comparisons.earned, 60.0, 1e9)
        evidence = weigh(made, differences, world.scale(ALPHA), since=0, now=1e9)
        assert seen.ends[run, -1] == evidence.units
        assert seen.better[run, -1] == pytest.approx(evidence.better)
        assert seen.harm[run, -1] == pytest.approx(evidence.harm)
        assert seen.no_worse[run, -1] == pytest.approx(evidence.no_worse)
        assert seen.mean[run, -1] == pytest.approx(evidence.mean)
        guards = {one.name: one for one in world.guards.weigh(sides, 1e9)}
        assert {column.name for column, _, _ in seen.guards} == set(guards)
        assert "the reward where plan=paid" in guards
        for column, harmed, cleared in seen.guards:
            one = guards[column.name]
            assert (bool(harmed[run, -1]), column.level) == (one.harmed, one.level), column.name
            assert not one.required or bool(cleared[run, -1]) == one.cleared, column.name


def test_a_run_ends_as_judge_says_and_not_before_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, Rule]] = []

    def noted(evidence, rule):
        asked.append((evidence.units, rule))
        return judge(evidence, rule)

    monkeypatch.setattr(rehearsing, "judge", noted)
    (found,) = rehearsed(plain(np.tile([0.0, 1.0], 600)), spec(), runs=100)
    assert asked, "the very judge of the ladder"
    assert found.rollbacks is not None
    assert all(rule.minimum == 30 and rule.proof == "better" for _, rule in asked)


HEAVY = np.random.default_rng(3).beta(0.05, 1.0, 1000)
COINS = (np.random.default_rng(4).random(1000) < 0.3).astype(float)
RARE = (np.random.default_rng(5).random(1000) < 0.01).astype(float)


@pytest.mark.parametrize("values", [COINS, HEAVY, RARE], ids=["coins", "heavy", "rare"])
def test_what_is_not_there_is_found_no_more_often_than_alpha(
    values: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsing, "HARMS", ())
    for found in rehearsed(plain(values, np.roll(values, 7)), spec(), runs=600):
        assert found.promotions is not None
        assert found.rollbacks is not None
        assert found.promotions.count <= 600 * ALPHA + 3 * (600 * ALPHA * 0.95) ** 0.5
        assert found.rollbacks.count <= 600 * ALPHA
        assert not found.wrong


def test_a_test_that_may_be_looked_at_only_once_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def peeked(steps, ends, _bound, threshold=0.0):
        mean, spread = dealing.means(steps - threshold, ends), np.nanstd(steps)
        return np.where(mean * np.sqrt(np.maximum(ends, 1)) > 1.645 * spread, 100.0, 0.0)

    monkeypatch.setattr(dealing, "peaks", peeked)
    monkeypatch.setattr(rehearsing, "HARMS", ())
    (found,) = rehearsed(plain(COINS), spec())
    assert found.promotions is not None
    assert found.promotions.exceeds
    assert found.wrong


def test_planted_harm_is_found_sooner_the_worse_it_is_and_told_in_days() -> None:
    values = np.tile(COINS, 3)
    for found in rehearsed(plain(values, np.roll(values, 11)), spec(), runs=100):
        fifth, half = found.harms
        assert (fifth.drop, half.drop) == pytest.approx((0.2 * values.mean(), 0.5 * values.mean()))
        assert half.rolled_back >= 95
        assert half.median is not None
        assert half.median < 300
        assert fifth.median is None or fifth.median > 2 * half.median
        assert half.promoted == 0
        ends = {wait.share: wait for wait in half.waits}
        rate = 100.0 * (1 - 0.5**1.5) * (0.1 if found.kind == "split" else 1.0)
        share = 0.1 if found.kind == "split" else 1.0
        assert ends[share].median == pytest.approx(half.median / rate + 120.0 / 86_400)


def test_too_little_says_what_there_is_and_what_there_should_be() -> None:
    (found,) = rehearsed(plain(COINS[:59]), spec())
    assert "59 units have a final reward, at least 60 are needed" in found.lacks
    assert "two arms of `[ladder] minimum = 30`" in found.lacks
    assert found.promotions is None
    assert not found.wrong
    (found,) = rehearsed(plain(np.full(100, 0.25)), spec())
    assert "all 100 units came to the same, 0.25" in found.lacks


def test_units_that_nobody_vouches_for_are_never_promoted_where_some_may_lie() -> None:
    (found,) = rehearsed(plain(COINS[:400]), spec("[gate]\nliars = 0.01\n"))
    assert found.promotions is not None
    assert found.promotions.count == 0


def test_the_same_seed_gives_the_same_runs() -> None:
    one, two = (rehearsed(plain(COINS), spec(), runs=20) for _ in range(2))
    assert one == two
