"""What the clients for threads and for coroutines have in common: how they are made, and what they know."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from autotroph.client.answers import Refused, Stats
from autotroph.client.calls import Calls
from autotroph.client.chat import Source
from autotroph.client.connections import Connections
from autotroph.client.delivery import Limits
from autotroph.client.exchange import LEAST, Refusal
from autotroph.client.saying import Question, Said, signal_line
from autotroph.client.sender import OnRefused, Sender
from autotroph.client.server import Server
from autotroph.client.straight import Aside, Straight
from autotroph.clock import Clock, SystemClock


class Given(TypedDict, total=False):
    """How a client is to be.

    `patience`: seconds to wait for room in the buffer, for an acknowledgement, and at the end of the
    process; 5 if left out. `limits`: of the buffer. `on_refused`: called with each buffered signal that is
    given up, in the thread that learned of it; without it, they are logged. `upstream`: who answers chat
    where the gateway cannot; nobody if left out. `clock`: for tests.
    """

    patience: float
    limits: Limits
    on_refused: OnRefused
    upstream: Straight
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
        upstream = given.get("upstream")
        self._aside = None if upstream is None else Aside(upstream)
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

    def _question(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        inputs: Mapping[str, Any] | None,
        stream: bool,  # noqa: FBT001
        parameters: Mapping[str, Any],
        **who: str,
    ) -> Question:
        """What is asked, with a key, so that it is answered once however often it is sent."""
        known = {name: said for name, said in who.items() if said}
        ours = {"key": self._clock.new_id("key"), **known, **({"inputs": dict(inputs)} if inputs else {})}
        return Question(model=model, messages=messages, parameters=parameters, stream=stream, ours=ours)

    def _straight(self, refusal: Refusal, question: Question) -> Aside:
        """The other way to an answer.

        Raises:
            AutotrophError: there is none.
        """
        if self._aside is None:
            raise refusal.error
        if not question.messages:
            refusal.error.add_note("the upstream was not asked straight: there are no messages, only inputs")
            raise refusal.error
        return self._aside

    def _left(self, question: Question, timeout: float, began: float) -> float:
        """Seconds for the other way."""
        return timeout if question.stream else max(timeout - (self._clock.elapsed() - began), LEAST)

    def _source(self, aside: Aside, question: Question, refusal: Refusal) -> Source:
        """Where an answer comes from that is not the gateway's; its id is for whoever imports it later."""
        return Source(
            id=self._clock.new_id("decision"),
            model=aside.called(question.model),
            decided=False,
            reason=f"asked straight, not through the gateway: {refusal.error}",
            aside=aside,
        )

    def _line(self, subject: str, name: str, value: Any, said: Said) -> bytes:
        return signal_line(self._clock, subject, name, value, said)
