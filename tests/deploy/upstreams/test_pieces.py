"""A whole answer as a stream, and a stream as a whole answer: the one undoes the other."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autotroph.deploy.upstreams.gathered import gathered
from autotroph.deploy.upstreams.pieces import MOST, events, pieces
from autotroph.deploy.upstreams.prices import Usage
from autotroph.wire.said import CHAT, EMBEDDINGS, RESPONSES, TEXT, Saying, said

texts = st.text(max_size=60)
finishes = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])
called = st.fixed_dictionaries(
    {
        "id": st.text(min_size=1, max_size=8),
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": st.text(min_size=1, max_size=8), "arguments": texts}),
    }
)


@st.composite
def tokens(draw: Any, text: str) -> list[dict[str, Any]]:
    """Those that a text is made of, or, as of some upstreams, those that it is not made of."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=8)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    sure = draw(st.lists(st.floats(-9, 0), min_size=len(parts), max_size=len(parts)))
    spoilt = draw(st.booleans())
    return [{"token": "?" if spoilt else one, "logprob": p} for one, p in zip(parts, sure, strict=True)]


@st.composite
def messages(draw: Any) -> tuple[dict[str, Any], Any]:
    content, refusal = draw(st.none() | texts), draw(st.none() | texts)
    message = {"role": "assistant", "content": content, "refusal": refusal}
    if calls := draw(st.lists(called, max_size=3)):
        message["tool_calls"] = calls
    if draw(st.booleans()):
        message["later"] = draw(st.just([{"x": 1.5}]) | texts)
    told = {name: draw(tokens(text)) for name, text in (("content", content), ("refusal", refusal)) if text}
    return message, told if told and draw(st.booleans()) else None


@st.composite
def completions(draw: Any, path: str) -> dict[str, Any]:
    choices: list[dict[str, Any]] = []
    for nth in range(draw(st.integers(1, 3))):
        choice: dict[str, Any] = {"index": nth, "finish_reason": draw(finishes), "logprobs": None}
        if path == CHAT:
            choice["message"], choice["logprobs"] = draw(messages())
        else:
            choice["text"] = draw(texts)
        choices.append({**choice, **({"later": "y"} if draw(st.booleans()) else {})})
    kind = "chat.completion" if path == CHAT else "text_completion"
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return {"id": "one", "object": kind, "created": 1, "model": "m", "choices": choices, "usage": usage,
            "service_tier": "default", "citations": [{"url": "x"}]}  # fmt: skip


def again(path: str, body: dict[str, Any]) -> Any:
    whole = gathered(path, events(path, json.dumps(body).encode()), Usage())
    return json.loads(whole or b"null")


@given(completions(CHAT))
def test_a_chat_completion_comes_back(body: dict[str, Any]) -> None:
    assert again(CHAT, body) == body


@given(completions(TEXT))
def test_an_older_completion_comes_back(body: dict[str, Any]) -> None:
    assert again(TEXT, body) == body


@given(completions(CHAT))
def test_pieces_say_what_the_whole_says(body: dict[str, Any]) -> None:
    whole, saying = json.dumps(body).encode(), Saying(CHAT)
    for payload in events(CHAT, whole):
        saying.take(payload)
    found, expected = saying.said, said(CHAT, whole)
    assert (found.output, found.finish) == (expected.output, expected.finish)


def test_a_response_comes_back_whatever_its_items_are() -> None:
    part = {"type": "output_text", "text": "It is so, and it was so.", "annotations": [{"url": "x"}]}
    items = [
        {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "id": "m",
            "type": "message",
            "content": [part, {"type": "refusal", "refusal": "No."}, {"type": "?"}],
        },
        {"id": "f", "type": "function_call", "call_id": "c", "name": "look", "arguments": '{"x": 1}'},
        {"id": "t", "type": "custom_tool_call", "call_id": "d", "name": "run", "input": "ls"},
        {"id": "w", "type": "web_search_call", "action": {"query": "q"}},
    ]
    for status in ("completed", "incomplete", "failed"):
        body = {"id": "one", "object": "response", "status": status, "output": items, "usage": {"x": 1}}
        assert again(RESPONSES, body) == body


def test_upstreams_that_say_the_role_each_time_and_calls_in_pieces() -> None:
    def chunk(**delta: Any) -> bytes:
        told = {"role": "assistant", **delta}
        return json.dumps({"id": "x", "choices": [{"index": 0, "delta": told}], "usage": None}).encode()

    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": ""}}
    payloads = [
        chunk(content="It"),
        chunk(content=" is"),
        chunk(tool_calls=[call]),
        chunk(tool_calls=[{"index": 0, "id": "c", "function": {"arguments": "{}"}}]),
        b'{"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}',
    ]
    found = json.loads(gathered(CHAT, payloads, Usage(input=3, output=4)) or b"")
    message = found["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "It is", "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}  # fmt: skip
    assert found["choices"][0]["finish_reason"] == "tool_calls"
    assert found["usage"]["total_tokens"] == 7


def test_what_is_not_read_is_one_event_and_is_not_put_together() -> None:
    assert list(events(EMBEDDINGS, b'{"data":[]}')) == [b'{"data":[]}']
    assert gathered(EMBEDDINGS, [b"{}"], Usage()) is None
    assert gathered(CHAT, [b"{"], Usage()) is None
    assert gathered(RESPONSES, [b'{"type":"response.created"}'], Usage()) is None


def test_a_long_text_has_no_more_pieces_than_that() -> None:
    found = pieces("x" * 100_001)
    assert len(found) <= MOST
    assert "".join(found) == "x" * 100_001
