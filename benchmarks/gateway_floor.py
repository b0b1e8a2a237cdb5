"""The floor: the bare pass-through of our own stack, `python -m benchmarks.gateway_floor UPSTREAM`.

starlette and uvicorn take a request, aiohttp sends the same bytes on, and what comes back is passed on.
Nothing is read, checked, decided or stored. A gateway on this stack that does anything is slower.
"""

import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
from aiohttp import ClientResponse, ClientSession, TCPConnector
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class PassThrough:
    """Passes on whatever is posted."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the upstream's answer."""
        request = Request(scope, receive)
        session = self._opened()
        url = self._upstream + request.url.path.removeprefix("/v1")
        headers = {"content-type": "application/json"}
        answer = await session.post(url, data=await request.body(), headers=headers)
        await (await self._passed(answer))(scope, receive, send)

    def _opened(self) -> ClientSession:
        """The session, which only a running loop can have."""
        self._session = self._session or ClientSession(connector=TCPConnector(limit=0))
        return self._session

    async def _passed(self, answer: ClientResponse) -> Response:
        if answer.content_type == "text/event-stream":
            return StreamingResponse(_parts(answer), answer.status, media_type=answer.content_type)
        async with answer:
            return Response(await answer.read(), answer.status, media_type=answer.content_type)


async def _parts(answer: ClientResponse) -> AsyncIterator[bytes]:
    async with answer:
        async for part in answer.content.iter_any():
            yield part


def serve(app: ASGIApp) -> None:
    """Serve an application on a free port, and say where on the first line."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        sys.stdout.write(f'{{"url": "http://127.0.0.1:{listening.getsockname()[1]}/v1"}}\n')
        sys.stdout.flush()
        config = uvicorn.Config(app, lifespan="off", log_level="error", access_log=False, ws="none")
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    serve(PassThrough(sys.argv[1]))
