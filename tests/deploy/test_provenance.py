"""Where a candidate comes from: what it names has to be there, and be what it is called."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rows import zero

from autotroph.clock import digest
from autotroph.deploy.provenance import fault
from autotroph.deploy.sources import NOTHING
from autotroph.features.asked import asked, free_text
from autotroph.policy.documents import freeze
from autotroph.records import Artefact, Body, Candidate, Dataset, Decision, Proposal, Variant, Verdict
from autotroph.spec import Longest, parse
from typing_product import by, findings, opened, rounds

SPEC = """
[product]
name = "p"
[tasks.t]
kind = "KIND"
context = { text = "text", plan = "category" }
"""
TASK = parse(SPEC.replace("KIND", "text")).task("t")
CHOICE = parse(SPEC.replace("KIND", "choice")).task("t")
POLICY, OTHER = freeze(Longest(variant="one")), freeze(Longest(variant="two"))
SNAPSHOT = Dataset(task="t", through=7, examples=()).snapshot
CANDIDATE = Candidate(
    id="c", task="t", name="c", track="learn", parent=zero().release.id, snapshot=SNAPSHOT.digest, at=0.0,
    body=Body(kind="choice", variants={"one": Variant(model="typists")}, policy=POLICY.digest),
)  # fmt: skip


def found(candidate: Candidate = CANDIDATE, **changed: Artefact | None) -> str:
    documents = {one.digest: one for one in (POLICY, OTHER, SNAPSHOT)} | changed
    sources = NOTHING._replace(artefact=documents.get)
    return fault(candidate, zero(), sources)


def made(task: str) -> Artefact:
    return Dataset(task=task, through=7, examples=()).snapshot


def test_what_is_what_it_says_has_no_fault():
    assert found() == ""


@pytest.mark.parametrize(
    ("candidate", "changed", "says"),
    [
        ({"parent": "release_before"}, {}, "made from 'release_before', and 'release 0' serves"),
        ({}, {POLICY.digest: None}, "is not in the ledger"),
        ({}, {POLICY.digest: OTHER}, "is not the document of that digest"),
        ({}, {POLICY.digest: replace(POLICY, kind="set")}, "is not the document of that digest"),
        ({"body": replace(CANDIDATE.body, policy=OTHER.digest)}, {}, "names 'two', which it has not got"),
        ({}, {SNAPSHOT.digest: None}, "the dataset"),
        ({}, {SNAPSHOT.digest: replace(SNAPSHOT, body=b"{}")}, "not the one of that digest"),
        ({"snapshot": POLICY.digest}, {}, "not the one of that digest"),
        ({"snapshot": made("u").digest}, {made("u").digest: made("u")}, "is of the task 'u'"),
    ],
)
def test_what_is_not_is_told(candidate, changed, says):
    assert says in found(replace(CANDIDATE, **candidate), **changed)


def test_who_proposes_by_hand_names_no_dataset():
    assert found(replace(CANDIDATE, track="person", snapshot="")) == ""


def test_the_gate_asks(tmp_path: Path):
    with opened(tmp_path) as product:
        rounds(product, 1)
        main = product.rooms.desks["finish"].standing.main.release
        lost = digest("policy", b"lost")
        body = Body(kind="choice", variants=main.body.variants, policy=lost)
        product.rooms.append(replace(CANDIDATE, task="finish", track="person", parent=main.id, body=body))
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 1)
        assert findings(product, "c") == ["refused"]
        assert findings(product, "better") == ["advance"]
        verdict = product.store.get(Verdict, candidate="c")
        assert verdict.reason == f"it is not what it says: its policy {lost[:12]} is not in the ledger"


def decision(inputs: dict[str, Any], *options: Proposal) -> Decision:
    return Decision(
        id="d", task="t", release="", epoch=0, arm="main", p_arm=1.0, options=(), option="", unit="u",
        unit_kind="user", cluster="u", fold="gate", policy="", variant="", declaration="", at=0.0,
        inputs=inputs, given=bool(options), proposals=options,
    )  # fmt: skip


class TestWhatIsAsked:
    @pytest.mark.parametrize(
        ("one", "other", "task", "same"),
        [
            ({"text": "My card "}, {"text": "my  CARD"}, TASK, True),
            ({"text": "my card"}, {"text": "my cards"}, TASK, False),
            ({"age": 3}, {"age": 3.0}, TASK, True),
            ({"age": True}, {"age": 1.0}, TASK, False),
            ({"text": "a", "id": 1}, {"text": "a", "id": 2}, TASK, False),
            ({"text": "a", "id": 1}, {"text": "a", "id": 2}, CHOICE, True),
            ({"lines": ["A", None]}, {"lines": ["a", None]}, TASK, True),
        ],
    )
    def test_two_that_ask_the_same(self, one, other, task, same):
        assert (asked(decision(one), task) == asked(decision(other), task)) is same

    def test_options_that_come_with_the_call_are_asked_too(self):
        first, second = (decision({"text": "a"}, Proposal("x", said)) for said in ("yes", "no"))
        assert asked(first, TASK) != asked(second, TASK)

    @pytest.mark.parametrize(
        ("inputs", "free"),
        [
            ({"plan": "gold"}, False),
            ({"plan": "gold", "age": 3}, False),
            ({"plan": "gold", "text": "my card"}, True),
            ({"undeclared": "my card"}, True),
            ({"undeclared": {"lines": ["my card"]}}, True),
            ({"undeclared": {"numbers": [1]}}, False),
        ],
    )
    def test_whether_it_has_somebodys_own_words(self, inputs, free):
        assert free_text(decision(inputs), TASK) is free

    def test_options_with_words_are_words(self):
        assert free_text(decision({}, Proposal("x", "a long answer")), TASK)
        assert not free_text(decision({}, Proposal("x")), TASK)
