"""Decisions: answered whatever the store does, and said so."""

from functools import partial

from starlette.responses import Response

from autotroph.errors import LedgerError, UnknownName
from autotroph.faces.answers import Answer
from autotroph.faces.http.arriving import document
from autotroph.faces.http.refusals import Refusal, answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.service import Service
from autotroph.faces.http.shapes import Decided, DecideIn
from autotroph.ingest.arrivals import Arrival, terms_of
from autotroph.ingest.reading import typed
from autotroph.records import Proposal


async def decide(call: Call) -> Response:
    """Decide, and wait for the disk as long as that is no use waiting for in vain."""
    product, task = call.service.product, call.names["task"]
    if task not in product.spec.tasks:
        raise Refusal("not_found", str(UnknownName("task", task, product.spec.tasks)), where="path")
    said = typed(await document(call), DecideIn)
    agreed = Arrival(purposes=said.purposes, learn=said.learn, region=said.region, retention=said.retention)
    make = partial(
        product.decide,
        task,
        said.inputs,
        user=said.user,
        session=said.session,
        key=said.key,
        options=[Proposal(one.option, one.output, one.features) for one in said.options],
        terms=terms_of(product.spec, agreed),
        verified=call.vouched,
    )
    answer = await call.service.answers.put(make)
    reason = answer.unrecorded or await unrecorded(call.service, answer)
    return answered(_decided(answer, reason))


async def unrecorded(service: Service, answer: Answer) -> str:
    """Why a decision is not on disk; empty when it is. Where it must be, it is not answered without.

    Raises:
        LedgerError: it is not there, and such decisions are to be refused.
    """
    fault, refuse = service.product.store.fault(), service.product.spec.product.on_store_failure == "refuse"
    if fault and not refuse:
        return f"{fault}; it may still be recorded"
    try:
        await service.settling.put(answer)
    except LedgerError as error:
        if refuse:
            raise
        return str(error)
    return ""


def _decided(answer: Answer, reason: str) -> Decided:
    made = answer.decision
    return Decided(
        id=answer.id,
        option=answer.option,
        output=answer.output,
        arm=made.arm,
        release=made.release,
        epoch=made.epoch,
        options=made.options,
        recorded=not reason,
        reason=reason,
    )
