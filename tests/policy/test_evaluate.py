import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.policy.documents import Learned, freeze, thaw
from autotroph.policy.evaluate import probabilities, scores
from autotroph.policy.trees import fit
from autotroph.records import SILENCE, Proposal
from autotroph.spec import First, Longest, Threshold, Uniform

X = np.linspace(0, 1, 200)[:, None]
LEARNED = Learned(features=("sure",), model=fit(X, X[:, 0] - 0.5))
CUTS = (
    Proposal(SILENCE),
    Proposal("gram:2", "ab", {"sure": 0.9}),
    Proposal("gram:4", "abcd", {"sure": 0.4}),
    Proposal("grammar:9", "abcdefghi", {"sure": 1.0}),
)
POLICIES = [
    (First(), SILENCE),
    (Longest(variant="gram"), "gram:4"),
    (Longest(variant="grammar"), "grammar:9"),
    (Longest(variant="nobody"), SILENCE),
    (Threshold(variant="gram", feature="sure", at=0.5), "gram:2"),
    (Threshold(variant="gram", feature="sure", at=0.95), SILENCE),
    (Threshold(variant="gram", feature="unknown", at=-1e9), SILENCE),
    (LEARNED, "grammar:9"),
]


@pytest.mark.parametrize(("policy", "taken"), POLICIES)
def test_the_option_that_a_policy_takes(policy, taken):
    chances = probabilities(policy, CUTS)
    assert max(chances) == 1.0
    assert CUTS[chances.index(1.0)].option == taken


@given(st.sampled_from([policy for policy, _ in POLICIES] + [Uniform()]), st.floats(0, 0.99))
def test_probabilities_sum_to_1_and_nothing_is_below_the_share_explored(policy, explore):
    chances = probabilities(policy, CUTS, explore)
    assert sum(chances) == pytest.approx(1.0)
    assert min(chances) >= explore / len(CUTS) - 1e-12


def test_a_learned_policy_says_nothing_where_it_expects_less_than_nothing():
    doubtful = (Proposal(SILENCE), Proposal("gram:2", "ab", {"sure": 0.1}))
    assert scores(LEARNED, doubtful)[0] == 0.0
    assert probabilities(LEARNED, doubtful)[0] == 1.0


@pytest.mark.parametrize("policy", [policy for policy, _ in POLICIES] + [Uniform()])
def test_a_policy_is_the_same_after_it_was_frozen(policy):
    assert thaw(freeze(policy).body) == policy
    assert freeze(thaw(freeze(policy).body)).digest == freeze(policy).digest
