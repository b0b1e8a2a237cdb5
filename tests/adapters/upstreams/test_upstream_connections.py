"""Connections: kept while nothing about them is odd, closed at once otherwise, and not too many."""

import asyncio
import socket
import struct
from typing import Any

import pytest
from flakily import asked, model
from rawly import LOOPS, OK, Raw, got, line, run, says, sent

from autotroph.adapters.upstreams import pool
from autotroph.adapters.upstreams.broken import Cut, Garbled, Unreachable
from autotroph.adapters.upstreams.line import Line
from autotroph.adapters.upstreams.openai import openai_upstream
from autotroph.adapters.upstreams.pool import Pool
from autotroph.adapters.upstreams.reaching import Place
from autotroph.adapters.upstreams.response import HELD
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import UpstreamFault
from ports import port_of_its_own

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
both = pytest.mark.parametrize("loop", LOOPS)


@both
@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK], b"ok"),
        ([OK[:9], OK[9:30], OK[30:]], b"ok"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n", OK], b"ok"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r", b"\n0\r\n\r\n"], b"ok"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"], b""),
    ],
)
def test_a_connection_is_used_again(pieces: list[bytes], body: bytes, loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(3):
            assert await got(await sent(to)) == body
        assert (raw.opened, len(raw.heads)) == (1, 3)

    run(says(*pieces), use, loop)


@both
@pytest.mark.parametrize(
    ("said", "method", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", "POST", b"ok"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", "POST", b"ok"),
        (OK, "HEAD", b""),
        (OK + b"and more", "POST", b"ok"),
        (OK + OK, "POST", b"ok"),
    ],
)
def test_a_connection_is_not_used_again(said: bytes, method: str, body: bytes, loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(3):
            assert await got(await sent(to, method=method)) == body
        assert raw.opened == 3

    run(says(said), use, loop)


@both
def test_an_answer_without_a_length_ends_with_its_connection(loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(2):
            assert await got(await sent(to)) == b"all of it"
        assert raw.opened == 2

    run(says(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", then_close=True), use, loop)


@both
@pytest.mark.parametrize(
    ("said", "silent", "body"),
    [
        (b"", True, b""),
        (b"HTTP/1.1 200", False, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome", False, b"some"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n", False, b"some"),
    ],
)
def test_an_answer_that_is_cut_says_so_after_all_that_came(said: bytes, silent: bool, body: bytes, loop: str):
    async def use(raw: Raw, to: Line) -> None:
        found = b""
        with pytest.raises(Cut) as caught:  # noqa: PT012 - it may end anywhere
            response = await sent(to)
            while True:
                found += await response.readany()
        assert (caught.value.silent, found, len(raw.heads)) == (silent, body, 1)

    run(says(said, then_close=True), use, loop)


@both
@pytest.mark.parametrize(
    ("said", "silent"), [(b"", True), (b"HTTP/1.1 200 OK\r\n\r\nwithout a length", False)]
)
def test_a_connection_that_is_reset_is_no_end(said: bytes, silent: bool, loop: str):
    async def resets(_: bytes, __: Reader, writer: Writer) -> None:
        writer.write(said)
        await asyncio.sleep(0.01)
        at_once = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.transport.abort()
        raise ConnectionError

    async def use(_: Raw, to: Line) -> None:
        with pytest.raises(Cut) as caught:
            await got(await sent(to))
        assert caught.value.silent == silent

    run(resets, use, loop)


@both
def test_a_server_that_closes_kept_connections_costs_nothing(loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(3):
            assert await got(await sent(to)) == b"ok"
            await raw.quiet()
            await asyncio.sleep(0.01)
        assert (raw.opened, len(raw.heads)) == (3, 3)

    run(says(OK, then_close=True), use, loop)


def once_only() -> Any:
    """Answers the first request of each connection, and closes it when the second has come."""
    seen: set[Writer] = set()

    async def answer(_: bytes, __: Reader, writer: Writer) -> None:
        if writer in seen:
            writer.transport.abort()
            raise ConnectionError
        seen.add(writer)
        writer.write(OK)

    return answer


@both
def test_what_may_be_done_twice_is_sent_again_where_a_kept_connection_ends(loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(2):
            assert await got(await sent(to)) == b"ok"
        assert (raw.opened, len(raw.heads)) == (2, 3)

    run(once_only(), use, loop)


@both
def test_what_may_not_be_done_twice_goes_over_a_new_connection(loop: str):
    async def use(raw: Raw, to: Line) -> None:
        for _ in range(3):
            assert await got(await sent(to, repeats=False)) == b"ok"
        assert (raw.opened, len(raw.heads)) == (3, 3)

    run(once_only(), use, loop)


def test_what_had_begun_to_be_answered_is_not_sent_again():
    async def use(raw: Raw, to: Line) -> None:
        assert await got(await sent(to)) == b"ok"
        raw.answers = says(OK[:20], then_close=True)
        with pytest.raises(Cut):
            await sent(to)
        assert (raw.opened, len(raw.heads)) == (1, 2)

    run(says(OK), use)


def test_it_is_sent_again_once():
    async def use(raw: Raw, to: Line) -> None:
        assert await got(await sent(to)) == b"ok"
        raw.answers = says(then_close=True)
        with pytest.raises(Cut):
            await sent(to)
        assert (raw.opened, len(raw.heads)) == (2, 3)

    run(says(OK), use)


@both
def test_what_comes_unasked_is_nobodys_answer(loop: str):
    async def late(_: bytes, __: Reader, writer: Writer) -> None:
        writer.write(OK)
        await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfalse")

    async def use(raw: Raw, to: Line) -> None:
        for _ in range(3):
            assert await got(await sent(to)) == b"ok"
            await raw.quiet()
        assert raw.opened == 3

    run(late, use, loop)


@both
@pytest.mark.parametrize(
    "pieces", [[b"no HTTP\r\n"], [OK[:20] + b"\0"], [b"HTTP/1.1 200 OK\r\nx: "] + [b"y" * 9999] * 9]
)
def test_what_is_no_answer_closes_its_connection(pieces: list[bytes], loop: str):
    async def use(raw: Raw, to: Line) -> None:
        with pytest.raises(Garbled):
            await sent(to)
        await raw.quiet()

    run(says(*pieces), use, loop)


@both
def test_an_answer_that_comes_before_all_is_sent(loop: str):
    async def early(_: bytes, __: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
        await asyncio.sleep(3600)

    async def use(raw: Raw, to: Line) -> None:
        response = await sent(to, b"a" * 50_000_000)
        assert (response.status, await got(response), raw.opened) == (413, b"no", 1)
        await asyncio.sleep(0)
        assert len(to._pool._idle if to._pool else "?") == 0
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # which sleep on the server's side

    run(early, use, loop)


@both
def test_a_large_body_arrives_whole(loop: str):
    body = bytes(range(256)) * 20_000

    async def takes(head: bytes, reader: Reader, writer: Writer) -> None:
        assert f"content-length: {len(body)}\r\n".encode() in head
        same = await reader.readexactly(len(body)) == body
        writer.write(OK if same else b"")

    async def use(raw: Raw, to: Line) -> None:
        for _ in range(2):
            assert await got(await sent(to, body)) == b"ok"
        assert raw.opened == 1

    run(takes, use, loop)


@both
def test_whoever_does_not_read_makes_the_other_side_wait(loop: str):
    size, written = 64 * 2**20, [0]

    async def much(_: bytes, __: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 2**16):
            writer.write(b"a" * 2**16)
            await writer.drain()
            written[0] += 2**16

    async def use(raw: Raw, to: Line) -> None:
        response = await sent(to)
        seen = -1
        while written[0] > seen:  # until it stands still
            seen = written[0]
            await asyncio.sleep(0.05)
        assert written[0] < size / 2
        assert response._held < 4 * HELD
        length = 0
        while piece := await response.readany():
            length += len(piece)
        assert length == size
        await sent(to)
        assert raw.opened == 1, "a connection that had to wait is as good as any"

    run(much, use, loop)


@both
@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome"])
def test_whoever_leaves_leaves_no_connection(said: bytes, loop: str):
    async def use(raw: Raw, to: Line) -> None:
        async def asks() -> None:
            response = await sent(to)
            try:
                await got(response)
            finally:
                response.abort()

        tasks = [asyncio.create_task(asks()) for _ in range(20)]
        while len(raw.heads) < 20:
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await raw.quiet()
        assert to._pool is not None
        assert to._pool._room._value == pool.MOST, "whoever left still has a place in line"

    run(says(said), use, loop)


@both
def test_no_more_connections_than_there_may_be(loop: str):
    async def use(raw: Raw, to: Line) -> None:
        bounded = Pool(Place("127.0.0.1", raw.port, encrypted=False, private=True), 5.0, most=3)
        to._pool = bounded
        most = 0

        async def asks() -> None:
            nonlocal most
            assert await got(await sent(to)) == b"ok"
            most = max(most, raw.open)

        tasks = [asyncio.create_task(asks()) for _ in range(30)]
        await asyncio.sleep(0)
        tasks[5].cancel()
        tasks[29].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(one is None for one in found) == 28
        assert (most, raw.opened) == (3, 3)

    run(says(OK[:10], OK[10:]), use, loop)


def test_whoever_waits_for_a_connection_does_not_wait_for_ever():
    async def use(raw: Raw, to: Line) -> None:
        to._pool = Pool(Place("127.0.0.1", raw.port, encrypted=False, private=True), 0.05, most=1)
        response = await sent(to)
        with pytest.raises(Unreachable, match="in time"):
            await sent(to)
        response.abort()
        raw.answers = says(OK)
        assert await got(await sent(to)) == b"ok"

    run(says(OK[:-1]), use)


def test_what_is_not_used_is_closed_by_one_timer(monkeypatch: pytest.MonkeyPatch):
    async def use(raw: Raw, to: Line) -> None:
        monkeypatch.setattr(pool, "IDLE", 0.05)
        await asyncio.gather(*(sent(to) for _ in range(5)))
        assert raw.open == raw.opened == 5
        await raw.quiet()
        assert to._pool is not None
        assert (to._pool._all, len(to._pool._idle), to._pool._timer) == (set(), 0, None)

    run(says(OK), use)


def test_a_host_that_does_not_answer_and_one_that_refuses(monkeypatch: pytest.MonkeyPatch):
    async def inside() -> None:
        port = port_of_its_own()
        refused = line(port)
        refused._pool = Pool(Place("127.0.0.1", port, encrypted=False, private=True), 5.0, most=1)
        for _ in range(3):  # nobody who was refused takes a place in line
            with pytest.raises(Unreachable, match="refused"):
                await sent(refused)

        async def never(*_: Any, **__: Any) -> None:
            await asyncio.sleep(3600)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
        with pytest.raises(Unreachable, match="in time"):
            await sent(line(port, connect=0.02))

    asyncio.run(inside())


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_in_an_encoding_is_refused(stream: bool):
    kind = b"text/event-stream" if stream else b"application/json"
    said = (
        b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nxx" % kind
    )

    async def use(raw: Raw, _: Line) -> None:
        asks = openai_upstream("small", model(f"http://127.0.0.1:{raw.port}/v1"), SystemClock("s"))
        with pytest.raises(UpstreamFault, match="in gzip, which was not asked for"):
            await asks.ask(asked(stream=stream))
        assert b"accept-encoding: identity\r\n" in raw.heads[0]
        await asks.close()

    run(says(said), use)


def test_an_answer_that_is_too_long_leaves_no_connection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("autotroph.adapters.upstreams.exchange.LARGEST", 1000)
    said = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n" + b"a" * 2000

    async def use(raw: Raw, _: Line) -> None:
        asks = openai_upstream("small", model(f"http://127.0.0.1:{raw.port}/v1"), SystemClock("s"))
        with pytest.raises(UpstreamFault) as caught:
            await asks.ask(Call(path="/models", method="GET"))
        assert caught.value.kind == "malformed"
        await raw.quiet()
        await asks.close()

    run(says(said), use)
