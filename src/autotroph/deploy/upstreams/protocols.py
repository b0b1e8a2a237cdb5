"""What the gateway asks of those who answer outside this process, and what it gets.

    upstream = registry.load("upstreams", model.kind)(name, model, clock)
    reply = await upstream.ask(Call(path="/chat/completions", document=document, stream=True))
    try:
        async for payload in reply: ...
    finally:
        reply.close()

`ask` returns when the whole answer is there or, of a stream, when its first token is: every fault before
that is raised by `ask`, so that somebody else can be asked. What is raised while iterating has come too late.
"""

import math
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import msgspec

from autotroph.deploy.upstreams.prices import Usage
from autotroph.errors import UpstreamFault


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Attributes:
        path: below the base URL, such as `/chat/completions`, with its query.
        document: what is sent as JSON; its `model` is replaced by what the model is called there.
        body: what is sent as it is where there is no document, such as a form.
        media_type: of the body.
        stream: whether the answer is streamed.
        model: what the model is called there, if not as it is declared.
        within: seconds that all of it may take, if fewer than declared.
        headers: of the caller that are worth passing on; never a key.
    """

    path: str
    document: Mapping[str, Any] | None = None
    body: bytes = b""
    media_type: str = "application/json"
    method: str = "POST"
    stream: bool = False
    model: str = ""
    within: float = math.inf
    headers: Mapping[str, str] = {}


class Reply(Protocol):
    """An answer: all of it at once, or streamed.

    Attributes:
        status: in HTTP; always one of success.
        headers: those worth passing on, by their names in lower case.
        body: the whole answer, untouched; None of one that is streamed.
        attempts: how often the upstream was asked for it.
        first_token: seconds from asking until the first token, or until all was there.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    attempts: int
    first_token: float

    @property
    def usage(self) -> Usage:
        """Tokens up to now; for good once the reply has ended, however it did."""

    @property
    def told(self) -> bool:
        """Whether the upstream told them; otherwise they are counted here, a token for four bytes of text."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The data of each event, untouched, without the final `[DONE]`; ends only where all of it has come.

        Raises:
            UpstreamFault: it is not complete and never will be; all that had come was given before.
        """

    def close(self) -> None:
        """Want no more of it: its connection is closed at once. After the end, nothing."""


class Upstream(Protocol):
    """One who answers; made by `registry.load("upstreams", kind)(name, declared, clock)`, once a model."""

    async def ask(self, call: Call) -> Reply:
        """The answer, as soon as there is something of it.

        Raises:
            UpstreamFault: there is none; nothing of it was passed on.
        """

    async def close(self) -> None:
        """Close all connections, once nobody asks any more; what is streamed still ends in a fault."""


_STATUS = {"first token": 504, "between tokens": 504, "total": 504, "open": 503}
_PASSED_ON = frozenset({400, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503, 504})


def told_status(fault: UpstreamFault) -> int:
    """The status in HTTP for whoever asked us: that our key is wrong is nothing that they could repair."""
    if fault.status in _PASSED_ON:
        return fault.status
    return _STATUS.get(fault.kind, 502)


def error_document(fault: UpstreamFault) -> bytes:
    """A fault as a JSON text in the shape of OpenAI's errors; as an event, it ends a stream that had begun.

    >>> error_document(UpstreamFault("cut off", "cut"))
    b'{"error":{"message":"cut off","type":"upstream_error","param":null,"code":"upstream_cut"}}'
    """
    if fault.document:
        return fault.document
    code = f"upstream_{fault.kind.replace(' ', '_').replace('-', '_')}"
    told = {"message": str(fault), "type": "upstream_error", "param": None, "code": code}
    return msgspec.json.encode({"error": told})
