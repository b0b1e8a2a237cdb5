"""Where the gateway cannot answer, the upstream is asked straight: and only there, and not for ever."""

import json
import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from chatting import ASKED, SAID, either, rows
from realserver import KEY, Served
from scripted import Scripted

from autotroph.client import Client, Straight
from autotroph.errors import Conflict, Exhausted, InputError, LedgerError, Overloaded, UpstreamFault
from autotroph.records import Decision, Signal
from autotroph.testing.flaky import Fault, Flaky
from autotroph.testing.flaky.script import What, When
from autotroph.testing.recorded import Recorded, Stub
from flaky_upstream import flaky

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
STREAM = pytest.mark.parametrize("stream", [False, True])
CROSSED = pytest.mark.parametrize(("kind", "stream"), [("sync", False), ("async", True)])
NOWHERE = "http://127.0.0.1:9"
SECRET = "sk-planted-of-the-other-way"
STRAIGHT = "Said straight."


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_API_KEY", KEY)
    monkeypatch.setenv("AUTOTROPH_TEST_STRAIGHT", SECRET)


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorded]:
    with Recorded(Stub(STRAIGHT)) as found:
        yield found


@pytest.fixture
def aside(recorded: Recorded) -> Straight:
    return Straight(url=recorded.url, key="env:AUTOTROPH_TEST_STRAIGHT", model="small-8b")


@pytest.fixture
def other() -> Iterator[Flaky]:
    """Another upstream, that fails."""
    with flaky() as found:
        yield found


def to(upstream: Flaky, **said: Any) -> Straight:
    return Straight(url=upstream.url, key="env:AUTOTROPH_TEST_STRAIGHT", **said)


class TestAway:
    @KINDS
    @STREAM
    def test_nobody_listens(self, other: Flaky, kind: str, stream: bool):
        with either(kind, NOWHERE, to(other, model={"answer": "small-8b"})) as client:
            heard = client.heard(stream=stream, inputs={"plan": "pro"}, session="s1", top_k=3)
        chat = heard.chat
        assert (chat.output, heard.text) == (SAID, SAID if stream else "")
        assert (chat.decided, chat.recorded, chat.model, chat.variant) == (False, False, "small-8b", "")
        assert chat.id.startswith("decision_")
        assert chat.reason.startswith("asked straight, not through the gateway: http://127.0.0.1:9 cannot be")
        assert other.last.headers["authorization"] == f"Bearer {SECRET}"
        streams = {"stream": True} if stream else {}
        assert other.last.document == {"model": "small-8b", "messages": ASKED, "top_k": 3, **streams}

    @KINDS
    def test_a_connection_that_is_not_taken(self, aside: Straight, kind: str):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
            address = server.getsockname()
            with (
                socket.create_connection(address),
                either(kind, f"http://127.0.0.1:{address[1]}", aside) as client,
            ):
                chat = client.chat(timeout=2.0)
                assert chat.output == STRAIGHT
                assert "0.5 s" in chat.reason

    @CROSSED
    def test_it_was_killed_before(self, mortal: Served, aside: Straight, kind: str, stream: bool):
        with either(kind, mortal.url, aside) as client:
            with mortal.running() as process:
                assert client.heard(stream=stream).chat.decided
                process.kill()
                process.wait()
            chat = client.heard(stream=stream).chat
            assert (chat.output, chat.decided) == (STRAIGHT, False)

    @KINDS
    @STREAM
    def test_it_is_killed_while_it_waits(
        self, mortal: Served, behind: Flaky, aside: Straight, kind: str, stream: bool
    ):
        behind.always, before = Fault("stall", "before"), behind.received
        with mortal.running() as process, either(kind, mortal.url, aside) as client:
            threading.Thread(
                target=lambda: (_until(lambda: behind.received > before), process.kill())
            ).start()
            chat = client.heard(stream=stream).chat
            process.wait()
            assert (chat.output, chat.decided) == (STRAIGHT, False)

    @CROSSED
    def test_it_stands_still(self, mortal: Served, aside: Straight, kind: str, stream: bool):
        with mortal.running() as process, either(kind, mortal.url, aside) as client:
            process.send_signal(signal.SIGSTOP)
            try:
                assert client.heard(stream=stream, timeout=2.0).chat.output == STRAIGHT
                assert client.heard(stream=stream, timeout=2.0).chat.output == STRAIGHT
            finally:
                process.send_signal(signal.SIGCONT)

    @KINDS
    @pytest.mark.parametrize("fault", ["503 1", "500", "502", "504", "reset", "lost", "broken", "nonsense"])
    def test_it_says_that_it_is_not_available(self, server: Scripted, aside: Straight, kind: str, fault: str):
        server.always = fault
        with either(kind, server.url, aside) as client:
            assert client.chat().output == STRAIGHT
        keys = {values[0]["autotroph"]["key"] for _, values in server.bodies}
        assert len(keys) == 1
        assert {one["Authorization"] for one in server.headers} == {f"Bearer {KEY}"}

    @KINDS
    def test_a_model_keeps_its_name_unless_it_has_another(self, other: Flaky, kind: str):
        with either(kind, NOWHERE, to(other, model={"answer": "small-8b"})) as client:
            for asked, called in (("answer::quick", "small-8b"), ("their-own", "their-own")):
                assert client.chat(asked).model == called
                assert other.last.document["model"] == called

    def test_many_at_once_lose_nothing_when_it_is_killed(self, mortal: Served, aside: Straight):
        found: list[Any] = []

        def ask(client: Client) -> None:
            for _ in range(20):
                one = client.chat("answer", ASKED, user="u1")
                found.append(one)

        with mortal.running() as process, Client(mortal.url, upstream=aside) as client:
            with ThreadPoolExecutor(4) as pool:
                asking = [pool.submit(ask, client) for _ in range(4)]
                _until(lambda: len(found) >= 20)
                process.kill()
                for one in asking:
                    one.result()
            process.wait()
        assert len({one.id for one in found}) == 80
        assert {one.output for one in found} == {SAID, STRAIGHT}
        recorded = {one.id for one in found if one.recorded}
        assert recorded == {one.id for one in found if one.decided}
        assert recorded <= {one.id for one in rows(mortal, Decision)}

    @KINDS
    def test_without_an_upstream_it_is_an_error(self, kind: str, server: Scripted):
        with either(kind, NOWHERE) as client, pytest.raises(LedgerError, match="autotroph serve"):
            client.chat(timeout=0.2)
        server.always = "503 9"
        with either(kind, server.url) as client, pytest.raises(Overloaded):
            client.chat(timeout=0.2)

    @KINDS
    def test_without_messages_nobody_can_be_asked(self, other: Flaky, kind: str):
        refused = pytest.raises(LedgerError, match="autotroph serve")
        with either(kind, NOWHERE, to(other)) as client, refused as caught:
            client.chat(messages=(), inputs={"question": "Why?"})
        assert caught.value.__notes__ == [
            "the upstream was not asked straight: there are no messages, only inputs"
        ]
        assert not other.received


