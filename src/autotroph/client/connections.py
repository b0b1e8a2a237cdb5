"""The standard library's HTTP, for threads: connections that are kept open for the next request."""

import codecs
import os
import selectors
import time
import weakref
from collections import deque
from collections.abc import Generator
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TypeVar

from autotroph.client.arriving import Arriving
from autotroph.client.exchange import LARGEST, PIECE, SETTLES, Lost, Outcome, Request, Response, streamed
from autotroph.client.listening import Answering, Gone, Patience
from autotroph.client.server import HEALTH, Place

R = TypeVar("R")
KEPT = 32
"""Idle connections that are kept."""

codecs.lookup("idna")  # what the first connection would import; a fork in the middle of that never could


class Connections:
    """Sends requests to one place. Any thread may call it; each request has a connection for itself."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._idle: deque[HTTPConnection] = deque()
        self._keeps = True
        _ALL.add(self)

    def send(self, request: Request) -> Outcome:
        """Send a request, and wait for what comes of it; of one that streams, for the first of it."""
        headers = {**self.place.headers(), "content-type": request.media_type}
        connection = self._idle_one() or self._new()
        try:
            if connection.sock is None:
                connection.timeout = min(request.connect, request.timeout)
                connection.connect()
        except OSError as error:
            connection.close()
            return Lost(_why(error, min(request.connect, request.timeout)), "connect")
        try:
            return self._exchange(connection, request, headers)
        except (OSError, HTTPException) as error:
            connection.close()
            return _lost(error, request)
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

    def keep(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        """Keep a connection whose answer was read to its end, if there can be another one."""
        if response.will_close or not self._keeps or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append(connection)

    def _exchange(self, connection: HTTPConnection, request: Request, headers: dict[str, str]) -> Outcome:
        patience = Patience(request, self._lives)
        connection.sock.settimeout(request.timeout)
        connection.request("POST", self.place.prefix + request.path, request.body, headers)
        connection.response_class = partial(Answering, patience=patience)  # type: ignore[assignment]
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        if request.streams and streamed(response.status, said):
            coming = Incoming(self, connection, response, patience, request)
            lost = coming.more()
            return lost or Response(status=200, headers=said, rest=coming)
        body = response.read(LARGEST)
        if not (response.isclosed() or response.will_close):
            raise OSError(f"the answer broke off, or is longer than {LARGEST:,} bytes")
        self.keep(connection, response)
        return Response(status=response.status, body=body, headers=said)

    def _lives(self, within: float) -> bool:
        """Whether somebody is there, asked on a connection of its own."""
        connection = self._new()
        connection.timeout = within
        try:
            connection.request("GET", self.place.prefix + HEALTH)
            return connection.getresponse().status < 500
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

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
        kind = HTTPSConnection if self.place.secure else HTTPConnection
        return kind(self.place.host, self.place.port)


class Incoming:
    """The rest of an answer that streams.

    Attributes:
        arriving: what has come of it.
    """

    def __init__(
        self,
        connections: Connections,
        connection: HTTPConnection,
        response: HTTPResponse,
        patience: Patience,
        request: Request,
    ) -> None:
        self._connections, self._connection, self._response = connections, connection, response
        self._patience, self._request, self._open = patience, request, True
        self.arriving = Arriving()

    def __del__(self) -> None:
        self.abort()

    def more(self) -> Lost | None:
        """Wait for the next of it; why there will be none, although it was not complete."""
        try:
            self._patience.begin(self._request.timeout)
            while not self.arriving.feed(self._response.read1(PIECE)):
                pass
        except (OSError, HTTPException) as error:
            self.abort()
            return _lost(error, self._request)
        except BaseException:
            self.abort()
            raise
        return None

    def close(self) -> None:
        """Want no more of it. After its end, its connection is kept; before, it is closed at once."""
        if self._open and self.arriving.done and self._ended():
            self._open = False
            self._connections.keep(self._connection, self._response)
        self.abort()

    def abort(self) -> None:
        """Want no more of it: its connection is closed at once. After the end, nothing."""
        if self._open:
            self._open = False
            self._connection.close()
            self._response.close()

    def _ended(self) -> bool:
        """Whether nothing follows the last event, as a rule; it is not waited for long."""
        try:
            self._patience.begin(SETTLES)
            return not self._response.read1(PIECE) and self._response.isclosed()
        except (OSError, HTTPException):
            return False


def _readable(connection: HTTPConnection) -> bool:
    """Whether something came although nothing was asked: the end of the connection, as a rule."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _lost(error: Exception, request: Request) -> Lost:
    why = _why(error, request.timeout)
    if isinstance(error, TimeoutError):
        return Lost(why, "total")
    return Lost(why, "connect" if isinstance(error, Gone) else "cut")


def _why(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:.3g} s"
    said = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


_ALL: "weakref.WeakSet[Connections]" = weakref.WeakSet()


def _forget_all() -> None:
    for connections in list(_ALL):
        connections.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
