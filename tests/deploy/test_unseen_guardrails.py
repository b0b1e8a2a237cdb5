"""Guardrails of answers that nobody saw: at the gate, in shadow, after a promotion; on the same decisions."""

import pytest
from msgspec.structs import replace

from autotroph.deploy.judge import judge
from autotroph.digest.measures import measures_of
from autotroph.records import Decision, Proposal, Reward, Stage, Verdict
from autotroph.spec import parse
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
        rounds(product, 5)
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
