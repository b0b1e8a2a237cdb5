"""A small real HTTP server that stores signals by their keys, and fails in the ways it is told to."""

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

KEY = "s3cret"
DECISION = {
    "id": "decision_1",
    "option": "cards",
    "output": "cards",
    "arm": "main",
    "release": "release_0",
    "epoch": 1,
    "options": [{"id": "cards", "probability": 0.75}, {"id": "fraud", "probability": 0.25}],
    "recorded": True,
    "reason": "",
}


class Scripted:
    """What it has, and what it will do to the next requests.

    Attributes:
        stored: how often each signal was stored, by its key, in the order in which they came first.
        bodies: everything that was sent, by path.
        faults: what happens to the next requests, one each; then all goes well.
        always: what happens to every request after those.
        port: where it listens; kept when it goes away and comes back.
    """

    def __init__(self) -> None:
        self.stored: Counter[str] = Counter()
        self.bodies: list[tuple[str, list[Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.faults: deque[str] = deque()
        self.always = ""
        self.port = 0
        self._held = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.come()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def come(self) -> None:
        self._do(self._come())

    def go(self) -> None:
        """Listen no longer; connections that are open are closed."""
        self._do(self._go())

    def hold(self, fault: str = "") -> None:
        """Answer nothing until `release`, and then with a fault, if one is said."""
        self._held.clear()
        self.always = f"hold {fault}"

    def release(self) -> None:
        self.always = ""
        self._held.set()

    def end(self) -> None:
        self.release()
        self.go()
        self._do(self._drop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, what: Any) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _come(self) -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_get("/healthz", self._live)
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def _go(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _drop(self) -> None:
        """End what is still being answered, slowly."""
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else self.always
        self.connections.add(request.transport)
        self.headers.append(dict(request.headers))
        values = [json.loads(line) for line in (await request.read()).splitlines()]
        self.bodies.append((request.path, values))
        if fault.startswith("hold"):
            await asyncio.to_thread(self._held.wait, 20)
            fault = fault[5:]
        if fault:
            return await self._fail(fault, request, values)
        return self._take(request, values)

    async def _fail(self, fault: str, request: web.Request, values: list[Any]) -> web.StreamResponse:
        """`lost` stores, then the acknowledgement is lost; `reset` stores nothing; a number is a status."""
        name, _, argument = fault.partition(" ")
        assert request.transport is not None
        if name == "lost":
            self._take(request, values)
        if name in ("lost", "reset"):
            request.transport.abort()
            return web.Response()
        if name == "broken":
            request.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
            request.transport.close()
            return web.Response()
        if name == "slow":
            await asyncio.sleep(float(argument))
            return self._take(request, values)
        if name == "close":
            answer = self._take(request, values)
            answer.force_close()
            return answer
        if name == "nonsense":
            return web.Response(text="<html>")
        return refusal(int(name), argument)

    def _take(self, request: web.Request, values: list[Any]) -> web.Response:
        if request.path.endswith("/decisions"):
            return web.json_response(DECISION)
        if "ndjson" not in request.content_type:
            status = self._store(values[0])
            return web.json_response(
                {"status": status, "id": "signal_1", "sequence": 7, "reason": "", "first": {}}
            )
        refused = [
            {"line": line, "reason": "no signal named 'wrong'"}
            for line, value in enumerate(values, 1)
            if value.get("name") == "wrong"
        ]
        kinds = Counter(self._store(value) for value in values if value.get("name") != "wrong")
        return web.json_response(
            {
                "stored": kinds["stored"],
                "known": kinds["known"],
                "refused": refused[:100],
                "refused_count": len(refused),
            }
        )

    def _store(self, value: dict[str, Any]) -> str:
        key = value.get("key") or json.dumps(value)
        if key in self.stored:
            return "known"
        self.stored[key] += 1
        return "stored"


def refusal(status: int, retry_after: str) -> web.Response:
    types = {401: "unauthenticated", 403: "forbidden", 409: "conflict", 410: "erased", 422: "invalid"}
    said: dict[str, Any] = {"type": types.get(status, "unavailable"), "message": f"because of {status}"}
    if status == 409:
        said["first"] = {"value": True}
    headers = {"retry-after": retry_after} if retry_after else {}
    if status == 302:
        headers["location"] = "/elsewhere"
    return web.json_response({"error": said}, status=status, headers=headers)


@contextmanager
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    try:
        yield server
    finally:
        server.end()
