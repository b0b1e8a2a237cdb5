"""Ports for whoever goes away and comes back, or is never there."""

import os
import socket
from contextlib import closing, suppress
from itertools import count

_NUMBERS = count(os.getpid() * 37)


def port_of_its_own() -> int:
    """One that nobody listens at, and that the system gives to nobody else: below those that it hands out."""
    for _ in range(10_000):
        port = 20_000 + next(_NUMBERS) % 10_000
        with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
            return port
    raise OSError("no port is free between 20,000 and 30,000")
