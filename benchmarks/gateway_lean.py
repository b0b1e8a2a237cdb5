"""How low the stack could go: the bare pass-through, with httptools towards the upstream for aiohttp.

`python -m benchmarks.gateway_lean UPSTREAM`. Bare ASGI on uvicorn, connections kept and used again. It is no
client for the world outside: no TLS, no names, no redirects, no timeouts, no limits. What it shows is what a
general client costs for each request, beside everything else that a pass-through does.
"""

import asyncio
import sys
from typing import cast
from urllib.parse import urlsplit

import httptools
from starlette.types import Receive, Scope, Send

from benchmarks.gateway_floor import serve


class Exchange(asyncio.Protocol):
    """A connection to the upstream: one request, the parts of its answer, the next request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready to ask."""
        self._transport, self.open = cast(asyncio.Transport, transport), True

    def ask(self, request: bytes) -> None:
        """Send a request; its answer comes by `part`."""
        self._parts: asyncio.Queue[bytes] = asyncio.Queue()
        self._head, self.headers = asyncio.get_running_loop().create_future(), list[tuple[bytes, bytes]]()
        self._transport.write(request)

    async def status(self) -> int:
        """Its status, when its head has come."""
        return int(await self._head)

    async def part(self) -> bytes:
        """The next part of the answer; nothing after the last."""
        return await self._parts.get()

    def data_received(self, data: bytes) -> None:
        """Take some of it."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what a client needs to read the answer."""
        if name.lower() in (b"content-type", b"content-length"):
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head.set_result(self._parser.get_status_code())

    def on_body(self, data: bytes) -> None:
        """A part is there."""
        self._parts.put_nowait(data)

    def on_message_complete(self) -> None:
        """That was all."""
        self._parser = httptools.HttpResponseParser(self)
        self._parts.put_nowait(b"")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a stub that ends is the end here
        """Not to be used again."""
        self.open = False


class PassThrough:
    """Passes on whatever is posted."""

    def __init__(self, upstream: str) -> None:
        at = urlsplit(upstream)
        self._host, self._port = at.hostname or "", at.port or 80
        self._idle = list[Exchange]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the upstream's answer."""
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        exchange = await self._connection()
        exchange.ask(
            b"POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (scope["raw_path"], self._host.encode(), len(body), body)
        )
        status = await exchange.status()
        await send({"type": "http.response.start", "status": status, "headers": exchange.headers})
        while part := await exchange.part():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        self._idle.append(exchange)
        await send({"type": "http.response.body", "body": b""})

    async def _connection(self) -> Exchange:
        while self._idle:
            if (kept := self._idle.pop()).open:
                return kept
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(Exchange, self._host, self._port)
        return made


if __name__ == "__main__":
    serve(PassThrough(sys.argv[1]))
