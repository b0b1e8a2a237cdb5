"""Track `adapt`: let the models that can learn from texts go on learning from what people wrote.

The candidate is not one more snapshot of a model but the *learner*: variants that take in the declared
texts every cycle, inside the release's envelope. What is proven is that learning on beats standing still;
each refit afterwards is an epoch of the same release, watched for harm.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from autotroph.optimize.track import Parameters, Proposed, learning, read_parameters
from autotroph.records import Body, Dataset, Release, Variant


class AdaptParameters(Parameters, frozen=True, kw_only=True):
    """Which declared texts are learned from: `signals`, by name."""

    signals: tuple[str, ...] = ()


class AdaptTrack:
    """Proposes the parent with its variants learning."""

    needs = 0

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        self.name = name
        self.signals = read_parameters(AdaptParameters, name, parameters).signals

    def variants(self, parent: Body) -> dict[str, Variant]:
        """The parent's, learning."""
        return learning(parent.variants, self.signals)

    def propose(self, dataset: Dataset, parent: Release) -> Proposed | None:  # noqa: ARG002 - learns from texts
        """The same release, learning; None if it learns already."""
        body = parent.body
        if all(variant.learns for variant in body.variants.values()):
            return None
        envelope = replace(body.envelope, refit={**body.envelope.refit, self.name: 1})
        return Proposed(replace(body, variants=self.variants(body), envelope=envelope))
