import pytest
from msgspec.structs import replace

from autotroph.digest.digestion import Digestion
from autotroph.digest.measures import measure_of
from autotroph.records import Completion, Decision, Interaction, Option, Proposal, Terms
from autotroph.spec import parse

SPEC = """
[product]
name = "p"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "r"
[signals]
written = { type = "text", scores = "any" }
[rewards.r]
value = "kept(written) / 4"
horizon = "10s"
scores = "SCORES"
"""
DECISION = Decision(
    id="d", task="t", release="r", epoch=0, arm="main", p_arm=1.0,
    options=(Option("a", 0.25), Option("b", 0.75)), option="a", unit="u", unit_kind="user", cluster="u",
    fold="tracks", policy="", variant="v", declaration="", at=100.0,
    proposals=(Proposal("a", "worm"), Proposal("b", "word")),
)  # fmt: skip


def interaction(**changed):
    decision = replace(DECISION, **changed)
    return Interaction(
        decision=decision, completion=Completion(decision="d", output="worm", at=100.0),
        signals={"written": "word"},
    )  # fmt: skip


@pytest.fixture
def digestion():
    return Digestion("t", measure_of(parse(SPEC.replace("SCORES", "any")), "t"))


def test_nothing_is_kept_before_the_horizon_has_passed(digestion):
    assert digestion.digest(interaction(), 109.9) is None
    assert digestion.count == 0
    reward = digestion.digest(interaction(), 110.0)
    assert (reward.value, reward.final, digestion.count) == (0.0, True, 1)


def test_the_gates_fold_is_in_no_dataset(digestion):
    digestion.digest(interaction(fold="gate"), 110.0)
    assert digestion.dataset("v", 9).examples == ()
    assert [one.decision.id for one in digestion.fold] == ["d"]


def test_what_may_not_be_learned_from_is_nowhere(digestion):
    digestion.digest(interaction(terms=Terms(learn=False)), 110.0)
    assert digestion.dataset("v", 9).examples == ()
    assert digestion.fold == ()


def test_every_answer_is_valued_where_the_reward_scores_any(digestion):
    digestion.digest(interaction(), 110.0)
    (example,) = digestion.dataset("v", 9).examples
    assert example.worth == (0.0, 1.0)
    assert example.chances == (0.25, 0.75)


def test_what_failed_is_the_answer_that_was_taken_and_none_of_the_others(digestion):
    case = interaction(option="b")
    right = replace(case.completion, output="word")
    digestion.digest(replace(case, completion=replace(right, error="503")), 110.0)
    digestion.digest(replace(interaction(id="d2"), completion=replace(right, error="503")), 110.0)
    ours, theirs = digestion.dataset("v", 9).examples
    assert ours.worth == (0.0, 0.0)
    assert theirs.worth == (0.0, 1.0)


def test_only_the_answer_that_was_served_is_valued_where_it_scores_served_ones():
    served = SPEC.replace("SCORES", "served")
    digestion = Digestion("t", measure_of(parse(served), "t"))
    digestion.digest(interaction(), 110.0)
    (example,) = digestion.dataset("v", 9).examples
    assert example.worth == (0.0, None)


def test_a_dataset_holds_the_options_of_one_set_of_variants_and_of_imports(digestion):
    digestion.digest(interaction(), 110.0)
    digestion.digest(interaction(id="d2", variant="other"), 110.0)
    digestion.digest(interaction(id="d3", variant="", provenance="import"), 110.0)
    assert [one.decision for one in digestion.dataset("v", 9).examples] == ["d", "d3"]


def test_a_shadow_of_the_same_variants_teaches_nothing_twice(digestion):
    digestion.digest(interaction(), 110.0)
    digestion.digest(interaction(id="s", served=False, shadows="d"), 110.0)
    assert digestion.count == 1


def test_a_dataset_is_named_by_what_is_in_it(digestion):
    digestion.digest(interaction(), 110.0)
    one = digestion.dataset("v", 9)
    assert one.digest == digestion.dataset("v", 9).digest
    digestion.digest(interaction(id="d2"), 110.0)
    assert digestion.dataset("v", 9).digest != one.digest


def test_an_import_is_no_proof(digestion):
    digestion.digest(interaction(fold="gate", provenance="import"), 110.0)
    assert digestion.fold == ()
