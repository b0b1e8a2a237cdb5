"""Releases and their first stages: made from a declaration, or from a candidate that passed the gate."""

from autotroph.clock import digest
from autotroph.policy.documents import freeze
from autotroph.prompts import documents as prompts
from autotroph.records import Artefact, Body, Candidate, Release, Stage, StageName, Variant
from autotroph.spec import Spec, VariantSpec


def declared_body(spec: Spec, task: str, knowledge: int) -> tuple[tuple[Artefact, ...], Body]:
    """What a task is declared to serve, with the documents it names: its policy first, then its prompts.

    Args:
        spec: with the texts of its files.
        task: of the declaration.
        knowledge: up to which sequence its models know the ledger.
    """
    declared = spec.task(task)
    policy = freeze(declared.policy)
    texts = dict.fromkeys(spec.file(one.prompt) for one in declared.variants.values() if one.prompt)
    body = Body(
        variants={name: _variant(spec, one, knowledge) for name, one in declared.variants.items()},
        policy=policy.digest,
        kind=declared.kind,
        actions=declared.actions,
        context=declared.context,
    )
    return (policy, *map(prompts.freeze, texts)), body


def _variant(spec: Spec, declared: VariantSpec, knowledge: int) -> Variant:
    """What it is, not only what it is called: a model by the same name that answers elsewhere is another."""
    named = {one: place for one in (*declared.cascade, *declared.fallback) if (place := spec.place(one))}
    return Variant(
        model=declared.model,
        upstream=spec.place(declared.model),
        prompt=prompts.freeze(spec.file(declared.prompt)).digest if declared.prompt else "",
        parameters=declared.parameters,
        cascade=declared.cascade,
        accept=declared.accept,
        fallback=declared.fallback,
        named=named,
        signals=spec.learns_from,
        knowledge=knowledge,
    )


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
