"""Responses as OpenAI writes them, in their basic shape: one message of one text, whole and as events."""

from collections.abc import Iterator
from typing import Any

from autotroph.testing.recorded.chat import Completion, Document
from autotroph.testing.recorded.tokens import count, pieces


def whole(said: Completion) -> Document:
    """The response at once."""
    status = "completed" if said.whole else "incomplete"
    return _response(said, status, [_message(said, status, [_part(said.text)])], _usage(said))


def events(said: Completion, tokens: int) -> Iterator[tuple[int, Document]]:
    """The response as numbered events, each with the tokens in it."""
    for number, (size, kind, event) in enumerate(_events(said, tokens)):
        yield size, {"type": f"response.{kind}", "sequence_number": number, **event}


def _events(said: Completion, tokens: int) -> Iterator[tuple[int, str, Document]]:
    begun = {"response": _response(said, "in_progress", [], None)}
    item = {"output_index": 0}
    part = {"item_id": f"msg_{said.id}", **item, "content_index": 0}
    done = whole(said)
    yield 0, "created", begun
    yield 0, "in_progress", begun
    yield 0, "output_item.added", {**item, "item": _message(said, "in_progress", [])}
    yield 0, "content_part.added", {**part, "part": _part("")}
    for piece in pieces(said.text, tokens):
        yield count(piece), "output_text.delta", {**part, "delta": piece, "logprobs": []}
    yield 0, "output_text.done", {**part, "text": said.text, "logprobs": []}
    yield 0, "content_part.done", {**part, "part": _part(said.text)}
    yield 0, "output_item.done", {**item, "item": done["output"][0]}
    yield 0, "completed" if said.whole else "incomplete", {"response": done}


def _response(said: Completion, status: str, output: list[Document], usage: Document | None) -> Document:
    reason = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": f"resp_{said.id}",
        "object": "response",
        "created_at": said.created,
        "status": status,
        "error": None,
        "incomplete_details": reason,
        "instructions": None,
        "metadata": {},
        "model": said.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    }


def _message(said: Completion, status: str, content: list[Document]) -> dict[str, Any]:
    return {
        "id": f"msg_{said.id}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _part(text: str) -> Document:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(said: Completion) -> Document:
    answered = count(said.text)
    return {
        "input_tokens": said.sent,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": said.sent + answered,
    }
