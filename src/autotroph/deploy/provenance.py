"""Where a candidate comes from: what it names is in the ledger, and it was made of what it says."""

from collections.abc import Iterator

import msgspec

from autotroph.clock import digest
from autotroph.deploy.sources import Sources
from autotroph.deploy.standing import Live
from autotroph.policy.documents import AnyPolicy, thaw
from autotroph.prompts.documents import is_prompt
from autotroph.records import DECLARATION, PERSON, Candidate

BY_HAND = (PERSON, DECLARATION)
"""The tracks of candidates that were made of no dataset."""


def fault(candidate: Candidate, main: Live, sources: Sources) -> str:
    """Why a candidate is not what it says; empty where it is.

    Args:
        candidate: it.
        main: what serves.
        sources: the ledger's documents.
    """
    return next(_faults(candidate, main, sources), "")


def _faults(candidate: Candidate, main: Live, sources: Sources) -> Iterator[str]:
    if candidate.parent != main.release.id:
        yield (
            f"it was made from {candidate.parent!r}, and {main.release.name!r} serves: to be proposed again"
            " from there"
        )
    yield from _policy(candidate, sources)
    yield from _prompts(candidate, sources)
    if candidate.track not in BY_HAND:
        yield from _snapshot(candidate, sources)


def _policy(candidate: Candidate, sources: Sources) -> Iterator[str]:
    named = candidate.body.policy
    found = sources.artefact(named)
    if found is None:
        yield f"its policy {named[:12]} is not in the ledger"
    elif found.kind != "policy" or digest("policy", found.body) != named:
        yield f"its policy {named[:12]} is not the document of that digest"
    else:
        yield from _variant(thaw(found.body), candidate)


def _variant(policy: AnyPolicy, candidate: Candidate) -> Iterator[str]:
    """A policy may name an option; where options come with the call, nobody knows which there are."""
    name, known = getattr(policy, "variant", ""), (*candidate.body.variants, *candidate.body.actions)
    if name and known and name not in known:
        yield f"its policy names {name!r}, which it has not got; it has {', '.join(known)}"


def _prompts(candidate: Candidate, sources: Sources) -> Iterator[str]:
    for named in dict.fromkeys(one.prompt for one in candidate.body.variants.values() if one.prompt):
        found = sources.artefact(named)
        if found is None:
            yield f"its prompt {named[:12]} is not in the ledger"
        elif not is_prompt(named, found):
            yield f"its prompt {named[:12]} is not the document of that digest"


def _snapshot(candidate: Candidate, sources: Sources) -> Iterator[str]:
    named = candidate.snapshot
    found = sources.artefact(named)
    if found is None:
        yield f"the dataset {named[:12]} that it was made of is not in the ledger"
    elif found.kind != "dataset snapshot" or digest("snapshot", found.body) != named:
        yield f"the dataset {named[:12]} that it was made of is not the one of that digest"
    elif (task := msgspec.json.decode(found.body)["task"]) != candidate.task:
        yield f"the dataset {named[:12]} that it was made of is of the task {task!r}"
