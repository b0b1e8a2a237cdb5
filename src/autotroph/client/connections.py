"""The standard library's HTTP, for threads: connections that are kept open for the next request."""

import codecs
import selectors
import time
from collections import deque
from collections.abc import Generator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TypeVar

from autotroph.client.exchange import LARGEST, Lost, Outcome, Request, Response
from autotroph.client.server import Server

R = TypeVar("R")
KEPT = 32
"""Idle connections that are kept."""

codecs.lookup("idna")  # what the first connection would import; a fork in the middle of that never could


class Connections:
    """Sends requests to one server. Any thread may call it; each request has a connection for itself."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._idle: deque[HTTPConnection] = deque()
        self._keeps = True

    def send(self, request: Request) -> Outcome:
        """Send a request, and wait for what comes of it."""
        connection = self._idle_one() or self._new()
        try:
            return self._exchange(connection, request)
        except (OSError, HTTPException) as error:
            connection.close()
            return Lost(_why(error, request))
        except BaseException:  # an interrupt in the middle: the answer would be taken for the next one's
            connection.close()
            raise

    def drive(self, steps: Generator[Request, Outcome, R]) -> R:
        """Send what a call yields, until it has its result."""
        try:
            request = next(steps)
            while True:
                if request.after:
                    time.sleep(request.after)
                request = steps.send(self.send(request))
        except StopIteration as done:
            found: R = done.value
            return found

    def forget(self) -> None:
        """Close what is idle: a forked process must not speak on its parent's connections."""
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        """Close what is idle, and keep nothing any longer."""
        self._keeps = False
        self.forget()

    def _exchange(self, connection: HTTPConnection, request: Request) -> Outcome:
        connection.timeout = request.timeout
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        headers = {**self.server.headers, "content-type": request.media_type}
        connection.request("POST", self.server.prefix + request.path, request.body, headers)
        response = connection.getresponse()
        body = response.read(LARGEST)
        if not (response.isclosed() or response.will_close):
            raise OSError(f"the answer broke off, or is longer than {LARGEST:,} bytes")
        if response.will_close or not self._keeps or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append(connection)
        retry_after = response.headers.get("retry-after", "")
        return Response(status=response.status, body=body, retry_after=retry_after)

    def _idle_one(self) -> HTTPConnection | None:
        """A connection that the server has not closed meanwhile."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if not _readable(connection):
                return connection
            connection.close()
        return None

    def _new(self) -> HTTPConnection:
        kind = HTTPSConnection if self.server.secure else HTTPConnection
        return kind(self.server.host, self.server.port)


def _readable(connection: HTTPConnection) -> bool:
    """Whether something came although nothing was asked: the end of the connection, as a rule."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _why(error: Exception, request: Request) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {request.timeout:.3g} s"
    said = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
