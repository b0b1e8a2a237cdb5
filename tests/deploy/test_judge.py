"""Every branch of the judgement, and how a verdict moves a stage."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import canary, candidate, verdict

from autotroph.deploy.evidence import Difference, Evidence, Scale, held_to, increments_of, weigh
from autotroph.deploy.judge import Rule, judge
from autotroph.deploy.ladder import advance, next_share

SURE, NOT_YET = 20.0, 0.1


def evidence(**changed: Any) -> Evidence:
    known: dict[str, Any] = {"task": "t", "candidate": "c1", "kind": "paired", "since": 0, "at": 0.0}
    known |= {"decisions": 100, "units": 100, "mean": 0.1, "low": 0.0, "high": 0.2, "alpha": 0.02, "more": 40}
    known |= {"better": NOT_YET, "no_worse": NOT_YET, "harm": NOT_YET}
    return Evidence(**(known | changed))


def rule(need: Any, **changed: Any) -> Rule:
    known: dict[str, Any] = {"judge": "ladder", "margin": 0.01, "level": 0.05, "minimum": 30}
    return Rule(need=need, **(known | changed))


WORSE = {"mean": -0.2, "harm": SURE}
CASES = [
    ("screen", {}, {}, "advance"),
    ("screen", {"mean": -0.005}, {}, "advance"),
    ("screen", {"mean": -0.02}, {}, "refused"),
    ("screen", WORSE, {}, "refused"),
    ("screen", {"units": 29}, {}, "undecided"),
    ("screen", WORSE | {"units": 5}, {}, "refused"),
    ("prove", {}, {}, "undecided"),
    ("prove", {"more": None}, {}, "undecided"),
    ("prove", {"better": SURE}, {}, "advance"),
    ("prove", {"better": SURE, "units": 29}, {}, "undecided"),
    ("prove", WORSE, {}, "rolled back"),
    ("climb", {}, {"waited": False}, "hold"),
    ("climb", {"mean": -0.02}, {}, "hold"),
    ("climb", {}, {}, "advance"),
    ("climb", {}, {"last": True}, "promoted"),
    ("climb", {}, {"last": True, "proof": "no worse"}, "undecided"),
    ("climb", {"no_worse": SURE}, {"last": True, "proof": "no worse"}, "promoted"),
    ("climb", {"no_worse": SURE}, {"last": True, "proof": "better"}, "undecided"),
    ("climb", {"better": SURE}, {"last": True, "proof": "better"}, "undecided"),
    ("climb", {"no_worse": SURE, "better": SURE}, {"last": True, "proof": "better"}, "promoted"),
    ("climb", WORSE, {"last": True}, "rolled back"),
    ("climb", {"mean": -0.01, "skew": SURE, "promised": 0.1}, {}, "rolled back"),
    ("climb", {"mean": 0.01, "skew": SURE, "promised": 0.1}, {}, "advance"),
    ("keep", {}, {}, "hold"),
    ("keep", WORSE, {}, "rolled back"),
    ("keep", {"units": 1}, {}, "undecided"),
]


@pytest.mark.parametrize(("need", "known", "asked", "finding"), CASES)
def test_what_the_evidence_amounts_to(need, known, asked, finding):
    found = judge(evidence(**known), rule(need, **asked))
    assert found.finding == finding
    assert found.reason
    assert found.alpha == 0.02
    assert found.evidence["units"] == known.get("units", 100)


def test_better_is_proven_at_the_candidates_own_alpha():
    at_five = evidence(better=3.1, alpha=0.05)
    assert judge(at_five, rule("prove")).finding == "advance"
    assert judge(evidence(better=3.1, alpha=0.02), rule("prove")).finding == "undecided"


def test_a_verdict_has_an_id_of_its_own_at_every_time():
    ids = {judge(evidence(at=float(at)), rule("prove")).id for at in range(5)}
    assert len(ids) == 5


class TestTheLadder:
    STEPS = (0.1, 0.5, 1.0)

    @pytest.mark.parametrize(
        ("share", "finding", "name", "then"),
        [
            (0.1, "advance", "canary", 0.5),
            (0.5, "advance", "serving", 1.0),
            (0.5, "promoted", "serving", 1.0),
            (0.5, "rolled back", "withdrawn", 0.0),
            (0.5, "refused", "withdrawn", 0.0),
        ],
    )
    def test_a_verdict_moves_a_stage(self, share, finding, name, then):
        before = canary(share).stage
        after = advance(before, verdict("c1", finding), self.STEPS)
        assert (after.name, after.share, after.epoch) == (name, then, before.epoch + 1)
        assert after.verdict.startswith("v c1")

    @pytest.mark.parametrize("finding", ["undecided", "hold"])
    def test_not_yet_moves_nothing(self, finding):
        before = canary(0.1).stage
        assert advance(before, verdict("c1", finding), self.STEPS) is before

    @given(st.floats(0, 1), st.lists(st.floats(0.01, 0.99), min_size=1, unique=True))
    def test_the_share_only_grows_until_everybody(self, share, steps):
        after = next_share(share, [*sorted(steps), 1.0])
        assert share < after <= 1.0 or share == after == 1.0


SCALE = Scale(width=1.0, margin=0.05, alpha=0.05, window=10.0)


class TestWeighing:
    def weighed(self, differences, now=1e6):
        return weigh(candidate(), differences, SCALE, since=0, now=now)

    def test_a_unit_counts_once_however_often_it_decides(self):
        once = [Difference(f"u{n}", float(n), 0.5) for n in range(50)]
        often = [one for one in once for _ in range(20)]
        assert self.weighed(often).better == self.weighed(once).better
        assert (self.weighed(often).units, self.weighed(often).decisions) == (50, 1000)

    def test_only_the_window_after_the_first_exposure_counts(self):
        days = [Difference("u", at, value) for at, value in ((0.0, 1.0), (10.0, 0.0), (10.1, -1.0))]
        assert increments_of(days, 10.0, 1e6) == ([0.5], 2)

    def test_a_unit_counts_when_all_of_its_window_is_final_and_not_before(self):
        one = [Difference("u", 5.0, 1.0)]
        assert increments_of(one, 10.0, 24.9) == ([], 0)
        assert increments_of(one, 10.0, 25.0) == ([1.0], 1)

    def test_nothing_is_known_from_nothing(self):
        found = self.weighed([])
        assert (found.units, found.mean, found.better, found.harm) == (0, 0.0, 0.0, 0.0)
        assert (found.low, found.high) == (-1.0, 1.0)

    def test_better_and_harm_are_told_apart(self):
        good = self.weighed([Difference(f"u{n}", 0.0, float(n % 2)) for n in range(100)])
        bad = self.weighed([Difference(f"u{n}", 0.0, -float(n % 2)) for n in range(100)])
        assert good.better > 10 > 0.1 > good.harm
        assert bad.harm > 10 > 0.1 > bad.better

    def test_less_than_shadow_promised_is_skew(self):
        shadow = [Difference(f"s{n}", 0.0, float(n % 2)) for n in range(200)]
        live = [Difference(f"l{n}", 0.0, -0.05) for n in range(60)]
        found = held_to(self.weighed(live), live, shadow, SCALE)
        assert found.promised is not None
        assert found.promised > 0.2
        assert judge(found, rule("climb", minimum=10)).finding == "rolled back"
        assert found.harm < 3
        kept = held_to(self.weighed(shadow), shadow, shadow, SCALE)
        assert kept.skew < 1
