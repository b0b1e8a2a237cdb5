"""A guarded choice on a real ledger: a veto that nothing makes up for, a person's word, and who stays."""

from pathlib import Path

import pytest

import autotroph
from autotroph.clock import ReplayClock, draw
from autotroph.errors import InputError
from autotroph.faces.library import Product
from autotroph.observe.steps import steps
from autotroph.plan.foreseeing import foreseen
from autotroph.records import Candidate, Decision, Entry, Stage, Verdict
from autotroph.spec import Longest

HOUR = 3600.0
TOML = """
[product]
name = "guarded"
[tasks.offer]
kind = "choice"
actions = ["plain", "bold"]
reward = "bought"
guardrails = ["complaints"]
autonomy = "AUTONOMY"
[signals]
bought = { type = "boolean" }
complained = { type = "boolean" }
[rewards.bought]
value = "bought"
horizon = "1h"
silent = { bought = false }
[guardrails.complaints]
value = "complained"
horizon = "1h"
silent = { complained = false }
margin = 0.08
[gate]
minimum = 1
margin = 1.0
[ladder]
steps = [0.5, 1.0]
floor = "1h"
watch = 0.2
holdback = 0.0
explore = 0.2
"""


class Shop:
    """People who buy, and who complain, by what they are offered."""

    def __init__(self, folder: Path, *, complaining: float, autonomy: str = "full") -> None:
        self.path, self.complaining, self.bought = folder / "autotroph.toml", complaining, 0.8
        self.path.write_text(TOML.replace("AUTONOMY", autonomy), "utf-8")
        self.clock, self.people = ReplayClock("shop", at=1_700_000_000.0), 0
        self.product = self.opened()

    def opened(self) -> Product:
        return autotroph.open(self.path, clock=self.clock)

    def again(self) -> None:
        self.product.close()
        self.product = self.opened()

    def hour(self, people: int = 300) -> None:
        for _ in range(people):
            self.people += 1
            self._one(f"u{self.people}")
        self.clock.advance(self.clock.now() + 2 * HOUR + 1)
        self.product.cycle()

    def _one(self, user: str) -> None:
        answer = self.product.decide("offer", {}, user=user)
        bold = answer.option == "bold"
        if draw("bought", user) < (self.bought if bold else 0.4):
            self.product.signal(answer.id, "bought", True)
        if draw("complained", user) < (self.complaining if bold else 0.1):
            self.product.signal(answer.id, "complained", True)

    def propose(self) -> None:
        self.hour()
        self.product.propose("offer", "bold", policy=Longest(variant="bold"))

    def until(self, *findings: str, hours: int = 8) -> Verdict:
        for _ in range(hours):
            self.hour()
            found = [one for one in self.product.store.scan(Verdict) if one.judge == "ladder"]
            if found and found[-1].finding in findings:
                return found[-1]
        raise AssertionError([(one.finding, one.reason) for one in self.product.store.scan(Verdict)])


@pytest.fixture
def shop(tmp_path):
    opened: list[Shop] = []

    def make(**given):
        opened.append(Shop(tmp_path, **given))
        return opened[-1]

    yield make
    for one in opened:
        one.product.close()


def test_twice_the_sales_do_not_make_up_for_complaints(shop):
    sells = shop(complaining=0.5)
    sells.propose()
    verdict = sells.until("rolled back", "promoted")
    assert verdict.finding == "rolled back"
    assert "'complaints' got worse by more than its margin" in verdict.reason
    assert verdict.evidence["mean"] > 0.2


def test_the_log_alone_can_veto_before_anybody_meets_it(shop):
    sells = shop(complaining=1.0)
    for _ in range(4):
        sells.hour(600)
    sells.propose()
    sells.hour(600)
    verdict = sells.product.store.get(Verdict, judge="gate")
    assert verdict.finding == "refused"
    assert "'complaints' got worse" in verdict.reason
    assert not list(sells.product.store.scan(Stage, name="canary"))


def test_what_is_folded_again_is_judged_alike(shop):
    sells = shop(complaining=0.12)
    sells.propose()
    sells.hour()
    sells.hour(150)
    desk = sells.product.rooms.desks["offer"]
    before = desk.evidence(desk.standing.canary, sells.clock.now() + 3 * HOUR)
    sells.again()
    sells.product.rooms.joiner  # noqa: B018 - asking for it folds what was answered
    desk = sells.product.rooms.desks["offer"]
    assert desk.evidence(desk.standing.canary, sells.clock.now() + 3 * HOUR) == before
    assert before.guards[0].units > 50


