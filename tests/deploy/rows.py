"""Rows of one task on its way, for the tests of deployment."""

from typing import Any

from autotroph.deploy.choose import Request
from autotroph.deploy.releases import declared, released, staged
from autotroph.deploy.standing import Live, Standing
from autotroph.records import Body, Candidate, Proposal, Variant, Verdict

BODY = Body(kind="text", variants={"one": Variant(model="typists")}, policy="p0")


def request(id_: str = "d1", **changed: Any) -> Request:
    given: dict[str, Any] = {"task": "t", "inputs": {}, "unit": id_, "unit_kind": "decision", "cluster": id_}
    given |= {"fold": "tracks", "declaration": "", "at": 0.0}
    return Request(id=id_, **(given | changed))


def candidate(id_: str = "c1", track: str = "person", parent: str = "") -> Candidate:
    body = Body(kind="text", variants=BODY.variants, policy=f"p {id_}")
    return Candidate(
        id=id_, task="t", name=id_, track=track, parent=parent, body=body, snapshot="", at=0.0, sequence=9
    )


def verdict(of: str, finding: Any, judge: Any = "ladder", units: int = 50, at: float = 0.0) -> Verdict:
    return Verdict(
        id=f"v {of} {finding} {at}",
        task="t",
        candidate=of,
        judge=judge,
        finding=finding,
        reason="",
        evidence={"units": units},
        alpha=0.0,
        at=at,
    )


def zero() -> Live:
    release = declared("t", "release 0", BODY, 0.0)
    return Live(release, staged(release, "serving", 1.0, 0, 0.0))


def canary(share: float, of: str = "c1") -> Live:
    release = released(candidate(of, parent=zero().release.id), "v")
    return Live(release, staged(release, "canary", share, 0, 0.0))


def standing(share: float | None = None) -> Standing:
    """Release 0 serves, beside a canary at a share."""
    live = canary(share) if share is not None else None
    return Standing(zero=zero(), main=zero(), parent=None, canary=live, shadows=(), baselines=())


def options(count: int) -> tuple[Proposal, ...]:
    return tuple(Proposal(f"o{number}", f"output {number}") for number in range(count))
