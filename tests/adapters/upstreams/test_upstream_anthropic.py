"""Chat completions asked of Anthropic, and its messages as their answers."""

import json
from collections import deque
from typing import Any

import msgspec
import pytest
from flakily import SECRET, asked, read, run, upstream

from autotroph.adapters.upstreams.anthropic import VERSION, Anthropic
from autotroph.adapters.upstreams.blocks import BlockProgress
from autotroph.adapters.upstreams.progress import InBand
from autotroph.clock import ReplayClock
from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import InputError
from autotroph.testing.flaky import Flaky

DIALECT = Anthropic("claude", ReplayClock("s", at=7.0))
WEATHER = {"name": "weather", "description": "of a place", "parameters": {"type": "object"}}
USER = {"role": "user", "content": "Hi"}


def said(**document: Any) -> dict[str, Any]:
    """What Anthropic is asked for a document."""
    call = Call(path="/chat/completions", document={"messages": [USER], **document})
    found: dict[str, Any] = json.loads(DIALECT.body(call))
    return found


def test_a_conversation_with_tools_is_asked_as_two_sides():
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"at": "Bonn"}'}}
    found = said(
        messages=[
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": "c2"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            {"role": "tool", "tool_call_id": "c2", "content": "sun"},
            {"role": "user", "content": "So?"},
            {"role": "developer", "content": "In German."},
        ],
        tools=[{"type": "function", "function": WEATHER}],
    )
    assert [part["text"] for part in found["system"]] == ["Be short.", "In German."]
    assert [turn["role"] for turn in found["messages"]] == ["user", "assistant", "user"]
    assert found["messages"][1]["content"][0] == {
        "type": "tool_use",
        "id": "c1",
        "name": "weather",
        "input": {"at": "Bonn"},
    }
    assert [part["type"] for part in found["messages"][2]["content"]] == [
        "tool_result",
        "tool_result",
        "text",
    ]
    assert found["messages"][2]["content"][1]["tool_use_id"] == "c2"
    schema = {"input_schema": {"type": "object"}}
    assert found["tools"] == [{"name": "weather", "description": "of a place", **schema}]


def test_pictures_and_documents_travel_as_they_are_or_where_they_are():
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}},
    ]
    found = said(messages=[{"role": "user", "content": parts}])["messages"][0]["content"]
    assert found == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}},
    ]


@pytest.mark.parametrize(
    ("document", "field", "expected"),
    [
        ({}, "max_tokens", 4096),
        ({"max_tokens": 5}, "max_tokens", 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, "max_tokens", 6),
        ({"temperature": 1.7}, "temperature", 1.0),
        ({"stop": "END"}, "stop_sequences", ["END"]),
        ({"user": "u1"}, "metadata", {"user_id": "u1"}),
        ({"model": "task"}, "model", "claude"),
        ({"thinking": {"type": "adaptive"}}, "thinking", {"type": "adaptive"}),
        ({"reasoning_effort": "low"}, "output_config", {"effort": "low"}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
            "output_config",
            {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        ),
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice", {"type": "any"}),
        (
            {"tools": [WEATHER], "parallel_tool_calls": False},
            "tool_choice",
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            "tool_choice",
            {"type": "tool", "name": "weather"},
        ),
    ],
)  # fmt: skip
def test_a_field_and_what_becomes_of_it(document: dict[str, Any], field: str, expected: Any):
    assert said(**document)[field] == expected


def test_what_anthropic_does_not_know_is_left_out():
    found = said(seed=1, logprobs=True, frequency_penalty=0.1, stream_options={"include_usage": True}, n=1)
    assert set(found) == {"model", "messages", "max_tokens"}


@pytest.mark.parametrize(
    "document",
    [
        {"n": 2},
        {"messages": "hi"},
        {"messages": [{"role": "function", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": "{"}}]}]},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(document: dict[str, Any]):
    with pytest.raises(InputError):
        said(**document)


def test_a_whole_message_is_a_completion():
    content = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "It "},
        {"type": "text", "text": "is."},
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"at": "Bonn"}},
    ]
    tokens = {
        "input_tokens": 4,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
        "output_tokens": 5,
    }
    message = {
        "type": "message",
        "id": "m1",
        "model": "claude",
        "content": content,
        "stop_reason": "tool_use",
        "usage": tokens,
    }
    done = DIALECT.whole(asked(), json.dumps(message).encode())
    found = json.loads(done.body)
    choice = found["choices"][0]
    assert (found["id"], found["object"], found["created"]) == ("m1", "chat.completion", 7)
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("It is.", "Hm.")
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"at": "Bonn"}
    assert choice["finish_reason"] == "tool_calls"
    assert found["usage"]["prompt_tokens"] == 9
    assert done.usage == Usage(input=9, cached=3, written=2, output=5)


def streamed(events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], BlockProgress]:
    progress, ready = BlockProgress(7, tells_usage=True), deque[bytes]()
    for event in events:
        progress.take(json.dumps(event).encode(), ready)
    return [json.loads(one) for one in ready], progress


def grown(index: int, kind: str, **more: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **more}}


