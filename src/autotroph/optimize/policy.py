"""Track `policy`: learn from outcomes which option to take, and when to say nothing.

One regression over all options of all examples: features of the option → its reward. Where the reward
scores any answer each option is a row, and no propensity is needed; where only the served answer was
scored, its row is weighted by 1/probability (inverse propensity, capped), so that the fit is about all
decisions and not about those that the old policy liked.

`caution` counts losses so many times when fitting, and only there: the candidate is judged by the reward as
declared. Taking the best of many noisy estimates favours those that are too high (the winner's curse), so
a policy that only just expects a gain is wrong more often than it thinks.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from msgspec.structs import replace

from autotroph.features.matrix import matrix, names
from autotroph.optimize.track import Parameters, Proposed, learning, read_parameters
from autotroph.policy.documents import Learned, freeze
from autotroph.policy.trees import fit
from autotroph.records import SILENCE, Body, Dataset, Example, Proposal, Release, Variant

HEAVIEST = 20.0
"""The largest inverse-propensity weight of one example."""

MOST = 2_000
"""The newest examples are enough, and nearest to what comes next."""

Count = Annotated[int, Meta(ge=1)]


class PolicyParameters(Parameters, frozen=True, kw_only=True):
    """How the policy is learned.

    Attributes:
        examples: fewest to begin with.
        refit: new examples between two refits of what serves.
        caution: how many times a loss counts when fitting.
        signals: texts from which the models that can go on learning under the policy; the two are then proven
            together, which takes fewer decisions than one after the other.
    """

    examples: Count = 150
    refit: Count = 200
    caution: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    signals: tuple[str, ...] = ()


class PolicyTrack:
    """Proposes the parent's variants under a policy learned from what the examples were worth."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        declared = read_parameters(PolicyParameters, name, parameters)
        self.name, self.needs = name, declared.examples
        self.refit, self.caution, self.signals = declared.refit, declared.caution, declared.signals

    def variants(self, parent: Body) -> dict[str, Variant]:
        """The parent's, learning if that was asked for."""
        return learning(parent.variants, self.signals) if self.signals else parent.variants

    def propose(self, dataset: Dataset, parent: Release) -> Proposed | None:
        """A learned policy; None while the examples have nothing to learn from."""
        rows = [row for example in dataset.examples[-MOST:] for row in _rows(example)]
        if len(rows) < 2:
            return None
        columns = names([proposal for proposal, _, _ in rows])
        inputs = matrix([proposal for proposal, _, _ in rows], columns)
        worth = np.array([value for _, value, _ in rows])
        worth = np.where(worth < 0, worth * self.caution, worth)
        weights = np.array([weight for _, _, weight in rows])
        model = fit(inputs, worth, None if (weights == 1.0).all() else weights)
        policy = freeze(Learned(features=columns, model=model))
        body, before = parent.body, parent.body.envelope
        envelope = replace(before, refit={**before.refit, self.name: self.refit})
        made = replace(body, variants=self.variants(body), policy=policy.digest, envelope=envelope)
        return Proposed(made, (policy,))


def _rows(example: Example) -> list[tuple[Proposal, float, float]]:
    """Each option that was scored, with its worth and its weight; silence is worth 0 and teaches nothing."""
    return [
        (proposal, value, _weight(example, chance))
        for proposal, value, chance in zip(example.proposals, example.worth, example.chances, strict=True)
        if value is not None and proposal.option != SILENCE
    ]


def _weight(example: Example, chance: float) -> float:
    if sum(value is not None for value in example.worth) > 1:
        return 1.0
    return min(1.0 / chance, HEAVIEST) if chance > 0 else 1.0
