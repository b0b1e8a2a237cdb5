"""OpenAI's client and chat completions: its calls and its typed results are what they are elsewhere."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from officially import CHAT, TOML, USAGE, Gateway, Scripted, Told, chunk, gateway, whole
from pydantic import BaseModel
from servers import TOKEN

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "look",
            "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
        },
    }
]
PIXEL = "data:image/png;base64,iVBORw0KGgo="
LOGPROBS = {
    "content": [{"token": "Yes.", "logprob": -0.25, "bytes": [89], "top_logprobs": []}],
    "refusal": None,
}


class Place(BaseModel):
    city: str
    people: int


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), TOML.format(url=upstream.url)) as found:
        yield found


def streamed(*pieces: str, usage: bool = False, **more: Any) -> Told:
    head, tail = chunk({"role": "assistant", "content": ""}), chunk(finish="stop")
    counted = [{**chunk(usage=USAGE), "choices": []}] if usage else []
    return Told([head, *(chunk({"content": one}, **more) for one in pieces), tail, *counted])


def test_a_whole_answer(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole("Yes."))
    answer = served.client.chat.completions.create(model="any-model", messages=ASKED)
    assert answer.choices[0].message.content == "Yes."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 10
    assert upstream.last.document == {"model": "any-model", "messages": ASKED}
    made, came = served.made(answer.id), served.came(answer.id)
    assert (made.option, made.provenance, made.inputs["messages"]) == ("any-model", "import", ASKED)
    assert (came.output, came.finish, came.tokens_in, came.tokens_out) == ("Yes.", "stop", 7, 3)
    assert came.cost_usd == pytest.approx(13e-6)


def test_what_is_said_beside_the_answer(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole(), headers={"x-request-id": "req_theirs", "set-cookie": "a=b"})
    raw = served.client.chat.completions.with_raw_response.create(model="any-model", messages=ASKED)
    answer = raw.parse()
    assert raw.headers["x-autotroph-decision"] == answer.id
    assert raw.headers["x-autotroph-answered-by"] == raw.headers["x-autotroph-variant"] == "any-model"
    assert raw.headers["x-autotroph-recorded"] == "yes"
    assert raw.headers["x-request-id"] == answer._request_id == "req_theirs"
    assert "set-cookie" not in raw.headers


@pytest.mark.parametrize("asked_for", [False, True])
def test_a_stream(served: Gateway, upstream: Scripted, asked_for: bool) -> None:
    upstream.answer = lambda asked: streamed(
        "Yes", ".", usage=asked.document.get("stream_options", {}).get("include_usage", False)
    )
    options: Any = {"stream_options": {"include_usage": True}} if asked_for else {}
    chunks = list(
        served.client.chat.completions.create(model="any-model", messages=ASKED, stream=True, **options)
    )
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == "Yes."
    assert len({one.id for one in chunks}) == 1
    assert [one.usage.total_tokens for one in chunks if one.usage] == [10] * asked_for
    assert all(one.choices for one in chunks) is not asked_for
    came = served.came(chunks[0].id)
    assert (came.output, came.finish, came.tokens_in, came.tokens_out) == ("Yes.", "stop", 7, 3)
    assert came.first_token_ms is not None


def test_the_stream_of_the_typed_helper(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: streamed("Yes", ".", usage=True)
    with served.client.chat.completions.stream(model="any-model", messages=ASKED) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("content.delta") == 3  # the first says nothing, and who speaks
    assert kinds[-1] == "content.done"
    assert final.choices[0].message.content == "Yes."


def test_the_asynchronous_client(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda asked: streamed("A", "b") if asked.document.get("stream") else Told(whole("Ab"))

    async def asks() -> tuple[str | None, str]:
        async with served.apart() as client:
            answer = await client.chat.completions.create(model="any-model", messages=ASKED)
            stream = await client.chat.completions.create(model="any-model", messages=ASKED, stream=True)
            pieces = [one.choices[0].delta.content or "" async for one in stream]
        return answer.choices[0].message.content, "".join(pieces)

    assert asyncio.run(asks()) == ("Ab", "Ab")


CALLS: Any = [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sea"}'}}]


def test_tool_calls(served: Gateway, upstream: Scripted) -> None:
    calls = whole(None, {"tool_calls": CALLS}, choice={"finish_reason": "tool_calls"})
    upstream.answer = lambda _: Told(calls)
    answer = served.client.chat.completions.create(model="any-model", messages=ASKED, tools=TOOLS)
    message = answer.choices[0].message
    assert message.tool_calls is not None
    assert [one.to_dict() for one in message.tool_calls] == CALLS
    assert upstream.last.document["tools"] == TOOLS
    assert served.came(answer.id).finish == "tool_calls"
    said: Any = [*ASKED, message, {"role": "tool", "tool_call_id": "call_1", "content": "blue"}]
    served.client.chat.completions.create(model="any-model", messages=said, tools=TOOLS)
    assert upstream.last.document["messages"][-1] == said[-1]
    assert upstream.last.document["messages"][-2]["tool_calls"] == CALLS


def test_tool_calls_piece_by_piece(served: Gateway, upstream: Scripted) -> None:
    def call(**function: str) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "function": function}]}

    begun = {"tool_calls": [{"index": 0, **CALLS[0], "function": {"name": "look", "arguments": ""}}]}
    pieces = [chunk(begun), chunk(call(arguments='{"at":')), chunk(call(arguments='"sea"}'))]
    upstream.answer = lambda _: Told([*pieces, chunk(finish="tool_calls")])
    create = served.client.chat.completions.stream
    with create(model="any-model", messages=ASKED, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert (calls[0].id, calls[0].function.arguments) == ("call_1", '{"at":"sea"}')
    came = served.came(final.id)
    assert came.finish == "tool_calls"
    assert '"arguments":"{\\"at\\":\\"sea\\"}"' in came.output


def test_structured_output(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole('{"city":"Bern","people":134000}'))
    answer = served.client.chat.completions.parse(model="any-model", messages=ASKED, response_format=Place)
    assert answer.choices[0].message.parsed == Place(city="Bern", people=134_000)
    schema = upstream.last.document["response_format"]["json_schema"]
    assert (schema["strict"], set(schema["schema"]["properties"])) == (True, {"city", "people"})


def test_a_refusal(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole(None, {"refusal": "I cannot."}))
    answer = served.client.chat.completions.parse(model="any-model", messages=ASKED, response_format=Place)
    assert (answer.choices[0].message.parsed, answer.choices[0].message.refusal) == (None, "I cannot.")
    assert (served.came(answer.id).finish, served.came(answer.id).output) == ("refusal", "I cannot.")


def test_images(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole("A dot."))
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    messages: Any = [{"role": "user", "content": parts}]
    answer = served.client.chat.completions.create(model="any-model", messages=messages)
    assert upstream.last.document["messages"] == messages
    assert served.made(answer.id).inputs["messages"] == messages


def test_log_probabilities(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole(choice={"logprobs": LOGPROBS}))
    answer = served.client.chat.completions.create(
        model="any-model", messages=ASKED, logprobs=True, top_logprobs=2
    )
    said = answer.choices[0].logprobs
    assert said is not None
    assert said.to_dict() == LOGPROBS
    assert (upstream.last.document["logprobs"], upstream.last.document["top_logprobs"]) == (True, 2)


def test_what_nobody_knows_yet_goes_through(served: Gateway, upstream: Scripted) -> None:
    later = {"deep": [1.50, None, {"x": "é"}], "large": 2**53 + 1}
    upstream.answer = lambda _: Told(whole(choice={"mood": "good"}, later=later))
    answer = served.client.chat.completions.create(
        model="any-model",
        messages=ASKED,
        reasoning_effort="high",
        extra_body={"invented": later, "autotroph": {"user": "u1"}},
        extra_headers={"openai-beta": "later=v2"},
    )
    assert upstream.last.document == {
        "model": "any-model", "messages": ASKED, "reasoning_effort": "high", "invented": later,
    }  # fmt: skip
    assert answer.to_dict()["later"] == later
    assert answer.choices[0].to_dict()["mood"] == "good"
    request = served.made(answer.id).inputs["request"]
    assert (request["invented"], request["reasoning_effort"]) == (later, "high")


def test_what_nobody_knows_yet_goes_through_in_a_stream(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: streamed("Yes.", later={"x": 1.50})
    stream = served.client.chat.completions.create(model="any-model", messages=ASKED, stream=True)
    assert [one.to_dict()["later"] for one in stream if "later" in one.to_dict()] == [{"x": 1.5}]


def test_several_answers_to_one_question(served: Gateway, upstream: Scripted) -> None:
    second = {"index": 1, "message": {"role": "assistant", "content": "No."}, "finish_reason": "stop"}
    both = {**whole("Yes."), "choices": [*whole("Yes.")["choices"], second]}
    upstream.answer = lambda _: Told(both)
    answer = served.client.chat.completions.create(model="any-model", messages=ASKED, n=2)
    assert [one.message.content for one in answer.choices] == ["Yes.", "No."]
    assert served.came(answer.id).output == "Yes."


def test_a_text_that_goes_on(served: Gateway, upstream: Scripted) -> None:
    choice = {"index": 0, "text": " upon a time", "finish_reason": "length", "logprobs": None}
    told = {"id": "theirs", "object": "text_completion", "created": 1, "model": "theirs"}
    upstream.answer = lambda _: Told({**told, "choices": [choice], "usage": USAGE})
    answer = served.client.completions.create(model="any-model", prompt="Once")
    assert answer.choices[0].text == " upon a time"
    assert upstream.last.path == CHAT.replace("chat/", "")
    assert (served.came(answer.id).output, served.came(answer.id).finish) == (" upon a time", "length")


def test_the_models(served: Gateway, upstream: Scripted) -> None:
    one = {"id": "theirs-1", "object": "model", "created": 1, "owned_by": "x"}
    upstream.answer = lambda _: Told({"object": "list", "data": [one]})
    assert {one.id for one in served.client.models.list()} == {"there", "large", "theirs-1"}
    assert served.client.models.retrieve("theirs-1").id == "theirs-1"


def test_vectors(served: Gateway, upstream: Scripted) -> None:
    vector = {"object": "embedding", "index": 0, "embedding": "AACAPwAAAEA="}  # 1 and 2, as the client asks
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    upstream.answer = lambda _: Told({"object": "list", "model": "theirs", "data": [vector], "usage": usage})
    raw = served.client.embeddings.with_raw_response.create(model="any-model", input=["two words"])
    assert raw.parse().data[0].embedding == [1.0, 2.0]
    assert upstream.last.document["input"] == ["two words"]
    decision = raw.headers["x-autotroph-decision"]
    assert served.came(decision).tokens_in == 4
    assert served.made(decision).inputs["request"] == {
        "path": "/embeddings", "input": ["two words"], "encoding_format": "base64",
    }  # fmt: skip


def test_who_knows_no_chunks_has_the_stream_as_it_is(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: streamed("Yes", ".")
    body = json.dumps({"model": "any-model", "messages": ASKED, "stream": True})
    head = "POST /v1/chat/completions HTTP/1.0", "host: 127.0.0.1", f"authorization: Bearer {TOKEN}"
    more = "content-type: application/json", f"content-length: {len(body)}", "", body
    with socket.create_connection(("127.0.0.1", served.http.port), 30) as connection:
        connection.sendall("\r\n".join((*head, *more)).encode())
        found = b"".join(iter(lambda: connection.recv(65536), b""))
    said, _, events = found.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in said
    assert events.startswith(b"data: {")
    assert events.endswith(b"data: [DONE]\n\n")
