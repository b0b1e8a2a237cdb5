"""Signals, and decisions that were made elsewhere: one, or a stream of lines."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.responses import Response

from autotroph.errors import InputError
from autotroph.faces.http.refusals import Refusal, answered, placed, refusal_of, unreadable
from autotroph.faces.http.route import Call
from autotroph.faces.http.service import STREAM_DURABLE
from autotroph.faces.http.shapes import Refused, Taken
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.intake import Outcome
from autotroph.ingest.reading import LIMITS, Limits, read_json, typed
from autotroph.ingest.streams import Line

JSON = "application/json"
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
BEACON = "text/plain"
"""What `navigator.sendBeacon` calls a text."""

TOLD = 1000
"""Refused lines that an answer names; the others are counted."""

LARGE = 16 * 2**10
"""Bytes from which on a document is read in a thread: the event loop has others to serve."""

_OTHER = "this key came before with another body, which stands; send what differs under a key of its own"

Arrival = SignalIn | DecisionIn
Read = Callable[[Any], Arrival]


async def signals(call: Call) -> Response:
    """Take signals."""
    return await _taken(call, _signal)


async def imports(call: Call) -> Response:
    """Take signals and decisions that were made elsewhere."""
    return await _taken(call, _either)


async def document(call: Call, *others: str, limits: Limits = LIMITS) -> Any:
    """The body of a call as a plain value.

    Args:
        call: of which the body is.
        others: content types that stand for JSON, too.
        limits: how large it may be.

    Raises:
        Refusal: it is no JSON, or says to be something else.
    """
    said = call.body.media_type
    if said not in (JSON, *others):
        wanted = f"{JSON}, or {LINES[0]} where a stream is taken"
        raise Refusal("media_type", f"content type {said!r:.80} is not read here; send {wanted}")
    body = await call.body.document(limits.size)
    try:
        if len(body) > LARGE:
            return await asyncio.to_thread(read_json, body, limits)
        return read_json(body, limits)
    except InputError as error:
        raise unreadable(error) from None


async def _taken(call: Call, read: Read) -> Response:
    if call.body.media_type in LINES:
        return answered(await _stream(call, read))
    browser = call.key is not None and bool(call.key.origins)
    arrival = read(await document(call, *([BEACON] if browser else [])))
    outcome = await call.service.take(arrival, vouched=call.vouched)
    if outcome.status == "refused":
        raise _refusal(call.service.product, arrival, outcome, shown=call.vouched)
    return answered(outcome)


def _signal(value: Any) -> Arrival:
    return typed(value, SignalIn)


def _either(value: Any) -> Arrival:
    """What has a task is a decision."""
    if isinstance(value, dict) and "task" in value:
        return typed(value, DecisionIn)
    return typed(value, SignalIn)


def _refusal(product: Product, arrival: Arrival, outcome: Outcome, *, shown: bool) -> Refusal:
    """Why it was refused; what came first is not `shown` to a browser, whose key may read nothing."""
    if outcome.first and shown:
        return Refusal("conflict", outcome.reason, first=outcome.first)
    if outcome.first:
        return Refusal("conflict", _OTHER)
    if any(product.custody.is_erased(about, id_) for about, id_ in _about(product, arrival)):
        return Refusal("erased", outcome.reason)
    return placed("invalid", outcome.reason)


def _about(product: Product, arrival: Arrival) -> Iterator[tuple[str, str]]:
    """Whom and what an arrival is about."""
    yield "user", arrival.user
    if isinstance(arrival, DecisionIn):
        yield "session", arrival.session
        yield "decision", arrival.id
    elif arrival.name in product.spec.signals:
        yield product.spec.signals[arrival.name].about, arrival.subject


# streams -------------------------------------------------------------------------------------------------


async def _stream(call: Call, read: Read) -> Taken:
    """Take line after line, each for itself; what is not taken yet is not read either."""
    service, taken = call.service, Taken()
    with service.streams.place():
        async with aclosing(call.body.lines()) as batches:
            async for batch in batches:
                more = await service.streams.do(_batch, service.product, batch, read, call.vouched)
                taken = _both(taken, more)
    return taken


def _batch(product: Product, batch: Sequence[Line], read: Read, verified: bool) -> Taken:  # noqa: FBT001
    arrivals: list[tuple[int, Arrival]] = []
    refused: list[Refused] = []
    for number, line in batch:
        try:
            arrivals.append((number, _line(line, read)))
        except InputError as error:
            refused.append(_refused(number, refusal_of(error)))
    outcomes = product.take([one for _, one in arrivals], verified=verified, patience=STREAM_DURABLE)
    for (number, arrival), outcome in zip(arrivals, outcomes, strict=True):
        if outcome.status == "refused":
            refused.append(_refused(number, _refusal(product, arrival, outcome, shown=verified)))
    return Taken(
        stored=sum(one.status == "stored" for one in outcomes),
        known=sum(one.status == "known" for one in outcomes),
        refused=tuple(sorted(refused, key=lambda one: one.line)),
        refused_count=len(refused),
    )


def _refused(number: int, refusal: Refusal) -> Refused:
    said = refusal.body
    return Refused(line=number, type=said.type, reason=said.message, first=said.first)


def _line(line: bytes | InputError, read: Read) -> Arrival:
    if isinstance(line, InputError):
        raise line
    try:
        value = read_json(line)
    except InputError as error:
        raise unreadable(error) from None
    return read(value)


def _both(one: Taken, other: Taken) -> Taken:
    return msgspec.structs.replace(
        one,
        stored=one.stored + other.stored,
        known=one.known + other.known,
        refused=(one.refused + other.refused)[:TOLD],
        refused_count=one.refused_count + other.refused_count,
    )
