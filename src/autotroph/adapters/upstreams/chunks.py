"""The events of OpenAI's streams, read only as far as their first token, end and usage need.

What is passed on are the bytes that came, and with them fields that nobody knew when this was written.
"""

from collections import deque
from typing import Any

import msgspec

from autotroph.adapters.upstreams.progress import InBand
from autotroph.deploy.upstreams.prices import Usage, usage
from autotroph.wire.failed import shaped


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    audio: Any = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: _Delta | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


class _Response(msgspec.Struct, gc=False):
    usage: Any = None
    error: Any = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Any = None
    response: _Response | None = None
    error: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)
_EVENT = msgspec.json.Decoder(_Event)
_JSON = msgspec.json.Decoder()
DONE = b"[DONE]"


class ChatProgress:
    """Chat completions, and the older completions of a text.

    Args:
        hides_usage: the caller did not ask for the event that only has the usage, so it is not passed on.
    """

    def __init__(self, *, hides_usage: bool = False) -> None:
        self.began = self.ended = False
        self.usage: Usage | None = None
        self.written = 0
        self._hides_usage = hides_usage
        self._finished: dict[int, bool] = {}

    @property
    def may_just_stop(self) -> bool:
        """Some never say that they are done; every choice has said why it ended then."""
        return bool(self._finished) and all(self._finished.values())

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event."""
        if payload == DONE:
            self.ended = True
            return
        try:
            chunk = _CHUNK.decode(payload)
        except msgspec.ValidationError:  # JSON, but of another shape: it is theirs to understand
            _take_anything(self, payload, ready)
            return
        if chunk.error:
            raise in_band(chunk.error)
        if chunk.usage:
            self.usage = usage(chunk.usage)
            if self._hides_usage and not chunk.choices:
                return
        for choice in chunk.choices or ():
            self._take_choice(choice)
        ready.append(payload)

    def _take_choice(self, choice: _Choice) -> None:
        length = _length(choice.text) if choice.text else 0
        delta = choice.delta
        if delta is not None:
            length += _length(delta.content) if delta.content else _said_otherwise(delta)
        self.written += length
        self._finished[choice.index] = bool(choice.finish_reason) or self._finished.get(choice.index, False)
        if not self.began:
            self.began = length > 0 or bool(choice.finish_reason)


class ResponsesProgress:
    """Responses: events have types, and the last one holds the whole."""

    may_just_stop = False
    _LAST = frozenset({"response.completed", "response.incomplete", "response.cancelled"})

    def __init__(self) -> None:
        self.began = self.ended = False
        self.usage: Usage | None = None
        self.written = 0

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event."""
        if payload == DONE:  # some say so, too
            self.ended = True
            return
        try:
            event = _EVENT.decode(payload)
        except msgspec.ValidationError:
            _take_anything(self, payload, ready)
            return
        self._check(event, payload)
        if event.type.endswith(".delta"):
            self.began = True
            self.written += _length(str(event.delta))
        elif event.type in self._LAST:
            self.began = self.ended = True
            if event.response is not None:
                self.usage = usage(event.response.usage)
        ready.append(payload)

    def _check(self, event: _Event, payload: bytes) -> None:
        if event.response is not None and event.response.error:
            raise in_band(event.response.error)
        if event.error:
            raise in_band(event.error)
        if event.type in ("error", "response.failed"):
            raise in_band(_JSON.decode(payload))


class AnyProgress:
    """Streams of another format: passed on, and over when the connection is."""

    may_just_stop = True

    def __init__(self) -> None:
        self.began = self.ended = False
        self.usage: Usage | None = None
        self.written = 0

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event."""
        if payload == DONE:
            self.ended = True
        else:
            _take_anything(self, payload, ready)


def _take_anything(
    progress: "ChatProgress | ResponsesProgress | AnyProgress", payload: bytes, ready: deque[bytes]
) -> None:
    found = _JSON.decode(payload)
    if isinstance(found, dict) and found.get("error"):
        raise in_band(found["error"])
    progress.began = True
    progress.written += len(payload)
    ready.append(payload)


def _said_otherwise(delta: _Delta) -> int:
    """Bytes of what is no content: reasoning, calls of tools, refusals; what has no text counts once."""
    texts = [delta.reasoning_content, delta.reasoning, delta.refusal]
    calls = [call.function for call in delta.tool_calls or ()]
    for function in [*calls, delta.function_call]:
        texts += [function.name, function.arguments] if function is not None else []
    return sum(_length(text) for text in texts if text) + bool(delta.audio or calls)


def _length(text: str) -> int:
    """Bytes of a text."""
    return len(text) if text.isascii() else len(text.encode())


def in_band(error: Any) -> InBand:
    """What a stream or a body says about its failure; some name the status that it would have had."""
    status = error.get("code", 0) if isinstance(error, dict) else 0
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    known = isinstance(status, int) and 400 <= status < 600
    return InBand(shaped(error), status if known else 0)
