"""What a track is: a frozen dataset and the release it starts from in, a proposed body out."""

from typing import Any, Protocol

import msgspec

from autotroph.records import Artefact, Body, Dataset, Release


class Proposed(msgspec.Struct, frozen=True):
    """A body that a track believes to be better, with the documents that it refers to."""

    body: Body
    artefacts: tuple[Artefact, ...] = ()


class Track(Protocol):
    """A way of making better candidates. It sees a dataset without the gate's fold, and nothing else."""

    needs: int
    """Fewest examples worth starting with; 0 if it learns from texts alone."""

    def propose(self, dataset: Dataset, parent: Release) -> Proposed | None:
        """Propose, or None when there is nothing to add to the parent."""


class Job(msgspec.Struct, frozen=True):
    """A declared track: its name, the task it works on, and how many new examples lie between two attempts."""

    name: str
    task: str
    track: Track
    every: int


def parameters(declared: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """A track's declared parameters over its defaults."""
    return {**defaults, **declared}
