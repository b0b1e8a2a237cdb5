"""The bare pass-through, with the product's own client towards the upstream for aiohttp.

`python -m benchmarks.gateway_client UPSTREAM`. Bare ASGI on uvicorn, as `gateway_lean`; requests go on over
`adapters.upstreams.line`, which does all that a client for the world outside has to: bounds, checked
addresses, a time limit for connecting, back-pressure.
"""

import sys

from starlette.types import Receive, Scope, Send

from autotroph.adapters.upstreams.line import Line
from autotroph.spec import CallSpec
from benchmarks.gateway_floor import serve


class PassThrough:
    """Passes on whatever is posted."""

    def __init__(self, upstream: str) -> None:
        self._line = Line("stub", upstream, CallSpec(private=True))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the upstream's answer."""
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        path = scope["path"].removeprefix("/v1")
        headers = {"content-type": "application/json"}
        response = await self._line.send("POST", path, body, headers, repeats=True)
        try:
            kept = [(b"content-type", response.headers["content-type"].encode())]
            if "content-length" in response.headers:
                kept.append((b"content-length", response.headers["content-length"].encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": kept})
            while part := await response.readany():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            response.abort()


if __name__ == "__main__":
    serve(PassThrough(sys.argv[1]))
