"""OpenAI's client and responses: whole, and as typed events."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from officially import RESPONSES, TOML, Gateway, Scripted, Told, gateway

from autotroph.testing.recorded import Recorded, Stub

MESSAGE: Any = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "It is.", "annotations": []}],
}
CALL: Any = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 14,
}


def response(*output: Any, **more: Any) -> dict[str, Any]:
    head = {"id": "resp_theirs", "object": "response", "created_at": 1, "model": "theirs", "tools": []}
    said = {"status": "completed", "parallel_tool_calls": True, "tool_choice": "auto"}
    return {**head, **said, "output": list(output), "usage": USAGE, **more}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), TOML.format(url=upstream.url)) as found:
        yield found


def test_a_whole_response(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(response(MESSAGE, later={"x": 1}))
    answer = served.client.responses.create(
        model="any-model", instructions="Be brief.", input="Is it?", store=False, extra_body={"invented": [1]}
    )
    assert answer.output_text == "It is."
    assert answer.to_dict()["later"] == {"x": 1}
    assert upstream.last.path == RESPONSES
    assert upstream.last.document["invented"] == [1]
    assert upstream.last.document["input"] == "Is it?"
    made, came = served.made(answer.id), served.came(answer.id)
    assert made.inputs["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is it?"},
    ]
    assert (came.output, came.finish, came.tokens_in, came.tokens_out) == ("It is.", "stop", 9, 5)
    assert (came.tokens_cached, came.tokens_reasoning) == (4, 2)


def test_a_tool_that_is_called(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(response(CALL))
    tool: Any = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
    answer = served.client.responses.create(model="any-model", input="Is it?", tools=[tool])
    assert answer.output[0].to_dict() == CALL
    assert upstream.last.document["tools"] == [tool]
    came = served.came(answer.id)
    assert (came.finish, '"name":"look"' in came.output) == ("tool_calls", True)


def test_one_that_was_cut_off(served: Gateway, upstream: Scripted) -> None:
    why = {"reason": "max_output_tokens"}
    upstream.answer = lambda _: Told(response(MESSAGE, status="incomplete", incomplete_details=why))
    answer = served.client.responses.create(model="any-model", input="Is it?", max_output_tokens=2)
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert served.came(answer.id).finish == "length"


def test_the_conversation_is_the_session(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(response(MESSAGE))
    items: Any = [{"role": "user", "content": [{"type": "input_text", "text": "Is it?"}]}]
    answer = served.client.responses.create(
        model="any-model", input=items, conversation="conv_1", safety_identifier="u7"
    )
    made = served.made(answer.id)
    assert (made.session, made.user, made.inputs["messages"]) == ("conv_1", "u7", items)
    assert upstream.last.document["conversation"] == "conv_1"


def events(upstream: Recorded, folder: Any, **asked: Any) -> Iterator[tuple[Gateway, Any]]:
    with gateway(folder, TOML.format(url=upstream.url)) as served:
        for event in served.client.responses.create(model="any", input="Is it?", stream=True, **asked):
            yield served, event


def test_typed_events(tmp_path: Any) -> None:
    with Recorded(Stub("It is so, and it was so before.")) as upstream:
        found = [(event, served) for served, event in events(upstream, tmp_path)]
    kinds = [event.type for event, _ in found]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    deltas = [event.delta for event, _ in found if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "It is so, and it was so before."
    assert [event.sequence_number for event, _ in found] == list(range(len(found)))
    ids = {event.response.id for event, _ in found if hasattr(event, "response")}
    assert len(ids) == 1
    assert ids.pop().startswith("decision_")


def test_the_helper_for_streams_and_the_ledger(tmp_path: Any) -> None:
    with Recorded(Stub("It is so.")) as upstream, gateway(tmp_path, TOML.format(url=upstream.url)) as served:
        with served.client.responses.stream(model="any", input="Is it?") as stream:
            final = stream.get_final_response()

        async def asks() -> str:
            asked = {"model": "any", "input": "Is it?"}
            async with served.apart() as client, client.responses.stream(**asked) as stream:
                return (await stream.get_final_response()).output_text

        assert final.output_text == asyncio.run(asks()) == "It is so."
        came = served.came(final.id)
        assert (came.output, came.finish, came.error) == ("It is so.", "stop", "")
        assert came.first_token_ms is not None
