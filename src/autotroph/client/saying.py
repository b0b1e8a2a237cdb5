"""What is said to the server: lines of signals and of imports, decisions, questions to a chat."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, TypedDict

import msgspec

from autotroph.clock import Clock
from autotroph.errors import InputError

LARGEST = 2**20
"""Bytes of one document or line; servers read no more."""

LARGEST_QUESTION = 2**25
"""The same of a question to a chat task: images come within it."""


class Said(TypedDict, total=False):
    """What may be said about a signal, besides what came back about what.

    `key`: idempotency key; a fresh one if left out. `at`: event time, seconds since the epoch or ISO 8601;
    now if left out. `source`: user, outcome, annotator, judge or system. `user`: whose doing it was. The
    others are the terms: what was agreed to; as the server's declaration says, where they are left out.
    """

    key: str
    at: float | str
    source: str
    user: str
    purposes: Sequence[str]
    learn: bool
    region: str
    retention: str


class Asked(TypedDict, total=False):
    """What may be said about a decision that is to be made.

    `user`, `session`: pseudonymous ids; the one that the task counts by is needed. `key`: idempotency key:
    the same call again gives the same decision; a fresh one if left out. `options`: to choose from, instead
    of the task's: `{"option": …, "output": …, "features": {…}}`. The others are the terms.
    """

    user: str
    session: str
    key: str
    options: Sequence[Any]
    purposes: Sequence[str]
    learn: bool
    region: str
    retention: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a chat task.

    Attributes:
        model: a task, `task::variant`, or a model.
        messages: the conversation.
        parameters: of the request.
        stream: whether the answer is wanted piece by piece.
        ours: what the gateway is told beside that: user, session, key, inputs.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any]
    stream: bool
    ours: Mapping[str, Any]

    def body(self, model: str = "") -> bytes:
        """The request: to the gateway, or by the name of a model to whoever knows nothing of us.

        Raises:
            InputError: it is no JSON, or too long.
        """
        asked = {"model": model or self.model, "messages": list(self.messages)}
        streamed = {"stream": True} if self.stream else {}
        document = {**self.parameters, **asked, **streamed, **({} if model else {"autotroph": self.ours})}
        return encoded(_plain(document, "the question"), "the question", LARGEST_QUESTION)


def signal_line(clock: Clock, subject: str, name: str, value: Any, said: Said) -> bytes:
    """A signal as one line, with its time and its key, so that it counts once however often it is sent.

    Raises:
        InputError: subject or name is empty, or the value is no boolean, finite number or text.
    """
    for what, text in (("subject", subject), ("name", name)):
        if not isinstance(text, str) or not text:
            raise InputError(f"the {what} of a signal must be a text that is not empty; got {text!r:.60}")
    if not isinstance(value, bool | int | float | str) or (isinstance(value, float) and not isfinite(value)):
        raise InputError(
            f"signal {name!r}: the value must be a boolean, a finite number or a text; got {value!r:.60}"
        )
    known = {"key": said.get("key") or clock.new_id("key"), "at": said.get("at", clock.now())}
    return encoded({"subject": subject, "name": name, "value": value, **said, **known}, f"signal {name!r}")


def decision_body(clock: Clock, inputs: Mapping[str, Any], asked: Asked) -> bytes:
    """The body that asks for a decision, with a key, so that it is made once however often it is sent.

    Raises:
        InputError: the inputs or options are no JSON values.
    """
    body = {"inputs": dict(inputs), **asked, "key": asked.get("key") or clock.new_id("key")}
    return encoded(_plain(body, "the decision"), "the decision")


def import_chunks(rows: Iterable[Any], most: int, most_bytes: int) -> Iterator[tuple[int, list[bytes]]]:
    """Rows as lines, some at a time, each time with the number of rows before them.

    Args:
        rows: mappings, or structs.
        most: rows of a chunk.
        most_bytes: of a chunk, with its newlines.

    Raises:
        InputError: a row is no JSON value; says which.
    """
    chunk, weight, before = list[bytes](), 0, 0
    for number, row in enumerate(rows, 1):
        line = encoded(_plain(row, f"row {number}"), f"row {number}")
        if chunk and (len(chunk) >= most or weight + len(line) + 1 > most_bytes):
            yield before, chunk
            before, chunk, weight = number - 1, [], 0
        chunk.append(line)
        weight += len(line) + 1
    if chunk:
        yield before, chunk


def encoded(value: object, what: str, largest: int = LARGEST) -> bytes:
    """A value as JSON without a newline; what JSON cannot say is refused, and not made up."""
    try:
        line = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON: {error}") from None
    if len(line) > largest:
        raise InputError(f"{what} has {len(line):,} bytes; at most {largest:,} are taken")
    return line


def _plain(value: object, what: str) -> object:
    """Structs and the like as plain values."""
    try:
        return msgspec.to_builtins(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON: {error}") from None