def test_tools_and_thoughts_stream_as_chunks():
    start = {"id": "m1", "model": "claude", "usage": {"input_tokens": 4, "cache_read_input_tokens": 3}}
    tool = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    found, progress = streamed(
        [
            {"type": "message_start", "message": start},
            {"type": "ping"},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
            grown(0, "thinking_delta", thinking="Hm"),
            grown(0, "signature_delta", signature="x"),
            {"type": "content_block_stop", "index": 0},
            {"type": "content_block_start", "index": 1, "content_block": tool},
            grown(1, "input_json_delta", partial_json=""),
            grown(1, "input_json_delta", partial_json='{"a":'),
            grown(1, "input_json_delta", partial_json="1}"),
            {"type": "content_block_stop", "index": 1},
            {"type": "content_block_start", "index": 2, "content_block": {**tool, "id": "t2"}},
            {"type": "content_block_stop", "index": 2},
            {"type": "a_kind_of_next_year", "index": 3},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
            {"type": "message_stop"},
        ]
    )  # fmt: skip
    deltas = [chunk["choices"][0]["delta"] for chunk in found if chunk["choices"]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    arguments = ["".join(c["function"]["arguments"] for c in calls if c["index"] == n) for n in (0, 1)]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta] == ["Hm"]
    assert [call["id"] for call in calls if "id" in call] == ["t1", "t2"]
    assert arguments == ['{"a":1}', "{}"]
    assert [c["choices"][0]["finish_reason"] for c in found if c["choices"]][-1] == "tool_calls"
    assert found[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
    assert progress.ended
    assert progress.usage == Usage(input=7, cached=3, output=9)


def test_nothing_that_people_see_has_come_before_the_first_text():
    progress, ready = BlockProgress(7, tells_usage=False), deque[bytes]()
    progress.take(b'{"type": "message_start", "message": {"id": "m1"}}', ready)
    progress.take(b'{"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}', ready)
    assert not progress.began
    progress.take(b'{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}', ready)
    assert progress.began


def test_an_error_in_the_stream_has_its_status():
    with pytest.raises(InBand) as caught:
        streamed([{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}])
    assert caught.value.status == 529
    assert json.loads(caught.value.document)["error"]["code"] == "overloaded_error"


@pytest.mark.parametrize("event", [b'{"type": "content_block_delta", "delta": []}', b"[]", b'{"type": 1}'])
def test_an_event_of_another_shape_is_no_event(event: bytes):
    with pytest.raises(msgspec.DecodeError):
        BlockProgress(7, tells_usage=False).take(event, deque())


@pytest.mark.parametrize("wanted", [True, False])
def test_over_the_wire(wanted: bool):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, "anthropic")
        options = {"stream_options": {"include_usage": True}} if wanted else {}
        document = {"messages": [USER], "stream": True, **options}
        reply = await asks.ask(Call(path="/chat/completions", document=document, stream=True))
        chunks = [json.loads(payload) for payload in await read(reply)]
        text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
        assert text == "Well, that is it."
        assert ("usage" in chunks[-1]) == wanted
        assert reply.usage == Usage(input=11, cached=3, output=5)
        assert flaky.last.path == "/v1/messages"
        assert flaky.last.document["stream"] is True
        headers = flaky.last.headers
        assert (headers["x-api-key"], headers["anthropic-version"]) == (SECRET, VERSION)
        assert "authorization" not in headers
        with pytest.raises(InputError, match="/embeddings"):
            await asks.ask(asked("/embeddings"))
        await asks.close()

    run(use)
