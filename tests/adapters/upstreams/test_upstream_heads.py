"""The heads of requests: nothing that is given for one gets a line of its own, or another host."""

from urllib.parse import urlsplit

import pytest
from flakily import model
from hypothesis import given
from hypothesis import strategies as st

from autotroph.adapters.upstreams.heads import Heads, passed, told
from autotroph.adapters.upstreams.line import Line
from autotroph.errors import InputError, SpecError
from autotroph.spec import CallSpec

HEADS = Heads(urlsplit("http://llm.example.com:81/v1"))
TEXTS = st.one_of(st.text(max_size=12), st.text("a:\r\n \t\0/?#%.\\", max_size=12))


def lines(head: bytes) -> list[bytes]:
    assert head.endswith(b"\r\n\r\n")
    return head[:-4].split(b"\r\n")


def test_a_head_says_what_every_request_says():
    head = HEADS.of("POST", "/chat/completions?x=%20", {"x-mine": "ü", "user-agent": "theirs"}, 7)
    assert lines(head) == [
        b"POST /v1/chat/completions?x=%20 HTTP/1.1",
        b"host: llm.example.com:81",
        b"accept-encoding: identity",
        b"user-agent: theirs",
        b"accept: */*",
        b"x-mine: \xc3\xbc",
        b"content-length: 7",
    ]


@pytest.mark.parametrize(
    ("method", "length", "announced"),
    [("POST", 0, True), ("GET", 0, False), ("GET", 3, True), ("HEAD", 0, False), ("DELETE", 0, True)],
)
def test_a_length_is_announced_where_there_may_be_a_body(method: str, length: int, announced: bool):
    assert (b"content-length" in HEADS.of(method, "/x", {}, length)) == announced


@pytest.mark.parametrize("text", ["a\r\nx: y", "a\n", "\r", "\0", "\x7f", "\x1b[0m", "\udc80"])
def test_a_text_that_no_header_can_hold_is_refused(text: str):
    with pytest.raises(InputError, match="header"):
        HEADS.of("POST", "/x", {"x-mine": text}, 0)


@pytest.mark.parametrize("odd", range(4))  # one at a time: the others would be refused for it
@given(given_=TEXTS)
def test_nothing_adds_a_line(odd: int, given_: str):
    method, path, name, text = (
        given_ if place == odd else usual for place, usual in enumerate(("POST", "x", "x-mine", "1"))
    )
    try:
        head = HEADS.of(method, f"/{path}", {name: text}, 0)
    except InputError:
        return
    first, host, *rest = lines(head)
    assert first.count(b" ") == 2
    assert first.split(b" ")[1].startswith(b"/v1/")
    assert host == b"host: llm.example.com:81"
    assert len(rest) in (4, 5)
    assert not set(head) & (set(range(32)) - set(b"\r\n\t"))


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "ä"])
def test_a_name_that_is_none_is_told_without_what_it_holds(name: str):
    with pytest.raises(InputError, match="header") as caught:
        HEADS.of("POST", "/x", {name: "secret"}, 0)
    assert "secret" not in str(caught.value)


def test_headers_of_callers_and_of_answers_have_one_case():
    assert passed({"X-Mine": "1", "COOKIE": "a", "Proxy-Connection": "x"}) == {"x-mine": "1"}
    headers = {"x-ratelimit-left": "3", "server": "x", "x-request-id": "r", "set-cookie": "a=b"}
    assert told(headers) == {"x-ratelimit-left": "3", "x-request-id": "r"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://LLM.example.com:443/v1", "llm.example.com"),
        ("http://bücher.example/v1/", "xn--bcher-kva.example"),
        ("http://[::1]:80/v1", "[::1]"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
    ],
)
def test_a_host_is_said_in_ascii_and_without_its_usual_port(url: str, host: str):
    assert Line("small", url, CallSpec()).host == host


@pytest.mark.parametrize(
    "url",
    ["http://a b/v1", "http://x/v 1", "http://x/v1#here", f"http://{'a' * 64}.example/", "http://[x/v1"],
)
def test_a_url_that_cannot_be_said_is_refused(url: str):
    with pytest.raises(SpecError, match=r"models\.small\.base_url"):
        Line("small", url, model(url).calls)
