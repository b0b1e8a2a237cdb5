"""One connection: a request, its response, the next request."""

import asyncio
from collections.abc import Callable
from typing import cast

from autotroph.adapters.upstreams.broken import Broken, Cut, Garbled
from autotroph.adapters.upstreams.parsing import Parser
from autotroph.adapters.upstreams.response import Response

TOGETHER = 2**16
"""Bytes of a body that are copied to be sent with their head."""


class Connection(asyncio.Protocol):
    """A connection that is made, used by one at a time, and closed when anything about it is odd.

    Args:
        freed: told when nobody uses it any more; it is open then, if it can be used again.
        gone: told when it is closed, if it was ever open.

    Attributes:
        kept: it has answered before.
        since: when it was used last, on the loop's clock.
    """

    def __init__(self, freed: Callable[["Connection"], None], gone: Callable[["Connection"], None]) -> None:
        self.kept, self.since = False, 0.0
        self._freed, self._gone = freed, gone
        self._parser = Parser()
        self._response: Response | None = None
        self._transport: asyncio.Transport | None = None
        self._paused = False

    @property
    def open(self) -> bool:
        """Whether something can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, *, bodiless: bool = False) -> Response:
        """Send a request; its response comes by and by.

        Raises:
            Cut: it is closed; nothing was sent.
        """
        if self._transport is None or self._transport.is_closing():
            self._freed(self)
            raise Cut(silent=True)
        response = self._response = Response(self, bodiless=bodiless)
        self._parser.expect(response)
        if len(body) <= TOGETHER:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)
        return response

    # for the response that comes over it -------------------------------------------------------------------

    def pause(self) -> None:
        """Take nothing more from the network for now."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on."""
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """Close it at once; what is not sent yet never will be."""
        if self._transport is not None:
            self._transport.abort()
        self._end(Cut(silent=self._response is None or self._response.silent))

    # called by the loop ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Something came; what nobody asked for would be taken for the next answer, so it ends it."""
        response = self._response
        if response is None:
            self.drop()
            return
        response.silent = False
        try:
            self._parser.feed(data)
        except Garbled as error:
            response.fail(error)
            self.drop()
            return
        if response.over:
            self._complete()
        else:
            response.tell()

    def eof_received(self) -> None:
        """The other side says nothing more."""
        if self._response is not None and self._response.ends_with_connection:
            self._response.end()
        self.drop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - any end is one
        """It is closed; an end in good order would have been told before."""
        self._transport = None
        self._end(Cut(silent=self._response is None or self._response.silent))
        self._gone(self)

    def _complete(self) -> None:
        """All of a response is there."""
        if self._parser.keeps and self._transport is not None and not self._transport.get_write_buffer_size():
            self.resume()
            self._response = None
            self._freed(self)
        else:  # also where it answered before it had taken the whole request
            self.drop()

    def _end(self, error: Broken) -> None:
        response, self._response = self._response, None
        if response is not None:
            if not response.over:
                response.fail(error)
            self._freed(self)
