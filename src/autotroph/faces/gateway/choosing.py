"""Decisions whose answers come from outside: only which variant answers is chosen here."""

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from autotroph.deploy.standing import Live, Standing
from autotroph.errors import GateError
from autotroph.faces.gateway.asked import Asked
from autotroph.ingest.arrivals import unit_of
from autotroph.records import Body, Decision

if TYPE_CHECKING:
    from autotroph.faces.answering import Answering


TRIED = ("candidate", "experiment")
"""Arms whose release does not serve everybody."""


class Chosen(NamedTuple):
    """A decision and the body of its release.

    Attributes:
        instead: what answers where a candidate does not, or what is only being explored.
        output: the answer, where nobody outside has to be asked.
    """

    decision: Decision
    body: Body
    instead: tuple[Body, str] | None = None
    output: str | None = None


def chosen(product: "Answering", asked: Asked, task: str, inputs: dict[str, Any]) -> Chosen:
    """The variant that the unit's release takes; the decision is noted, and not written yet."""
    rooms = product.rooms
    request = product.request(task, inputs, asked.user, asked.session, asked.key)
    terms = asked.terms or product.spec.privacy.terms
    request = replace(request, terms=terms, verified=asked.verified and bool(asked.user))
    desk = product.begun(rooms, task)
    with rooms.answering:
        standing, ladder = product.back.stand(desk)
        decision, completion = desk.serving.decide(request, standing, ladder)
        body = _live(standing, decision.release).release.body
        variant = body.variants.get(decision.option)
        if variant is None or not variant.outside:
            return Chosen(decision, body, output=completion.output)
        instead = None
        if decision.arm in TRIED or _is_explored(decision, ladder.explore):
            instead = standing.main.release.body, desk.serving.instead(request, standing)
    return Chosen(decision, body, instead)


def _is_explored(decision: Decision, explore: float) -> bool:
    """Whether a release took what it would not take without exploring, as far as can be seen."""
    chances = {one.id: one.probability for one in decision.options}
    tries = explore > 0.0 and decision.arm != "holdback"
    return tries and chances[decision.option] < max(chances.values())


def passed_on(product: "Answering", asked: Asked, task: str, option: str, inputs: dict[str, Any]) -> Decision:
    """A decision that whoever asked has made: which model or variant answers. It is no proof of anything."""
    spec, clock = product.spec, product.clock
    id_ = clock.new_id("decision", *([asked.key] if asked.key else []))
    kind = spec.tasks[task].unit if task in spec.tasks else "user" if asked.user else "session"
    if task in spec.tasks and (asked.user if kind == "user" else asked.session):
        unit, cluster = unit_of(spec, task, id_, asked.user, asked.session)
    else:
        unit = cluster = (asked.user if kind == "user" else asked.session) or id_
    known = unit != id_
    return Decision(
        id=id_, task=task, release="", epoch=0, arm="main", p_arm=1.0, options=(), option=option,
        unit=unit, unit_kind=kind if known else "decision", cluster=cluster,
        fold=spec.gate.fold_of(cluster, product.rooms.salt), policy="", variant="",
        declaration=spec.digest, at=clock.now(), user=asked.user,
        verified=asked.verified and bool(asked.user), session=asked.session, key=asked.key,
        provenance="import", terms=asked.terms or spec.privacy.terms, inputs=inputs,
    )  # fmt: skip


def _live(standing: Standing, release: str) -> Live:
    tried = [live for one in standing.experiments for live in one.lives]
    for live in (*standing.everyone, *tried):
        if live.release.id == release:
            return live
    raise GateError(f"release {release} decided, and does not stand")
