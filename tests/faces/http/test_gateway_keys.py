"""The same idempotency key gets the same answer: whole, streamed, at once, and after a restart."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from officially import TOML, USAGE, Gateway, Scripted, Told, chunk, gateway, whole

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
CALLS: Any = [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), TOML.format(url=upstream.url)) as found:
        yield found


def keyed(key: str) -> Any:
    return {"model": "any", "messages": ASKED, "extra_headers": {"idempotency-key": key}}


def said(chunks: Any) -> str:
    return "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)


def test_a_whole_answer_again(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole("Yes.", later={"x": 1}))
    first = served.client.chat.completions.create(**keyed("whole"))
    asked = len(upstream.asked)
    again = served.client.chat.completions.create(**keyed("whole"))
    assert again.to_dict() == first.to_dict()
    assert len(upstream.asked) == asked


def test_a_stream_again_in_both_ways(served: Gateway, upstream: Scripted) -> None:
    pieces = [chunk({"role": "assistant"}), chunk({"content": "Yes"}), chunk({"content": "."})]
    counted = {**chunk(usage=USAGE), "choices": []}
    upstream.answer = lambda _: Told([*pieces, chunk(finish="stop"), counted])
    create = served.client.chat.completions.create
    first = list(create(**keyed("stream"), stream=True))
    asked = len(upstream.asked)
    again = list(create(**keyed("stream"), stream=True))
    counts = list(create(**keyed("stream"), stream=True, stream_options={"include_usage": True}))
    once = create(**keyed("stream"))
    assert said(first) == said(again) == once.choices[0].message.content == "Yes."
    assert {one.id for one in [*first, *again, once]} == {first[0].id}
    assert again[-1].choices[-1].finish_reason == "stop"
    assert counts[-1].usage is not None
    assert counts[-1].usage.total_tokens == 10
    assert len(upstream.asked) == asked


def test_many_at_once_are_one(served: Gateway, upstream: Scripted) -> None:
    slowly, asked = threading.Event(), len(upstream.asked)

    def waits(_: Any) -> Told:
        slowly.wait(0.3)
        return Told(whole("Yes."))

    upstream.answer = waits

    async def asks() -> list[str]:
        async with served.apart() as client:
            both = (client.chat.completions.create(**keyed("at once")) for _ in range(8))
            return [one.id for one in await asyncio.gather(*both)]

    assert len(set(asyncio.run(asks()))) == 1
    assert len(upstream.asked) == asked + 1


def test_what_failed_is_asked_again(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told({"error": {"message": "no"}}, 400)
    with pytest.raises(Exception, match="no"):
        served.client.chat.completions.create(**keyed("failed"))
    upstream.answer = lambda _: Told(whole("Yes."))
    second = served.client.chat.completions.create(**keyed("failed"))
    third = served.client.chat.completions.create(**keyed("failed"))
    assert second.to_dict() == third.to_dict()
    assert [one.key for one in served.decisions()[-2:]] == ["failed", "failed~2"]


def test_after_a_restart(tmp_path: Path, upstream: Scripted) -> None:
    toml, tools = TOML.format(url=upstream.url), whole(None, {"tool_calls": CALLS})
    tools["choices"][0]["finish_reason"] = "tool_calls"
    with gateway(tmp_path, toml) as served:
        upstream.answer = lambda _: Told(whole("Yes."))
        first = served.client.chat.completions.create(**keyed("text"))
        upstream.answer = lambda _: Told(tools)
        called = served.client.chat.completions.create(**keyed("tools"))
        served.came(called.id)
    asked = len(upstream.asked)
    with gateway(tmp_path, toml) as served:
        again = served.client.chat.completions.create(**keyed("text"))
        streamed = list(served.client.chat.completions.create(**keyed("text"), stream=True))
        tool = served.client.chat.completions.create(**keyed("tools"))
    assert (again.id, again.choices[0].message.content) == (first.id, "Yes.")
    assert again.usage is not None
    assert again.usage.total_tokens == 10
    assert (streamed[0].id, said(streamed)) == (first.id, "Yes.")
    assert tool.id == called.id
    assert tool.choices[0].message.tool_calls is not None
    assert [one.to_dict() for one in tool.choices[0].message.tool_calls] == CALLS
    assert len(upstream.asked) == asked
