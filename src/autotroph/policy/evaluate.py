"""π(a | x): a policy document and the options in, the probability of each option out. It never learns."""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from autotroph.features.matrix import matrix
from autotroph.policy.documents import AnyPolicy, Learned
from autotroph.policy.trees import predict
from autotroph.records import SILENCE, Proposal
from autotroph.spec.policies import First, Longest, Threshold, Uniform

Chances = NDArray[np.float64]


def probabilities(policy: AnyPolicy, proposals: Sequence[Proposal], explore: float = 0.0) -> list[float]:
    """The probability of each of the K options; they sum to 1.

    Args:
        policy: the document.
        proposals: the K ≥ 1 options.
        explore: share of the probability that is spread evenly over all options.

    >>> from autotroph.spec.policies import First
    >>> probabilities(First(), [Proposal("a"), Proposal("b")], explore=0.5)
    [0.75, 0.25]
    """
    count = len(proposals)
    match policy:
        case Uniform():
            return [1.0 / count] * count
        case First():
            best = 0
        case Longest(variant=variant):
            best = _longest(proposals, variant)
        case Threshold(variant=variant, feature=feature, at=at):
            best = _longest(proposals, variant, feature, at)
        case Learned():
            best = int(scores(policy, proposals).argmax())
        case _:
            assert_never(policy)
    chances = [explore / count] * count
    chances[best] += 1.0 - explore
    return chances


def scores(policy: Learned, proposals: Sequence[Proposal]) -> Chances:
    """The predicted reward of each option, shape (K,); that of silence is 0."""
    predicted = predict(policy.model, matrix(proposals, policy.features))
    return np.where([one.option == SILENCE for one in proposals], 0.0, predicted)


def _longest(proposals: Sequence[Proposal], variant: str, feature: str = "", at: float = 0.0) -> int:
    """The longest output of a variant (its cuts are named `variant:…`) that reaches the value, or silence."""
    best, length = _silence(proposals), 0
    for place, one in enumerate(proposals):
        if one.option != variant and not one.option.startswith(f"{variant}:"):
            continue
        if len(one.output) > length and (not feature or one.features.get(feature, -np.inf) >= at):
            best, length = place, len(one.output)
    return best


def _silence(proposals: Sequence[Proposal]) -> int:
    return next((place for place, one in enumerate(proposals) if one.option == SILENCE), 0)
