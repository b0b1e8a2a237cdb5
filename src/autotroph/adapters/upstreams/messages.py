"""Anthropic's messages as chat completions."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from autotroph.adapters.upstreams.dialect import Read
from autotroph.adapters.upstreams.progress import InBand
from autotroph.deploy.upstreams.prices import Usage, usage
from autotroph.wire.failed import shaped

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_FINISHED = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Message(msgspec.Struct):
    """What of a message is read."""

    id: str = ""
    model: str = ""
    content: list[dict[str, Any]] = []
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_DECODER = msgspec.json.Decoder(Message)


def completion(body: bytes, created: int) -> Read:
    """A message as a chat completion.

    Args:
        body: as it came.
        created: when, in seconds.

    Raises:
        InBand: it is an error.
        msgspec.DecodeError: it is no message.
    """
    message = _DECODER.decode(body)
    if message.error:
        raise failure(message.error)
    tokens = usage(message.usage)
    document = {
        "id": message.id,
        "object": "chat.completion",
        "created": created,
        "model": message.model,
        "choices": [_choice(message)],
    }
    told_too = {"usage": told(tokens)} if tokens else {}
    written = sum(len(str(one)) for one in message.content)
    return Read(msgspec.json.encode({**document, **told_too}), tokens, written)


def _choice(message: Message) -> dict[str, Any]:
    blocks = message.content
    calls = [_call(one) for one in blocks if one.get("type") == "tool_use"]
    thought = _joined(blocks, "thinking")
    said: dict[str, Any] = {"role": "assistant", "content": _joined(blocks, "text") or None, "refusal": None}
    said |= {"tool_calls": calls} if calls else {}
    said |= {"reasoning_content": thought} if thought else {}
    return {"index": 0, "message": said, "logprobs": None, "finish_reason": finished(message.stop_reason)}


def finished(reason: str | None) -> str:
    """Why an answer ended; what is not known yet, as one that ended by itself."""
    return _FINISHED.get(reason or "", "stop")


def told(tokens: Usage) -> dict[str, Any]:
    """Tokens as chat completions tell them: what was cached is among what was read."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.written},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def failure(error: object) -> InBand:
    """An error of Anthropic's, in the shape of OpenAI's."""
    known = error if isinstance(error, Mapping) else {}
    kind = str(known.get("type") or "api_error")
    words = {"message": known.get("message", ""), "type": kind, "code": kind}
    return InBand(shaped(words), _STATUS.get(kind, 0))


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    given = msgspec.json.encode(block.get("input") or {}).decode()
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block.get("name"), "arguments": given},
    }


def _joined(blocks: Iterable[Mapping[str, Any]], kind: str) -> str:
    return "".join(str(one.get(kind, "")) for one in blocks if one.get("type") == kind)
