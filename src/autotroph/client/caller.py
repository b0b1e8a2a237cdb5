"""What the clients for threads and for coroutines have in common: how they are made, and what they know."""

import os
from typing import Any, TypedDict, Unpack

from autotroph.client.answers import Refused, Stats
from autotroph.client.calls import Calls
from autotroph.client.connections import Connections
from autotroph.client.delivery import Limits
from autotroph.client.saying import Said, signal_line
from autotroph.client.sender import OnRefused, Sender
from autotroph.client.server import Server
from autotroph.clock import Clock, SystemClock


class Given(TypedDict, total=False):
    """How a client is to be.

    `patience`: seconds to wait for room in the buffer, for an acknowledgement, and at the end of the
    process; 5 if left out. `limits`: of the buffer. `on_refused`: called with each buffered signal that is
    given up, in the thread that learned of it; without it, they are logged. `clock`: for tests.
    """

    patience: float
    limits: Limits
    on_refused: OnRefused
    clock: Clock


class Caller:
    """A client of one server.

    Args:
        base_url: of the server; AUTOTROPH_BASE_URL if left out, else http://127.0.0.1:4780.
        api_key: for it; AUTOTROPH_API_KEY if left out.
        given: see `Given`.

    Attributes:
        patience: seconds to wait, unless a call says otherwise.
    """

    def __init__(self, base_url: str = "", api_key: str = "", **given: Unpack[Given]) -> None:
        limits = given.get("limits") or Limits()
        self.patience = given.get("patience", 5.0)
        self._server = Server(base_url, api_key)
        self._clock = given.get("clock") or SystemClock(os.urandom(8).hex())
        self._calls = Calls(self._clock, self._server.url, limits)
        self._connections = Connections(self._server)
        self._sender = Sender(self._connections, self._clock, limits, self.patience, given.get("on_refused"))

    @property
    def pending(self) -> int:
        """Buffered signals that nobody has acknowledged yet."""
        return self.stats.pending

    @property
    def stats(self) -> Stats:
        """How the buffer is."""
        return self._sender.stats

    @property
    def refused(self) -> list[Refused]:
        """Buffered signals that were given up, and why; the latest thousand."""
        return self._sender.refused

    def _line(self, subject: str, name: str, value: Any, said: Said) -> bytes:
        return signal_line(self._clock, subject, name, value, said)