class TestThere:
    @KINDS
    @STREAM
    def test_what_is_refused_is_not_asked_elsewhere(
        self, gated: Served, behind: Flaky, other: Flaky, kind: str, stream: bool
    ):
        with either(kind, gated.url, to(other)) as client:
            with suppress(Exhausted):
                client.chat("spent")
            client.chat(key="k")
            asked = behind.received
            for error, said in (
                (InputError, {"user": ""}),
                (InputError, {"model": "answer::slow"}),
                (InputError, {"model": "nothing"}),
                (Conflict, {"key": "k", "messages": [{"role": "user", "content": "Another."}]}),
                (Exhausted, {"model": "spent"}),
            ):
                with pytest.raises(error):
                    client.chat(**said, stream=stream)
            unknown = either(kind, gated.url, to(other), api_key="nobody-made-this-key")
            with unknown as stranger, pytest.raises(InputError, match="401"):
                stranger.chat(stream=stream)
        assert (behind.received, other.received) == (asked, 0)

    @KINDS
    @STREAM
    @pytest.mark.parametrize("what", ["5xx", "429", "cut", "in-band error", "malformed"])
    def test_a_fault_behind_the_gateway_is_not_the_gateways(
        self, gated: Served, behind: Flaky, other: Flaky, kind: str, what: What, stream: bool
    ):
        behind.always = Fault(what, "before")
        with either(kind, gated.url, to(other)) as client:
            with pytest.raises(UpstreamFault):
                client.chat(stream=stream)
            behind.always = None
            assert client.chat(stream=stream).decided
        assert not other.received

    @KINDS
    @STREAM
    def test_a_gateway_that_is_there_has_its_time(
        self, gated: Served, behind: Flaky, other: Flaky, kind: str, stream: bool
    ):
        behind.always = Fault("stall", "before")
        late = pytest.raises(LedgerError, match=r"is there, but gave no answer within 1.? s")
        with either(kind, gated.url, to(other)) as client, late:
            client.chat(timeout=1.0, stream=stream)
        assert not other.received

    @KINDS
    def test_a_stream_that_its_death_cuts_is_no_clean_end(
        self, mortal: Served, behind: Flaky, other: Flaky, kind: str
    ):
        behind.pause = 0.3
        with mortal.running() as process, either(kind, mortal.url, to(other)) as client:
            heard = client.heard(stream=True, each=lambda _: process.kill())
            process.wait()
        assert isinstance(heard.fault, UpstreamFault)
        assert (heard.fault.kind, heard.fault.first_token) == ("cut", True)
        assert len(heard.events) < 8
        assert heard.chat.decided
        assert not other.received

    @KINDS
    def test_a_stream_that_stands_still_is_no_clean_end(
        self, mortal: Served, behind: Flaky, other: Flaky, kind: str
    ):
        behind.pause = 0.3
        with mortal.running() as process, either(kind, mortal.url, to(other)) as client:
            try:
                heard = client.heard(
                    stream=True, timeout=2.0, each=lambda _: process.send_signal(signal.SIGSTOP)
                )
            finally:
                process.send_signal(signal.SIGCONT)
        assert isinstance(heard.fault, UpstreamFault)
        assert heard.fault.first_token
        assert not other.received


