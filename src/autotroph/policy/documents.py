"""Policy documents: those that an owner writes (autotroph.spec.policies) and those that tracks learn."""

import msgspec

from autotroph.clock import digest
from autotroph.policy.trees import Trees
from autotroph.records import Artefact, canonical
from autotroph.spec.policies import Document, PolicyDocument


class Learned(Document, frozen=True, kw_only=True, tag="learned"):
    """Take the option with the largest predicted reward; silence is worth 0, by definition of the reward.

    Attributes:
        features: the columns that the model was fitted on, in order.
        model: predicts the reward of an option from them.
    """

    features: tuple[str, ...]
    model: Trees


AnyPolicy = PolicyDocument | Learned

_DECODER = msgspec.json.Decoder(AnyPolicy)


def freeze(policy: AnyPolicy) -> Artefact:
    """A policy as a content-addressed document.

    >>> from autotroph.spec.policies import Uniform
    >>> thaw(freeze(Uniform()).body)
    Uniform()
    """
    body = canonical(policy)
    return Artefact(digest=digest("policy", body), kind="policy", body=body)


def thaw(body: bytes) -> AnyPolicy:
    """The policy of a frozen document."""
    policy: AnyPolicy = _DECODER.decode(body)
    return policy
