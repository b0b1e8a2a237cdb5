"""What an answer says, as upstreams write it: its text, why it ended, how sure its model was.

Answers are passed on untouched but for their id, which becomes the decision's; here they are only read.
"""

import math
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.deploy.prices import Usage
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


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct, gc=False):
    id: str | None = None
    index: int = 0
    function: _Function | None = None


class _Message(msgspec.Struct, gc=False):
    content: Any = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


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


_CALLS = msgspec.json.Decoder(list[_ToolCall])
_BODY, _EVENT = msgspec.json.Decoder(_Body), msgspec.json.Decoder(_Event)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()
CALLED, REFUSAL = "tool_calls", "refusal"
"""Why an answer ended that calls tools, and one that says why it is none."""

_NAMED = frozenset({CHAT, TEXT, RESPONSES})
"""Paths whose answers are called by our id; of others the id may be that of something that lasts there."""

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
        self._calls: dict[int, _ToolCall] = {}
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

    def _call(self, delta: _ToolCall) -> None:
        known = self._calls.setdefault(delta.index, _ToolCall(id="", function=_Function("", "")))
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


def renamed(payload: bytes, id_: str, path: str = CHAT) -> bytes:
    """An answer, or the data of one of its events, by our id; everything else stays as it came.

    >>> renamed(b'{"id":"theirs","later":{"x":1.50}}', "ours")
    b'{"id":"ours","later":{"x":1.50}}'
    """
    if path not in _NAMED:
        return payload
    try:
        fields = _FIELDS.decode(payload)
    except UNREADABLE:
        return payload
    if "id" in fields:
        fields["id"] = msgspec.Raw(_ENCODER.encode(id_))
    elif path == RESPONSES and "response" in fields:
        fields["response"] = msgspec.Raw(renamed(bytes(fields["response"]), id_))
    else:
        return payload
    return _ENCODER.encode(fields)


def written(path: str, model: str, told: Said, usage: Usage, at: int = 0) -> bytes:
    """An answer as its upstream could have written it, out of what is kept of it."""
    counted = told_usage(path, usage)
    if path == DECISIONS:
        answers = msgspec.Raw(told.output.encode())
        return _ENCODER.encode({"model": model, "answers": answers, "usage": counted})
    if path == RESPONSES:
        return _ENCODER.encode({**_response_head(told, model, at), "output": _items(told), "usage": counted})
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": _ending(told)}
    if path == TEXT:
        kind, choice["text"] = "text_completion", told.output
    else:
        kind, choice["message"] = "chat.completion", _message(told)
    answer = {"id": "", "object": kind, "created": at, "model": model}
    return _ENCODER.encode({**answer, "choices": [choice], "usage": counted})


def can_be_written(told: Said) -> bool:
    """Whether what is kept of an answer is all that it said: not of a text beside which tools are called."""
    return bool(_called(told)) if told.finish == CALLED else bool(told.output or told.finish)


def _called(told: Said) -> list[_ToolCall]:
    """The tools that it calls; where one had to be called, it ends as if it had called none."""
    try:
        found = _CALLS.decode(told.output)
    except UNREADABLE:
        return []
    return found if found and _calls(found) == told.output else []


def told_usage(path: str, usage: Usage) -> dict[str, Any]:
    """Tokens as answers tell them: completions in one way, responses and decisions in another."""
    total = usage.input + usage.output
    if path not in (RESPONSES, DECISIONS):
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": total,
    }


def _message(told: Said) -> dict[str, Any]:
    """What is kept of an answer, as the message of a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": told.output, "refusal": None}
    if _called(told):
        return {**message, "content": None, "tool_calls": msgspec.Raw(told.output.encode())}
    return {**message, "content": None, "refusal": told.output} if told.finish == REFUSAL else message


def _ending(told: Said) -> str:
    """Why it ended, in the words of completions, which have none for a refusal."""
    return "stop" if told.finish in ("", REFUSAL) else told.finish


def _response_head(told: Said, model: str, at: int) -> dict[str, Any]:
    why = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(told.finish)
    said = {"status": "incomplete" if why else "completed"}
    head = {"id": "", "object": "response", "created_at": at, "model": model, "tools": []}
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "error": None}
    return {**head, **said, **more, "incomplete_details": {"reason": why} if why else None}


def _items(told: Said) -> list[dict[str, Any]]:
    """What is kept of an answer, as the items of a response."""
    if calls := _called(told):
        return [
            {"type": "function_call", "call_id": one.id, "name": one.function.name,
             "arguments": one.function.arguments, "status": "completed"}
            for one in calls if one.function is not None
        ]  # fmt: skip
    text: dict[str, Any] = {"type": "output_text", "text": told.output, "annotations": []}
    if told.finish == REFUSAL:
        text = {"type": "refusal", "refusal": told.output}
    message = {"id": "message", "type": "message", "role": "assistant", "status": "completed"}
    return [{**message, "content": [text]}]


def _told(text: str, refusal: str | None, calls: list[_ToolCall] | None, end: _Choice) -> Said:
    finish = REFUSAL if refusal else end.finish_reason or ""
    if calls and not text:
        return Said(_calls(calls), finish)
    return Said(text or refusal or "", finish, _confidence(end.logprobs))


def _calls(calls: list[_ToolCall]) -> str:
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
        _ToolCall(id=one.call_id, function=_Function(one.name, one.arguments))
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
