"""What vetoes: guardrails, failures, missing rewards, segments, uneven arms; on the real desk."""

from itertools import count
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from autotroph.deploy.arms import arms
from autotroph.deploy.comparisons import Served
from autotroph.deploy.desk import Desk
from autotroph.deploy.evidence import Survives
from autotroph.deploy.guards import FAILED, MISSING, Sides, Watched, bet, mismatch
from autotroph.deploy.models import ModelPool
from autotroph.deploy.releases import declared, released, staged
from autotroph.deploy.serving import Serving
from autotroph.policy.documents import freeze
from autotroph.records import Body, Candidate, Decision, Record, Reward, Verdict
from autotroph.spec import First, parse

SPEC = """
[product]
name = "guarded"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
unit = "user"
reward = "good"
guardrails = ["angry", "slow"]
context = { plan = "category" }
segments = ["plan"]
AUTONOMY
[signals]
liked = { type = "boolean" }
shouted = { type = "boolean" }
[rewards.good]
value = "liked"
horizon = "1m"
[guardrails.angry]
value = "shouted"
horizon = "1m"
margin = 0.05
[guardrails.slow]
value = "latency_ms"
horizon = "1m"
margin = 30
[gate]
liars = LIARS
[ladder]
steps = [0.5, 1.0]
floor = "2m"
patience = "2h"
holdback = 0.0
margin = 0.05
"""


class Ladder:
    """A candidate on its last step before everybody, and people who meet it."""

    def __init__(self, *, liars: float = 0.0, autonomy: str = "full") -> None:
        self.luck, self._count, self.now = np.random.default_rng(11), count(1), 0.0
        text = SPEC.replace("LIARS", str(liars)).replace("AUTONOMY", f'autonomy = "{autonomy}"')
        self.spec = parse(text)
        serving = Serving(ModelPool({}, lambda *_: ()), lambda _: First(), "salt")
        self.desk = Desk("t", self.spec, serving)
        policy = freeze(First()).digest
        zero = declared("t", "release 0", Body(kind="choice", variants={}, policy=policy), 0.0)
        self.candidate = Candidate(
            id="c", task="t", name="c", track="person", parent=zero.id, snapshot="", at=0.0,
            body=Body(kind="choice", variants={}, policy="other"),
        )  # fmt: skip
        through = Verdict(
            id="v", task="t", candidate="c", judge="gate", finding="advance", reason="", evidence={},
            alpha=0.02, at=0.0,
        )  # fmt: skip
        release = released(self.candidate, "v")
        first = replace(staged(release, "canary", 0.5, 0, 0.0))
        self.take(zero, staged(zero, "serving", 1.0, 0, 0.0), self.candidate, through, release, first)

    def take(self, *rows: Record) -> None:
        for row in rows:
            self.desk.board.apply(replace(row, sequence=next(self._count)))

    def meet(self, people: int, **draw: Any) -> None:
        """So many units of either arm, each with one decision; `draw` says how the candidate's fare."""
        canary, main = self.desk.standing.canary, self.desk.standing.main
        assert canary is not None
        for number in range(people):
            self._one(canary.release.id, f"candidate {number}", "candidate", draw)
            if number < draw.get("control", people):
                self._one(main.release.id, f"control {number}", "control", {})

    def _one(self, release: str, unit: str, arm: Any, draw: dict[str, Any]) -> None:
        plan = "gold" if self.luck.random() < draw.get("gold", 0.1) else "free"
        decision = Decision(
            sequence=next(self._count), id=unit, task="t", release=release, epoch=0, arm=arm, p_arm=0.5,
            options=(), option="a", unit=unit, unit_kind="user", cluster=unit, fold="tracks", policy="",
            variant="", declaration="", at=self.now, verified=draw.get("verified", True),
            inputs={"plan": plan},
        )  # fmt: skip
        self.desk.comparisons.serve(decision, failed=self.luck.random() < draw.get("failed", 0.0))
        liked = draw.get("liked", 0.5) - (draw.get("less", 0.0) if plan == "gold" else 0.0)
        missing = self.luck.random() < draw.get("missing", 0.1)
        self._value(decision, "good", None if missing else float(self.luck.random() < liked))
        self._value(decision, "angry", float(self.luck.random() < draw.get("angry", 0.2)))
        self._value(decision, "slow", self.luck.normal(draw.get("slow", 400.0), 100.0))

    def _value(self, decision: Decision, name: str, value: float | None) -> None:
        row = Reward(decision=decision.id, name=name, version="", value=value, final=True, at=self.now)
        self.desk.comparisons.take(decision, row)

    def judged(self, after: float = 300.0, halted: str = "") -> Verdict:
        self.now += after
        rows = self.desk.judge((), lambda *_: None, self.now, halted=halted)
        self.take(*rows)
        found = [row for row in rows if isinstance(row, Verdict)]
        return found[0]


