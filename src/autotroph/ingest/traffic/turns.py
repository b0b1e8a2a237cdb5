"""A call and its answer as a turn of a conversation: what the signals need of it, and no more.

Each call of a chat brings along all that was said before, so that a long conversation is stored many times
over. Of that only a hash is kept here, and what the person said last.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from autotroph.clock import digest
from autotroph.ingest.sites import PROGRAMS, lasting, text_of

LONGEST = 20_000
"""Characters of a text that are looked at."""


class Heard(msgspec.Struct, frozen=True):
    """What of the messages of a call is looked at.

    Attributes:
        whole: a hash of all that was said, by whom; empty where nothing was. Of a system prompt counts what
            its call site is known by: it may tell the time.
        questions: how often the person spoke.
        question: what the person said last.
        asks: whether that is the last message: it is the person who speaks, and not a tool or a program.
        results: what tools said after the last answer: the id of the call, and the beginning of the text.
    """

    whole: str = ""
    questions: int = 0
    question: str = ""
    asks: bool = False
    results: tuple[tuple[str, str], ...] = ()


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A call with what came of it.

    Attributes:
        decision: its id.
        chain: calls of one session and one task are one conversation; empty where no session is known.
        at, answered: when it was asked, and when the answer was whole; seconds since the epoch.
        request: what else was asked for: `tools`, `response_format`, …
        finish: why the answer ended, as OpenAI says it.
    """

    decision: str
    chain: str
    user: str
    at: float
    answered: float
    heard: Heard = Heard()
    request: dict[str, Any] = {}
    output: str = ""
    finish: str = ""
    error: str = ""


class Noted(NamedTuple):
    """What is true of an answer, since when, and whose doing it was."""

    decision: str
    at: float
    user: str = ""
    text: str = ""


def hear(messages: Sequence[Any]) -> Heard:
    """What of messages is looked at.

    >>> asked = {"role": "user", "content": "Where is it?"}
    >>> found = hear([asked, {"role": "tool", "tool_call_id": "a", "content": "no"}])
    >>> found.question, found.asks, found.results
    ('Where is it?', False, (('a', 'no'),))
    """
    known = [one for one in messages if isinstance(one, dict)]
    if not known:
        return Heard()
    said = [(str(one.get("role")), text_of(one.get("content")).strip()) for one in known]
    questions = [text for role, text in said if role == "user"]
    question = questions[-1][:LONGEST] if questions else ""
    whole = digest(*(part for role, text in said for part in (role, *_for_good(role, text))))
    asks = said[-1][0] == "user" and bool(question)
    return Heard(whole, len(questions), question, asks, tuple(_results(known))[::-1])


def _for_good(role: str, text: str) -> tuple[str, ...]:
    return lasting(text) if role in PROGRAMS else (text,)


def _results(messages: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in reversed(messages):
        if message.get("role") != "tool":
            return
        yield str(message.get("tool_call_id") or ""), text_of(message.get("content"))[:LONGEST]


def pairs(turns: Iterable[Turn]) -> Iterator[tuple[Turn, Turn | None]]:
    """Each answer with the next call of its conversation; in the order in which they were asked."""
    later: dict[str, Turn] = {}
    found: list[tuple[Turn, Turn | None]] = []
    for turn in sorted(turns, key=lambda turn: (turn.at, turn.decision), reverse=True):
        found.append((turn, later.get(turn.chain) if turn.chain else None))
        later[turn.chain] = turn
    return reversed(found)
