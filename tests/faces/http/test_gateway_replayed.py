"""An answer that came whole, or was given before, and is asked for as a stream, or the other way round.

What OpenAI's client makes of it is the same: texts, calls of tools, refusals, logprobs, choices, usage.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from officially import CHAT, RESPONSES, TOML, USAGE, Gateway, Scripted, Told, gateway, whole

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
COUNTED: Any = {"stream_options": {"include_usage": True}}
CASCADE = """
[tasks.sure]
kind = "chat"
unit = "decision"
[tasks.sure.variants]
both = {{ cascade = ["there", "large"], accept = "tokens_out > 0" }}
"""
TOKENS = ["It is", " so, and", " it was so", " before."]
SURE = [{"token": one, "logprob": -0.1, "bytes": None, "top_logprobs": []} for one in TOKENS]


def call(nth: int, arguments: str) -> dict[str, Any]:
    return {
        "id": f"call_{nth}",
        "type": "function",
        "function": {"name": f"look_{nth}", "arguments": arguments},
    }


def choice(nth: int, message: Any, finish: str = "stop", **more: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": None, "refusal": None, **message}
    return {"index": nth, "message": said, "finish_reason": finish, "logprobs": None, **more}


LONG = '{"place": "where the lost cards are", "colour": "blue"}'
BOTH = [call(0, LONG), call(1, "{}")]
CHATS = {
    "text": [choice(0, {"content": "".join(TOKENS)})],
    "cut off": [choice(0, {"content": "It is so and"}, "length")],
    "calls": [choice(0, {"tool_calls": BOTH}, "tool_calls")],
    "a text and calls": [choice(0, {"content": "Let me look at that.", "tool_calls": BOTH}, "tool_calls")],
    "a refusal": [choice(0, {"refusal": "I am not going to say that."})],
    "logprobs": [choice(0, {"content": "".join(TOKENS)}, logprobs={"content": SURE, "refusal": None})],
    "logprobs of something else": [
        choice(0, {"content": "It is."}, logprobs={"content": SURE, "refusal": None})
    ],
    "several": [
        choice(0, {"content": "It is so, and it was so before."}),
        choice(1, {"tool_calls": BOTH}, "tool_calls"),
        choice(2, {"refusal": "No."}),
    ],
    "nothing": [choice(0, {"content": ""})],
}


def completion(choices: Any) -> dict[str, Any]:
    return {**whole(), "choices": choices, "usage": USAGE, "service_tier": "default"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    toml = (TOML + CASCADE).format(url=upstream.url)
    with gateway(tmp_path_factory.mktemp("gateway"), toml) as found:
        yield found


def plain(found: Any) -> Any:
    """What the client has found, without what it has not been told, and what it parsed itself."""
    if isinstance(found, dict):
        kept = {name: plain(one) for name, one in found.items() if name not in ("parsed", "parsed_arguments")}
        return {name: one for name, one in kept.items() if one not in (None, [])}
    return [plain(one) for one in found] if isinstance(found, list) else found


def choices(found: Any) -> Any:
    told = plain(found.to_dict())["choices"]
    for one in told:
        for nth, made in enumerate(one["message"].get("tool_calls", ())):
            assert made.pop("index", nth) == nth
    return told


def ended(stream: Any) -> Any:
    """What came of a stream; the client does not take one for an answer that was cut off."""
    try:
        return stream.get_final_completion()
    except openai.LengthFinishReasonError as cut:
        return cut.completion


def keyed(name: str) -> Any:
    return {"extra_headers": {"idempotency-key": name}}


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("way", ["again", "judged"])
def test_a_chat_completion_as_a_stream(served: Gateway, upstream: Scripted, name: str, way: str) -> None:
    upstream.answer = lambda _: Told(completion(CHATS[name]))
    asked: Any = {"model": "any" if way == "again" else "sure", "messages": ASKED}
    if way == "again":
        asked |= keyed(f"chat {name}")
        first = served.client.chat.completions.create(**asked)
        before = len(upstream.asked)
        assert plain(first.to_dict()["choices"]) == plain(CHATS[name])
    with served.client.chat.completions.stream(**asked, **COUNTED) as stream:
        seen = list(stream)
        final = ended(stream)
    assert choices(final) == plain(CHATS[name])
    assert final.usage is not None
    assert plain(final.usage.to_dict()) == USAGE
    assert final.service_tier == "default"
    pieces = [one for one in seen if one.type == "content.delta" and one.delta]
    assert (len(pieces) > 1) == any(len(one["message"]["content"] or "") > 16 for one in CHATS[name])
    uncounted = list(served.client.chat.completions.create(**asked, stream=True))
    assert all(one.usage is None for one in uncounted)
    if way == "again":
        assert {final.id, *(one.id for one in uncounted)} == {first.id}
        assert len(upstream.asked) == before
    assert served.came(final.id).error == ""


@pytest.mark.parametrize("name", CHATS)
def test_a_stream_that_was_given_before_as_a_whole(served: Gateway, upstream: Scripted, name: str) -> None:
    """It is put together out of what came, though nobody had asked for its usage."""

    def chunks(asked: Any) -> Told:
        assert asked.document["stream_options"] == {"include_usage": True}
        head = {"id": "theirs", "object": "chat.completion.chunk", "created": 1, "model": "theirs"}
        deltas = []
        for one in CHATS[name]:
            calls = [
                {"index": nth, **each} for nth, each in enumerate(one["message"].get("tool_calls") or ())
            ]
            delta = {**one["message"], **({"tool_calls": calls} if calls else {})}
            told = {"index": one["index"], "delta": delta, "finish_reason": None, "logprobs": one["logprobs"]}
            deltas.append({**head, "choices": [told]})
            end = {"index": one["index"], "delta": {}, "finish_reason": one["finish_reason"]}
            deltas.append({**head, "choices": [end]})
        return Told([*deltas, {**head, "choices": [], "usage": USAGE}])

    upstream.answer = chunks
    asked: Any = {"model": "any", "messages": ASKED, **keyed(f"streamed {name}")}
    first = list(served.client.chat.completions.create(**asked, stream=True))
    before = len(upstream.asked)
    again = served.client.chat.completions.create(**asked)
    with served.client.chat.completions.stream(**asked, **COUNTED) as stream:
        streamed = ended(stream)
    assert choices(again) == choices(streamed) == plain(CHATS[name])
    assert again.usage is not None
    assert (again.usage.total_tokens, again.object) == (10, "chat.completion")
    assert again.id == streamed.id == first[0].id
    assert len(upstream.asked) == before


def test_an_older_completion_as_a_stream(served: Gateway, upstream: Scripted) -> None:
    told = [
        {"index": 0, "text": "It is so, and it was so before.", "finish_reason": "length", "logprobs": None},
        {"index": 1, "text": "No.", "finish_reason": "stop", "logprobs": {"tokens": ["No."]}},
    ]
    head = {"id": "theirs", "object": "text_completion", "created": 1, "model": "theirs"}
    upstream.answer = lambda _: Told({**head, "choices": told, "usage": USAGE})
    asked: Any = {"model": "any", "prompt": "Is it?", **keyed("older")}
    first = served.client.completions.create(**asked)
    before = len(upstream.asked)
    chunks = list(served.client.completions.create(**asked, stream=True, **COUNTED))
    for nth, one in enumerate(told):
        parts = [part for chunk in chunks for part in chunk.choices if part.index == nth]
        assert "".join(part.text for part in parts) == one["text"]
        assert (parts[-1].finish_reason, parts[0].finish_reason) == (one["finish_reason"], None)
        assert [plain(part.logprobs.to_dict()) for part in parts if part.logprobs] == (
            [one["logprobs"]] if one["logprobs"] else []
        )
    assert {one.object for one in chunks} == {"text_completion"}
    assert [one.usage.total_tokens for one in chunks if one.usage] == [10]
    assert {one.id for one in chunks} == {first.id}
    assert len(upstream.asked) == before


PART = {"type": "output_text", "text": "".join(TOKENS), "annotations": [], "logprobs": []}
ITEMS: dict[str, Any] = {
    "text": [{"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}],
    "calls": [
        {"id": "f", "type": "function_call", "call_id": "c", "name": "look", "arguments": LONG},
        {"id": "g", "type": "function_call", "call_id": "d", "name": "look", "arguments": "{}"},
    ],
    "all kinds": [
        {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{**PART, "logprobs": SURE}, {"type": "refusal", "refusal": "I am not to say more."}],
        },
        {"id": "t", "type": "custom_tool_call", "call_id": "e", "name": "run", "input": "ls"},
        {"id": "w", "type": "web_search_call", "status": "completed", "action": {"type": "search"}},
    ],
}
SPENT = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 14,
}


def response(items: Any, status: str = "completed") -> dict[str, Any]:
    head = {"id": "resp_theirs", "object": "response", "created_at": 1, "model": "theirs", "tools": []}
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "status": status, "output": items}
    why = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {**head, **more, "usage": SPENT, "incomplete_details": why}


@pytest.mark.parametrize("name", ITEMS)
@pytest.mark.parametrize("way", ["again", "judged"])
def test_a_response_as_a_stream(served: Gateway, upstream: Scripted, name: str, way: str) -> None:
    upstream.answer = lambda _: Told(response(ITEMS[name]))
    asked: Any = {"model": "any" if way == "again" else "sure", "input": "Is it?"}
    if way == "again":
        asked |= keyed(f"response {name}")
        first = served.client.responses.create(**asked)
    with served.client.responses.stream(**asked) as stream:
        seen = list(stream)
        final = stream.get_final_response()
    if way == "again":
        assert final.id == first.id
    assert plain(final.to_dict()["output"]) == plain(ITEMS[name])
    assert plain(final.to_dict()["usage"]) == SPENT
    assert [one.sequence_number for one in seen] == list(range(len(seen)))
    assert (seen[0].type, seen[1].type, seen[-1].type) == (
        "response.created", "response.in_progress", "response.completed")  # fmt: skip
    texts = "".join(one.delta for one in seen if one.type == "response.output_text.delta")
    written = "".join(one.delta for one in seen if one.type == "response.function_call_arguments.delta")
    assert texts == ("" if name == "calls" else "".join(TOKENS))
    assert written == (f"{LONG}{{}}" if name == "calls" else "")
    assert len([one for one in seen if one.type == "response.output_item.done"]) == len(ITEMS[name])


def test_a_response_that_was_cut_off_ends_so(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(response(ITEMS["text"], "incomplete"))
    asked: Any = {"model": "any", "input": "Is it?", **keyed("cut off")}
    served.client.responses.create(**asked)
    last = list(served.client.responses.create(**asked, stream=True))[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"


def test_after_a_restart_what_is_kept_is_said_in_the_same_way(tmp_path: Path, upstream: Scripted) -> None:
    """Where less is kept than was said, it is asked again: vectors, and calls of tools beside a text."""
    toml = TOML.format(url=upstream.url)
    forced = [choice(0, {"tool_calls": BOTH})]  # one who has to call a tool ends so
    told = {**{name: CHATS[name] for name in ("text", "cut off", "calls", "a refusal")}, "forced": forced}
    older = {"index": 0, "text": "It is.", "finish_reason": "stop", "logprobs": None}
    head = {"id": "theirs", "object": "text_completion", "created": 1, "model": "theirs"}
    refused = [{**ITEMS["text"][0], "content": [{"type": "refusal", "refusal": "No."}]}]
    asked: Any = {"model": "any", "messages": ASKED}
    plainly: Any = {"model": "any", "input": "Is it?"}

    def ask(client: Any) -> list[Any]:
        found = []
        for name, made in told.items():
            upstream.answer = lambda _, made=made: Told(completion(made))  # type: ignore[misc]
            found.append(client.chat.completions.create(**asked, **keyed(name)))
        upstream.answer = lambda _: Told({**head, "choices": [older], "usage": USAGE})
        found.append(client.completions.create(model="any", prompt="Is it?", **keyed("older")))
        upstream.answer = lambda _: Told(response(refused, "incomplete"))
        found.append(client.responses.create(**plainly, **keyed("refused")))
        return found

    with gateway(tmp_path, toml) as served:
        first = ask(served.client)
        served.came(first[-1].id)
    before = len(upstream.asked)
    with gateway(tmp_path, toml) as served:
        again = ask(served.client)
        for name, made in told.items():
            with served.client.chat.completions.stream(**asked, **keyed(name), **COUNTED) as stream:
                streamed = ended(stream)
            assert choices(streamed) == plain(made)
            assert streamed.usage is not None
            assert streamed.usage.total_tokens == 10
        chunks = list(served.client.completions.create(
            model="any", prompt="Is it?", stream=True, **keyed("older")))  # fmt: skip
    assert len(upstream.asked) == before
    assert [one.id for one in again] == [one.id for one in first]
    assert [choices(one) for one in again[:-2]] == [plain(made) for made in told.values()]
    assert (
        "".join(part.text for one in chunks for part in one.choices) == again[-2].choices[0].text == "It is."
    )
    (item,) = again[-1].output
    assert (item.content[0].type, item.content[0].refusal) == ("refusal", "No.")


def test_what_is_not_kept_is_asked_and_paid_for_again_and_no_other_question_is_answered(
    tmp_path: Path, upstream: Scripted
) -> None:
    toml = TOML.format(url=upstream.url)
    vector = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    embedded = {**vector, "model": "theirs", "usage": {"prompt_tokens": 5, "total_tokens": 5}}
    beside = completion(CHATS["a text and calls"])

    def ask(served: Gateway) -> list[str]:
        upstream.answer = lambda asked: Told(beside if asked.path == CHAT else embedded)
        found = served.client.chat.completions.create(model="there", messages=ASKED, **keyed("both"))
        assert choices(found) == plain(CHATS["a text and calls"])
        asked = served.client.embeddings.with_raw_response.create(
            model="there", input="lost", encoding_format="float", **keyed("vector"))  # fmt: skip
        assert asked.parse().data[0].embedding == [0.5]
        return [found.id, asked.headers["x-autotroph-decision"]]

    ids: list[str] = []
    for start in (1, 2):
        before = len(upstream.asked)
        with gateway(tmp_path, toml) as served:
            told = ask(served)
            assert ask(served) == told  # from memory
            assert len(upstream.asked) == before + 2
            ids += told
            assert served.came(told[1]).cost_usd == pytest.approx(5e-6)
            made = [one for one in served.decisions() if one.key.startswith("vector")]
            assert [one.key for one in made] == ["vector", "vector~2"][:start]
    assert len(set(ids)) == 4
    with gateway(tmp_path, toml) as served, pytest.raises(Exception, match="another question"):
        served.client.embeddings.create(model="there", input="found", **keyed("vector"))
    assert upstream.last.path != RESPONSES