BETTER = {"liked": 0.8}


def test_a_better_one_that_nothing_vetoes_is_promoted():
    ladder = Ladder()
    ladder.meet(1500, **BETTER)
    assert ladder.judged().finding == "promoted"


@pytest.mark.parametrize(
    ("harm", "by"),
    [
        ({"angry": 0.4}, "'angry'"),
        ({"slow": 480.0}, "'slow'"),
        ({"failed": 0.1}, FAILED),
        ({"missing": 0.3}, MISSING),
        ({"less": 0.7, "gold": 0.1}, "the reward where plan=gold"),
    ],
)
def test_harm_in_anything_that_can_veto_rolls_a_better_one_back(harm, by):
    ladder = Ladder()
    ladder.meet(1500, **(BETTER | harm))
    verdict = ladder.judged()
    assert verdict.finding == "rolled back"
    assert by in verdict.reason
    assert verdict.evidence["mean"] > 0


def test_without_proof_that_a_guardrail_got_no_worse_nothing_is_promoted():
    ladder = Ladder()
    ladder.meet(150, **BETTER)
    verdict = ladder.judged()
    assert verdict.finding == "undecided"
    assert "'angry' is not yet proven to be no worse" in verdict.reason


def test_arms_that_are_not_as_large_as_they_were_drawn_hold_everything():
    ladder = Ladder()
    ladder.meet(2000, control=1500, **(BETTER | {"angry": 0.9}))
    verdict = ladder.judged()
    assert verdict.finding == "hold"
    assert "2000 units against 1500" in verdict.reason


class TestLiars:
    def test_what_they_could_have_made_up_is_not_promoted(self):
        sure, alone = Ladder(liars=0.0), Ladder(liars=0.2)
        for ladder in (sure, alone):
            ladder.meet(1500, **BETTER)
        assert sure.judged().finding == "promoted"
        verdict = alone.judged()
        assert verdict.finding == "undecided"
        assert "could arrive together" in verdict.reason

    def test_those_whom_nobody_vouches_for_can_be_as_many_as_they_like(self):
        ladder = Ladder(liars=0.001)
        ladder.meet(1500, **BETTER, verified=False)
        verdict = ladder.judged()
        assert verdict.finding == "undecided"
        assert "server-side key" in verdict.reason
        assert verdict.evidence["survives"] == {"share": 0.0, "count": 0}

    def test_every_verdict_says_how_many_it_would_have_survived(self):
        ladder = Ladder()
        ladder.meet(1500, **BETTER)
        verdict = ladder.judged()
        survived = Survives(**verdict.evidence["survives"])
        assert survived.count == int(survived.share * verdict.evidence["units"]) > 200
        assert f"survived {survived.count} lying units ({survived.share:.1%})" in verdict.reason


class TestWhoHasTheLastWord:
    @pytest.mark.parametrize("autonomy", ["propose", "canary"])
    def test_the_last_step_waits_for_a_person(self, autonomy):
        ladder = Ladder(autonomy=autonomy)
        ladder.meet(1500, **BETTER)
        assert ladder.judged().finding == "hold"
        approval = Verdict(
            id="p", task="t", candidate="c", judge="person", finding="advance", reason="by me", evidence={},
            alpha=0.0, at=ladder.now,
        )  # fmt: skip
        ladder.take(approval)
        assert ladder.judged().finding == "promoted"

    def test_nothing_comes_further_while_it_is_halted_and_harm_is_taken_back(self):
        good, bad = Ladder(), Ladder()
        good.meet(1500, **BETTER)
        held = good.judged(halted="frozen by me")
        assert (held.finding, held.reason.startswith("frozen by me")) == ("hold", True)
        bad.meet(1500, liked=0.1)
        assert bad.judged(halted="frozen by me").finding == "rolled back"


