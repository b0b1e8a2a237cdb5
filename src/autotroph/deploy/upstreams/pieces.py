"""A whole answer as the events of a stream, as its upstream could have sent them.

For whoever asked for a stream of an answer that came whole: it was looked at first, or asked for before.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from autotroph.wire.said import CHAT, RESPONSES, TEXT

SIZE, MOST = 16, 256
"""Characters in a piece of a text, and pieces of a text at most: a long one has larger ones."""

Document = Mapping[str, Any]
_ENCODER = msgspec.json.Encoder()
_ONCE = ("choices", "usage", "object")
_ENDS = ("completed", "incomplete", "failed")


def events(path: str, body: bytes, *, counted: bool = True) -> Iterator[bytes]:
    """The data of each event.

    Args:
        path: that was asked; of others than those that are read, the answer is one event.
        body: the whole answer.
        counted: whether the usage is told at the end, where that is the caller's to say.
    """
    if path not in (CHAT, TEXT, RESPONSES):
        yield body
        return
    answer = msgspec.json.decode(body)
    made = _responding(answer) if path == RESPONSES else _chunks(path, answer, counted=counted)
    yield from map(_ENCODER.encode, made)


def pieces(text: str) -> list[str]:
    """A text in pieces.

    >>> pieces("lost my card, and found it again"), pieces("")
    (['lost my card, an', 'd found it again'], [])
    """
    return ["".join(one) for one in _groups(text, SIZE)]


def _groups(whole: Sequence[Any], size: int) -> list[Sequence[Any]]:
    step = max(size, -(-len(whole) // MOST))
    return [whole[start : start + step] for start in range(0, len(whole), step)]


def _said(text: str, tokens: Any) -> Iterator[tuple[str, list[Any]]]:
    """A text in pieces, each with what is told of its tokens; with nothing where they do not make it up."""
    told = tokens if isinstance(tokens, list) else []
    if told and "".join(str(one.get("token")) for one in told) == text:
        for group in _groups(told, 1):
            yield "".join(one["token"] for one in group), list(group)
    else:
        for piece in pieces(text):
            yield piece, []


# chat completions, and the older ones ------------------------------------------------------------------


def _chunks(path: str, answer: Document, *, counted: bool) -> Iterator[Document]:
    kind = "chat.completion.chunk" if path == CHAT else "text_completion"
    head = {name: answer[name] for name in ("id", "created", "model", "system_fingerprint") if name in answer}
    head["object"], choice_of = kind, _message if path == CHAT else _text
    more = {name: told for name, told in answer.items() if name not in head and name not in _ONCE}
    for choice in sorted(answer.get("choices") or (), key=lambda one: one.get("index", 0)):
        for part in choice_of(choice):
            yield {**head, **more, "choices": [{"index": choice.get("index", 0), **part}]}
            more = {}
    if counted and answer.get("usage") is not None:
        yield {**head, **more, "choices": [], "usage": answer["usage"]}


def _message(choice: Document) -> Iterator[Document]:
    """A choice of a chat completion: the role, what it says, whom it calls, and why it ended."""
    message, logprobs = dict(choice.get("message") or {}), dict(choice.get("logprobs") or {})
    content, refusal = message.get("content"), message.get("refusal")
    calls = message.pop("tool_calls", None) or ()
    begun = {name: "" for name in ("content", "refusal") if isinstance(message.get(name), str)}
    yield _delta({**message, **begun})
    for name, text in (("content", content), ("refusal", refusal)):
        for piece, told in _said(text if isinstance(text, str) else "", logprobs.get(name)):
            yield _delta({name: piece}, {name: told} if told else None)
            if told:
                logprobs[name] = None
    for nth, call in enumerate(calls):
        for part in _call(call):
            yield _delta({"tool_calls": [{"index": nth, **part}]})
    rest = {name: told for name, told in choice.items() if name not in ("index", "message", "logprobs")}
    yield {**_delta({}, logprobs if any(logprobs.values()) else None), "finish_reason": None, **rest}


def _delta(delta: Document, logprobs: Document | None = None) -> Document:
    return {"delta": delta, "logprobs": logprobs, "finish_reason": None}


def _call(call: Document) -> Iterator[Document]:
    """A call of a tool: what it is called, and then its arguments."""
    function = call.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(arguments, str):
        yield call
        return
    yield {**call, "function": {**function, "arguments": ""}}
    for piece in pieces(arguments):
        yield {"function": {"arguments": piece}}


def _text(choice: Document) -> Iterator[Document]:
    """A choice of an older completion; what is told of its tokens counts characters from its beginning."""
    for piece in pieces(choice.get("text") or ""):
        yield {"text": piece, "logprobs": None, "finish_reason": None}
    yield {"finish_reason": None, **choice, "text": ""}


# responses ------------------------------------------------------------------------------------------------


def _responding(answer: Document) -> Iterator[Document]:
    """Numbered events, each with its kind."""
    for number, (kind, event) in enumerate(_response(answer)):
        yield {"type": f"response.{kind}", "sequence_number": number, **event}


def _response(answer: Document) -> Iterator[tuple[str, Document]]:
    begun = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield "created", {"response": begun}
    yield "in_progress", {"response": begun}
    for nth, item in enumerate(answer.get("output") or ()):
        place = {"output_index": nth}
        yield "output_item.added", {**place, "item": _begun(item)}
        for kind, event in _item(item):
            yield kind, {"item_id": item.get("id") or "", **place, **event}
        yield "output_item.done", {**place, "item": item}
    status = answer.get("status")
    yield status if status in _ENDS else "completed", {"response": answer}


_GROWS: Document = {"content": [], "summary": [], "arguments": "", "input": ""}
"""What of an item comes after its beginning."""

_WRITTEN = {
    "function_call": ("arguments", "function_call_arguments"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
}
"""Of kinds of items, what is written piece by piece, and what its events are called."""


def _begun(item: Document) -> Document:
    found = {name: type(told)() if name in _GROWS else told for name, told in item.items()}
    return {**found, "status": "in_progress"} if "status" in item else found


def _item(item: Document) -> Iterator[tuple[str, Document]]:
    """What comes between the beginning and the end of an item."""
    kind = item.get("type", "")
    if kind == "message":
        for nth, part in enumerate(item.get("content") or ()):
            yield from _part({"content_index": nth}, part)
    elif kind in _WRITTEN and isinstance(item.get(_WRITTEN[kind][0]), str):
        name, called = _WRITTEN[kind]
        for piece in pieces(item[name]):
            yield f"{called}.delta", {"delta": piece}
        said = {"name": item["name"]} if "name" in item else {}
        yield f"{called}.done", {name: item[name], **said}


def _part(place: Document, part: Document) -> Iterator[tuple[str, Document]]:
    """A part of a message: a text, or a refusal."""
    name = "refusal" if part.get("type") == "refusal" else "text"
    text, logprobs = part.get(name), part.get("logprobs")
    if not isinstance(text, str):
        yield "content_part.added", {**place, "part": part}
    else:
        bare: Document = {"logprobs": []} if "logprobs" in part else {}
        yield "content_part.added", {**place, "part": {**part, name: "", **bare}}
        called = "refusal" if name == "refusal" else "output_text"
        for piece, told in _said(text, logprobs):
            more = {} if name == "refusal" else {"logprobs": told}
            yield f"{called}.delta", {**place, "delta": piece, **more}
        more = {} if name == "refusal" else {"logprobs": logprobs or []}
        yield f"{called}.done", {**place, name: text, **more}
    yield "content_part.done", {**place, "part": part}
