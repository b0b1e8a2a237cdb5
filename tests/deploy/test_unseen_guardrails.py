"""Guardrails of answers that nobody saw: at the gate, in shadow, after a promotion; on the same decisions."""

import pytest
from msgspec.structs import replace
from rows import canary, candidate, standing, zero

from autotroph.deploy.desk import Desk
from autotroph.deploy.judge import judge
from autotroph.deploy.models import ModelPool
from autotroph.deploy.serving import Serving
from autotroph.digest.measures import measured, measures_of
from autotroph.records import Completion, Decision, Interaction, Proposal, Reward, Stage, Verdict
from autotroph.spec import First, parse
from typing_product import SKILL, TOML, Typists, by, findings, opened, rounds


class Wordy(Typists):
    """The fine one knows more, and goes on and on where it does not."""

    def _typed(self, name: str, skill: float, number: int) -> Proposal:
        typed = super()._typed(name, skill, number)
        wrong = typed.output == "zzzz" and name == "fine"
        return replace(typed, output="z" * 60) if wrong else typed


def guarded(value: str, margin: float = 1.0) -> str:
    """A product that may not say much more; no range can be told of it, so one is declared."""
    declared = f"""
[guardrails.long]
value = "{value}"
range = [0.0, 60.0]
horizon = "1m"
margin = {margin}
"""
    return TOML.replace('reward = "kept"', 'reward = "kept"\nguardrails = ["long"]') + declared


@pytest.mark.parametrize(
    ("value", "judges"),
    [("chars", {"gate"}), ("chars - kept(written)", {"gate", "ladder"})],
    ids=["what reads the answer alone vetoes at the gate", "what reads a label vetoes in shadow"],
)
def test_a_better_one_that_hurts_a_guardrail_is_refused_before_anybody_meets_it(tmp_path, value, judges):
    with opened(tmp_path, guarded(value), typists=Wordy({**SKILL, "fair": 0.2, "fine": 0.55})) as product:
        rounds(product, 1, 100)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 4)
        verdicts = list(product.store.scan(Verdict))
        assert findings(product, "better")[-1] == "refused"
        assert {one.judge for one in verdicts} == judges
        assert "'long' got worse by more than its margin" in verdicts[-1].reason
        assert verdicts[-1].evidence["mean"] > 0
        assert not list(product.store.scan(Stage, name="canary"))


def test_what_replaced_something_is_held_to_the_guardrails_on_the_same_decisions(tmp_path):
    with opened(tmp_path, guarded("chars - kept(written)", margin=20.0)) as product:
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 8)
        desk = product.rooms.desks["finish"]
        assert findings(product, "better")[-1] == "promoted"
        rounds(product, 1)
        now = product.clock.now()
        (guard,) = desk.evidence(desk.standing.main, now).guards
        assert (guard.name, guard.harmed) == ("long", False)
        assert guard.units > 50
        for one in desk.comparisons.served():  # as if it had grown long since then
            row = Reward(decision=one.id, name="long", version="", value=55.0, final=True, at=now)
            desk.comparisons.take(product.store.get(Decision, id=one.id), row)
        verdict = judge(desk.evidence(desk.standing.main, now), desk.rule("keep"))
        assert (verdict.finding, "'long'" in verdict.reason) == ("rolled back", True)


def test_it_is_folded_again_and_valued_again_for_answers_that_nobody_saw(tmp_path):
    text = guarded("chars - kept(written)")
    with opened(tmp_path, text) as product:
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 2)
        before, known = guards(product), values(product)
        assert before[0].units > 20
    with opened(tmp_path, text) as product:
        assert product.rooms.joiner.waiting() == []
        assert guards(product) == before
    with opened(tmp_path, text.replace("chars - kept(written)", "2 * (chars - kept(written))")) as product:
        product.apply(candidates=True)
        assert values(product) == {id_: 2 * value for id_, value in known.items()}
        assert set(known) > {one.id for one in product.store.scan(Decision, served=False)}


def guards(product):
    """What is known about the guardrails of the one candidate in shadow."""
    desk = product.rooms.desks["finish"]
    product.rooms.joiner  # noqa: B018 - asking for it folds what was answered
    (live,) = desk.standing.shadows
    return desk.evidence(live, product.clock.now()).guards


def values(product):
    """The newest value of the guardrail, by answer."""
    return {one.decision: one.value for one in product.store.scan(Reward, name="long")}


COST = """
[product]
name = "costs"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "right"
guardrails = ["cost"]
[signals]
label = { type = "text", scores = "any" }
[rewards.right]
value = "output = label"
horizon = "1m"
scores = "any"
[guardrails.cost]
value = "cost_usd"
horizon = "1m"
margin = 0.002
RANGE
"""


@pytest.mark.parametrize("span", ["range = [0.0, 0.05]", ""])
@pytest.mark.parametrize(("costs", "finding"), [(0.02, "refused"), (0.0101, "advance")])
def test_what_costs_more_is_refused_in_shadow_however_much_better_it_is(span, costs, finding):
    spec = parse(COST.replace("RANGE", span))
    desk = Desk("t", spec, Serving(ModelPool({}, lambda *_: ()), lambda _: First(), ""))
    live, main = replace(canary(0.0), stage=replace(canary(0.0).stage, name="shadow")), zero()
    measures = measures_of(spec, "t").values()
    for number in range(400):
        spent, label = 0.01 + (number % 7) / 1e4, "ba"[number % 3 > 0]
        shown = answered(number, main.release.id, served=True)
        desk.comparisons.serve(shown)
        unseen = answered(number, live.release.id, served=False)
        for decision, cost, said in ((shown, spent, "a"), (unseen, spent + costs - 0.01, label)):
            completion = Completion(decision=decision.id, output=said, at=0.0, cost_usd=cost)
            seen = Interaction(decision=decision, completion=completion, signals={"label": label})
            for measure in measures:
                desk.comparisons.take(decision, measured(measure, seen, 600.0))
    evidence = desk.weighing.shadow(
        replace(candidate(), sequence=0), live, standing(), replace(live.stage, sequence=0), 1e-9, 600.0
    )
    verdict = judge(evidence, desk.rule("prove"))
    assert evidence.mean > 0.1
    assert (verdict.finding, "'cost'" in verdict.reason) == (finding, finding == "refused")


def answered(number: int, release: str, *, served: bool) -> Decision:
    return Decision(
        sequence=number + 1, id=f"{release} {number}", task="t", release=release, epoch=0, arm="main",
        p_arm=1.0, options=(), option="", unit=f"u{number}", unit_kind="user", cluster="", fold="tracks",
        policy="", variant="", declaration="", at=0.0, served=served,
        shadows="" if served else f"{zero().release.id} {number}",
    )  # fmt: skip


class TestWhatCanBeTold:
    @pytest.mark.parametrize(
        ("value", "scores"),
        [
            ("20 * cost_usd", "any"),
            ("chars * inputs.length", "any"),
            ("tokens_out - kept(written)", "any"),
            ("latency_ms", "served"),
            ("complained", "served"),
            ("cost_usd + complained", "served"),
        ],
    )
    def test_by_what_it_reads(self, value, scores):
        text = guarded(value).replace("[signals]", '[signals]\ncomplained = { type = "boolean" }')
        spec = parse(text.replace('kind = "text"', 'kind = "text"\ncontext = { length = "number" }'))
        assert measures_of(spec, "finish")["long"].scores == scores
