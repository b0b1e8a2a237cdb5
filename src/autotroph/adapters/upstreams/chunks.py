"""The events of OpenAI's streams, read only as far as their first token, end and usage need.

What is passed on are the bytes that came, and with them fields that nobody knew when this was written.
"""

from collections import deque
from typing import Any

import msgspec

from autotroph.adapters.upstreams.faults import shaped
from autotroph.adapters.upstreams.progress import InBand
from autotroph.deploy.prices import Usage, usage

Raw = msgspec.Raw
_NOTHING = (b"", b"null", b'""', b"[]", b"{}")


class _Delta(msgspec.Struct, gc=False):
    content: Raw = Raw()
    reasoning_content: Raw = Raw()
    reasoning: Raw = Raw()
    refusal: Raw = Raw()
    tool_calls: Raw = Raw()
    function_call: Raw = Raw()
    audio: Raw = Raw()


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    text: Raw = Raw()
    finish_reason: Raw = Raw()


class _Chunk(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


class _Response(msgspec.Struct, gc=False):
    usage: Raw = Raw()
    error: Raw = Raw()


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Raw = Raw()
    response: _Response | None = None
    error: Raw = Raw()


_CHUNK = msgspec.json.Decoder(_Chunk)
_EVENT = msgspec.json.Decoder(_Event)
_JSON = msgspec.json.Decoder()
DONE = b"[DONE]"


def _is(value: Raw) -> bool:
    return len(value) > 4 or bytes(value) not in _NOTHING


class ChatProgress:
    """Chat completions, and the older completions of a text.

    Args:
        hides_usage: the caller did not ask for the event that only has the usage, so it is not passed on.
    """

    may_just_stop = False

    def __init__(self, *, hides_usage: bool = False) -> None:
        self.began = self.ended = False
        self.usage: Usage | None = None
        self.written = 0
        self._hides_usage = hides_usage

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
        if _is(chunk.error):
            raise in_band(chunk.error)
        if _is(chunk.usage):
            self.usage = usage_of(chunk.usage)
            if self._hides_usage and not chunk.choices:
                return
        for choice in chunk.choices or ():
            self._written(choice)
        ready.append(payload)

    def _written(self, choice: _Choice) -> None:
        length = _length(choice.text)
        delta = choice.delta
        if delta is not None:
            length += _length(delta.content) + _length(delta.reasoning_content) + _length(delta.reasoning)
            length += _length(delta.refusal) + _length(delta.tool_calls) + _length(delta.function_call)
            length += _length(delta.audio)
        self.written += length
        if not self.began:
            self.began = length > 0 or _is(choice.finish_reason)


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
            self.written += _length(event.delta)
        elif event.type in self._LAST:
            self.began = self.ended = True
            if event.response is not None and _is(event.response.usage):
                self.usage = usage_of(event.response.usage)
        ready.append(payload)

    def _check(self, event: _Event, payload: bytes) -> None:
        if event.response is not None and _is(event.response.error):
            raise in_band(event.response.error)
        if _is(event.error):
            raise in_band(event.error)
        if event.type in ("error", "response.failed"):
            raise in_band(payload)


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


def _take_anything(progress: "ChatProgress | ResponsesProgress | AnyProgress", payload: bytes,
                   ready: deque[bytes]) -> None:  # fmt: skip
    found = _JSON.decode(payload)
    if isinstance(found, dict) and found.get("error"):
        raise in_band(payload_error(found["error"]))
    progress.began = True
    progress.written += len(payload)
    ready.append(payload)


def _length(value: Raw) -> int:
    """Bytes of what a text, a list or an object holds, as JSON; 0 of nothing."""
    return len(value) - 2 if _is(value) else 0


def payload_error(error: Any) -> Raw:
    """An error that was read, as the bytes that it came in, or like them."""
    return Raw(msgspec.json.encode(error))


def in_band(error: Raw | bytes) -> InBand:
    """What a stream or a body says about its failure; some name the status that it would have had."""
    found = _JSON.decode(error)
    status = found.get("code", 0) if isinstance(found, dict) else 0
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    known = isinstance(status, int) and 400 <= status < 600
    return InBand(shaped(found), status if known else 0)


def usage_of(raw: Raw) -> Usage | None:
    """Tokens as an answer tells them; None where it is nothing that is known."""
    return usage(_JSON.decode(raw))
