"""Chat completions as OpenAI writes them, whole and in chunks."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from autotroph.testing.recorded.tokens import count, pieces

Document = Mapping[str, Any]
NONE = {"cached_tokens": 0, "audio_tokens": 0}
NOT_THOUGHT = {"reasoning_tokens": 0, "audio_tokens": 0}


class Completion(msgspec.Struct, frozen=True):
    """One answer, as it will be told.

    Attributes:
        id: of the answer, without the beginning that says of which kind it is.
        created: seconds since the epoch.
        model: who answers.
        sent: tokens of the prompt.
        text: what is answered.
        whole: whether nothing was cut off.
    """

    id: str
    created: int
    model: str
    sent: int
    text: str
    whole: bool


def whole(said: Completion) -> Document:
    """The completion at once."""
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(said)}
    return {**_head(said, "chat.completion"), "choices": [choice], "usage": usage(said)}


def chunks(said: Completion, tokens: int, *, with_usage: bool) -> Iterator[tuple[int, Document]]:
    """The completion in chunks, each with the tokens in it: the role, the text, why it ended, the usage.

    Args:
        said: the answer.
        tokens: in each chunk of the text.
        with_usage: whether a last chunk without choices has the usage, and the others say they have none.
    """
    head = _head(said, "chat.completion.chunk") | ({"usage": None} if with_usage else {})

    def chunk(delta: Document, reason: str | None = None) -> Document:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**head, "choices": [choice]}

    yield 0, chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in pieces(said.text, tokens):
        yield count(piece), chunk({"content": piece})
    yield 0, chunk({}, _reason(said))
    if with_usage:
        yield 0, {**head, "choices": [], "usage": usage(said)}


def usage(said: Completion) -> Document:
    """The tokens of an answer."""
    answered = count(said.text)
    return {
        "prompt_tokens": said.sent,
        "completion_tokens": answered,
        "total_tokens": said.sent + answered,
        "prompt_tokens_details": NONE,
        "completion_tokens_details": NOT_THOUGHT,
    }


def _head(said: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{said.id}",
        "object": kind,
        "created": said.created,
        "model": said.model,
        "system_fingerprint": "recorded",
        "service_tier": "default",
    }


def _reason(said: Completion) -> str:
    return "stop" if said.whole else "length"
