"""The one who asked: what they sent, what they are sent, and whether they are still there."""

import asyncio
from collections.abc import Iterable

from starlette.types import Message, Receive, Send

Head = Iterable[tuple[bytes, bytes]]


class Gone(Exception):
    """Whoever asked has left before the answer had ended."""


class Caller:
    """One request's two ends. It is bare ASGI, because a stub should cost next to nothing.

    Args:
        receive: what comes.
        send: what goes.
        head: the headers of whatever is answered.
    """

    def __init__(self, receive: Receive, send: Send, head: Head) -> None:
        self._receive, self._send, self._head = receive, send, list(head)
        self._leaving: asyncio.Task[Message] | None = None

    async def body(self) -> bytes:
        """All that they sent.

        Raises:
            Gone: they left in the middle of it.
        """
        parts, more = list[bytes](), True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        return b"".join(parts)

    async def whole(self, status: int, document: bytes) -> None:
        """Answer at once, with JSON."""
        length = (b"content-length", b"%d" % len(document))
        await self._begin(status, b"application/json", length)
        await self._send({"type": "http.response.body", "body": document})

    async def stream(self) -> None:
        """Begin a stream of events."""
        await self._begin(200, b"text/event-stream; charset=utf-8")

    async def event(self, data: bytes) -> None:
        """Send a part of the stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End the stream."""
        await self._send({"type": "http.response.body", "body": b""})

    async def wait(self, seconds: float) -> None:
        """Let time pass, and others have their turn.

        Raises:
            Gone: they left; said at once, not when the time is over.
        """
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._receive())
        if seconds > 0:
            await asyncio.wait({self._leaving}, timeout=seconds)
        else:
            await asyncio.sleep(0)
        if self._leaving.done():
            raise Gone

    def close(self) -> None:
        """Listen no more."""
        if self._leaving is not None:
            self._leaving.cancel()

    async def _begin(self, status: int, kind: bytes, *more: tuple[bytes, bytes]) -> None:
        headers = [(b"content-type", kind), *more, *self._head]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