class TestOnceItServes:
    def test_a_share_stays_with_the_parent_and_harm_is_found_against_it(self, shop):
        sells = shop(complaining=0.1)
        sells.propose()
        assert sells.until("promoted").evidence["guards"][0]["cleared"]
        standing = sells.product.rooms.desks["offer"].standing
        sells.hour(500)
        kept = [
            one
            for one in sells.product.store.scan(Decision, release=standing.parent.release.id)
            if one.arm == "control" and one.sequence > standing.main.stage.sequence
        ]
        assert 60 < len(kept) < 140
        assert {round(one.p_arm, 9) for one in kept} == {0.2}
        sells.bought = 0.05  # what was bold has worn off
        assert sells.until("rolled back", hours=6).reason.startswith("worse than allowed")
        assert sells.product.rooms.desks["offer"].standing.main.release.name == "release 0"

    def test_a_bad_day_of_everybody_rolls_nothing_back(self, shop):
        sells = shop(complaining=0.1)
        sells.propose()
        sells.until("promoted")
        sells.complaining = sells.bought = 0.1  # bold and plain alike
        for _ in range(2):
            before, sells.bought = sells.bought, 0.4
            sells.hour()
            sells.bought = before
        assert sells.product.rooms.desks["offer"].standing.main.release.name == "bold"


def test_the_last_step_takes_proof_however_small_the_one_before_it(shop):
    sells = shop(complaining=0.1)
    sells.bought = 0.4  # no better
    text = sells.path.read_text("utf-8").replace("steps = [0.5, 1.0]", "steps = [0.2, 1.0]")
    sells.path.write_text(text, "utf-8")
    sells.again()
    sells.propose()
    for _ in range(5):
        sells.hour(200)
    assert sells.product.rooms.desks["offer"].standing.main.release.name == "release 0"


class TestAPersonsWord:
    def test_before_anybody_meets_it(self, shop):
        sells = shop(complaining=0.1, autonomy="propose")
        sells.propose()
        sells.hour()
        held = sells.product.store.get(Verdict, judge="gate")
        assert (held.finding, "autotroph approve" in held.reason) == ("hold", True)
        sells.again()
        sells.product.approve("bold", by="ada")
        sells.again()
        sells.hour()
        assert sells.product.rooms.desks["offer"].standing.canary is not None
        assert sells.until("hold").reason.startswith("it waits for somebody to say so")
        sells.product.approve("bold", by="ada")
        assert sells.until("promoted", hours=2)

    def test_one_that_is_not_under_way_is_named(self, shop):
        sells = shop(complaining=0.1)
        sells.propose()
        with pytest.raises(autotroph.errors.UnknownName, match="Did you mean 'bold'"):
            sells.product.approve("bald")


class TestADeclarationThatChanges:
    """What a task is declared to serve reaches nobody but by the gate and the ladder, or by force."""

    def redeclared(self, shop) -> Shop:
        sells = shop(complaining=0.1)
        for _ in range(2):
            sells.hour()
        text = sells.path.read_text("utf-8")
        policy = 'reward = "bought"\npolicy = { kind = "longest", variant = "bold" }'
        sells.path.write_text(text.replace('reward = "bought"', policy, 1), "utf-8")
        sells.again()
        return sells

    def test_is_a_step_of_the_plan_with_what_the_log_says_and_changes_nothing_by_itself(self, shop):
        sells = self.redeclared(shop)
        (step,) = sells.product.plan().proposed
        assert step.differs == ("policy",)
        found = foreseen(step, sells.product.store, sells.product.spec)
        assert (found.users, found.decisions, found.share, found.first) == (600, 600, 1.0, 0.5)
        assert found.low < 0.4 < found.high  # twice the sales
        assert found.mean == pytest.approx(0.4, abs=0.15)
        sells.hour(50)
        assert sells.product.rooms.desks["offer"].standing.main.release.name == "release 0"
        assert not list(sells.product.store.scan(Stage, name="canary"))

    def test_becomes_a_candidate_once_and_climbs_like_every_other(self, shop):
        sells = self.redeclared(shop)
        name = sells.product.apply().proposed[0].name
        assert sells.product.plan().proposed == ()
        assert sells.product.apply().proposed == ()
        assert sells.until("promoted")
        assert sells.product.rooms.desks["offer"].standing.main.release.name == name

    def test_a_plan_that_is_not_the_one_that_was_seen_is_not_run(self, shop):
        sells = self.redeclared(shop)
        seen = sells.product.plan().digest
        text = sells.path.read_text("utf-8")
        sells.path.write_text(text.replace('variant = "bold"', 'variant = "plain"'), "utf-8")
        sells.again()
        with pytest.raises(InputError, match="stale"):
            sells.product.apply(expected=seen)
        assert not list(sells.product.store.scan(Candidate))

    def test_by_force_it_serves_at_once_and_that_is_on_record(self, shop):
        sells = self.redeclared(shop)
        sells.product.apply(force="ada")
        standing = sells.product.rooms.desks["offer"].standing
        assert (standing.main.release.name[:8], standing.parent.release.name) == ("declared", "release 0")
        assert sells.product.store.get(Entry, event="forced").actor == "ada"
        assert sells.product.store.get(Verdict, finding="promoted").reason == "forced by ada, unproven"
        assert steps(sells.product.store, "offer").redeployed is None  # nothing was proven
        taken = {sells.product.decide("offer", {}, user=f"new {n}").decision.release for n in range(40)}
        assert taken == {standing.main.release.id, standing.parent.release.id}  # some stay to compare with
        sells.product.rollback()
        assert sells.product.rooms.desks["offer"].standing.main.release.name == "release 0"
