import numpy as np
import pytest

from autotroph.errors import SpecError
from autotroph.optimize.adapt import AdaptTrack
from autotroph.optimize.policy import PolicyTrack
from autotroph.policy.documents import thaw
from autotroph.policy.evaluate import probabilities
from autotroph.records import SILENCE, Body, Dataset, Example, Proposal, Release, Variant

PARENT = Release(
    id="r", task="t", name="release 0", parent="", candidate="", verdict="", at=0.0,
    body=Body(kind="text", variants={"one": Variant(model="m")}, policy="p"),
)  # fmt: skip


def examples(count: int, *, full: bool = True) -> Dataset:
    """Two options and silence: the long one is worth it only where it is sure."""
    luck, found = np.random.default_rng(3), []
    for number in range(count):
        sure = float(luck.random())
        offered = (
            Proposal(SILENCE),
            Proposal("one:short", "ab", {"long": 0.0, "sure": sure}),
            Proposal("one:long", "abcd", {"long": 1.0, "sure": sure}),
        )
        worth: tuple[float | None, ...] = (0.0, 0.2, 1.0 if luck.random() < sure else -0.6)
        if not full:
            worth = tuple(w if place == number % 2 + 1 else None for place, w in enumerate(worth))
        chances = (0.2, 0.4, 0.4)
        found.append(
            Example(decision=f"d{number}", variants="v", proposals=offered, chances=chances, worth=worth)
        )
    return Dataset(task="t", through=1, examples=tuple(found))


def policy_of(proposed):
    return thaw(proposed.artefacts[-1].body)


def taken(policy, sure):
    offered = examples(1).examples[0].proposals
    changed = [
        Proposal(one.option, one.output, {**one.features, "sure": sure} if one.features else {})
        for one in offered
    ]
    chances = probabilities(policy, changed)
    return offered[chances.index(max(chances))].option


@pytest.mark.parametrize("full", [True, False], ids=["every option scored", "only the served one"])
def test_a_policy_learns_when_more_is_worth_it(full):
    policy = policy_of(PolicyTrack("policy", {}).propose(examples(800, full=full), PARENT))
    assert taken(policy, 0.95) == "one:long"
    assert taken(policy, 0.1) == "one:short"


def test_caution_makes_it_say_less():
    bold = policy_of(PolicyTrack("policy", {}).propose(examples(800), PARENT))
    careful = policy_of(PolicyTrack("policy", {"caution": 8.0}).propose(examples(800), PARENT))
    places = np.linspace(0, 1, 41)
    longs = [sum(taken(policy, sure) == "one:long" for sure in places) for policy in (careful, bold)]
    assert longs[0] < longs[1]


def test_the_same_examples_give_the_same_candidate():
    one, other = (PolicyTrack("policy", {}).propose(examples(300), PARENT) for _ in range(2))
    assert one == other


def test_nothing_is_proposed_from_nothing():
    assert PolicyTrack("policy", {}).propose(examples(0), PARENT) is None


def test_a_learned_policy_may_be_refitted_as_often_as_declared():
    proposed = PolicyTrack("policy", {"refit": 70}).propose(examples(300), PARENT)
    assert proposed.body.envelope.refit == {"policy": 70}


def test_adapting_lets_every_variant_learn_and_stops_there():
    track = AdaptTrack("adapt", {"signals": ["lesson"]})
    proposed = track.propose(examples(0), PARENT)
    assert all(one.learns for one in proposed.body.variants.values())
    again = Release(
        id="r2", task="t", name="x", parent="r", candidate="c", verdict="v", at=0.0, body=proposed.body
    )
    assert track.propose(examples(0), again) is None


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"exampels": 3}, "tracks.p.parameters.exampels: unknown key; known: caution, examples, "),
        ({"examples": 0}, "tracks.p.parameters.examples"),
        ({"refit": "often"}, "tracks.p.parameters.refit: Expected `int`, got `str`"),
        ({"caution": -0.1}, "tracks.p.parameters.caution"),
    ],
)
def test_what_a_track_cannot_be_told_is_named(parameters, said):
    with pytest.raises(SpecError) as error:
        PolicyTrack("p", parameters)
    assert said in str(error.value)
