"""Rewards: provisional before the horizon, final after it, clipped into their range, blind to lateness."""

from typing import Any

import pytest
from msgspec.structs import replace

from autotroph.digest.measures import Measure, measure_named, measure_of, measured, scorer
from autotroph.errors import SpecError, UnknownName
from autotroph.records import Completion, Decision, Interaction, Option, Value
from autotroph.spec import Spec, parse

DECLARATION = """
[product]
name = "editor"
[tasks.complete]
kind = "text"
unit = "decision"
reward = "kept"
[tasks.reply]
kind = "text"
reward = "liked"
[tasks.plain]
kind = "text"
[guardrails.chatty]
margin = 1
value = "coalesce(liked, 0) + chars"
horizon = "10m"
[signals]
written = { type = "text", scores = "any" }
liked = { type = "boolean" }
stars = { type = "number" }
[rewards.kept]
value = "(least(kept(written), 24) - 3 * (shown = 1 AND kept(written) = 0)) / 24"
range = [-0.125, 1]
horizon = "10m"
scores = "any"
[rewards.liked]
value = "liked + stars"
range = [0, 3]
horizon = "10m"
silent = { liked = false, stars = "unknown" }
"""
SPEC = parse(DECLARATION)
KEPT = measure_of(SPEC, "complete")
LIKED = measure_of(SPEC, "reply")


def interaction(output: str, *, served: bool = True, **signals: Value) -> Interaction:
    decision = Decision(
        id="d1",
        task="complete",
        release="r0",
        epoch=1,
        arm="main",
        p_arm=1.0,
        options=(Option("a", 0.25), Option("b", 0.75)),
        option="b",
        unit="d1",
        unit_kind="decision",
        cluster="s1",
        fold="tracks",
        policy="p",
        variant="v",
        declaration="x",
        at=1000.0,
        served=served,
    )
    return Interaction(
        decision=decision, completion=Completion(decision="d1", output=output, at=1000.0), signals=signals
    )


def value(rule: Measure, case: Interaction, now: float = 1600.0) -> float | None:
    scored = measured(rule, case, now)
    assert scored is not None
    return scored.value


@pytest.mark.parametrize(
    ("output", "written", "expected"),
    [
        ("return x", "return x + 1", 8 / 24),
        ("return y", "return x + 1", -3 / 24),
        ("", "return x + 1", 0.0),
        ("x" * 40, "x" * 50, 1.0),
    ],
)
def test_the_reward_of_the_demonstration(output: str, written: str, expected: float) -> None:
    assert value(KEPT, interaction(output, written=written)) == pytest.approx(expected)


def test_it_is_provisional_before_the_horizon_and_final_from_then_on() -> None:
    case = interaction("x", stars=1.0)
    before, after = measured(LIKED, case, 1599.9), measured(LIKED, case, 1600.0)
    assert before is not None
    assert after is not None
    assert (before.value, before.final) == (None, False)
    assert (after.value, after.final) == (1.0, True)
    assert (after.decision, after.name, after.version, after.at) == ("d1", "liked", LIKED.version, 1600.0)


def test_silence_stays_unknown_where_that_was_declared() -> None:
    assert value(LIKED, interaction("x", liked=True)) is None


def test_a_value_out_of_range_is_clipped_and_says_so() -> None:
    scored = measured(LIKED, interaction("x", liked=True, stars=5.0), 1600.0)
    assert scored is not None
    assert (scored.value, scored.clipped) == (3.0, True)
    inside = measured(LIKED, interaction("x", liked=True, stars=2.0), 1600.0)
    assert inside is not None
    assert (inside.value, inside.clipped) == (3.0, False)


def failed(case: Interaction, **changed: Any) -> Interaction:
    completion = replace(case.completion, error="503")
    return replace(case, completion=completion, decision=replace(case.decision, **changed))


@pytest.mark.parametrize(
    "signals", [{}, {"liked": True, "stars": 2.0}, {"stars": 9.0}, {"written": "return x"}]
)
@pytest.mark.parametrize("provenance", ["product", "import"])
@pytest.mark.parametrize("now", [1599.9, 1600.0])
def test_a_failed_answer_never_earns_a_reward(signals: dict[str, Value], provenance: str, now: float) -> None:
    case = failed(interaction("return x", **signals), provenance=provenance)
    for rule, low in ((LIKED, 0.0), (KEPT, -0.125)):
        scored = measured(rule, case, now)
        assert scored is not None
        assert (scored.value, scored.final, scored.clipped) == (low, now == 1600.0, False)
        assert scorer(SPEC)(rule.name, case) == low


def test_a_failed_answer_that_nobody_saw_has_a_reward_only_where_any_answer_has() -> None:
    case = failed(interaction("x", served=False, liked=True, stars=1.0), provenance="shadow")
    assert measured(LIKED, case, 1600.0) is None
    assert value(KEPT, case) == -0.125


def test_a_guardrail_is_asked_of_a_failed_answer_as_of_any_other() -> None:
    rule, case = measure_named(SPEC, "chatty"), interaction("abc", liked=True)
    assert value(rule, failed(case)) == value(rule, case) == 4.0


def test_a_signal_of_another_type_than_declared_is_unknown() -> None:
    assert value(LIKED, interaction("x", liked=True, stars="five")) is None


def test_only_a_reward_of_any_answer_scores_what_was_not_served() -> None:
    assert measured(LIKED, interaction("x", served=False, stars=1.0), 1600.0) is None
    assert value(KEPT, interaction("x", served=False, written="xy")) == pytest.approx(1 / 24)


def test_a_reward_may_weigh_the_probability_of_the_option() -> None:
    spec = parse(DECLARATION.replace("liked + stars", "p"))
    assert value(measure_of(spec, "reply"), interaction("x")) == 0.75


def test_tasks_without_a_reward_are_answered() -> None:
    with pytest.raises(SpecError, match="declares no reward"):
        measure_of(SPEC, "plain")
    with pytest.raises(UnknownName, match="Did you mean 'complete'"):
        measure_of(SPEC, "complet")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("liked + stars", "liked + 2 * stars"),
        ("[0, 3]", "[0, 4]"),
        ("liked = false", "liked = true"),
        ('range = [0, 3]\nhorizon = "10m"', 'range = [0, 3]\nhorizon = "11m"'),
    ],
)
def test_the_version_moves_with_everything_that_decides_a_value(old: str, new: str) -> None:
    assert measure_of(parse(DECLARATION.replace(old, new)), "reply").version != LIKED.version


def test_the_version_does_not_move_with_anything_else() -> None:
    other: Spec = parse(DECLARATION.replace("liked + stars", "(liked+stars)").replace("editor", "other"))
    assert measure_of(other, "reply").version == LIKED.version
