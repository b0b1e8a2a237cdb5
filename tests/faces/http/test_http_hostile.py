"""Bytes that no client of ours would send: each ends in a 4xx or a closed connection; the server goes on."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Client, served, signal, until

from autotroph.faces.http.bodies import Patience
from autotroph.faces.http.protocol import Connection, Limits


@contextmanager
def raw(client: Client, timeout: float = 10.0) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", client.port), timeout=timeout) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def send(client: Client, *parts: bytes, more: bool = False) -> list[int]:
    """The statuses of what is answered until the server closes; unless there may be `more`, we end first."""
    with raw(client) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            if not more:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is closed already
        return statuses(until_closed(connection))


def head(
    client: Client, method: str = "POST", path: str = "/v1/signals", *more: str, close: bool = True
) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{client.port}",
        f"Authorization: Bearer {client.secrets['all']}",
        *(["Connection: close"] if close else []),
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


JSON = "Content-Type: application/json"
LINES = "Content-Type: application/x-ndjson"
CHUNKED = "Transfer-Encoding: chunked"
GOOD = json.dumps(signal("good")).encode()


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/users/%ff/export",
            "/v1/users/%00/export",
            "/v1/users/%0d%0aset-cookie:x/export",
            "/v1/users/../export",
            "/v1/users/%2e%2e/export",
            "/v1/users/%e2%80%ae/export",
            "/v1/users//export",
            "/v1/users/" + "u" * 300 + "/export",
            "/v1/users/%zz%/export/",
            "//v1/status",
            "/v1/../v1/status",
            "/v1/status/",
            "/V1/status",
            "/v1/status%00",
            "/v1/tasks/nobody/decisions",
            "/%",
            "*",
            "http://evil.example/v1/nothing",
            "/v1/\x80",
        ],
    )
    def test_a_path_that_leads_nowhere_is_a_4xx(self, client: Client, path: str) -> None:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            (status,) = send(client, head(client, method, path))
            assert 400 <= status < 500 or (method == "OPTIONS" and status == 204)

    def test_a_slash_within_a_name_is_part_of_it(self, client: Client) -> None:
        client.post("/v1/signals", signal("slash", user="org/42"))
        assert b'"user":"org/42"' in client.get("/v1/users/org%2F42/export").body

    def test_a_query_that_is_not_asked_for_is_refused(self, client: Client) -> None:
        for query in (
            "after=-1",
            "after=x",
            "limit=0",
            "limit=1001",
            "limit=1&limit=2",
            "befor=1",
            "after=1e400",
        ):
            assert client.get(f"/v1/journal?{query}").status == 422, query
        assert client.get("/v1/journal?after=%ff").status == 422


class TestHeads:
    @pytest.mark.parametrize(
        "bytes_",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
            b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nBad header: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nx: a\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nx: \x00\r\n\r\n",
            b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ],
    )
    def test_what_is_no_request_is_a_4xx(self, client: Client, bytes_: bytes) -> None:
        found = send(client, bytes_)
        assert all(400 <= status < 500 for status in found)
        assert client.get("/healthz").status == 200

    @pytest.mark.parametrize(
        "more",
        [
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: -1",),
            ("Content-Length: +5",),
            ("Content-Length: 0x5",),
            ("Content-Length: 99999999999999999999",),
            ("Content-Length: 5", CHUNKED),
            ("Transfer-Encoding: chunked, identity",),
            ("Transfer-Encoding: xchunked",),
        ],
    )
    def test_a_length_that_is_doubtful_is_refused(self, client: Client, more: tuple[str, ...]) -> None:
        before = client.product.store.last()
        found = send(
            client, head(client, "POST", "/v1/signals", JSON, *more), b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        )
        assert found
        assert all(400 <= status < 500 for status in found)
        assert client.product.store.last() == before

    @pytest.mark.parametrize(
        "parts",
        [
            (b"x: " + b"a" * 40_000 + b"\r\n\r\n",),
            (b"x: " + b"a" * 10_000, *[b"a" * 10_000] * 20),
            tuple(b"x%d: y\r\n" % n for n in range(20_000)),
            (b"x" * 300_000,),
        ],
        ids=["one header", "one without an end", "many", "a name without an end"],
    )
    def test_a_head_that_is_too_long_is_refused(self, client: Client, parts: tuple[bytes, ...]) -> None:
        found = send(client, head(client, "GET", "/healthz")[:-2], *parts)
        assert found in ([431], [])  # where more was sent than it reads, the answer may be lost

    def test_an_address_that_is_too_long_is_refused(self, client: Client) -> None:
        assert send(client, b"GET /" + b"a" * 200_000)[:1] in ([431], [])

    def test_trailers_and_chunk_extensions_have_an_end(self, client: Client) -> None:
        begun = head(client, "POST", "/v1/signals", LINES, CHUNKED)
        assert 200 not in send(client, begun, b"0\r\n", *[b"trailer: " + b"a" * 1000 + b"\r\n"] * 200)
        assert 200 not in send(client, begun, b"5;", *[b"a" * 1000] * 200)
        assert 200 not in send(client, begun, b"0\r\nx:", *[b"a" * 1000] * 200)

    def test_an_upgrade_is_not_taken(self, client: Client) -> None:
        upgrade = (
            "Upgrade: websocket",
            "Connection: upgrade",
            "Sec-WebSocket-Key: x",
            "Sec-WebSocket-Version: 13",
        )
        assert send(client, head(client, "GET", "/healthz", *upgrade)) == [200]
        assert send(client, head(client, "GET", "/healthz", "Upgrade: h2c", "Connection: upgrade")) == [200]


class TestBodies:
    def test_a_body_that_is_shorter_than_it_says_is_not_taken(self, client: Client) -> None:
        before = client.product.store.last()
        assert send(client, head(client, "POST", "/v1/signals", JSON, "Content-Length: 500"), GOOD) == []
        assert client.product.store.last() == before

    def test_what_follows_a_body_is_another_request(self, client: Client) -> None:
        length = f"Content-Length: {len(GOOD)}"
        one = head(client, "POST", "/v1/signals", JSON, length, close=False) + GOOD
        assert send(client, one + b"rubbish\r\n\r\n", more=True) in ([200, 400], [200], [])
        assert 400 not in send(client, one * 50 + b"rubbish\r\n\r\n", more=True)[:1]

    def test_requests_in_one_go_are_answered_in_order(self, client: Client) -> None:
        many = [head(client, "GET", path, close=False) for path in ("/healthz", "/nothing", "/readyz") * 200]
        last = head(client, "GET", "/healthz")
        assert send(client, b"".join([*many, last]), more=True) == [*[200, 404, 200] * 200, 200]

    @pytest.mark.parametrize(
        "chunk", [b"zz\r\n", b"-5\r\n", b"5\r\nabc", b"5\r\nabcdefgh\r\n", b"\r\n", b"f" * 30]
    )
    def test_chunks_that_are_none_are_refused(self, client: Client, chunk: bytes) -> None:
        found = send(client, head(client, "POST", "/v1/signals", JSON, CHUNKED), chunk, b"0\r\n\r\n")
        assert found in ([400], [])

    def test_a_body_in_small_pieces_is_a_body(self, client: Client) -> None:
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in GOOD)
        assert send(
            client, head(client, "POST", "/v1/signals", JSON, CHUNKED), chunks, b"0\r\n\r\n", more=True
        ) == [200]

    def test_a_large_body_that_nobody_may_send_is_not_read(self, client: Client) -> None:
        started = head(client, "POST", "/v1/signals", JSON, "Content-Length: 1000000000").replace(
            b"Bearer a", b"Bearer x"
        )
        assert send(client, started, *[b"x" * 100_000] * 30)[:1] in ([401], [])
        declared = head(client, "POST", "/v1/signals", JSON, "Content-Length: 1000000000")
        assert send(client, declared)[:1] in ([413], [])

    def test_who_sends_far_too_much_and_then_listens_hears_why(self, client: Client) -> None:
        """A connection that is closed before all was read is reset, and the answer is lost with it."""
        size = 40 * 2**20
        with raw(client) as connection:
            connection.sendall(head(client, "POST", "/v1/signals", JSON, f"Content-Length: {size}"))
            for _ in range(size // 2**20):
                connection.sendall(b" " * 2**20)
            assert statuses(connection.recv(1000)) == [413]

    def test_who_waits_to_be_told_to_go_on_is_told_the_answer(self, client: Client) -> None:
        expect = ("Expect: 100-continue", JSON, "Content-Length: 5")
        refused = head(client, "POST", "/v1/imports", *expect).replace(b"Bearer a", b"Bearer x")
        with raw(client) as connection:
            connection.sendall(refused)
            assert statuses(until_closed(connection)) == [401]
        with raw(client) as connection:
            connection.sendall(head(client, "POST", "/v1/signals", *expect))
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(b"xxxxx")
            assert statuses(until_closed(connection)) == [400]

    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "br", "x", ""])
    def test_rubbish_that_says_to_be_packed_is_refused(self, client: Client, encoding: str) -> None:
        for body in (b"rubbish", b"\x1f\x8b\x08" + b"\x00" * 20, b""):
            headers = {"content-type": "application/json", "content-encoding": encoding}
            assert client.post("/v1/signals", body, headers=headers).status in (400, 415)


class TestSlowness:
    @pytest.fixture
    def hasty(self, tmp_path, monkeypatch) -> Iterator[Client]:
        """A server that waits for nobody."""
        monkeypatch.setattr(Connection, "limits", Limits(head_seconds=0.3, pause=0.3, connections=20))
        hasty = Patience(document=0.3, stream=1.0, rest=0.1)
        with served(tmp_path, patience=hasty) as client:
            yield client

    def test_a_head_that_comes_drop_by_drop_is_cut_off(self, hasty: Client) -> None:
        with raw(hasty) as connection:
            found, begun = b"", time.monotonic()
            connection.settimeout(0.05)
            for byte in head(hasty, "GET", "/healthz") * 3:
                try:
                    connection.sendall(bytes([byte]))
                    found += connection.recv(1000)
                except TimeoutError:
                    continue
                except OSError:
                    break
            assert statuses(found) == [408]
            assert time.monotonic() - begun < 5

    def test_a_connection_on_which_nothing_comes_is_closed(self, hasty: Client) -> None:
        with raw(hasty) as connection:
            assert statuses(until_closed(connection)) == [408]

    @pytest.mark.parametrize("kind", [JSON, LINES])
    def test_a_body_that_does_not_come_is_not_waited_for(self, hasty: Client, kind: str) -> None:
        with raw(hasty) as connection:
            connection.sendall(head(hasty, "POST", "/v1/signals", kind, "Content-Length: 50") + b"{")
            assert statuses(until_closed(connection)) == [408]

    def test_more_connections_than_are_taken_are_refused_and_the_others_served(self, hasty: Client) -> None:
        many = [socket.create_connection(("127.0.0.1", hasty.port), timeout=10) for _ in range(40)]
        try:
            found = [statuses(until_closed(one)) for one in many]
        finally:
            for one in many:
                one.close()
        assert found.count([503]) >= 20
        assert set(map(tuple, found)) == {(503,), (408,)}
        assert hasty.get("/healthz").status == 200


class TestCrowds:
    def test_more_bytes_than_are_held_are_refused_and_free_again(self, tmp_path) -> None:
        with served(tmp_path, patience=Patience(held_bytes=10_000)) as client:
            large = {**signal("large"), "name": "edited", "value": "x" * 6000}
            length = f"Content-Length: {len(json.dumps(large))}"
            for _ in range(3):
                with raw(client) as slow:
                    slow.sendall(
                        head(client, "POST", "/v1/signals", JSON, length) + json.dumps(large).encode()[:-1]
                    )
                    until(lambda: client.post("/v1/signals", large).status == 503)
                    slow.sendall(b"}")
                    assert statuses(until_closed(slow)) == [200]
                until(lambda: client.post("/v1/signals", large).status == 200)

    def test_more_streams_than_are_taken_are_refused_and_the_others_go_on(self, client: Client) -> None:
        lines = [json.dumps(signal(n)).encode() + b"\n" for n in range(8)]
        begun = [socket.create_connection(("127.0.0.1", client.port), timeout=20) for _ in range(8)]
        try:
            for one, line in zip(begun, lines, strict=True):
                one.sendall(head(client, "POST", "/v1/signals", LINES, f"Content-Length: {len(line)}"))
            until(lambda: client.lines("/v1/signals", [signal("ninth")]).status == 503)
            assert client.post("/v1/signals", signal("alone")).status == 200
            for one, line in zip(begun, lines, strict=True):
                one.sendall(line)
                assert statuses(until_closed(one)) == [200]
        finally:
            for one in begun:
                one.close()
        assert client.lines("/v1/signals", [signal("ninth")]).status == 200


class TestFuzzing:
    @settings(max_examples=150)
    @given(body=st.binary(max_size=300), kind=st.sampled_from(["application/json", "application/x-ndjson"]))
    def test_any_bytes_are_refused_or_taken(self, client: Client, body: bytes, kind: str) -> None:
        answer = client.post("/v1/imports", body, headers={"content-type": kind})
        assert answer.status in (200, 400, 413, 415, 422)

    @settings(max_examples=150)
    @given(rubbish=st.binary(max_size=200), at=st.integers(0, 250))
    def test_any_bytes_on_a_connection_are_survived(self, client: Client, rubbish: bytes, at: int) -> None:
        good = head(client, "POST", "/v1/signals", JSON, f"Content-Length: {len(GOOD)}") + GOOD
        found = send(client, good[:at] + rubbish + good[at:])
        assert all(status < 500 for status in found)

    @settings(max_examples=150)
    @given(
        secret=st.one_of(
            st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=300),
            st.sampled_from(["{}\x00", "{},", "'{}'", "{}=", "{}{}", "x{}"]),
        ),
        scheme=st.sampled_from(["Bearer", "bearer", "Basic", "Digest", ""]),
    )
    def test_no_made_up_credential_opens_anything(self, client: Client, secret: str, scheme: str) -> None:
        real = client.secrets["read"]
        made_up = f"{scheme} {secret.replace('{}', real)}".encode("latin-1")
        request = head(client, "GET", "/v1/journal").replace(
            f"Bearer {client.secrets['all']}".encode(), made_up
        )
        assert all(status in (400, 401) for status in send(client, request))


def test_a_fault_of_ours_is_logged_with_an_id_and_without_the_body(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(client.product, "take", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.post("/v1/signals?x=planted", signal("planted"))
    assert (answer.status, answer.error["type"]) == (500, "internal")
    id_ = answer.error["message"].rsplit(" ", 1)[1]
    assert f"POST /v1/signals failed: {id_}" in caplog.text
    assert "a bug" in caplog.text
    assert "planted" not in caplog.text
    assert "Bearer" not in caplog.text
