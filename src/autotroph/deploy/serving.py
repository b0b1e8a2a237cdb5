"""The hot path of one task: what stands, and how it answers. It evaluates policies; it never learns."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from msgspec.structs import replace

from autotroph.clock import digest, draw
from autotroph.deploy.choose import Request, choose
from autotroph.deploy.cohorts import Cohort, cohort
from autotroph.deploy.models import ModelPool
from autotroph.deploy.standing import Live, Standing
from autotroph.errors import InputError
from autotroph.features.context import crossed, featurise
from autotroph.policy.documents import AnyPolicy
from autotroph.records import SILENCE, Completion, Decision, Proposal, Variant
from autotroph.spec import LadderSpec

Policies = Callable[[str], AnyPolicy]
"""A policy document by its digest."""

Answered = tuple[Decision, Completion]


class Serving:
    """Answers decisions of one task by the releases that stand.

    Args:
        pool: the models.
        policies: gives policy documents.
        salt: the product's.
        shadowed: whether what did not serve answers in shadow.
    """

    def __init__(self, pool: ModelPool, policies: Policies, salt: str, *, shadowed: bool = False) -> None:
        self._pool, self._policies, self._salt = pool, policies, salt
        self._shadowed = shadowed
        self.failures: dict[str, str] = {}
        """What went wrong in a candidate's own code, by its release."""

    def decide(
        self, request: Request, standing: Standing, ladder: LadderSpec, given: Sequence[Proposal] = ()
    ) -> Answered:
        """Answer for real: the arm by the unit, the option by that arm's policy.

        A candidate that fails, or an arm of an experiment, costs nobody an answer: what serves everybody
        else answers instead, the completion says so, and the failure is remembered against it.
        """
        arm = cohort(request.unit, self._salt, standing, ladder.holdback, self._watch(ladder))
        try:
            return self._served(request, arm, ladder.explore, given)
        except Exception as error:
            if arm.arm not in ("candidate", "experiment"):
                raise
            failure = self.note(arm.live, error)
            instead = Cohort(arm.arm, standing.main, arm.p_arm)
            decision, completion = self._served(request, instead, ladder.explore, given)
            return decision, replace(completion, error=failure)

    def instead(self, request: Request, standing: Standing) -> str:
        """What serves everybody else takes, where a candidate does not answer."""
        main = Cohort("main", standing.main, 1.0)
        decision, _ = self._answer(request, main, self.proposals(standing.main, request.inputs), 0.0)
        return decision.option

    def note(self, live: Live, error: Exception) -> str:
        """Remember what went wrong in a candidate's own code; it is withdrawn in the next cycle."""
        self.failures[live.release.id] = f"{type(error).__name__}: {error}"
        return self.failures[live.release.id]

    def _watch(self, ladder: LadderSpec) -> float:
        """Where shadow shows what the parent would have answered, nobody has to stay with it."""
        return 0.0 if self._shadowed else ladder.watch

    def _served(self, request: Request, arm: Cohort, explore: float, given: Sequence[Proposal]) -> Answered:
        proposals = checked(given) if given else self.proposals(arm.live, request.inputs)
        return self._answer(request, arm, proposals, explore)

    def offered(self, decision: Decision, live: Live) -> tuple[Proposal, ...]:
        """The options that a release would have had at a decision: those given with the call, or its own."""
        return decision.proposals if decision.given else self.proposals(live, decision.inputs)

    def shadow(self, decision: Decision, live: Live, proposals: tuple[Proposal, ...]) -> Answered:
        """Answer a decision that another release served, without anybody seeing it."""
        arm = Cohort(decision.arm, live, decision.p_arm)
        answered, completion = self._answer(request_of(decision), arm, proposals, 0.0)
        id_ = f"decision_{digest(decision.id, live.release.id)[:20]}"
        unseen = replace(
            answered, id=id_, served=False, shadows=decision.id, provenance="shadow", key="", inputs={}
        )
        return unseen, replace(completion, decision=id_)

    def proposals(self, live: Live, inputs: Mapping[str, Any]) -> tuple[Proposal, ...]:
        """The options of a release for these inputs; a task of kind `text` may always stay silent."""
        body = live.release.body
        match body.kind:
            case "choice":
                features = featurise(inputs, body.context)
                return checked([Proposal(one, one, crossed(features, one)) for one in body.actions])
            case "text":
                return checked((Proposal(SILENCE), *self._offered(live, inputs)))
            case "chat":
                return checked(self._offered(live, inputs))

    def _offered(self, live: Live, inputs: Mapping[str, Any]) -> list[Proposal]:
        """What the variants offer; those that are alike ask once, and each has the options of its name."""
        alike: dict[str, tuple[Variant, set[str]]] = {}
        found: list[Proposal] = []
        for name, variant in live.release.body.variants.items():
            if variant.outside:
                features = featurise(inputs, live.release.body.context)
                found.append(Proposal(name, "", crossed(features, name)))
            else:
                alike.setdefault(variant.digest, (variant, set()))[1].add(name)
        for variant, names in alike.values():
            with self._pool.lock:
                proposed = self._pool.at(variant, live.stage.knowledge).propose(inputs)
            found += [one for one in proposed if one.option.partition(":")[0] in names]
        return found

    def _answer(
        self, request: Request, arm: Cohort, proposals: tuple[Proposal, ...], explore: float
    ) -> Answered:
        luck = draw(self._salt, "option", request.id, arm.live.release.id)
        policy = self._policies(arm.live.stage.policy)
        decision = choose(request, arm, policy, proposals, luck=luck, explore=explore)
        output = next(one.output for one in proposals if one.option == decision.option)
        return decision, Completion(decision=decision.id, output=output, at=request.at)


def checked(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """Options as a ledger can keep them and a policy can read them.

    >>> checked([Proposal("a", features={"sure": True})])
    (Proposal(option='a', output='', features={'sure': 1.0}),)

    Raises:
        InputError: there are none, two have one id, or a feature is not a finite number.
    """
    if not proposals:
        raise InputError("nothing to choose from: neither the call nor a model offers an option")
    ids = [one.option for one in proposals]
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise InputError(f"two options are called {twice!r}; give each an id of its own")
    return tuple(_with_numbers(one) for one in proposals)


def _with_numbers(proposal: Proposal) -> Proposal:
    features = proposal.features
    if any(type(value) is not float for value in features.values()):
        features = {name: _number(proposal, name) for name in features}
        proposal = replace(proposal, features=features)
    for name, value in features.items():
        if not isfinite(value):
            raise InputError(f"option {proposal.option!r}: feature {name!r} is {value}, not a finite number")
    return proposal


def _number(proposal: Proposal, name: str) -> float:
    value = proposal.features[name]
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        kind = type(value).__name__
        raise InputError(
            f"option {proposal.option!r}: feature {name!r} is a {kind}, not a finite number"
        ) from None


def request_of(decision: Decision) -> Request:
    """What was asked, out of the decision that answered it."""
    return Request(**{name: getattr(decision, name) for name in Request.__struct_fields__})
