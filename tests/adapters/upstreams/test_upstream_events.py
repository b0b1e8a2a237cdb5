"""What an upstream is found to have done, from the data of its events."""

import json
from collections import deque

import msgspec
import pytest

from autotroph.adapters.upstreams.chunks import AnyProgress, ChatProgress, ResponsesProgress
from autotroph.adapters.upstreams.progress import InBand
from autotroph.deploy.upstreams.counting import counted
from autotroph.deploy.upstreams.prices import Usage


def chat(**fields: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, **fields}], "usage": None}).encode()


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (chat(delta={"role": "assistant", "content": ""}, finish_reason=None), False),
        (chat(delta={"role": "assistant", "content": None, "tool_calls": []}), False),
        (b'{"choices": [], "prompt_filter_results": [{}]}', False),
        (chat(delta={"content": "a"}), True),
        (chat(delta={"reasoning_content": "a"}), True),
        (chat(delta={"tool_calls": [{"index": 0}]}), True),
        (chat(delta={"refusal": "no"}), True),
        (chat(text="a"), True),
        (chat(delta={}, finish_reason="stop"), True),
        (b'{"choices": "of another shape"}', True),
    ],
)
def test_what_a_first_token_is(payload: bytes, begins: bool):
    progress, ready = ChatProgress(), deque[bytes]()
    progress.take(payload, ready)
    assert progress.began == begins
    assert list(ready) == [payload]


def test_responses_begin_with_a_delta_and_end_with_the_whole():
    progress, ready = ResponsesProgress(), deque[bytes]()
    progress.take(b'{"type": "response.created", "response": {"error": null}}', ready)
    assert not progress.began
    progress.take(b'{"type": "response.output_text.delta", "delta": "abc"}', ready)
    assert (progress.began, progress.ended, progress.written) == (True, False, 3)
    tokens = {"input_tokens": 5, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    progress.take(json.dumps({"type": "response.completed", "response": {"usage": tokens}}).encode(), ready)
    assert progress.ended
    assert progress.usage == Usage(input=5, cached=1, output=2)
    assert len(ready) == 3


@pytest.mark.parametrize(
    ("progress", "payload"),
    [
        (ChatProgress(), b'{"error": {"message": "m", "code": 503}}'),
        (ChatProgress(), b'{"error": "just words"}'),
        (ChatProgress(), b'{"choices": "x", "error": {"message": "m"}}'),
        (ResponsesProgress(), b'{"type": "error", "message": "m", "code": "server_error"}'),
        (ResponsesProgress(), b'{"type": "response.failed", "response": {"error": {"message": "m"}}}'),
        (AnyProgress(), b'{"error": {"message": "m"}}'),
    ],
)
def test_an_error_among_events(progress: ChatProgress, payload: bytes):
    with pytest.raises(InBand) as caught:
        progress.take(payload, deque())
    error = json.loads(caught.value.document)["error"]
    assert error["message"] in ("m", "just words")
    assert caught.value.status == (503 if b"503" in payload else 0)


@pytest.mark.parametrize("progress", [ChatProgress(), ResponsesProgress(), AnyProgress()])
@pytest.mark.parametrize("payload", [b'{"choices": [{"delta": {"conte', b"{", b"nothing", b""])
def test_what_is_no_json_is_noticed(progress: ChatProgress, payload: bytes):
    with pytest.raises(msgspec.DecodeError):
        progress.take(payload, deque())


def test_tokens_are_counted_of_texts_and_not_of_pictures():
    parts = [{"type": "text", "text": "b" * 8}, {"type": "image_url", "image_url": {"url": "x" * 9999}}]
    document = {"messages": [{"role": "user", "content": "a" * 8}, {"role": "user", "content": parts}]}
    assert counted(document, 9) == Usage(input=4, output=3)
    assert counted(None, 0) == Usage()
