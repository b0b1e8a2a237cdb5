"""The choice itself: proposals and a policy document in, a decision with every probability out. No I/O."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Literal

import msgspec

from autotroph.deploy.cohorts import Cohort
from autotroph.policy.documents import AnyPolicy
from autotroph.policy.evaluate import probabilities
from autotroph.records import Decision, Fold, Option, Proposal, Terms


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, by whom, stamped: everything about a decision that does not depend on the choice."""

    id: str
    task: str
    inputs: dict[str, Any]
    unit: str
    unit_kind: Literal["user", "session", "decision"]
    cluster: str
    fold: Fold
    declaration: str
    at: float
    user: str = ""
    verified: bool = False
    session: str = ""
    given: bool = False
    key: str = ""
    terms: Terms = Terms()


def choose(
    request: Request,
    cohort: Cohort,
    policy: AnyPolicy,
    proposals: tuple[Proposal, ...],
    *,
    luck: float,
    explore: float = 0.0,
) -> Decision:
    """Take one of the proposals.

    Args:
        request: what is asked.
        cohort: the arm of the unit, and the release that answers it.
        policy: that release's policy document of this epoch.
        proposals: the options, silence among them where the task may be silent; at least one.
        luck: a uniform number in [0, 1), drawn for this decision.
        explore: the declared share of exploration; never applied in the holdback, nor in an experiment.
    """
    still = cohort.arm in ("holdback", "experiment")
    chances = probabilities(policy, proposals, 0.0 if still else explore)
    taken = proposals[_pick(chances, luck)]
    live = cohort.live
    return Decision(
        id=request.id,
        task=request.task,
        release=live.release.id,
        epoch=live.stage.epoch,
        arm=cohort.arm,
        p_arm=cohort.p_arm,
        options=tuple([Option(one.option, p) for one, p in zip(proposals, chances, strict=True)]),
        option=taken.option,
        unit=request.unit,
        unit_kind=request.unit_kind,
        cluster=request.cluster,
        fold=request.fold,
        policy=live.stage.policy,
        variant=live.release.body.variants_digest,
        declaration=request.declaration,
        at=request.at,
        user=request.user,
        verified=request.verified,
        session=request.session,
        given=request.given,
        key=request.key,
        terms=request.terms,
        inputs=request.inputs,
        proposals=proposals,
    )


def _pick(chances: Sequence[float], luck: float) -> int:
    """The option whose stretch of the unit interval holds `luck`; never one of probability 0."""
    cumulative = list(accumulate(chances))
    last = max(place for place, chance in enumerate(chances) if chance)
    return min(bisect_right(cumulative, luck * cumulative[-1]), last)
