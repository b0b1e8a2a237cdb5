"""What a track is: a frozen dataset and the release it starts from in, a proposed body out."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from autotroph.errors import SpecError, suggest
from autotroph.records import Artefact, Body, Dataset, Release, Variant


class Proposed(msgspec.Struct, frozen=True):
    """A body that a track believes to be better, with the documents that it refers to."""

    body: Body
    artefacts: tuple[Artefact, ...] = ()


class Track(Protocol):
    """A way of making better candidates. It sees a dataset without the gate's fold, and nothing else."""

    needs: int
    """Fewest examples worth starting with; 0 if it learns from texts alone."""

    def variants(self, parent: Body) -> dict[str, Variant]:
        """The variants that its proposal will have: it is shown examples of what these proposed."""

    def propose(self, dataset: Dataset, parent: Release) -> Proposed | None:
        """Propose, or None when there is nothing to add to the parent."""


def learning(variants: Mapping[str, Variant], signals: tuple[str, ...]) -> dict[str, Variant]:
    """The same variants, their models learning on from these texts within the release's envelope."""
    return {name: replace(variant, learns=True, signals=signals) for name, variant in variants.items()}


class Job(msgspec.Struct, frozen=True):
    """A declared track.

    Attributes:
        every: how many new examples lie between two attempts.
        digest: of how it learns: its kind and its parameters.
    """

    name: str
    task: str
    track: Track
    every: int
    digest: str


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a track can be told under `parameters`; each track has its own, with defaults."""


P = TypeVar("P", bound=Parameters)


def read_parameters(kind: type[P], track: str, declared: Mapping[str, Any]) -> P:
    """A track's declared parameters over its defaults.

    >>> class Pace(Parameters, frozen=True, kw_only=True):
    ...     rate: int = 10
    >>> read_parameters(Pace, "learn", {"rte": 3})
    Traceback (most recent call last):
    ...
    autotroph.errors.SpecError: tracks.learn.parameters.rte: unknown key; known: rate. Did you mean 'rate'?

    Raises:
        SpecError: a key is unknown, or its value of another type or out of range.
    """
    for name in declared:
        if name not in kind.__struct_fields__:
            hint = suggest(name, kind.__struct_fields__)
            raise SpecError(f"tracks.{track}.parameters.{name}: unknown key; {hint}")
    try:
        return msgspec.convert(dict(declared), kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise SpecError(f"tracks.{track}.parameters{where.rstrip('`')}: {what}") from None
