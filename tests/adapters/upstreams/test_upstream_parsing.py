"""Bytes to responses: however they are cut, and whatever is odd about them."""

import asyncio
import random
from typing import NamedTuple

import pytest

from autotroph.adapters.upstreams.broken import Broken, Garbled
from autotroph.adapters.upstreams.parsing import LARGEST_HEAD, MOST_HEADERS, Parser
from autotroph.adapters.upstreams.response import Response

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
BODY = (
    b"".join(b"data: %d\r\n\r\n" % number for number in range(20)) + b"\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
)
CHUNKS = b"".join(b"%X;a=b\r\n%b\r\n" % (len(part), part) for part in BODY.partition(b"7"))
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-A: b\r\n\r\n%b" % (len(BODY), BODY),
    "chunks": CHUNKED + CHUNKS + b"0\r\n\r\n",
    "trailers": CHUNKED + CHUNKS + b"0\r\nx-later: 1\r\nx-more:\r\n\r\n",
    "hints": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + CHUNKED + CHUNKS
    + b"0\r\n\r\n",
}  # fmt: skip


class Nowhere:
    """What a response comes from where there is no network."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def pause(self) -> None:
        self.did.append("pause")

    def resume(self) -> None:
        self.did.append("resume")

    def drop(self) -> None:
        self.did.append("drop")


class Found(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    over: bool
    keeps: bool


async def body_of(response: Response) -> bytes:
    """What has come of a body, and no waiting for the rest."""
    found = b""
    while response._pieces:
        found += await response.readany()
    return found


def parsed(*pieces: bytes, bodiless: bool = False, parser: Parser | None = None) -> Found:
    response, reads = Response(Nowhere(), bodiless=bodiless), parser or Parser()
    reads.expect(response)
    for piece in pieces:
        reads.feed(piece)
    body = asyncio.run(body_of(response))
    return Found(response.status, response.headers, body, response.over, reads.keeps)


def cut(whole: bytes, luck: random.Random) -> list[bytes]:
    at = sorted(luck.sample(range(1, len(whole)), luck.randint(0, min(12, len(whole) - 1))))
    return [whole[a:b] for a, b in zip([0, *at], [*at, len(whole)], strict=True)]


@pytest.mark.parametrize("kind", ANSWERS)
def test_it_does_not_matter_where_a_response_is_cut(kind: str):
    luck, whole, parser = random.Random(kind), ANSWERS[kind], Parser()
    for number in range(2500):
        pieces = cut(whole, luck)
        response = Response(Nowhere())
        parser.expect(response)
        for piece in pieces:
            assert not response.over
            parser.feed(piece)
        assert (response.over, parser.keeps, response.status) == (True, True, 200), (number, pieces)
        assert b"".join(response._pieces) == BODY, (number, pieces)
        assert "link" not in response.headers
        assert "x-later" not in response.headers


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_response_may_come_byte_by_byte(kind: str):
    found = parsed(*(bytes([one]) for one in ANSWERS[kind]))
    assert (found.body, found.over, found.keeps) == (BODY, True, True)


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        (b"X-A:b\r\nx-a: c", {"x-a": "b, c"}),
        (b"X-Empty:\r\nX-Blank:   ", {"x-empty": "", "x-blank": ""}),
        (b"X-Tab:\t a\tb \t", {"x-tab": "a\tb"}),
        (b"X-High: \xe4\xff", {"x-high": "äÿ"}),
        (b"X-Colons: a: b:", {"x-colons": "a: b:"}),
        (b"X-!#$%&'*+.^_`|~: 1", {"x-!#$%&'*+.^_`|~": "1"}),
    ],
)
def test_headers_that_look_odd_and_are_none_the_worse(head: bytes, headers: dict[str, str]):
    whole = b"HTTP/1.1 200\r\n" + head + b"\r\nContent-Length: 0\r\n\r\n"
    assert parsed(whole).headers == {**headers, "content-length": "0"}
    assert parsed(*(bytes([one]) for one in whole)).headers == {**headers, "content-length": "0"}


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n",
        b"HTTP/1.1 200 OK\nX-A: b\n\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\nearlyHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"<html>",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(said: bytes):
    with pytest.raises(Garbled):
        parsed(said)
    with pytest.raises(Garbled):
        parsed(*(bytes([one]) for one in said))


@pytest.mark.parametrize(
    "said",
    [
        [b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * LARGEST_HEAD],
        [b"HTTP/1.1 200 OK\r\n"] + [b"x-a: " + b"a" * 1000 + b"\r\n"] * 70,
        [b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MOST_HEADERS + 2)],
        [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"] * (MOST_HEADERS + 1),
        [b"HTTP/1.1 100 Continue\r\n\r\n"] * (LARGEST_HEAD // 20),
        [CHUNKED + b"1;", *[b"x" * 1000] * 70],
        [CHUNKED + b"1\r\na\r\n0\r\n", *[b"x: y\r\n"] * (MOST_HEADERS + 1)],
        [CHUNKED + b"1\r\na\r\n0\r\nx: ", *[b"x" * 1000] * 70],
    ],
    ids=["value", "head", "headers", "hints", "continues", "extension", "trailers", "trailer"],
)
def test_what_has_no_end_is_given_up(said: list[bytes]):
    with pytest.raises(Garbled, match="more than"):
        parsed(*said)


def test_a_long_body_of_small_chunks_is_no_head():
    found = parsed(CHUNKED, *[b"1\r\na\r\n"] * LARGEST_HEAD, b"0\r\n\r\n")
    assert found.over
    assert found.body == b"a" * LARGEST_HEAD


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("more", [b"", b"content-length: 0\r\n", b"etag: x\r\n"])
def test_an_answer_that_never_has_a_body_is_over_with_its_head(status: int, more: bytes):
    found = parsed(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, more))
    assert (found.status, found.body, found.over, found.keeps) == (status, b"", True, True)


def test_an_answer_to_head_announces_a_body_that_does_not_come():
    for said in (b"content-length: 9", b"transfer-encoding: chunked", b"x: y"):
        found = parsed(b"HTTP/1.1 200 OK\r\n" + said + b"\r\n\r\n", bodiless=True)
        assert (found.over, found.body, found.keeps) == (True, b"", False)
    found = parsed(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", bodiless=True)
    assert (found.over, found.body, found.keeps) == (True, b"", False)


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_as_the_other_side_says(head: bytes, keeps: bool):
    found = parsed(head + b"Content-Length: 2\r\n\r\nok")
    assert (found.body, found.over, found.keeps) == (b"ok", True, keeps)


def test_nothing_can_be_smuggled_behind_an_answer():
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    parser, response = Parser(), Response(Nowhere())
    parser.expect(response)
    with pytest.raises(Garbled):
        parser.feed(ok + ok)
    assert response.over
    assert asyncio.run(body_of(response)) == b"ok"


def test_the_other_side_waits_until_what_came_is_read():
    async def read() -> None:
        source = Nowhere()
        response, parser = Response(source), Parser()
        parser.expect(response)
        parser.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n")
        for _ in range(3):
            parser.feed(b"a" * 100_000)
        assert source.did == ["pause"]
        assert len(await response.readany()) == 300_000
        assert source.did == ["pause", "resume"]
        response.abort()
        assert source.did == ["pause", "resume", "drop"]
        with pytest.raises(Broken):
            await response.readany()

    asyncio.run(read())
