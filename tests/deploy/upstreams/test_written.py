"""Answers that are sent on: by our id and otherwise untouched, or written again out of what is kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.written import can_be_written, renamed, written
from autotroph.wire.said import CHAT, DECISIONS, EMBEDDINGS, RESPONSES, TEXT, Said, said

CALLS = '[{"id":"c1","type":"function","function":{"name":"find","arguments":"{}"}}]'
USAGE = Usage(input=7, cached=2, output=3, reasoning=1)


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize(
    "kept",
    [
        Said("Yes.", "stop"),
        Said("Ye", "length"),
        Said("I cannot.", "refusal"),
        Said(CALLS, "tool_calls"),
        Said("", "stop"),
        Said("[]", "stop"),
    ],
)
def test_what_is_written_says_what_was_kept(path: str, kept: Said):
    assert can_be_written(kept)
    assert said(path, written(path, "small", kept, USAGE)) == kept


@given(st.text(max_size=40), st.sampled_from(["stop", "length", "content_filter"]))
def test_any_text_is_written_as_it_was(text: str, finish: str):
    for path in (CHAT, TEXT, RESPONSES):
        assert said(path, written(path, "small", Said(text, finish), USAGE)) == Said(text, finish)


def test_decisions_and_tokens():
    body = json.loads(written(DECISIONS, "small", Said('[{"p":0.5}]', "stop"), USAGE))
    assert body["answers"] == [{"p": 0.5}]
    assert body["usage"]["total_tokens"] == 10
    usage = json.loads(written(CHAT, "small", Said("a", "stop"), USAGE))["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (7, 3, 10)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 2}


def test_a_text_beside_which_tools_were_called_is_not_all_that_was_said():
    assert not can_be_written(Said("Wait.", "tool_calls"))
    assert not can_be_written(Said())


@pytest.mark.parametrize(
    ("path", "payload", "expected"),
    [
        (CHAT, b'{"id":"theirs","x":[1.50, 2e0]}', b'{"id":"ours","x":[1.50, 2e0]}'),
        (TEXT, b'{"id":"theirs"}', b'{"id":"ours"}'),
        (RESPONSES, b'{"type":"t","response":{"id":"theirs"}}', b'{"type":"t","response":{"id":"ours"}}'),
        (EMBEDDINGS, b'{"id":"file-1"}', b'{"id":"file-1"}'),
        (CHAT, b'{"error":{}}', b'{"error":{}}'),
        (CHAT, b"no JSON", b"no JSON"),
        (CHAT, b"\xff", b"\xff"),
    ],
)
def test_an_answer_is_called_by_our_id(path: str, payload: bytes, expected: bytes):
    assert renamed(payload, "ours", path) == expected
