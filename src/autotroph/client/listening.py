"""What a thread hears on a socket: within a time for all of it, and not for ever from somebody who is gone.

A socket's own timeout begins anew with every byte, and does not tell a model that thinks from a process that
stands still.
"""

import io
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from time import monotonic

from autotroph.client.exchange import LEAST, Request

Socket = socket.socket


class Gone(OSError):
    """Nobody is there any more, although the connection is."""


class Patience:
    """How long an answer is waited for.

    Args:
        request: that is to be answered.
        lives: says within so many seconds whether somebody is there.
    """

    def __init__(self, request: Request, lives: Callable[[float], bool]) -> None:
        self._quiet, self._lives = request.quiet, lives
        self.begin(request.timeout)

    def begin(self, seconds: float) -> None:
        """Wait so long from now on."""
        self._end = monotonic() + seconds

    def hear(self, sock: Socket, buffer: memoryview) -> int:
        """Bytes that came; 0 at the end.

        Raises:
            TimeoutError: too late.
            Gone: nobody is there.
        """
        while True:
            left = self._end - monotonic()
            sock.settimeout(max(min(self._quiet, left), LEAST))
            try:
                return sock.recv_into(buffer)
            except TimeoutError:
                if left <= self._quiet:
                    raise
                if not self._lives(self._quiet):
                    raise Gone(silent(self._quiet)) from None


def silent(seconds: float) -> str:
    """What is said of somebody who is gone."""
    return f"nothing for {seconds:.3g} s, and then no sign of life"


class _Ear(io.RawIOBase):
    def __init__(self, sock: Socket, patience: Patience) -> None:
        self._sock, self._patience = sock, patience
        self._holds = sock.makefile("rb", buffering=0)  # or the socket closes under an answer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._patience.hear(self._sock, buffer)

    def close(self) -> None:
        self._holds.close()
        super().close()


class _Heard:
    """A socket, as far as an answer needs one."""

    def __init__(self, sock: Socket, patience: Patience) -> None:
        self._sock, self._patience = sock, patience

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Ear(self._sock, self._patience))


class Answering(HTTPResponse):
    """The standard library's response, read with patience.

    Args:
        sock: of the connection.
        patience: with it.
        given: as by the connection.
    """

    def __init__(self, sock: Socket, patience: Patience, **given: str) -> None:
        super().__init__(_Heard(sock, patience), **given)  # type: ignore[arg-type]
