"""The connection: uvicorn's, with an end to heads that are too long or too slow."""

import asyncio
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from autotroph.faces.http.head import Leaving
from autotroph.faces.http.refusals import STATUS, Error, ErrorBody, Kind


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection may do.

    Attributes:
        connections: open at a time.
        head: bytes of a request's first line, headers and trailers together; what comes between the pieces
            of a body counts too.
        head_seconds: for it to arrive, from its first byte on, or from when the connection was opened.
        pause: seconds between two pieces of a body, as long as it is being read.
    """

    connections: int = 512
    head: int = 32 * 2**10
    head_seconds: float = 10.0
    pause: float = 10.0


class _Joined:
    """What is written to it comes out in one piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, piece: bytes) -> None:
        """Keep it."""
        self.pieces.append(piece)

    def close(self) -> None:
        """Close after what was written."""
        self.closed = True


class Exchange(RequestResponseCycle):
    """A request and its answer, whose head goes out together with the first of its body: one call less."""

    _head: Any = None
    _unmeasured = False

    async def send(self, message: Any) -> None:
        """Takes the next part of the answer."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._head = message
            self._unmeasured = self.scope["http_version"] == "1.0" and not _measured(message)
            return
        if self._unmeasured:  # they know no chunks: the answer ends with the connection
            self.chunked_encoding, self.expected_content_length = False, len(message.get("body", b""))
        if self._head is None or self.response_started:
            await super().send(message)
            return
        transport, joined = self.transport, _Joined()
        self.transport = joined  # type: ignore[assignment]
        try:
            await super().send(self._head)
            await super().send(message)
        finally:
            self.transport = transport
            if joined.pieces:
                transport.write(b"".join(joined.pieces))
            if joined.closed:
                transport.close()


def _measured(start: Any) -> bool:
    return any(name == b"content-length" for name, _ in start["headers"])


class Connection(HttpToolsProtocol):
    """One connection.

    uvicorn reads a head of any length and waits for it for ever; both are bounded here. It counts bytes for
    which the parser had no use yet, so that a header, a trailer or a chunk extension without an end is
    noticed while it is still short.
    """

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unused = self._head = 0
        self._in_body = False
        self.leaving = Leaving()
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse("unavailable", "too many connections are open; try again later", retry=True)
        else:
            self._deadline = self.loop.call_later(self.limits.head_seconds, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Lets go of it, and whoever works for it."""
        self._in_time()
        self.leaving.gone = True
        for leave in tuple(self.leaving):
            leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes the next bytes."""
        self._unused += len(data)
        if self.parser is None or self.transport.is_closing():
            return
        super().data_received(data)
        if self._unused > self.limits.head and not self.transport.is_closing():
            self._too_long()
        self._set_deadline()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of its first line."""
        self._measure(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer; trailers are not handed on."""
        self._measure(len(name) + len(value) + 4)
        if self._in_body:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there: its exchange begins, or waits for those before it."""
        self._unused, self._in_body = 0, True
        asked, version = httptools.parse_url(self.url), self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = self.scope["root_path"] + asked.path.decode("ascii")
        self.scope["raw_path"] = asked.path
        self.scope["query_string"] = asked.query or b""
        self.scope["extensions"] = {"autotroph": {"leaving": self.leaving}}
        before, self.cycle = self.cycle, self._exchange(version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _exchange(self, version: str) -> RequestResponseCycle:
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._unused = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._unused, self._in_body = 0, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answers what is no HTTP, in the shape of every refusal."""
        if self._head > self.limits.head:
            self._too_long()
        else:
            self._refuse("bad_request", "not HTTP that can be read in one way only")

    def _measure(self, size: int) -> None:
        self._head += size
        if self._head > self.limits.head:
            raise ValueError("the head is too long")  # ends the parser, which ends in send_400_response

    def _owes_another(self) -> bool:
        """Whether the next answer on this connection is not about the bytes that were just read."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return not self._in_body or cycle.response_started or bool(self.pipeline)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _set_deadline(self) -> None:
        """The head has its time as a whole, a body from piece to piece; what came whole needs none."""
        if self._in_body:
            self._in_time()
            self._deadline = self.loop.call_later(self.limits.pause, self._late)
        elif not self._unused:
            self._in_time()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.head_seconds, self._late)

    def _late(self) -> None:
        if self.flow.read_paused:  # not their fault: what came before is still being taken
            self._deadline = self.loop.call_later(self.limits.pause, self._late)
            return
        part = "body" if self._in_body else "head"
        self._refuse("too_slow", f"the {part} of the request did not arrive in time; send it faster")

    def _too_long(self) -> None:
        self._refuse("too_large", f"the head of a request may have {self.limits.head:,} bytes", status=431)

    def _refuse(self, kind: Kind, message: str, *, status: int = 0, retry: bool = False) -> None:
        if self.transport.is_closing():
            return
        if self._owes_another():
            self.transport.close()
            return
        body = msgspec.json.encode(Error(ErrorBody(type=kind, message=message)))
        head = [
            f"HTTP/1.1 {status or STATUS[kind]} ",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
            *(["retry-after: 1"] if retry else []),
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode() + body)
        self.transport.close()
