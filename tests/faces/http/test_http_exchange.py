"""An answer that is written at once is the one that uvicorn would have written, and as well looked at."""

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from autotroph.faces.http.exchange import Exchange

START = {"type": "http.response.start", "status": 200}
PLAIN = [(b"content-type", b"text/plain"), (b"content-length", b"2")]


class Wire:
    """What is written, and what uvicorn asks of a connection."""

    write_paused = False

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False
        self.write = self.written.append

    def close(self) -> None:
        self.closed = True


def answered(
    kind: type[RequestResponseCycle], headers: list[tuple[bytes, bytes]], body: bytes = b"ok", **more: Any
) -> Wire:
    async def main() -> Wire:
        wire: Any = Wire()
        cycle = kind(
            scope={"type": "http", "method": more.get("method", "GET")},  # type: ignore[arg-type]
            transport=wire,
            flow=wire,
            logger=logging.getLogger(),
            access_logger=logging.getLogger(),
            access_log=False,
            default_headers=[(b"date", b"today")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=more.get("keep_alive", True),
            on_response=lambda: None,
        )
        start = {**START, "status": more.get("status", 200), "headers": headers}
        await cycle.send(start)  # type: ignore[arg-type]
        await cycle.send({"type": "http.response.body", "body": body, "more_body": False})
        assert cycle.response_complete
        assert cycle.message_event.is_set()
        return wire  # type: ignore[no-any-return]

    return asyncio.run(main())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"keep_alive": False},
        {"method": "HEAD"},
        {"headers": [*PLAIN, (b"connection", b"close")]},
        {"headers": PLAIN[:1]},
        {"headers": [], "status": 204, "body": b""},
    ],
)
def test_it_is_the_answer_that_uvicorn_would_write(more: dict[str, Any]) -> None:
    more = {"headers": PLAIN, **more}
    ours, other = answered(Exchange, **more), answered(RequestResponseCycle, **more)
    assert b"".join(ours.written) == b"".join(other.written)
    assert ours.closed == other.closed


def test_a_plain_one_is_written_at_once() -> None:
    assert len(answered(Exchange, PLAIN).written) == 1


@pytest.mark.parametrize("sign", [b"\r", b"\n", b"\r\nset-cookie: a=b", b"\0"])
def test_a_header_cannot_begin_another(sign: bytes) -> None:
    with pytest.raises(RuntimeError, match="Invalid HTTP header"):
        answered(Exchange, [*PLAIN, (b"x-said", b"a" + sign)])


@pytest.mark.parametrize("body", [b"", b"o", b"oks"])
def test_a_body_is_as_long_as_was_said(body: bytes) -> None:
    with pytest.raises(RuntimeError, match="Content-Length"):
        answered(Exchange, PLAIN, body)
