"""What goes through an upstream of OpenAI's format: untouched, both ways, but for the model's name."""

import json
from typing import Any

import pytest
from flakily import ASKED, SECRET, asked, model, read, run, upstream

from autotroph.adapters.upstreams.openai import openai_upstream
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import InputError, SpecError
from autotroph.testing.flaky import Flaky
from autotroph.testing.flaky.answers import tail, token, whole

STREAMED = {**ASKED, "stream": True}


def test_a_document_keeps_its_fields_and_their_order():
    document = {"x_new": {"b": [1, 2.5, None]}, "model": "task::small", **ASKED, "a_later_one": "ü"}

    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        reply = await asks.ask(Call(path="/chat/completions", document=document, headers={"x-mine": "1"}))
        assert reply.body == whole("/chat/completions")
        assert reply.status == 200
        assert dict(reply.headers) == {"content-type": "application/json", "x-request-id": "req_1"}
        assert list(flaky.last.document.items()) == list({**document, "model": "there"}.items())
        assert flaky.last.headers["authorization"] == f"Bearer {SECRET}"
        assert flaky.last.headers["x-mine"] == "1"
        assert document["model"] == "task::small"
        await asks.close()

    run(use)


def test_events_come_as_they_were_sent():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        payloads = await read(await asks.ask(asked(stream=True)))
        assert payloads[1] == token("/chat/completions", "Well").removeprefix(b"data: ").strip()
        assert b"x_future" in payloads[1]
        assert payloads[-1] == tail("/chat/completions", usage=False)[0].removeprefix(b"data: ").strip()
        await asks.close()

    run(use)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_is_asked_for_its_usage_and_shows_it_to_those_who_asked(wanted: bool):
    options = {"stream_options": {"include_usage": True, "x": 1}} if wanted else {"stream_options": {"x": 1}}

    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        call = Call(path="/chat/completions", document={**STREAMED, **options}, stream=True)
        reply = await asks.ask(call)
        payloads = [json.loads(payload) for payload in await read(reply)]
        assert bool(payloads[-1].get("usage")) == wanted
        assert (reply.usage, reply.told) == (Usage(input=11, cached=3, output=5), True)
        assert flaky.last.document["stream_options"] == {"include_usage": True, "x": 1}
        await asks.close()

    run(use)


def test_tokens_are_counted_where_nobody_tells_them():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, ask_usage=False)
        reply = await asks.ask(asked(stream=True))
        await read(reply)
        assert not reply.told
        assert reply.usage == Usage(input=3, output=5)
        assert "stream_options" not in flaky.last.document
        await asks.close()

    run(use)


@pytest.mark.parametrize("path", ["/embeddings", "/responses?x=1", "/audio/speech", "/models"])
def test_any_path_is_passed_on(path: str):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        reply = await asks.ask(Call(path=path, method="GET" if path == "/models" else "POST"))
        assert reply.body == whole(path)
        assert flaky.last.path == f"/v1{path}"
        assert flaky.last.method == ("GET" if path == "/models" else "POST")
        await asks.close()

    run(use)


def test_a_body_that_is_no_document_is_passed_on_as_it_is():
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        form = b"--x\r\n" + b"a" * 3_000_000 + b"--x--"
        call = Call(path="/audio/transcriptions", body=form, media_type="multipart/form-data; boundary=x")
        await asks.ask(call)
        assert flaky.last.body == form
        assert flaky.last.headers["content-type"] == call.media_type
        await asks.close()

    run(use)


def test_a_caller_gives_no_key_and_no_length():
    given = {"Authorization": "Bearer theirs", "X-Api-Key": "theirs", "Content-Length": "3", "Cookie": "a=b"}

    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        await asks.ask(asked(headers={**given, "Host": "elsewhere"}))
        assert "theirs" not in str(flaky.last.headers)
        assert "cookie" not in flaky.last.headers
        assert flaky.last.headers["host"] != "elsewhere"
        await asks.close()

    run(use)


@pytest.mark.parametrize(
    "path", ["/../admin", "/%2e%2e/admin", "/a/%252e%252e/b", "models", "//x/../y", "/a\\..\\b"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        with pytest.raises(InputError, match="no path below"):
            await asks.ask(Call(path=path))
        assert flaky.received == 0
        await asks.close()

    run(use)


@pytest.mark.parametrize("document", [{"a": object()}, {"a": {1, 2}, "b": b"\xff", 3: object()}])
def test_what_is_no_json_is_refused(document: dict[Any, Any]):
    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url)
        with pytest.raises(InputError, match="not JSON"):
            await asks.ask(Call(path="/chat/completions", document={"a": object(), **document}))
        await asks.close()

    run(use)


@pytest.mark.parametrize(
    "url", ["", "ftp://x/v1", "llm.example.com", "https://a:b@x/v1", "https://x/v1?key=k", "http://x:a/v1"]
)
def test_a_base_url_that_is_none(url: str):
    with pytest.raises(SpecError, match=r"models\.small\.base_url"):
        openai_upstream("small", model(url), SystemClock("s"))
