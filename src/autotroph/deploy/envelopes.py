"""What a release may do within its own proof: a new epoch of its stage, with what it has learned since."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from autotroph.deploy.releases import learns
from autotroph.deploy.standing import Live
from autotroph.records import Record, Release, Stage


class Renewal(NamedTuple):
    """What there is to learn from.

    Attributes:
        knowledge: the ledger sequence up to which learning models may know.
        policies: digests of refitted policies, by release.
    """

    knowledge: int
    policies: Mapping[str, str]


def renewed(lives: Sequence[Live], rows: Sequence[Record], renewal: Renewal, now: float) -> list[Record]:
    """A new epoch of every release whose envelope has something new.

    Args:
        lives: the releases that stand.
        rows: rows about to be appended: their stages are brought up to date, not doubled.
        renewal: what is new.
        now: when.
    """
    known = {live.release.id: live for live in lives}
    releases = {id_: live.release for id_, live in known.items()}
    releases |= {row.id: row for row in rows if isinstance(row, Release)}
    staged_now = {row.release for row in rows if isinstance(row, Stage)}
    fresh = [_renewed(row, releases[row.release], renewal) if isinstance(row, Stage) else row for row in rows]
    for id_, live in known.items():
        stage = _renewed(live.stage, live.release, renewal)
        if id_ not in staged_now and stage is not live.stage:
            fresh.append(replace(stage, sequence=0, epoch=live.stage.epoch + 1, at=now))
    return fresh


def _renewed(stage: Stage, release: Release, renewal: Renewal) -> Stage:
    policy = renewal.policies.get(release.id, stage.policy)
    known = renewal.knowledge if learns(release) else stage.knowledge
    if (policy, known) == (stage.policy, stage.knowledge):
        return stage
    return replace(stage, policy=policy, knowledge=known)
