"""What a release serves, as documents that are named by the hash of what they are."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from autotroph.clock import digest

ContextType = Literal["text", "category", "number", "boolean"]
TaskKind = Literal["chat", "text", "choice"]

_ENCODER = msgspec.json.Encoder(order="deterministic")


def canonical(value: object) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces; what digests are taken of.

    >>> canonical({"b": 1, "a": 0.5})
    b'{"a":0.5,"b":1}'
    """
    return _ENCODER.encode(value)


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model answers that is not in this process. What it costs and its key are not what it is."""

    kind: str
    base_url: str = ""
    model: str = ""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One way of answering, identified by the hash of what it is.

    Attributes:
        model: the name of the model that answers; empty for a cascade.
        upstream: where that one answers, as it was declared; None for one in this process.
        prompt: digest of the template that it is asked with; empty where it is asked as it comes.
        parameters: that it is asked with.
        cascade: who is asked one after the other, until `accept` holds.
        fallback: who is asked, one after the other, where it does not answer.
        named: where the models answer that these two name.
        signals: the texts that the model learns from, if it is one that does.
        learns: whether it goes on learning inside the release's envelope; otherwise it stays at the ledger
            sequence `knowledge`.
    """

    model: str = ""
    upstream: Upstream | None = None
    prompt: str = ""
    parameters: dict[str, Any] = {}
    cascade: tuple[str, ...] = ()
    accept: str = ""
    fallback: tuple[str, ...] = ()
    named: dict[str, Upstream] = {}
    signals: tuple[str, ...] = ()
    knowledge: int = 0
    learns: bool = False

    @property
    def digest(self) -> str:
        """The hash of what it is."""
        return digest(canonical(self))

    @property
    def outside(self) -> bool:
        """Whether it is answered outside this process, and so only once it was chosen."""
        return self.upstream is not None or bool(self.cascade)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a release may do within its own proof: which tracks may refit it, and how often.

    Attributes:
        refit: by a track's name, how many newly finished interactions lie between two refits.
        learners: by its name, the digest of how that track was declared: it is what was proven.
    """

    refit: dict[str, int] = {}
    learners: dict[str, str] = {}


class Body(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a release serves: everything that decides what people meet.

    Attributes:
        kind: of the task, which says how its options come about.
        policy: digest of its policy document.
        actions: what a task of kind `choice` chooses between.
        context: the inputs that become features, with their types.
    """

    kind: TaskKind
    variants: dict[str, Variant]
    policy: str
    envelope: Envelope = Envelope()
    actions: tuple[str, ...] = ()
    context: dict[str, ContextType] = {}

    @cached_property
    def digest(self) -> str:
        """The hash of what it is."""
        return digest(canonical(self))

    @cached_property
    def outside(self) -> bool:
        """Whether anybody outside this process answers for it."""
        return any(variant.outside for variant in self.variants.values())

    @cached_property
    def variants_digest(self) -> str:
        """The hash of the variants alone: tracks learn from what the same ones proposed."""
        return variants_digest(self.variants)

    @cached_property
    def offer(self) -> str:
        """The hash of what decides which options there are: releases that share it propose the same."""
        return digest(canonical([self.kind, self.variants, self.actions, self.context]))


def variants_digest(variants: Mapping[str, Variant]) -> str:
    """The hash of a release's variants, by their names."""
    return digest(canonical(dict(variants)))
