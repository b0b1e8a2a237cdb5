"""Signals that are waited for, decisions, imports: what is asked, and asked again, until it is answered.

Each call is a generator of requests that is told what came of them; it neither sends nor waits. Whoever
drives it does, with threads or coroutines.
"""

import logging
import math
from collections.abc import Generator, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.delivery import Limits
from autotroph.client.exchange import LEAST, LINES, Outcome, Refusal, Request, read
from autotroph.client.pace import Pace, luck_of
from autotroph.client.saying import Asked, decision_body, import_chunks
from autotroph.client.server import IMPORTS, SIGNALS, decisions
from autotroph.clock import Clock

T = TypeVar("T")
Steps = Generator[Request, Outcome, T]

_LOG = logging.getLogger("autotroph.client")
TOLD = 1000
"""Refused lines of an import that are named; the others are counted."""


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
        self._rests, self._rest_ends = Pace(self._luck), -math.inf
        self._last: Refusal | None = None

    def signal(self, line: bytes, patience: float) -> Steps[Stored]:
        """Have a signal on disk.

        Raises:
            AutotrophError: it was refused, or is not on disk after so many seconds.
        """
        found = yield from self._tried(Request(path=SIGNALS, body=line), Stored, patience)
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
        if hurry and self._last and self._clock.elapsed() < self._rest_ends:
            return self._last
        found = yield from self._tried(request, _Decided, patience)
        if isinstance(found, Refusal) and found.unreachable:
            self._rest(found)
            return found
        self._last = None
        self._rests.succeeded()
        return _answer(_unless_refused(found))

    def imports(self, rows: Iterable[Any], patience: float) -> Steps[Taken]:
        """Have decisions that were made elsewhere, and signals, on disk: some rows at a time.

        Raises:
            AutotrophError: some rows could not be taken, and those after them were not sent.
        """
        total = Taken()
        for before, lines in import_chunks(rows, self._limits.batch_events, self._limits.batch_bytes):
            body = b"\n".join(lines) + b"\n"
            found = yield from self._tried(
                Request(path=IMPORTS, body=body, media_type=LINES), Taken, patience
            )
            if isinstance(found, Refusal):
                found.error.add_note(f"rows {before + 1} to {before + len(lines)}; those before were taken")
            total = _both(total, _unless_refused(found), before)
        return total

    def _tried(self, request: Request, kind: type[T], patience: float) -> Steps[T | Refusal]:
        """One request, sent again while its refusals may pass, until the patience ends."""
        pace, end = Pace(self._luck), self._clock.elapsed() + patience
        wait = 0.0
        while True:
            left = end - self._clock.elapsed() - wait
            found = read((yield replace(request, timeout=max(left, LEAST), after=wait)), kind, self._url)
            if not isinstance(found, Refusal) or found.kind != "again":
                return found
            wait = pace.failed(found.after)
            if self._clock.elapsed() + wait >= end:
                return found

    def _rest(self, refusal: Refusal) -> None:
        if self._last is None:
            _LOG.warning("%s; this decision was not made there", refusal.error)
        now = self._clock.elapsed()
        if now >= self._rest_ends:
            self._rest_ends = now + self._rests.failed(refusal.after)
        self._last = refusal


def elsewhere(clock: Clock, output: str, refusal: Refusal) -> Answer:
    """An answer that was not the server's; its id is for whoever imports the decision later."""
    return Answer(
        id=clock.new_id("decision"),
        option=output,
        output=output,
        decided=False,
        reason=f"not decided by the server: {refusal.error}",
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
