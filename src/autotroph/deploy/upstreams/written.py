"""An answer as it is sent on: as it came, but by our id; or out of what is kept of it."""

from typing import Any

import msgspec

from autotroph.deploy.upstreams.prices import Usage
from autotroph.wire.failed import UNREADABLE
from autotroph.wire.said import CALLED, CHAT, DECISIONS, REFUSAL, RESPONSES, TEXT, Said, called

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()

_NAMED = frozenset({CHAT, TEXT, RESPONSES})
"""Paths whose answers are called by our id; of others the id may be that of something that lasts there."""


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
    return bool(called(told)) if told.finish == CALLED else bool(told.output or told.finish)


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
    if called(told):
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
    if calls := called(told):
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
