"""OpenAI's endpoints: whatever speaks to them learns nothing of tasks, unless it wants to."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autotroph.deploy.upstreams.protocols import error_document, told_status
from autotroph.errors import UnknownName, UpstreamFault
from autotroph.faces.gateway.asked import OURS, Asked, read_asked
from autotroph.faces.gateway.chat import STOPPED, Chat
from autotroph.faces.http.arriving import JSON, document
from autotroph.faces.http.head import Head
from autotroph.faces.http.leaving import UnlessLeft
from autotroph.faces.http.refusals import Document, Refusal, answered
from autotroph.faces.http.route import Call
from autotroph.faces.http.shapes import ChatModel, ChatModels
from autotroph.ingest.reading import Limits
from autotroph.wire.said import CHAT, EMBEDDINGS, RESPONSES, TEXT

LARGE = Limits(size=32 * 2**20, depth=64, pieces=1_000_000)
"""Of a request to a chat model: images come within it."""

_LOG = logging.getLogger("autotroph.gateway")
_THEIRS = frozenset({"content-type", "retry-after", "x-should-retry"})
"""Headers of the upstream's answer that say nothing about ours."""

_STOPPED = msgspec.json.encode(
    {"error": {"message": STOPPED, "type": "unavailable", "param": None, "code": "unavailable"}}
)

_DONE = {"x-should-retry": "false"}
"""All that could be asked was asked: OpenAI's client does not send it again by itself."""


async def chat(call: Call) -> Response:
    """Answer a conversation, as OpenAI's chat completions do."""
    return await _answered(call, CHAT)


async def complete(call: Call) -> Response:
    """Go on with a text, as OpenAI's older completions do."""
    return await _answered(call, TEXT)


async def respond(call: Call) -> Response:
    """Answer as OpenAI's responses do."""
    return await _answered(call, RESPONSES)


async def embed(call: Call) -> Response:
    """Turn texts into vectors, as OpenAI's embeddings do."""
    return await _answered(call, EMBEDDINGS)


async def models(call: Call) -> Response:
    """What can be asked for as a model: tasks, their variants, and what the upstream has."""
    return answered(await _models(call))


async def model(call: Call) -> Response:
    """One of them."""
    found = {one.id: one for one in (await _models(call)).data}
    name = call.names["model"]
    if name not in found:
        raise Refusal("not_found", str(UnknownName("model", name, found)), where="path")
    return answered(found[name])


async def _answered(call: Call, path: str) -> Response:
    return await passed(call, read_asked(path, await document(call, limits=LARGE), call.head))


async def passed(call: Call, asked: Asked) -> Response:
    """What is answered by whom the call asks for; a task decides where it asks for one."""
    key = call.key
    meters = (key.id, key.name) if key is not None else ()
    with UnlessLeft(call.head):
        try:
            answer = await call.service.product.gateway.ask(
                replace(asked, verified=call.vouched, meters=meters)
            )
        except UnknownName as error:
            raise Refusal("not_found", str(error), where="model") from None
    headers = _headers(answer)
    if answer.fault is not None:
        return Document(
            error_document(answer.fault), told_status(answer.fault), {**headers, **again(answer.fault)}
        )
    if answer.body is not None:
        return Document(answer.body, 200, headers, answer.headers.get("content-type", JSON))
    return Events(answer, headers, call.head)


def _headers(answer: Chat) -> dict[str, str]:
    """What is said of an answer beside it."""
    made = answer.decision
    found = {name: said for name, said in answer.headers.items() if name not in _THEIRS}
    found["x-autotroph-decision"] = made.id
    found["x-autotroph-task"] = made.task
    found["x-autotroph-variant"] = _plain(made.option)
    found["x-autotroph-arm"] = made.arm
    found["x-autotroph-recorded"] = "no" if answer.unrecorded else "yes"
    if made.release:
        found["x-autotroph-release"] = made.release
    if answer.model:
        found["x-autotroph-answered-by"] = _plain(answer.model)
    return found


def _plain(said: str) -> str:
    """A text that can stand in a header."""
    if said.isascii() and said.isprintable():
        return said
    return said.encode("ascii", "backslashreplace").decode()


def again(fault: UpstreamFault) -> dict[str, str]:
    """Headers that say whether to ask again after a fault."""
    return {"retry-after": f"{max(1, round(fault.retry_after))}"} if fault.retry_after else dict(_DONE)


class Events(Response):
    """An answer that is sent as it comes. One that breaks off ends in an error, never as if it were whole.

    Args:
        answer: that streams.
        headers: of it.
        head: of the request.
    """

    def __init__(self, answer: Chat, headers: Mapping[str, str], head: Head) -> None:
        self._answer, self._head = answer, head
        self.status_code, self.body, self.background = 200, b"", None
        self.raw_headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            *[(name.encode("latin-1"), said.encode("latin-1")) for name, said in headers.items()],
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send it."""
        named = self._answer.path == RESPONSES
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            with UnlessLeft(self._head):
                await send(start)
                async with aclosing(self._answer.events()) as events:
                    try:
                        async for payload in events:
                            await send(_part(_event(payload, named=named)))
                    except UpstreamFault as fault:
                        await send(_part(_event(error_document(fault), named=named, error=True)))
                    except asyncio.CancelledError:
                        if self._head.leaving.gone:
                            raise
                        await send(_part(_event(_STOPPED, named=named, error=True)))
                    else:
                        if not named:
                            await send(_part(b"data: [DONE]\n\n"))
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._answer.leave()


class _Type(msgspec.Struct):
    type: str = ""


_TYPE = msgspec.json.Decoder(_Type)


def _event(payload: bytes, *, named: bool, error: bool = False) -> bytes:
    """An event with its data; of responses each says what kind it is."""
    if not named:
        return b"data: %b\n\n" % payload
    kind = "error" if error else _TYPE.decode(payload).type
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), payload)


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _models(call: Call) -> ChatModels:
    product = call.service.product
    spec, since = product.spec, int(call.service.since)
    outside = [name for name in spec.tasks if spec.outside(name)]
    names = [name for name in spec.tasks if name in outside or name in product.rooms.desks]
    names += [f"{name}::{variant}" for name in outside for variant in spec.tasks[name].variants]
    names += [name for name, one in spec.models.items() if one.kind != "local"]
    found = {name: ChatModel(id=name, created=since, owned_by=OURS) for name in names}
    for one in await product.gateway.models():
        found.setdefault(one, ChatModel(id=one, created=since, owned_by=spec.product.upstream))
    return ChatModels(data=tuple(found.values()))
