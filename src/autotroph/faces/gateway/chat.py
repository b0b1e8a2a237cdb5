"""An answer of somebody outside, as whoever asked gets it: whole, or piece by piece."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import msgspec

from autotroph.deploy.upstreams.asking import Given, Question, Spent
from autotroph.deploy.upstreams.pieces import events
from autotroph.deploy.upstreams.written import renamed
from autotroph.errors import UpstreamFault
from autotroph.govern.budgets import Hold
from autotroph.records import Body, Decision
from autotroph.store import Receipt
from autotroph.wire.said import Said, Saying, said

LEFT = "whoever asked did not wait for the answer"
"""The error of an answer that was not heard to its end."""

STOPPED = "the server stopped before the answer was complete; ask again"
"""The error of an answer that was cancelled with these words: whoever asked would have waited."""


def abandoned(cancelled: asyncio.CancelledError) -> str:
    """Why an answer is not waited for any more."""
    return STOPPED if STOPPED in cancelled.args else LEFT


class Made(msgspec.Struct, kw_only=True):
    """A decision that was made, and what its answer needs.

    Attributes:
        began: when, on the clock that only counts.
        output: the answer, where nobody outside has to be asked.
        unrecorded: why it is not in the ledger; empty where it is, or will be.
        spent: what it has taken up to now.
        sent: its way to the ledger; None where it takes none.
        later: whether it is sent there with what comes of it: the ledger takes nothing for now.
        hold: what is set aside for it; None where nothing is counted.
        instead: the release body and the option that answer where a candidate does not.
        trouble: why the candidate did not.
        events: those of a stream that somebody may ask for again, by its key.
        over: whether it was written down what came of it.
    """

    decision: Decision
    question: Question
    body: Body
    began: float
    spent: Spent
    output: str | None = None
    unrecorded: str = ""
    sent: Receipt | None = None
    later: bool = False
    hold: Hold | None = None
    instead: tuple[Body, str] | None = None
    trouble: str = ""
    events: list[bytes] = []
    over: bool = False


End = Callable[[Made, Given | None, Said, str], None]
"""Writes down what came of a decision: whose answer it was, what it says, and why it failed."""


class Chat:
    """An answer. One that streams is iterated over: the data of each event, until its end or a fault.

    Attributes:
        id: of the decision, which signals are about.
        decision: the whole record.
        unrecorded: why the decision is not in the ledger; empty where it is.
        body: the whole answer as JSON; None of one that streams.
        headers: of the upstream, those worth passing on.
        model: the variant or the model that answered.
        fault: why there is no answer; None where there is one, or will be.
    """

    def __init__(self, made: Made, given: Given | None, end: End, fault: UpstreamFault | None = None) -> None:
        self._made, self._given, self._end = made, given, end
        self._saying: Saying | None = None
        self.decision, self.id, self.unrecorded = made.decision, made.decision.id, made.unrecorded
        self.path, self.fault = made.question.path, fault
        self.headers = given.reply.headers if given else {}
        self.model = given.step.name if given else ""
        self.body: bytes | None = None
        self.said = Said()
        if given is not None and given.reply.body is not None and not made.question.stream:
            self.said = said(self.path, given.reply.body)
            self.body = renamed(given.reply.body, self.id, self.path)
            asyncio.get_running_loop().call_soon(self.leave)  # who asked is answered first

    @property
    def output(self) -> str:
        """Its text, or the JSON of its tool calls; of a stream, as much of it as has come."""
        return self._saying.said.output if self._saying is not None else self.said.output

    def document(self) -> Any:
        """The whole answer as it was written, under our id."""
        return msgspec.json.decode(self.body or b"null")

    def leave(self) -> None:
        """Want no more of it, and have it written down: nobody who still answers is listened to any more."""
        if self._given is None or self._made.over:
            return
        if self.body is not None:
            self._end(self._made, self._given, self.said, "")
        else:
            self._close(LEFT)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.events()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The data of each event of an answer that streams.

        Raises:
            UpstreamFault: it is not complete and never will be.
        """
        if self._given is None or self.body is not None:
            return
        self._saying, error = Saying(self.path), LEFT
        try:
            async for payload in self._payloads(self._given):
                self._saying.take(payload)
                yield renamed(payload, self.id, self.path)
            error = ""
        except UpstreamFault as fault:
            self.fault, error = fault, str(fault)
            raise
        except asyncio.CancelledError as cancelled:
            error = abandoned(cancelled)
            raise
        finally:
            self._close(error)

    async def _payloads(self, given: Given) -> AsyncIterator[bytes]:
        if given.reply.body is None:
            keyed = bool(self._made.decision.key)
            async for payload in given.reply:
                if keyed:
                    self._made.events.append(payload)
                yield payload
        else:  # it was looked at first, and so came whole
            options = self._made.question.document.get("stream_options")
            counted = isinstance(options, Mapping) and bool(options.get("include_usage"))
            for payload in events(self.path, given.reply.body, counted=counted):
                yield payload

    def _close(self, error: str) -> None:
        if self._given is not None:
            self._given.reply.close()
            self._end(self._made, self._given, self._saying.said if self._saying else Said(), error)