def test_what_has_not_come_further_in_time_is_refused():
    ladder = Ladder()
    ladder.meet(300)
    assert ladder.judged().finding in ("undecided", "hold")
    verdict = ladder.judged(after=7_201.0)
    assert verdict.finding == "refused"
    assert "its patience is at an end" in verdict.reason


# the parts -----------------------------------------------------------------------------------------------


def served(unit: str, arm: Any, at: float = 0.0, place: int = 0) -> Served:
    return Served(place, f"{unit} {place}", at, unit, unit, "tracks", arm, "r", True, False, ())


def is_arm(arm: str) -> Any:
    return lambda one: one.arm == arm


OURS, THEIRS = is_arm("candidate"), is_arm("control")


class TestArms:
    def counted(self, rows, now=1e9, window=10.0, value=lambda one: float(one.sequence)):
        return arms(rows, OURS, THEIRS, value, window, now)

    def test_a_unit_that_crosses_counts_where_it_was_first(self):
        found = self.counted([served("u", "control", 0.0, 1), served("u", "candidate", 1.0, 9)])
        assert ([one.value for one in found.theirs], found.ours) == ([1.0], ())

    def test_only_the_window_after_its_first_decision_counts_and_later_looks_change_nothing(self):
        rows = [served("u", "candidate", 0.0, 2), served("u", "candidate", 10.0, 4)]
        before = self.counted(rows, now=20.0)
        assert [one.value for one in before.ours] == [3.0]
        assert self.counted([*rows, served("u", "candidate", 11.0, 50)], now=99.0) == before

    def test_a_unit_counts_when_everything_in_its_window_is_final(self):
        rows = [served("u", "candidate", 5.0, 1)]
        assert self.counted(rows, now=24.9).ours == ()
        assert len(self.counted(rows, now=25.0).ours) == 1

    def test_who_looks_again_finds_the_same_pairs_and_more(self):
        luck = np.random.default_rng(3)
        rows = [
            served(f"u{n}", "candidate" if luck.random() < 0.5 else "control", float(n), n)
            for n in range(400)
        ]
        early = self.counted(rows, now=200.0).pairs
        late = self.counted(rows, now=1e9).pairs
        assert late[: len(early)] == early
        assert len(late) > len(early) > 50

    def test_a_small_arm_is_held_against_those_who_came_with_it(self):
        """A base rate that rises would look like harm to whoever is compared with the first who came."""
        rows = [served(f"u{n}", "control" if n % 20 == 10 else "candidate", 0.0, n) for n in range(4000)]
        sides = Sides(rows, OURS, THEIRS)

        def rising(one: Served) -> float:
            return one.sequence / len(rows)

        naive = sides.differences(rising, 10.0, 1e9)
        fair = sides.partnered.differences(rising, 10.0, 1e9)
        assert len(fair) == len(naive) == 200
        assert np.mean([one.value for one in naive]) < -0.4
        assert abs(np.mean([one.value for one in fair])) < 0.01


def test_an_unsettled_guardrail_without_a_range_needs_numbers_and_a_spread():
    slow = Watched("slow", lambda _: None, 1.0, 10.0, None)
    assert not bet(slow, [1.0] * 29, None, 0.01).cleared
    assert not bet(slow, [0.0] * 200, None, 0.01).cleared  # nothing rare was ever seen
    assert bet(slow, [0.0] * 400, None, 0.01).cleared
    luck = np.random.default_rng(2)
    assert bet(slow, list(luck.normal(0, 20, 2000)), None, 0.01).cleared
    assert bet(slow, list(luck.normal(20, 20, 2000)), None, 0.01).harmed


def test_fair_arms_are_no_mismatch():
    luck = np.random.default_rng(8)
    rows = [served(f"u{n}", "candidate" if luck.random() < 0.5 else "control", 0.0, n) for n in range(4000)]
    assert not mismatch(Sides(rows, OURS, THEIRS), 0.5)
    assert mismatch(Sides(rows, OURS, THEIRS), 0.6)
