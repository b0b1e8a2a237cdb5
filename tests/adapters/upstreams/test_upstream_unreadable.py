"""Answers that nobody can read are faults of the upstream, said in words, and none of ours."""

import asyncio

import pytest

from adapters.upstreams.rawly import Raw
from autotroph.adapters.upstreams.openai import openai_upstream
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.protocols import Call, error_document
from autotroph.errors import UpstreamFault
from autotroph.spec import CallSpec, ModelSpec

DEEP = b'{"choices":[],"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
JSON, EVENTS = b"application/json", b"text/event-stream"


def fault(
    body: bytes, kind: bytes = JSON, status: bytes = b"200 OK", *, stream: bool = False
) -> UpstreamFault:
    """What is raised where an upstream answers so."""
    with pytest.raises(UpstreamFault) as caught:
        heard(body, kind, status, stream=stream)
    return caught.value


def heard(body: bytes, kind: bytes = JSON, status: bytes = b"200 OK", *, stream: bool = False) -> list[bytes]:
    """The events that are passed on where an upstream answers so."""
    typed = b"content-type: %b\r\n" % kind if kind else b""
    answer = b"HTTP/1.1 %b\r\n%bcontent-length: %d\r\n\r\n%b" % (status, typed, len(body), body)

    async def ask() -> list[bytes]:
        async def answers(head, reader, writer):
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.write(answer)

        async with Raw(answers) as raw:
            calls = CallSpec(private=True, retries=0)
            model = ModelSpec(kind="openai", base_url=f"http://127.0.0.1:{raw.port}/v1", calls=calls)
            upstream = openai_upstream("small", model, SystemClock(""))
            call = Call(path="/chat/completions", document={"messages": [], "stream": stream}, stream=stream)
            try:
                reply = await upstream.ask(call)
                return [event async for event in reply]
            finally:
                await upstream.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("body", [b'{"choices":[{"message":{"content":"\xff"}}]}', DEEP, b"", b"null"])
def test_a_whole_answer(body: bytes):
    assert fault(body).kind == "malformed"


@pytest.mark.parametrize("payload", [b'{"choices":[{"delta":{"content":"\xff"}}]}', DEEP])
def test_an_event(payload: bytes):
    assert fault(b"data: " + payload + b"\n\ndata: [DONE]\n\n", EVENTS, stream=True).kind == "malformed"


@pytest.mark.parametrize("body", [b"[" * 30_000, b"{}", b'{"error":{"code":7}}', b"\xff"])
def test_what_is_said_of_an_error_is_never_empty(body: bytes):
    found = fault(body, status=b"400 Bad Request")
    assert (found.kind, found.status) == ("status", 400)
    assert b'"message":""' not in error_document(found)


@pytest.mark.parametrize(("kind", "said"), [(b"text/plain", "text/plain"), (b"", "of no content type")])
def test_a_stream_by_another_name(kind: bytes, said: str):
    assert f"a stream was asked for, and the answer is {said}" in str(
        fault(b"data: {}\n\n", kind, stream=True)
    )


TEXT, FIRST, SECOND = (
    b'{"choices":[{"index":0,"delta":{"content":"Yes."}},{"index":1,"delta":{"content":"No."}}]}',
    b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    b'{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}',
)


def test_who_never_says_that_it_is_done_may_stop_when_every_choice_has_said_why_it_ended():
    said = [TEXT, FIRST, SECOND]
    events = [b"data: %b\n\n" % one for one in said]
    assert heard(b"".join(events), EVENTS, stream=True) == said
    assert fault(b"".join(events[:2]), EVENTS, stream=True).kind == "cut"
