"""Chat through a gateway that is really served: whole and streamed, for threads and for coroutines."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from chatting import ASKED, SAID, Either, either, gate, rows
from realserver import KEY, Served

from autotroph.client import AsyncClient, Client
from autotroph.errors import Conflict, Exhausted, InputError, UpstreamFault
from autotroph.records import Decision, Signal
from autotroph.testing.flaky import Fault, Flaky
from autotroph.testing.flaky.script import What
from autotroph.testing.recorded import Latency, Manner, Recorded, Stub

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
STREAM = pytest.mark.parametrize("stream", [False, True])


@pytest.fixture
def client(gated: Served, kind: str) -> Iterator[Either]:
    with either(kind, gated.url) as found:
        yield found


@KINDS
@STREAM
def test_an_answer_is_a_decision_that_signals_are_about(
    client: Either, gated: Served, behind: Flaky, stream: bool
):
    heard = client.heard("answer", inputs={"plan": "pro"}, user="u7", session="s7", stream=stream, top_k=3)
    chat = heard.chat
    assert (chat.output, heard.text) == (SAID, SAID if stream else "")
    assert (chat.decided, chat.recorded, chat.reason) == (True, True, "")
    assert (chat.task, chat.variant, chat.model, chat.arm) == ("answer", "quick", "quick", "main")
    assert {one["id"] for one in heard.events} <= {chat.id}
    assert chat.document is None if stream else chat.document["id"] == chat.id
    sent = behind.last.document
    assert (sent["messages"], sent["top_k"], sent["model"]) == (ASKED, 3, "small-8b")
    assert "autotroph" not in sent
    assert client.do(client.client.signal_now(chat.id, "solved", True)).status == "stored"
    (made,) = (one for one in rows(gated, Decision) if one.id == chat.id)
    assert (made.user, made.session, made.inputs["plan"]) == ("u7", "s7", "pro")
    assert chat.id in {one.subject for one in rows(gated, Signal)}


@KINDS
def test_a_key_is_answered_once(client: Either, behind: Flaky, kind: str):
    first = client.chat(key=f"once {kind}")
    before = behind.received
    assert client.chat(key=f"once {kind}").id == first.id
    assert client.heard(key=f"once {kind}", stream=True).chat.id == first.id
    assert behind.received == before
    with pytest.raises(Conflict):
        client.chat(messages=[{"role": "user", "content": "Another."}], key=f"once {kind}")


@KINDS
def test_a_stream_that_was_heard_leaves_a_connection_for_the_next(client: Either):
    client.heard(stream=True)
    made = client.client
    kept = made._connections._idle if isinstance(made, Client) else kept_by(made)
    assert len(kept) == 1


@KINDS
@STREAM
@pytest.mark.parametrize(
    ("what", "status"), [("5xx", 503), ("429", 429), ("cut", 0), ("malformed", 0), ("in-band error", 0)]
)
def test_who_answers_behind_the_gateway_fails(
    client: Either, behind: Flaky, what: What, status: int, stream: bool
):
    behind.always = Fault(what, "before")
    with pytest.raises(UpstreamFault) as caught:
        client.chat(stream=stream)
    assert not caught.value.first_token
    if status:
        assert (caught.value.kind, caught.value.status) == ("status", status)
    assert caught.value.document


@KINDS
@pytest.mark.parametrize("what", ["cut", "in-band error", "malformed", "unfinished"])
def test_what_breaks_off_is_no_clean_end(client: Either, behind: Flaky, what: What):
    behind.always = Fault(what, "after")
    heard = client.heard(stream=True)
    assert isinstance(heard.fault, UpstreamFault)
    assert heard.fault.first_token
    assert heard.chat.output == heard.text == "Well"


@KINDS
def test_what_is_refused(client: Either, gated: Served, kind: str):
    with pytest.raises(InputError, match="pass user="):
        client.chat(user="")
    with pytest.raises(InputError, match="no variant named 'slow'"):
        client.chat("answer::slow")
    with pytest.raises(InputError, match="no task or model named 'nothing'"):
        client.chat("nothing")
    with pytest.raises(InputError, match="is not JSON"):
        client.chat(temperature=float("nan"))
    unknown = pytest.raises(InputError, match=r"401: .*AUTOTROPH_API_KEY")
    with either(kind, gated.url, api_key="nobody-made-this-key") as other, unknown:
        other.chat()


@KINDS
def test_a_budget_that_is_spent_says_until_when(client: Either):
    refused: list[Exhausted] = []

    def late() -> bool:
        try:
            client.chat("spent")
        except Exhausted as error:
            refused.append(error)
        return bool(refused) and refused[-1].retry_after > 60  # once the first is settled

    client.until(late)
    assert refused[-1].until == pytest.approx(time.time() + refused[-1].retry_after, abs=60)  # noqa: TID251


@KINDS
@pytest.mark.parametrize("how", ["break", "close", "drop"])
def test_whoever_leaves_a_stream_is_not_answered_on(client: Either, behind: Flaky, how: str):
    client.chat()
    behind.pause, before, kept = 0.3, behind.received, behind.open
    if how == "break":
        heard = client.heard(stream=True, each=lambda _: True)
        assert len(heard.events) == 1  # the answer itself is still held
    elif how == "close":
        client.do(client.chat(stream=True).close())
    else:
        client.drop()
    assert behind.received == before + 1
    client.until(lambda: behind.open == kept - 1, 8.0)


@pytest.mark.parametrize(("kind", "stream"), [("sync", True), ("async", False)])
def test_one_that_takes_long_is_waited_for_as_long_as_somebody_is_there(tmp_path, kind: str, stream: bool):
    with Recorded(Stub("At last."), Manner({"": Latency(first=1.5)})) as slow:
        late = gate(tmp_path, slow.url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AUTOTROPH_API_KEY", KEY)
            with late.running(), either(kind, late.url) as client:
                assert client.heard(stream=stream, timeout=2.4).chat.output == "At last."


def test_no_file_is_needed(behind: Flaky, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOTROPH_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    bare = Served(tmp_path, "", "--upstream", behind.url)
    with bare.running(), either("sync", bare.url) as client:
        chat = client.chat("whatever-they-have")
        assert (chat.output, chat.recorded) == (SAID, True)
        assert behind.last.document["model"] == "whatever-they-have"
    assert chat.id in {one.id for one in rows(bare, Decision)}


def kept_by(client: AsyncClient) -> list[Any]:
    connector = client._sessions._session.connector
    return [one for each in connector._conns.values() for one in each]
