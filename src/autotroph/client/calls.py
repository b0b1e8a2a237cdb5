"""Signals that are waited for, decisions, chat, imports: what is asked, again, until it is answered.

Each call is a generator of requests that is told what came of them; it neither sends nor waits. Whoever
drives it does, with threads or coroutines.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.behind import understood
from autotroph.client.delivery import Limits
from autotroph.client.exchange import LEAST, LINES, Outcome, Refusal, Request, Response, read
from autotroph.client.pace import Pace, luck_of
from autotroph.client.rest import Rest
from autotroph.client.saying import Asked, Question, decision_body, import_chunks
from autotroph.client.server import CHAT, IMPORTS, SIGNALS, decisions
from autotroph.clock import Clock

T = TypeVar("T")
Steps = Generator[Request, Outcome, T]

TOLD = 1000
"""Refused lines of an import that are named; the others are counted."""

REACHED, AT_ONCE = 2.0, 0.25
"""Seconds in which a question may be sent again: without another way to an answer, and with one."""

CONNECTED = QUIET = 2.0
"""Seconds for a connection, and of silence until a server is asked whether it lives; or a quarter of all."""

EARNS = 5.0
"""How many times as long as it was waited for in vain a server is left alone."""


class _Option(msgspec.Struct, frozen=True):
    id: str
    probability: float


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says about a decision."""

    id: str
    option: str
    output: str
    options: tuple[_Option, ...]
    recorded: bool
    reason: str = ""
    arm: str = ""
    release: str = ""
    epoch: int = 0


class Calls:
    """What can be asked of a server.

    Args:
        clock: measures patience; gives ids and luck.
        url: of the server, for messages.
        limits: of what is sent at a time.
    """

    def __init__(self, clock: Clock, url: str, limits: Limits) -> None:
        self._clock, self._url, self._limits = clock, url, limits
        self._luck = luck_of(clock)
        self._deciding, self._chatting = Rest(self._luck), Rest(self._luck)

    def signal(self, line: bytes, patience: float) -> Steps[Stored]:
        """Have a signal on disk.

        Raises:
            AutotrophError: it was refused, or is not on disk after so many seconds.
        """
        found = yield from self._tried(Request(path=SIGNALS, body=line), self._reads(Stored), patience)
        return _unless_refused(found)

    def decide(
        self, task: str, inputs: Mapping[str, Any], patience: float, asked: Asked, *, hurry: bool
    ) -> Steps[Answer | Refusal]:
        """Have something decided; a refusal if the server could not.

        Args:
            task: of the declaration.
            inputs: structured.
            patience: seconds for all attempts together.
            asked: what else is said.
            hurry: not to try, for a while after it failed: there is another way to decide.

        Raises:
            AutotrophError: what was asked cannot be decided.
        """
        request = Request(path=decisions(task), body=decision_body(self._clock, inputs, asked))
        if hurry and (resting := self._deciding.now(self._clock.elapsed())):
            return resting
        found = yield from self._tried(request, self._reads(_Decided), patience)
        if isinstance(found, Refusal) and found.unreachable:
            self._deciding.failed(found, self._clock.elapsed())
            return found
        self._deciding.succeeded()
        return _answer(_unless_refused(found))

    def chat(self, question: Question, timeout: float, *, hurry: bool) -> Steps[Response | Refusal]:
        """Have a question answered; a refusal if the gateway could not take it.

        Args:
            question: with a key, so that it is answered once.
            timeout: seconds for the answer; for each piece, of one that streams.
            hurry: not to ask the gateway for a while after it failed: there is another way.

        Raises:
            AutotrophError: it was refused, or whoever answers behind the gateway did not.
        """
        began, request = self._clock.elapsed(), _asking(question, timeout)
        if hurry and (resting := self._chatting.now(began)):
            return resting
        reads = partial(understood, url=self._url, now=self._clock.now())
        found = yield from self._tried(request, reads, AT_ONCE if hurry else REACHED, timeout)
        if isinstance(found, Refusal) and found.kind == "again":
            now = self._clock.elapsed()
            self._chatting.failed(found, now, EARNS * (now - began))
            return found
        self._chatting.succeeded()
        return _unless_refused(found)

    def imports(self, rows: Iterable[Any], patience: float) -> Steps[Taken]:
        """Have decisions that were made elsewhere, and signals, on disk: some rows at a time.

        Raises:
            AutotrophError: some rows could not be taken, and those after them were not sent.
        """
        total = Taken()
        for before, lines in import_chunks(rows, self._limits.batch_events, self._limits.batch_bytes):
            body = b"\n".join(lines) + b"\n"
            request = Request(path=IMPORTS, body=body, media_type=LINES)
            found = yield from self._tried(request, self._reads(Taken), patience)
            if isinstance(found, Refusal):
                found.error.add_note(f"rows {before + 1} to {before + len(lines)}; those before were taken")
            total = _both(total, _unless_refused(found), before)
        return total

    def _reads(self, kind: type[T]) -> Callable[[Outcome], T | Refusal]:
        return partial(read, kind=kind, url=self._url)

    def _tried(
        self, request: Request, reads: Callable[[Outcome], T | Refusal], patience: float, timeout: float = 0.0
    ) -> Steps[T | Refusal]:
        """One request, sent again while its refusals may pass, until the patience ends.

        Args:
            request: that is sent.
            reads: what came of it.
            patience: seconds in which it may be sent.
            timeout: seconds for all attempts together, if they may take longer than that.
        """
        pace, began, wait = Pace(self._luck), self._clock.elapsed(), 0.0
        while True:
            left = began + max(patience, timeout) - self._clock.elapsed() - wait
            found = reads((yield replace(request, timeout=max(left, LEAST), after=wait)))
            if not isinstance(found, Refusal) or found.kind != "again":
                return found
            wait = pace.failed(found.after)
            if self._clock.elapsed() + wait >= began + patience:
                return found


def elsewhere(clock: Clock, output: str, refusal: Refusal) -> Answer:
    """An answer that was not the server's; its id is for whoever imports the decision later."""
    return Answer(
        id=clock.new_id("decision"),
        option=output,
        output=output,
        decided=False,
        reason=f"not decided by the server: {refusal.error}",
    )


def _asking(question: Question, timeout: float) -> Request:
    return Request(
        path=CHAT,
        body=question.body(),
        timeout=timeout,
        connect=min(CONNECTED, timeout / 4),
        quiet=min(QUIET, timeout / 4),
        streams=question.stream,
    )


def _unless_refused(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise found.error
    return found


def _answer(made: _Decided) -> Answer:
    return Answer(
        id=made.id,
        option=made.option,
        output=made.output,
        probabilities={one.id: one.probability for one in made.options},
        recorded=made.recorded,
        reason=made.reason,
        arm=made.arm,
        release=made.release,
        epoch=made.epoch,
    )


def _both(one: Taken, other: Taken, before: int) -> Taken:
    refused = tuple(replace(each, line=each.line + before) for each in other.refused)
    return Taken(
        stored=one.stored + other.stored,
        known=one.known + other.known,
        refused=(one.refused + refused)[:TOLD],
        refused_count=one.refused_count + other.refused_count,
    )
