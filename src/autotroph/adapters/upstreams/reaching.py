"""From a name to a connection: looked up off the loop, checked, connected to what was checked, encrypted."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from autotroph.adapters.upstreams.addresses import NotAllowed, any_socket, public_socket
from autotroph.adapters.upstreams.broken import Unreachable
from autotroph.adapters.upstreams.connection import Connection

AHEAD = 0.25
"""Seconds that an address is given before the next one is tried beside it (RFC 8305, section 5)."""

Found = tuple[Any, ...]
"""An address as `getaddrinfo` gives it."""

Try = asyncio.Task[socket.socket]


class Place(NamedTuple):
    """Where an upstream is.

    Attributes:
        host: its name or address, in ASCII and without brackets.
        encrypted: whether it is spoken to in TLS; its certificate has to be valid and for this host.
        private: whether it may be at a private, loopback or link-local address.
    """

    host: str
    port: int
    encrypted: bool
    private: bool


async def reached(place: Place, make: Callable[[], Connection]) -> Connection:
    """A connection that is ready to be asked.

    Raises:
        NotAllowed: all of its addresses are private, and that was not declared.
        Unreachable: there is none.
    """
    loop = asyncio.get_running_loop()
    context = await asyncio.to_thread(_trusting) if place.encrypted else None
    try:
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        connected = await _first(found, any_socket if place.private else public_socket)
        _, connection = await loop.create_connection(
            make, sock=connected, ssl=context, server_hostname=place.host.rstrip(".") if context else None
        )
    except NotAllowed:
        raise
    except (OSError, UnicodeError) as error:
        raise Unreachable(_reason(error)) from None
    return connection


async def _first(found: Sequence[Found], make: Callable[[Found], socket.socket]) -> socket.socket:
    """A socket that is connected to one of these addresses, tried in their order.

    Raises:
        OSError: none can be connected to; that they are private is told only if there were no others.
    """
    tried: list[Try] = []
    won: Try | None = None
    try:
        for number, one in enumerate(found, 1):
            tried.append(asyncio.create_task(_connected(one, make)))
            won = await _won(tried, AHEAD if number < len(found) else None)
            if won is not None:
                return won.result()
    finally:
        for task in tried:
            if task is not won:
                task.cancel()
                task.add_done_callback(_left)
    raise _worst(tried)


async def _won(tried: Sequence[Try], patience: float | None) -> Try | None:
    """The first that is connected; None where all have failed, or none of them has come to an end in time."""
    while True:
        for task in tried:
            if task.done() and task.exception() is None:
                return task
        under_way = [task for task in tried if not task.done()]
        if not under_way:
            return None
        done, _ = await asyncio.wait(under_way, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return None


def _left(task: Try) -> None:
    """Nobody wants it any more: another one was quicker, or whoever asked has gone."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _worst(tried: Sequence[Try]) -> BaseException:
    errors = [error for task in tried if (error := task.exception()) is not None]
    errors.sort(key=lambda error: isinstance(error, NotAllowed))
    return errors[0] if errors else Unreachable("it has no address")


async def _connected(found: Found, make: Callable[[Found], socket.socket]) -> socket.socket:
    made = make(found)
    try:
        made.setblocking(False)  # noqa: FBT003 - the standard library's own
        await asyncio.get_running_loop().sock_connect(made, found[4])
    except BaseException:
        made.close()
        raise
    return made


_READING = Lock()


def _trusting() -> ssl.SSLContext:
    """Trusts whom this machine trusts, or `SSL_CERT_FILE`; read once, which takes a tenth of a second."""
    with _READING:
        return made_context()


@cache
def made_context() -> ssl.SSLContext:
    """Checks certificates and the names in them."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _reason(error: Exception) -> str:
    """Why, without anything that was sent."""
    if isinstance(error, Unreachable):
        return error.reason
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError | socket.gaierror) and error.errno:
        return os.strerror(error.errno)
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or type(error).__name__
