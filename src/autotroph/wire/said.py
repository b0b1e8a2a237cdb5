"""What an answer says, as upstreams write it: its text, why it ended, how sure its model was."""

import math
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.wire.failed import UNREADABLE

CHAT, TEXT = "/chat/completions", "/completions"
RESPONSES, EMBEDDINGS, DECISIONS = "/responses", "/embeddings", "/decisions"


class Said(msgspec.Struct, frozen=True, gc=False):
    """An answer as the ledger keeps it.

    Attributes:
        output: its text; the JSON of its tool calls where it has these instead.
        finish: why it ended; see `records.Completion`.
        confidence: mean probability of its tokens (geometric), where it tells their logarithms.
        id: what it is called there; of responses only.
    """

    output: str = ""
    finish: str = ""
    confidence: float | None = None
    id: str = ""


class _Token(msgspec.Struct, gc=False):
    logprob: float = 0.0


class _Logprobs(msgspec.Struct, gc=False):
    content: list[_Token] | None = None


class Function(msgspec.Struct, gc=False):
    """What a tool call calls, and with what: JSON, in words or in part of them."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """One of the tools that an answer calls; of a stream, a piece of it, by its index."""

    id: str | None = None
    index: int = 0
    function: Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: int = 0
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    content: list[_Part] | None = None
    name: str = ""
    arguments: str = ""
    call_id: str = ""


class _Incomplete(msgspec.Struct, gc=False):
    reason: str = ""


class _Body(msgspec.Struct, gc=False):
    choices: list[_Choice] = []
    output: list[_Item] = []
    answers: msgspec.Raw = msgspec.Raw()
    incomplete_details: _Incomplete | None = None
    id: str | None = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: Any = None
    response: msgspec.Raw = msgspec.Raw()


_CALLS = msgspec.json.Decoder(list[ToolCall])
_BODY, _EVENT = msgspec.json.Decoder(_Body), msgspec.json.Decoder(_Event)
_ENCODER = msgspec.json.Encoder()
CALLED, REFUSAL = "tool_calls", "refusal"
"""Why an answer ended that calls tools, and one that says why it is none."""

ENDED = ("response.completed", "response.incomplete", "response.failed")
"""The last events of responses, which have all of it."""


def said(path: str, body: bytes) -> Said:
    """What a whole answer says; nothing where it is none of those that are read.

    >>> said(CHAT, b'{"choices":[{"message":{"content":"Yes."},"finish_reason":"stop"}]}')
    Said(output='Yes.', finish='stop', confidence=None, id='')
    """
    try:
        found = _BODY.decode(body)
    except UNREADABLE:
        return Said()
    if path == RESPONSES:
        return _response(found)
    if path == DECISIONS:
        return Said(bytes(found.answers).decode(), "stop")
    first = next((one for one in found.choices if one.index == 0), None)
    if first is None:
        return Said()
    message = first.message or _Message(content=first.text)
    return _told(_text(message.content), message.refusal, message.tool_calls, first)


class Saying:
    """What a streamed answer has said up to now.

    Args:
        path: that was asked.
    """

    def __init__(self, path: str) -> None:
        self._path, self._pieces, self._refusal = path, list[str](), ""
        self._calls: dict[int, ToolCall] = {}
        self._finish = ""
        self._whole: Said | None = None

    def take(self, payload: bytes) -> str:
        """Read the data of the next event; the type of the event, where it says one."""
        try:
            return self._event(payload) if self._path == RESPONSES else self._chunk(payload)
        except UNREADABLE:  # of a kind that is not read; it was passed on
            return ""

    @property
    def said(self) -> Said:
        """All of it."""
        if self._whole is not None:
            return self._whole
        end = _Choice(finish_reason=self._finish)
        return _told("".join(self._pieces), self._refusal, list(self._calls.values()), end)

    def _chunk(self, payload: bytes) -> str:
        for one in _BODY.decode(payload).choices:
            if one.index == 0:
                self._delta(one.delta or _Message(content=one.text))
                self._finish = one.finish_reason or self._finish
        return ""

    def _delta(self, delta: _Message) -> None:
        if delta.content:
            self._pieces.append(_text(delta.content))
        self._refusal += delta.refusal or ""
        for one in delta.tool_calls or ():
            self._call(one)

    def _call(self, delta: ToolCall) -> None:
        known = self._calls.setdefault(delta.index, ToolCall(id="", function=Function("", "")))
        known.id = known.id or delta.id
        if delta.function is not None and known.function is not None:
            known.function.name = (known.function.name or "") + (delta.function.name or "")
            known.function.arguments = (known.function.arguments or "") + (delta.function.arguments or "")

    def _event(self, payload: bytes) -> str:
        event = _EVENT.decode(payload)
        if event.type == "response.output_text.delta" and isinstance(event.delta, str):
            self._pieces.append(event.delta)
        elif event.type in ENDED:
            self._whole = said(RESPONSES, bytes(event.response))
        return event.type


def called(told: Said) -> list[ToolCall]:
    """The tools that it calls; where one had to be called, it ends as if it had called none."""
    try:
        found = _CALLS.decode(told.output)
    except UNREADABLE:
        return []
    return found if found and _calls(found) == told.output else []


def _told(text: str, refusal: str | None, calls: list[ToolCall] | None, end: _Choice) -> Said:
    finish = REFUSAL if refusal else end.finish_reason or ""
    if calls and not text:
        return Said(_calls(calls), finish)
    return Said(text or refusal or "", finish, _confidence(end.logprobs))


def _calls(calls: list[ToolCall]) -> str:
    """Tool calls as chat completions write them."""
    found = [
        {
            "id": one.id or "",
            "type": "function",
            "function": {"name": one.function.name or "", "arguments": one.function.arguments or ""},
        }
        for one in calls
        if one.function is not None
    ]
    return _ENCODER.encode(found).decode()


def _response(found: _Body) -> Said:
    parts = [part for item in found.output if item.type == "message" for part in item.content or ()]
    text, refusal = "".join(one.text for one in parts), "".join(one.refusal for one in parts)
    calls = [
        ToolCall(id=one.call_id, function=Function(one.name, one.arguments))
        for one in found.output
        if one.type == "function_call"
    ]
    why = found.incomplete_details.reason if found.incomplete_details else ""
    finish = {"max_output_tokens": "length", "": CALLED if calls else "stop"}.get(why, why)
    return replace(_told(text, refusal, calls, _Choice(finish_reason=finish)), id=found.id or "")


def _text(content: Any) -> str:
    """The text of a message: it is one, or a list of parts."""
    if isinstance(content, list):
        return "".join(str(one.get("text") or "") for one in content if isinstance(one, dict))
    return content if isinstance(content, str) else ""


def _confidence(said: Any) -> float | None:
    if said is None:
        return None
    try:
        tokens = msgspec.convert(said, _Logprobs).content
    except msgspec.ValidationError:
        return None
    if not tokens:
        return None
    return math.exp(sum(one.logprob for one in tokens) / len(tokens))
