"""What a flaky upstream says where it does not fail: a few tokens, in OpenAI's format or in Anthropic's."""

import json
from typing import Any

TOKENS = ("Well", ", that", " is", " it", ".")
READ, WRITTEN, CACHED = 11, 5, 3
"""Tokens that it says it has read, of these from its cache, and written."""


def whole(path: str) -> bytes:
    """An answer in one piece."""
    text = "".join(TOKENS)
    if path.endswith("/messages"):
        content = [{"type": "text", "text": text}]
        told = {"stop_reason": "end_turn", "usage": _anthropic_usage()}
        return _json({**_MESSAGE, "content": content, **told})
    if path.endswith("/embeddings"):
        return _json({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
                      "model": "flaky", "usage": {"prompt_tokens": READ, "total_tokens": READ}})  # fmt: skip
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return _json({**_CHAT, "object": "chat.completion", "choices": [choice], "usage": _usage()})


def head(path: str) -> list[bytes]:
    """The events before the first token."""
    if path.endswith("/messages"):
        message = {**_MESSAGE, "content": [], "usage": {**_anthropic_usage(), "output_tokens": 1}}
        block = {"type": "text", "text": ""}
        return [
            _event("message_start", message=message),
            _event("ping"),
            _event("content_block_start", index=0, content_block=block),
        ]
    if path.endswith("/responses"):
        return [_event("response.created", response={"id": "r1", "status": "in_progress", "error": None})]
    return [_chunk({"role": "assistant", "content": ""})]


def token(path: str, text: str) -> bytes:
    """The event of a token."""
    if path.endswith("/messages"):
        return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
    if path.endswith("/responses"):
        return _event("response.output_text.delta", delta=text, output_index=0)
    return _chunk({"content": text})


def tail(path: str, *, usage: bool) -> list[bytes]:
    """The events after the last token; of chat, with its usage where it was asked for."""
    if path.endswith("/messages"):
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        return [
            _event("content_block_stop", index=0),
            _event("message_delta", delta=delta, usage={"output_tokens": WRITTEN}),
            _event("message_stop"),
        ]
    if path.endswith("/responses"):
        told = {"input_tokens": READ, "output_tokens": WRITTEN, "total_tokens": READ + WRITTEN}
        done = {"id": "r1", "status": "completed", "error": None, "usage": told}
        return [_event("response.completed", response=done)]
    last = {**_CHAT, "object": "chat.completion.chunk", "choices": [], "usage": _usage()}
    return [_chunk({}, finish="stop"), *([_data(last)] if usage else []), b"data: [DONE]\n\n"]


def error(path: str, status: int, quoted: str) -> bytes:
    """The document of an error, in which it quotes what it was sent."""
    message = f"this fails on purpose; you sent {quoted}"
    if path.endswith("/messages"):
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
        return _json({"type": "error", "error": {"type": kind, "message": message}})
    return _json({"error": {"message": message, "type": "server_error", "param": None, "code": status}})


def error_event(path: str, status: int, quoted: str) -> bytes:
    """An error in the midst of a stream."""
    name = b"event: error\n" if path.endswith("/messages") else b""
    return name + b"data: " + error(path, status, quoted) + b"\n\n"


_MESSAGE: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "flaky",
                            "stop_reason": None, "stop_sequence": None}  # fmt: skip
_CHAT = {"id": "chatcmpl-1", "created": 1, "model": "flaky", "x_future": {"kept": True}}


def _usage() -> dict[str, Any]:
    return {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN,
            "prompt_tokens_details": {"cached_tokens": CACHED}}  # fmt: skip


def _anthropic_usage() -> dict[str, Any]:
    return {"input_tokens": READ - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": WRITTEN}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _data({**_CHAT, "object": "chat.completion.chunk", "choices": [choice], "usage": None})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + _data({"type": kind, **fields})


def _data(document: dict[str, Any]) -> bytes:
    return b"data: " + _json(document) + b"\n\n"


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()
