"""A request and its answer on a connection: what is answered as a whole is also written as a whole."""

import re
from typing import Any, cast

from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_NO_BODY = (204, 304)
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Exchange(RequestResponseCycle):
    """One of them.

    uvicorn looks at each header with several searches and writes head and body apart. Nearly every answer
    has a body of a known length and leaves the connection open: such a one is checked and written at once.
    All others go uvicorn's way.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._held: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """Part of the answer; the head of one that is known to be whole waits for its body."""
        held, self._held = self._held, None
        if held is not None:
            if self._written(held, cast("bytes", message.get("body", b""))):
                return
            await super().send(held)
        elif message["type"] == "http.response.start" and self._is_plain(message):
            self._held = message
            return
        await super().send(message)

    def _is_plain(self, start: HTTPResponseStartEvent) -> bool:
        """Whether its body comes in one piece, and nothing else is to be seen to."""
        names = {name for name, _ in start.get("headers", ())}
        return (
            b"content-length" in names
            and b"connection" not in names
            and b"transfer-encoding" not in names
            and start["status"] not in _NO_BODY
            and self.scope["method"] != "HEAD"
        )

    def _written(self, start: HTTPResponseStartEvent, body: bytes) -> bool:
        """Write it, unless it is to be waited for, or is the last one."""
        if self.disconnected or not self.keep_alive or self.flow.write_paused or self.response_started:
            return False
        headers = [*self.default_headers, *start.get("headers", ())]
        if int(dict(headers)[b"content-length"]) != len(body):
            return False
        if _CONTROL.search(b"".join([name + value for name, value in headers])):
            return False
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join([STATUS_LINE[start["status"]], *lines, b"\r\n", body]))
        self.message_event.set()
        self.on_response()
        return True
