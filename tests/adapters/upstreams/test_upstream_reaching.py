"""From a name to a connection: the addresses that are tried, and the certificates that are believed."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from rawly import LOOPS, OK, Raw, got, line, says, sent

from autotroph.adapters.upstreams import reaching
from autotroph.adapters.upstreams.addresses import NotAllowed
from autotroph.adapters.upstreams.broken import Unreachable
from ports import port_of_its_own

both = pytest.mark.parametrize("loop", LOOPS)
CERTIFIED = trustme.CA()


@pytest.fixture
def believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine believes our own authority, and no other."""
    CERTIFIED.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    reaching.made_context.cache_clear()
    yield
    reaching.made_context.cache_clear()


def certificate(*names: str, authority: trustme.CA = CERTIFIED) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*names).configure_cert(context)
    return context


def ran(loop: str, inside: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await inside()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(all_of_it())


@both
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.usefixtures("believed")
def test_a_certificate_for_this_host_is_believed(host: str, loop: str):
    async def inside() -> None:
        async with Raw(says(OK[:20], OK[20:]), certificate("localhost", "127.0.0.1")) as raw:
            to = line(raw.port, "https", host)
            for _ in range(3):
                assert await got(await sent(to, b"a" * 300_000 if raw.heads else b"{}")) == b"ok"
                raw.answers = takes
            assert raw.opened == 1
            await to.close()

    async def takes(_: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(300_000)
        writer.write(OK)

    ran(loop, inside)


@both
@pytest.mark.usefixtures("believed")
def test_an_encrypted_answer_without_a_length_ends_with_its_connection(loop: str):
    async def inside() -> None:
        said = says(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", then_close=True)
        async with Raw(said, certificate("localhost")) as raw:
            to = line(raw.port, "https", "localhost")
            assert await got(await sent(to)) == b"all of it"
            await to.close()

    ran(loop, inside)


@both
@pytest.mark.parametrize(
    ("names", "authority", "why"),
    [
        (["elsewhere.example"], CERTIFIED, "ostname mismatch"),
        (["localhost"], trustme.CA(), "unable to get local issuer|self.signed"),
        (["127.0.0.1"], CERTIFIED, "ostname mismatch"),
    ],
)
@pytest.mark.usefixtures("believed")
def test_any_other_certificate_is_refused_before_anything_is_sent(
    names: Sequence[str], authority: trustme.CA, why: str, loop: str
):
    async def inside() -> None:
        async with Raw(says(OK), certificate(*names, authority=authority)) as raw:
            to = line(raw.port, "https", "localhost")
            with pytest.raises(Unreachable, match=f"certificate is not accepted.*({why})"):
                await sent(to)
            assert raw.heads == []
            await to.close()

    ran(loop, inside)


@both
def test_a_server_that_speaks_no_tls_is_not_spoken_to(loop: str):
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK * 20)
        writer.close()

    async def inside() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            to = line(server.sockets[0].getsockname()[1], "https")
            with pytest.raises(Unreachable):
                await sent(to)
            await to.close()

    ran(loop, inside)


def leads_to(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> list[Any]:
    """Have every name lead to these addresses; what was asked is told."""
    asked: list[Any] = []

    async def looked_up(*name: Any, **_: Any) -> list[reaching.Found]:
        asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    return asked


def test_the_next_address_is_tried_where_one_refuses(monkeypatch: pytest.MonkeyPatch):
    async def inside() -> None:
        async with Raw(says(OK)) as raw:
            asked = leads_to(monkeypatch, ("127.0.0.1", port_of_its_own()), ("127.0.0.1", raw.port))
            to = line(raw.port, host="llm.example.com")
            assert await got(await sent(to)) == b"ok"
            assert (raw.opened, asked) == (1, [("llm.example.com", raw.port)])
            await to.close()

    asyncio.run(inside())


def test_an_address_that_says_nothing_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch):
    async def inside() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first:
            place = full.getsockname()
            first.connect(place)  # nobody takes it, so there is no room for another
            async with Raw(says(OK)) as raw:
                leads_to(monkeypatch, place, place, ("127.0.0.1", raw.port))
                monkeypatch.setattr(reaching, "AHEAD", 0.02)
                to = line(raw.port, host="llm.example.com")
                assert await got(await sent(to)) == b"ok"
                task = asyncio.create_task(sent(to, repeats=False))
                await asyncio.sleep(0.03)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await to.close()
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(inside())


def test_a_private_address_is_passed_over_for_a_public_one(monkeypatch: pytest.MonkeyPatch):
    async def inside() -> None:
        tried: list[Any] = []

        async def refuses(_: socket.socket, place: Any) -> None:
            tried.append(place)
            raise ConnectionRefusedError(111, "refused")

        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refuses)
        to = line(80, host="llm.example.com", private=False)
        leads_to(monkeypatch, ("10.0.0.1", 80), ("1.1.1.1", 80), ("127.0.0.1", 80))
        with pytest.raises(Unreachable, match="refused"):
            await sent(to)
        assert tried == [("1.1.1.1", 80)]
        leads_to(monkeypatch, ("10.0.0.1", 80), ("169.254.169.254", 80))
        with pytest.raises(NotAllowed):
            await sent(to)
        leads_to(monkeypatch)
        with pytest.raises(Unreachable, match="no address"):
            await sent(to)
        assert tried == [("1.1.1.1", 80)]
        await to.close()

    asyncio.run(inside())


def test_no_proxy_is_used_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port_of_its_own()}")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def inside() -> None:
        async with Raw(says(OK)) as raw:
            to = line(raw.port)
            assert await got(await sent(to)) == b"ok"
            assert raw.heads[0].startswith(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:")
            await to.close()

    asyncio.run(inside())
