"""Releases and their first stages: made from a declaration, or from a candidate that passed the gate."""

from autotroph.clock import digest
from autotroph.records import Body, Candidate, Release, Stage, StageName


def declared(task: str, name: str, body: Body, now: float) -> Release:
    """Release 0 of a task, or one of its baselines: not proven, because nothing came before."""
    id_ = f"release_{digest(task, name, body.digest)[:20]}"
    return Release(id=id_, task=task, name=name, parent="", candidate="", verdict="", body=body, at=now)


def released(candidate: Candidate, verdict: str) -> Release:
    """The release that a candidate becomes."""
    return Release(
        id=f"release_{digest(candidate.id)[:20]}",
        task=candidate.task,
        name=candidate.name,
        parent=candidate.parent,
        candidate=candidate.id,
        verdict=verdict,
        body=candidate.body,
        at=candidate.at,
    )


def staged(release: Release, name: StageName, share: float, knowledge: int, now: float) -> Stage:
    """The first stage of a release."""
    return Stage(
        task=release.task,
        release=release.id,
        epoch=0,
        name=name,
        share=share,
        policy=release.body.policy,
        knowledge=knowledge,
        verdict=release.verdict,
        at=now,
    )


def learns(release: Release) -> bool:
    """Whether a model of the release goes on learning inside its envelope."""
    return any(variant.learns for variant in release.body.variants.values())
