"""The load on a gateway, a process of its own: `python -m benchmarks.gateway_load FILE`.

A `Work` comes on stdin, a `Load` goes into the file.

Sockets that send a request made ready before, and httptools to see where a reply ends: `openai` and `httpx`
take more time a request than what is measured here. Three things, one after the other:

- *full*: every connection has one request under way, always;
- *one at a time*: over one connection, by turns through the gateway and straight to what is behind it, so
  that whatever else the machine does meets both;
- *first token*: the same with streams, until there is text, not until there is a role.
"""

import asyncio
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import cast

import httptools
import msgspec
import uvloop

TEXT = re.compile(rb'"content":\s*"[^"]')
QUESTION = "How many eggs are left of a dozen, if three are eaten and four are baked?"
WARM = 0.3
"""Seconds before each measurement that are not counted."""


class Target(msgspec.Struct, frozen=True):
    """Where chat completions are asked for.

    Attributes:
        port: on this machine.
        path: of the address.
        model: what to ask for.
        key: the bearer's.
        session: of processes that it consists of; 0 where its CPU time is not asked for.
    """

    port: int
    path: str = "/v1/chat/completions"
    model: str = "stub"
    key: str = "any"
    session: int = 0


class Work(msgspec.Struct, frozen=True):
    """What to do.

    Attributes:
        through: the gateway.
        straight: what is behind it.
        connections: of the load.
        full: seconds with all of them.
        single: seconds with one request at a time, for whole answers and for streams each.
    """

    through: Target
    straight: Target
    connections: int
    full: float
    single: float


class Load(msgspec.Struct, frozen=True):
    """What it met, seconds all.

    Attributes:
        requests_per_s: with all connections.
        cpu: share of a core that the load itself took then.
        served_cpu: seconds of CPU time that the gateway took then for each request.
        through: of whole answers one at a time, until their end.
        straight: the same without the gateway.
        first_through: of streams one at a time, until their first text.
        first_straight: the same without the gateway.
        answered: replies with 200 through the gateway in all.
        refused: replies with anything else.
    """

    requests_per_s: float
    cpu: float
    served_cpu: float
    through: list[float]
    straight: list[float]
    first_through: list[float]
    first_straight: list[float]
    answered: int
    refused: int


class Reply(msgspec.Struct, frozen=True):
    """Whether it was a 200, seconds until the end, and until the first text."""

    well: bool
    whole: float
    first: float


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._began, self._first, self._body = 0.0, 0.0, b""
        self._reply: asyncio.Future[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready to ask."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    @property
    def closed(self) -> bool:
        """Whether another one is needed."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, request: bytes) -> Reply:
        """Send a request, and wait for the end of its reply."""
        assert self._transport is not None
        self._reply = asyncio.get_running_loop().create_future()
        self._first, self._body, self._began = 0.0, b"", perf_counter()
        self._transport.write(request)
        return await self._reply

    def data_received(self, data: bytes) -> None:
        """Take a part of a reply."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """See whether there is text by now."""
        if not self._first:
            self._body += data
            if TEXT.search(self._body):
                self._first = perf_counter() - self._began

    def on_message_complete(self) -> None:
        """Tell what it was."""
        well = self._parser.get_status_code() == 200 and self._first > 0
        keep, self._parser = self._parser.should_keep_alive(), httptools.HttpResponseParser(self)
        if not keep and self._transport is not None:
            self._transport.close()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(well, perf_counter() - self._began, self._first))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for a reply gets none."""
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(exc or ConnectionResetError("closed before its reply had ended"))

    def close(self) -> None:
        """Ask no more."""
        if self._transport is not None:
            self._transport.close()


class Line:
    """Requests to a target, over one connection as long as that lasts.

    Args:
        target: whom to ask.
        stream: for a stream instead of a whole answer.
    """

    def __init__(self, target: Target, *, stream: bool = False) -> None:
        self._port, self._request = target.port, _request(target, stream=stream)
        self._connection = Connection()

    async def ask(self) -> Reply:
        """Ask once."""
        if self._connection.closed:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return await self._connection.ask(self._request)

    def close(self) -> None:
        """Ask no more."""
        self._connection.close()


def _request(target: Target, *, stream: bool) -> bytes:
    messages = [{"role": "user", "content": QUESTION}]
    body = msgspec.json.encode({"model": target.model, "messages": messages, "stream": stream})
    head = (
        f"POST {target.path} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\n"
        f"authorization: Bearer {target.key}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(work: Work) -> Load:
    """Do it all, once."""
    before = cpu_seconds(work.through.session)
    warm, full, cpu = await _full(work)
    served = cpu_seconds(work.through.session) - before
    single = await _by_turns([Line(work.through), Line(work.straight)], work.single)
    streams = [Line(work.through, stream=True), Line(work.straight, stream=True)]
    first = await _by_turns(streams, work.single)
    through = [*warm, *full, *single[0], *first[0]]
    return Load(
        requests_per_s=len(full) / work.full,
        cpu=cpu,
        served_cpu=served / (len(warm) + len(full)),
        through=[reply.whole for reply in single[0]],
        straight=[reply.whole for reply in single[1]],
        first_through=[reply.first for reply in first[0]],
        first_straight=[reply.first for reply in first[1]],
        answered=sum(reply.well for reply in through),
        refused=sum(not reply.well for reply in through),
    )


async def _full(work: Work) -> tuple[list[Reply], list[Reply], float]:
    """Replies before the measuring and while it lasts, and the share of a core that asking took."""
    lines = [Line(work.through) for _ in range(work.connections)]
    began = perf_counter() + WARM
    end = began + work.full
    warm, counted, used = list[Reply](), list[Reply](), [0.0]

    async def goes_on(line: Line) -> None:
        while (now := perf_counter()) < end:
            reply = await line.ask()
            used[0] = used[0] or (process_time() if now >= began else 0.0)
            (counted if began <= perf_counter() < end else warm).append(reply)
        line.close()

    await asyncio.gather(*map(goes_on, lines))
    return warm, counted, (process_time() - used[0]) / work.full


async def _by_turns(lines: Sequence[Line], seconds: float) -> list[list[Reply]]:
    """Replies of each, asked in turn, without the first few."""
    found: list[list[Reply]] = [[] for _ in lines]
    end = perf_counter() + WARM + seconds
    while perf_counter() < end:
        for line, replies in zip(lines, found, strict=True):
            replies.append(await line.ask())
    for line in lines:
        line.close()
    return found


def cpu_seconds(session: int) -> float:
    """CPU time that the processes of a session took until now; 0 where there is no /proc to read it from."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()  # what is before may hold anything: its name
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        if int(fields[3]) == session:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Read what to do, do it, write what was met."""
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=Work)
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(uvloop.run(load(work))))


if __name__ == "__main__":
    main()
