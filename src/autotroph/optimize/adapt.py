"""Track `adapt`: let the models that can learn from texts go on learning from what people wrote.

The candidate is not one more snapshot of a model but the *learner*: variants that take in the declared
texts every cycle, inside the release's envelope. What is proven is that learning on beats standing still;
each refit afterwards is an epoch of the same release, watched for harm.
"""

from msgspec.structs import replace

from autotroph.optimize.track import Proposed
from autotroph.records import Body, Dataset, Envelope, Release


class AdaptTrack:
    """Proposes the parent with its variants learning."""

    needs = 0

    def __init__(self, name: str, parameters: dict[str, object]) -> None:
        self.name = name
        self.signals = tuple(parameters.get("signals", ()))  # type: ignore[arg-type]

    def propose(self, dataset: Dataset, parent: Release) -> Proposed | None:
        """The same release, learning; None if it learns already."""
        body = parent.body
        if all(variant.learns for variant in body.variants.values()):
            return None
        learning = {name: replace(variant, learns=True) for name, variant in body.variants.items()}
        refit = {**body.envelope.refit, self.name: 1}
        return Proposed(Body(variants=learning, policy=body.policy, envelope=Envelope(refit=refit)))