class TestRest:
    @KINDS
    def test_a_gateway_that_is_away_is_left_alone_for_a_while(
        self, server: Scripted, aside: Straight, kind: str
    ):
        server.always = "500"
        with either(kind, server.url, aside) as client:
            for _ in range(50):
                assert client.chat().output == STRAIGHT
            assert len(server.bodies) < 25

    @KINDS
    def test_one_that_hangs_costs_one_call_its_time(self, aside: Straight, kind: str):
        with silence() as (url, connections), either(kind, url, aside) as client:
            for _ in range(20):
                assert client.chat(timeout=2.0).output == STRAIGHT
                client.pause(0.02)
            assert len(connections) == 2  # the question, and whether anybody is there

    @KINDS
    def test_one_that_is_back_is_asked_again(self, mortal: Served, aside: Straight, kind: str):
        with either(kind, mortal.url, aside) as client:
            assert not client.chat().decided
            with mortal.running():
                client.until(lambda: client.chat().decided)

    def test_while_one_looks_whether_it_is_back_the_others_do_not(self, aside: Straight):
        with silence() as (url, connections), Client(url, upstream=aside) as client:
            client.chat("answer", ASKED, timeout=0.8)
            client._calls._chatting._ends = 0.0  # the rest is over
            with ThreadPoolExecutor(8) as pool:
                asking = [pool.submit(client.chat, "answer", ASKED, timeout=0.8) for _ in range(8)]
                assert {one.result().output for one in asking} == {STRAIGHT}
            assert len(connections) == 4


