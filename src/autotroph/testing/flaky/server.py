"""The sockets of a flaky upstream, and what is counted of them."""

import asyncio
from collections import deque
from typing import Any, Self

from autotroph.testing.flaky.answers import error
from autotroph.testing.flaky.script import Ending, Fault, Received, events, whole

_STATUS = {"429": "429 Too Many Requests", "5xx": "503 Service Unavailable", "redirect": "307 Elsewhere"}


class Flaky:
    """An upstream at `url`, until it is left.

    Attributes:
        faults: of the next requests, one each; None for one that goes well.
        always: of all others.
        pause: seconds between two events.
        received: how many requests have come.
        last: the last of them.
        open: connections that are open now.
        opened: that there have been.
        slow_url: an address that takes connections and then says nothing: no encryption is ever agreed on.
    """

    def __init__(self) -> None:
        self.faults: deque[Fault | None] = deque()
        self.always: Fault | None = None
        self.pause = 0.0
        self.received = self.open = self.opened = 0
        self.last = Received("", "", {}, b"")
        self.url = self.slow_url = ""
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        fast = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        slow = await asyncio.start_server(self._serve_nothing, "127.0.0.1", 0, backlog=1024)
        self._servers = [fast, slow]
        self.url = f"http://127.0.0.1:{fast.sockets[0].getsockname()[1]}/v1"
        self.slow_url = f"https://127.0.0.1:{slow.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        waiting = [task for task in self._tasks if task.cancel()]
        await asyncio.gather(*waiting, return_exceptions=True)

    async def quiet(self, patience: float = 10.0) -> bool:
        """Whether no connection is open any more, at the latest after so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while self.open and loop.time() < end:
            await asyncio.sleep(0.005)
        return not self.open

    def next_fault(self, request: Received) -> Fault | None:
        """Count a request, and say how it fails."""
        self.received += 1
        self.last = request
        return self.faults.popleft() if self.faults else self.always

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._counted(_Connection(self, reader, writer))

    async def _serve_nothing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._counted(_Silent(self, reader, writer))

    async def _counted(self, connection: "_Silent") -> None:
        task = asyncio.current_task()
        self._tasks.update({task} if task else ())
        self.open += 1
        self.opened += 1
        try:
            await connection.serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            connection.cut()
        finally:
            self.open -= 1
            self._tasks.discard(task)
            connection.cut()


class _Silent:
    def __init__(self, flaky: Flaky, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._flaky, self._reader, self._writer = flaky, reader, writer

    async def serve(self) -> None:
        """Until the other side has enough."""
        while await self._reader.read(2**16):
            pass

    def cut(self) -> None:
        self._writer.transport.abort()


class _Connection(_Silent):
    async def serve(self) -> None:
        while (request := await self._request()) is not None:
            ending = await self._answer(request, self._flaky.next_fault(request))
            await self._writer.drain()
            if ending == "stall":
                await super().serve()
            if ending != "end":
                return

    async def _request(self) -> Received | None:
        head = await self._reader.readuntil(b"\r\n\r\n") if not self._reader.at_eof() else b""
        if not head:
            return None
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Received(method, path, headers, body)

    async def _answer(self, request: Received, fault: Fault | None) -> Ending:
        match fault:
            case Fault("429" | "5xx" | "redirect" as what, "before"):
                self._write(_STATUS[what], error(request.path, int(_STATUS[what][:3]), request.quoted), fault)
                return "end"
            case Fault("cut" | "stall" as what, "before"):
                return what
            case _:
                pass
        if request.streams:
            return await self._stream(request, fault)
        body, length, ending = whole(request, fault)
        self._write("200 OK", body, fault, length)
        return ending

    async def _stream(self, request: Received, fault: Fault | None) -> Ending:
        self._writer.write(_OK + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        said, ending = events(request, fault)
        for event in said:
            self._writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            if self._flaky.pause:
                await self._writer.drain()
                await asyncio.sleep(self._flaky.pause)
        if ending == "end":
            self._writer.write(b"0\r\n\r\n")
        return ending

    def _write(self, status: str, body: bytes, fault: Fault | None, length: int | None = None) -> None:
        more = f"retry-after: {fault.retry_after}\r\n" if fault and fault.retry_after else ""
        more += "location: /v1/elsewhere\r\n" if status.startswith("307") else ""
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-request-id: req_1\r\n{more}"
        said = len(body) if length is None else length
        self._writer.write(f"{head}content-length: {said}\r\n\r\n".encode() + body)


_OK = b"HTTP/1.1 200 OK\r\nx-request-id: req_1\r\n"
