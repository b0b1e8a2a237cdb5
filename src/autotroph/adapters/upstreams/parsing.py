"""Bytes to responses, in whatever pieces they come; nothing here knows of sockets."""

import httptools

from autotroph.adapters.upstreams.broken import Garbled
from autotroph.adapters.upstreams.response import Response

LARGEST_HEAD = 2**16
"""Bytes without any of a body, such as a head, trailers, or what stands between two chunks."""

MOST_HEADERS = 256
"""Of one response, with its trailers and those of what came before it, such as early hints."""


class Parser:
    """Reads the responses of one connection, one after the other.

    What is read in more than one way by somebody is refused: two lengths, a length beside chunks, lines
    that are folded or end without a carriage return, encodings of the transfer other than chunks.

    Attributes:
        keeps: after a response, whether the connection is good for the next one.
    """

    def __init__(self) -> None:
        self._http = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._interim = self.keeps = False
        self._bare = self._headers = 0

    def expect(self, response: Response) -> None:
        """The next that comes is this one."""
        self._response, self.keeps = response, False
        self._bare = self._headers = 0

    def feed(self, data: bytes) -> None:
        """Take some bytes of it.

        Raises:
            Garbled: they are none of a response; what was complete before stays so.
        """
        self._bare += len(data)
        try:
            self._http.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise Garbled("what came is no HTTP/1.1") from None
        response = self._response
        if response is None:
            return
        if response.began and response.bodiless:
            self._response = None
            response.end()
        elif self._bare > LARGEST_HEAD:
            raise Garbled(f"more than {LARGEST_HEAD:,} bytes without any of a body")

    # called by httptools; what is raised here comes out of `feed` ------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins; after a response that is complete it is none that anybody asked for."""
        if self._response is None:
            raise Garbled("more than one response")
        self._response.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which is counted and left out."""
        response, self._headers = self._response, self._headers + 1
        if response is None or self._headers > MOST_HEADERS:
            raise Garbled(f"more than {MOST_HEADERS} headers")
        if not response.began:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").rstrip()
            known = response.headers.get(key)
            response.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """A head is complete: of the response, or of what is said before it."""
        response, status = self._response, self._http.get_status_code()
        if response is None or status == 101:
            raise Garbled("another protocol, which nobody asked for")
        self._interim = status < 200
        if self._interim:
            return
        if response.headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise Garbled("an encoding that nobody asked for")
        response.begin(status)

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        if self._response is not None and not self._response.bodiless:
            self._bare = 0
            self._response.add(data)

    def on_message_complete(self) -> None:
        """The end of the response, or of what is said before it."""
        response = self._response
        if response is not None and not self._interim:
            self._response = None
            self.keeps = self._http.should_keep_alive() and not response.bodiless
            response.end()
