"""The socket: taken before anything slow begins, so that whoever asks meanwhile waits and is not refused."""

import os
import socket
from collections.abc import Mapping

from autotroph.errors import InputError

BACKLOG = 1024
"""Connections that wait to be taken."""

SILENT = 120
"""Seconds after which whoever takes nothing of an answer is gone; who reads a kilobyte a second stays."""

HANDED = 3
"""The first of the files that systemd hands over."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that has its address, and takes no connection yet; port 0 takes any that is free.

    Raises:
        InputError: somebody else listens there, or there is no such address here.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # every connection has it from the socket that takes it
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT * 1000)
        found.bind((host, port))
    except OSError as error:
        found.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --port"
        ) from None
    return found


def handed_over(environment: Mapping[str, str]) -> socket.socket | None:
    """The socket that systemd keeps for this process, by its protocol; None where it keeps none.

    It stays open while the process is started again, and whoever asks meanwhile waits.

    Raises:
        InputError: there are several, or it is none for HTTP.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()) or not environment.get("LISTEN_FDS"):
        return None
    if environment["LISTEN_FDS"] != "1":
        raise InputError(f"LISTEN_FDS is {environment['LISTEN_FDS']}; one socket is served")
    found = socket.socket(fileno=HANDED)
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        found.close()
        raise InputError("LISTEN_FDS: the socket is not one of TCP; write ListenStream = 127.0.0.1:4780")
    return found
