"""What answers are found to say: whole and in pieces alike, and nothing where nobody knows the form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.wire.said import CHAT, DECISIONS, EMBEDDINGS, RESPONSES, TEXT, Said, Saying, called, said

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"a":1}'}}
CALLED_SO = json.dumps([CALL], separators=(",", ":"))


def chat(finish: str | None = "stop", /, logprobs: Any = None, **message: Any) -> bytes:
    choice = {"index": 0, "finish_reason": finish, "logprobs": logprobs, "message": message}
    return json.dumps({"id": "theirs", "choices": [choice]}).encode()


def delta(finish: str | None = None, /, **fields: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chat(content="Yes."), Said("Yes.", "stop")),
        (chat(content=[{"type": "text", "text": "Y"}, {"type": "x"}, {"text": "es."}]), Said("Yes.", "stop")),
        (chat("length", content=""), Said("", "length")),
        (chat(content=None, refusal="I cannot."), Said("I cannot.", "refusal")),
        (chat("tool_calls", content=None, tool_calls=[CALL]), Said(CALLED_SO, "tool_calls")),
        (chat("tool_calls", content="Wait.", tool_calls=[CALL]), Said("Wait.", "tool_calls")),
        (chat(content="a", logprobs={"content": [{"logprob": 0.0}] * 2}), Said("a", "stop", 1.0)),
        (chat(content="a", logprobs={"content": "of another form"}), Said("a", "stop")),
        (b'{"choices": [{"index": 1, "message": {"content": "the second"}}]}', Said()),
        (b'{"choices": []}', Said()),
        (b'{"choices": "of another form"}', Said()),
        (b"\xff", Said()),
        (b"[" * 100_000, Said()),
    ],
)
def test_a_completion(body: bytes, expected: Said):
    assert said(CHAT, body) == expected


def test_others_than_chat():
    assert said(TEXT, b'{"choices":[{"text":"Yes.","finish_reason":"stop"}]}') == Said("Yes.", "stop")
    assert said(DECISIONS, b'{"answers":[{"p":0.5}]}') == Said('[{"p":0.5}]', "stop")
    assert said(EMBEDDINGS, b'{"data":[{"embedding":[0.1]}]}') == Said()


def test_a_response():
    message = {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]}
    body = {"id": "resp_1", "output": [{"type": "reasoning"}, message]}
    assert said(RESPONSES, json.dumps(body).encode()) == Said("Yes.", "stop", id="resp_1")
    cut = {**body, "incomplete_details": {"reason": "max_output_tokens"}}
    assert said(RESPONSES, json.dumps(cut).encode()) == Said("Yes.", "length", id="resp_1")
    call = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"a":1}'}
    found = said(RESPONSES, json.dumps({"id": "resp_2", "output": [call]}).encode())
    assert (json.loads(found.output), found.finish) == ([CALL], "tool_calls")
    assert [one.id for one in called(found)] == ["c1"]


@given(st.lists(st.text(max_size=5), max_size=6), st.sampled_from([None, "stop", "length"]))
def test_pieces_say_what_the_whole_says(texts: list[str], finish: str | None):
    saying = Saying(CHAT)
    for text in texts:
        saying.take(delta(content=text))
    saying.take(delta(finish))
    assert saying.said == said(CHAT, chat(finish, content="".join(texts)))


def test_tool_calls_come_in_pieces_by_their_index():
    saying = Saying(CHAT)
    function = {"name": "find", "arguments": ""}
    saying.take(delta(tool_calls=[{"index": 1, "id": "c2", "function": function}]))
    saying.take(delta(tool_calls=[{"index": 0, "id": "c1", "function": function}]))
    for at, text in ((1, '{"b"'), (0, '{"a":1}'), (1, ":2}")):
        saying.take(delta(tool_calls=[{"index": at, "function": {"arguments": text}}]))
    saying.take(delta("tool_calls"))
    calls = {one.id: one.function and one.function.arguments for one in called(saying.said)}
    assert calls == {"c1": '{"a":1}', "c2": '{"b":2}'}


def test_a_response_in_pieces_is_what_its_last_event_says():
    saying = Saying(RESPONSES)
    assert saying.take(b'{"type":"response.output_text.delta","delta":"Ye"}') == "response.output_text.delta"
    assert saying.said == Said("Ye")
    message = {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]}
    last = {"type": "response.completed", "response": {"id": "resp_1", "output": [message]}}
    saying.take(json.dumps(last).encode())
    assert saying.said == Said("Yes.", "stop", id="resp_1")


@pytest.mark.parametrize("payload", [b"", b"no JSON", b"[]", b'{"choices":[{"delta":3}]}', b"\xff"])
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_an_event_of_no_known_form_says_nothing(path: str, payload: bytes):
    saying = Saying(path)
    assert saying.take(payload) == ""
    assert saying.said == Said()