class TestStraight:
    @KINDS
    @STREAM
    @pytest.mark.parametrize(
        ("what", "when"),
        [("5xx", "before"), ("429", "before"), ("cut", "before"), ("in-band error", "before")],
    )
    def test_it_fails_too(self, other: Flaky, kind: str, what: What, when: When, stream: bool):
        other.always = Fault(what, when, "7")
        with either(kind, NOWHERE, to(other)) as client, pytest.raises(UpstreamFault) as caught:
            client.chat(stream=stream)
        assert not caught.value.first_token
        assert "it was asked straight, because http://127.0.0.1:9" in caught.value.__notes__[0]
        if what == "429":
            assert (caught.value.status, caught.value.retry_after) == (429, 7.0)
        assert other.received == 1

    @KINDS
    @pytest.mark.parametrize("what", ["cut", "unfinished", "malformed", "in-band error"])
    def test_its_stream_breaks_off(self, other: Flaky, kind: str, what: What):
        other.always = Fault(what, "after")
        with either(kind, NOWHERE, to(other)) as client:
            heard = client.heard(stream=True)
        assert isinstance(heard.fault, UpstreamFault)
        assert heard.fault.first_token
        assert heard.chat.output == "Well"

    @KINDS
    @STREAM
    def test_it_says_nothing(self, other: Flaky, kind: str, stream: bool):
        other.always = Fault("stall", "before")
        with either(kind, NOWHERE, to(other)) as client, pytest.raises(UpstreamFault, match="no answer"):
            client.chat(timeout=0.5, stream=stream)

    @KINDS
    @pytest.mark.parametrize("how", ["break", "close", "drop"])
    def test_whoever_leaves_is_not_answered_on(self, other: Flaky, kind: str, how: str):
        other.pause = 1.5
        with either(kind, NOWHERE, to(other)) as client:
            if how == "break":
                heard = client.heard(stream=True, each=lambda _: True)
                assert len(heard.events) == 1  # the answer itself is still held
            elif how == "close":
                client.do(client.chat(stream=True).close())
            else:
                client.drop()
            assert (other.received, other.opened) == (1, 1)
            client.until(lambda: other.open == 0, 8.0)

    @KINDS
    def test_a_connection_is_kept_after_a_stream(self, other: Flaky, kind: str):
        with either(kind, NOWHERE, to(other)) as client:
            for stream in (True, True, False, True):
                assert client.heard(stream=stream).chat.output == SAID
        assert other.opened == 1

    def test_over_an_encrypted_connection(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        served = encrypted(authority.issue_cert("localhost"))
        with served as url, Client(NOWHERE, upstream=Straight(url=url)) as client:
            for _ in range(2):
                chat = client.chat("answer", ASKED, stream=True, timeout=10.0)
                assert [one["choices"][0]["delta"]["content"] for one in chat] == ["Well", ", yes."]
                assert client.chat("answer", ASKED, timeout=10.0).output == "Yes."

    def test_what_it_said_can_be_brought_later(self, mortal: Served, aside: Straight):
        with Client(NOWHERE, upstream=aside) as away:
            chat = away.chat("answer", ASKED, user="u1")
        row = {
            "task": "answer",
            "id": chat.id,
            "inputs": {"messages": ASKED},
            "option": "quick",
            "output": chat.output,
            "user": "u1",
        }
        with mortal.running(), Client(mortal.url) as client:
            client.signal_now(chat.id, "solved", True, user="u1")
            unknown = {"task": "answer", "id": "other", "output": chat.output, "user": "u1"}
            assert client.imports([row, unknown]).stored == 2
        made, other = rows(mortal, Decision)
        assert (made.id, made.option, made.provenance) == (chat.id, "quick", "import")
        assert (other.id, other.option) == ("other", "")
        assert [one.subject for one in rows(mortal, Signal)] == [chat.id]


class TestSecrets:
    def test_a_key_itself_is_refused_and_not_shown(self):
        for given in ({"key": SECRET}, {"url": f"https://u:{SECRET}@llm.example.com/v1"}):
            with pytest.raises(InputError) as caught:
                Straight(**{"url": "https://llm.example.com/v1", **given})
            assert SECRET not in str(caught.value)

    @KINDS
    @pytest.mark.parametrize("reference", ["env:AUTOTROPH_TEST_NOT_SET", "file:/nowhere/at/all"])
    def test_a_key_that_is_not_there_is_said(self, other: Flaky, kind: str, reference: str):
        straight = Straight(url=other.url, key=reference)
        with (
            either(kind, NOWHERE, straight) as client,
            pytest.raises(UpstreamFault, match=reference) as fault,
        ):
            client.chat()
        assert fault.value.kind == "key"
        assert not other.received

    def test_a_file_has_it(self, other: Flaky, tmp_path: Path):
        (tmp_path / "key").write_text(f"{SECRET}\n")
        with Client(NOWHERE, upstream=Straight(url=other.url, key=f"file:{tmp_path / 'key'}")) as client:
            client.chat("answer", ASKED)
        assert other.last.headers["authorization"] == f"Bearer {SECRET}"

    @KINDS
    @STREAM
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("what", ["5xx", "429", "cut", "in-band error", "malformed", "redirect", None])
    def test_it_is_nowhere(
        self,
        other: Flaky,
        kind: str,
        what: What | None,
        when: When,
        stream: bool,
        caplog: pytest.LogCaptureFixture,
    ):
        other.always = Fault(what, when) if what else None
        told: list[object] = [to(other)]
        with caplog.at_level(logging.DEBUG), either(kind, NOWHERE, to(other)) as client:
            try:
                heard = client.heard(stream=stream)
                told += [heard.chat, vars(heard.chat), heard.chat.document, heard.fault]
                faults = [heard.fault]
            except UpstreamFault as fault:
                faults = [fault]
            told += [client.client, vars(client.client)]
        for fault in faults:
            if isinstance(fault, UpstreamFault):
                told += [fault, repr(fault), fault.document, getattr(fault, "__notes__", ())]
        said = caplog.text + "".join(f"{one!r} {one!s}" for one in told)
        assert SECRET in other.last.quoted
        assert SECRET not in said
        assert KEY not in said


class Encrypted(BaseHTTPRequestHandler):
    """Answers over TLS."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        if not asked.get("stream"):
            body = json.dumps({"choices": [{"message": {"content": "Yes."}}]}).encode()
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for text in ("Well", ", yes."):
            event = json.dumps({"choices": [{"delta": {"content": text}}]})
            self._chunk(f"data: {event}\n\n")
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text: str) -> None:
        self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def encrypted(certificate: trustme.LeafCert) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Encrypted) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join(10)


@contextmanager
def silence() -> Iterator[tuple[str, list[socket.socket]]]:
    """Somebody who takes connections, and says nothing."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", taken
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for one in taken:
                one.close()


def _until(ready: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.005)
