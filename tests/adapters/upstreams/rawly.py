"""Servers that say bytes as they are written here, and the connections to them."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from autotroph.adapters.upstreams.line import Line
from autotroph.adapters.upstreams.response import Response
from autotroph.spec import CallSpec, Duration

Answers = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Raw:
    """A server on this machine.

    Attributes:
        heads: of the requests that have come.
        open: connections that are open now.
        opened: that there have been.
        answers: what is said to a request.
    """

    def __init__(self, answers: Answers, context: ssl.SSLContext | None = None) -> None:
        self.answers, self._context = answers, context
        self.heads: list[bytes] = []
        self.open = self.opened = self.port = 0

    async def __aenter__(self) -> "Raw":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until no connection is open."""
        async with asyncio.timeout(10):
            while self.open:
                await asyncio.sleep(0.002)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.opened += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self.answers(self.heads[-1], reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the connection's end is what it waits for
        finally:
            self.open -= 1
            writer.transport.abort()


def says(*pieces: bytes, then_close: bool = False) -> Answers:
    """Answers every request with these bytes, each written by itself."""

    async def answer(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if then_close:
            writer.close()

    return answer


def line(port: int, scheme: str = "http", host: str = "127.0.0.1", **calls: Any) -> Line:
    """The way to a server on this machine."""
    times = {name: Duration(value) for name, value in calls.items() if name == "connect"}
    return Line("small", f"{scheme}://{host}:{port}/v1", CallSpec(**{"private": True, **calls, **times}))


async def got(response: Response) -> bytes:
    """The whole body."""
    found = b""
    while piece := await response.readany():
        found += piece
    return found


async def sent(to: Line, body: bytes = b"{}", *, repeats: bool = True, method: str = "POST") -> Response:
    return await to.send(method, "/x", body, {}, repeats=repeats)


def run(answers: Answers, use: Callable[[Raw, Line], Awaitable[None]], loop: str = "asyncio") -> None:
    """With a server and a way to it, of which nothing is left afterwards."""

    async def inside() -> None:
        async with Raw(answers) as raw:
            to = line(raw.port)
            try:
                await use(raw, to)
            finally:
                await to.close()
            await raw.quiet()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(inside())
