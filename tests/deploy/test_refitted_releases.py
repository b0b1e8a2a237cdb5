"""What serves is refitted within its envelope: harm since then is seen, by those it served before, too."""

from itertools import count

import pytest
from msgspec.structs import replace

from autotroph.deploy.desk import Desk
from autotroph.deploy.judge import ruled
from autotroph.deploy.models import ModelPool
from autotroph.deploy.releases import declared, released, staged
from autotroph.deploy.serving import Serving
from autotroph.policy.documents import freeze
from autotroph.records import Body, Candidate, Decision, Envelope, Record, Reward, Verdict
from autotroph.spec import First, parse

SPEC = """
[product]
name = "refitted"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "right"
[signals]
label = { type = "boolean", scores = "any" }
[rewards.right]
value = "label"
range = [-1.0, 1.0]
horizon = "1m"
scores = "any"
[ladder]
margin = 0.05
"""
PEOPLE = 60
EARNED = 0.3


class Serves:
    """A release that was promoted, and what it replaced, answering the same decisions."""

    def __init__(self, refit: dict[str, int]) -> None:
        self.now, self._count = 0.0, count(1)
        spec = parse(SPEC)
        self.desk = Desk("t", spec, Serving(ModelPool({}, lambda *_: ()), lambda _: First(), "salt"))
        body = Body(kind="choice", variants={}, policy=freeze(First()).digest)
        self.parent = declared("t", "release 0", body, 0.0)
        refitted = replace(body, policy="p1", envelope=Envelope(refit=refit))
        made = Candidate(
            id="c",
            task="t",
            name="c",
            track="learn",
            parent=self.parent.id,
            body=refitted,
            snapshot="",
            at=0.0,
        )
        self.main = released(made, "v")
        replaced = replace(staged(self.parent, "serving", 1.0, 0, 0.0), epoch=1, name="replaced", share=0.0)
        through = ruled(made, "advance", "", 0.0, "gate")
        stage = staged(self.main, "serving", 1.0, 0, 0.0)
        before = staged(self.parent, "serving", 1.0, 0, 0.0)
        self.take(self.parent, before, made, through, self.main, stage, replaced)

    def take(self, *rows: Record) -> None:
        for row in rows:
            self.desk.board.apply(replace(row, sequence=next(self._count)))

    def epoch(self) -> None:
        main = self.desk.standing.main.stage
        self.take(replace(main, epoch=main.epoch + 1, policy=f"p{main.epoch + 2}", at=self.now))

    def meet(self, more: float) -> None:
        """The same people as always; what serves earns so much more than what it replaced would have."""
        for number in range(PEOPLE):
            at = next(self._count)
            decision = Decision(
                sequence=at, id=f"d{at}", task="t", release=self.main.id, epoch=0, arm="main", p_arm=1.0,
                options=(), option="a", unit=f"u{number}", unit_kind="user", cluster=f"u{number}",
                fold="tracks", policy="", variant="", declaration="", at=self.now,
            )  # fmt: skip
            self.desk.comparisons.serve(decision)
            for release, value in ((self.main.id, EARNED + more), (self.parent.id, EARNED)):
                row = Reward(
                    decision=decision.id, name="right", version="", value=value, final=True, at=self.now
                )
                self.desk.comparisons.take(replace(decision, release=release), row)
        self.now += 300.0

    def verdict(self) -> Verdict | None:
        rows = self.desk.judge((), lambda *_: None, self.now)
        return next((row for row in rows if isinstance(row, Verdict)), None)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_refit_that_does_harm_is_taken_back_though_everybody_was_served_before(epochs):
    serves = Serves({"learn": 10})
    serves.meet(0.0)
    for _ in range(epochs - 1):
        serves.epoch()
        serves.meet(0.0)
    assert serves.verdict() is None
    serves.epoch()
    serves.meet(-1.0)
    verdict = serves.verdict()
    assert verdict is not None
    assert verdict.finding == "rolled back"


def test_a_refit_that_does_no_harm_stays():
    serves = Serves({"learn": 10})
    serves.meet(0.0)
    for _ in range(5):
        serves.epoch()
        serves.meet(0.0)
        assert serves.verdict() is None


def test_all_looks_together_are_wrong_no_more_often_than_one_would_be():
    """Each epoch has a part of the level, and the parts of all epochs there can be come to what is left."""
    serves = Serves({"learn": 10})
    seen = []

    def noted(candidate, releases, since, alpha, now, part=1.0):
        seen.append(part)
        return kept(candidate, releases, since, alpha, now, part)

    kept = serves.desk.weighing._kept
    serves.desk.weighing._kept = noted
    for _ in range(40):
        serves.epoch()
        serves.verdict()
    assert [part for part in seen if part == 0.5] == [0.5] * 40
    fresh = [part for part in seen if part != 0.5]
    assert len(fresh) == 40
    assert sum(fresh) < 0.5
