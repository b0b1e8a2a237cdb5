"""The recorded upstream, as the official client meets it."""

import asyncio
import json
import math
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import openai
import pytest

from autotroph.errors import SourceError
from autotroph.testing.recorded import Latency, Manner, Price, Recorded, Stub, Transcript, read
from autotroph.testing.recorded.answers import Answer
from autotroph.testing.recorded.tokens import count, pieces

SMALL, LARGE = "someone/small-8x7B", "large-1106"
CAKE, CAKES = "How many cakes are left of twelve?", "How many cakes are left of twelve? And of six?"
ANSWER = "Twelve less five, that is 7 cakes — “sieben”."
CSV = f"""prompt,{SMALL},{LARGE},{SMALL}_response,{LARGE}_response
{CAKE},False,True," Five, I
think.","{ANSWER}"
{CAKES},True,True,All of them.,None.
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "answers.csv"
    path.write_text(CSV, "utf-8")
    return path


@pytest.fixture(scope="module")
def upstream(path: Path) -> Iterator[Recorded]:
    prices = {LARGE: Price(input=10, output=30), "": Price(input=0.5, output=0.5)}
    with Recorded(read(path), Manner(prices=prices)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def client(upstream: Recorded) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=upstream.url, api_key="any", max_retries=0) as client:
        yield client


def said(text: str) -> list[Any]:
    return [{"role": "system", "content": "Think."}, {"role": "user", "content": text}]


# chat ----------------------------------------------------------------------------------------------------


def test_a_completion_is_what_the_model_said(upstream: Recorded, client: openai.OpenAI) -> None:
    before = upstream.asked.get(LARGE, 0)
    answer = client.chat.completions.create(model=LARGE, messages=said(CAKE))
    (choice,) = answer.choices
    assert (choice.message.content, choice.message.role, choice.finish_reason) == (
        ANSWER,
        "assistant",
        "stop",
    )
    assert (answer.model, answer.object) == (LARGE, "chat.completion")
    assert answer.usage is not None
    tokens = (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)
    sent, answered = math.ceil(len("Think.") / 4) + math.ceil(len(CAKE) / 4), math.ceil(len(ANSWER) / 4)
    assert tokens == (sent, answered, sent + answered)
    assert upstream.cost(LARGE, *tokens[:2]) == pytest.approx((10 * sent + 30 * answered) / 1e6, rel=1e-12)
    assert upstream.cost(SMALL, *tokens[:2]) == pytest.approx(0.5 * tokens[2] / 1e6, rel=1e-12)
    assert upstream.asked[LARGE] == before + 1
    assert answer._request_id is not None
    assert answer.id == "chatcmpl-" + answer._request_id.removeprefix("req_")


def test_the_one_that_is_asked_is_right_or_wrong(upstream: Recorded) -> None:
    assert [upstream.right(model, CAKE) for model in (SMALL, LARGE)] == [False, True]
    assert upstream.text(SMALL, CAKE) == " Five, I\nthink."


@pytest.mark.parametrize(
    "text",
    [CAKES, f"\n {CAKES} ", f"Question: {CAKES}\nAnswer:", [{"type": "text", "text": f"Listen. {CAKES}"}]],
)
def test_the_longest_prompt_within_a_text_is_answered(client: openai.OpenAI, text: Any) -> None:
    answer = client.chat.completions.create(model=LARGE, messages=said(text))
    assert answer.choices[0].message.content == "None."


def test_the_last_thing_the_user_said_counts(client: openai.OpenAI) -> None:
    messages = [*said(CAKES), {"role": "assistant", "content": "None."}, *said(CAKE)]
    assert client.chat.completions.create(model=LARGE, messages=messages).choices[0].message.content == ANSWER


def test_a_stream_is_the_same_in_pieces(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model=LARGE, messages=said(CAKE), stream=True, stream_options=options)
    )
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert (deltas[0].role, deltas[0].content) == ("assistant", "")
    assert [delta.content for delta in deltas[1:-1]] == pieces(ANSWER, 4)
    assert len(deltas) > 4
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(deltas) - 1) + ["stop"]
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * len(deltas)
    assert all("usage" in chunk.model_fields_set for chunk in chunks)  # it says that there is none yet
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == count(ANSWER)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_usage_ends_with_its_reason(client: openai.OpenAI) -> None:
    last = list(client.chat.completions.create(model=LARGE, messages=said(CAKE), stream=True))[-1]
    assert last.choices[0].finish_reason == "stop"
    assert last.usage is None


def test_a_limit_on_tokens_cuts(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=LARGE, messages=said(CAKE), max_completion_tokens=2)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (ANSWER[:8], "length")


def test_the_official_client_for_coroutines(upstream: Recorded) -> None:
    async def asks() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(base_url=upstream.url, api_key="any") as client:
            whole = await client.chat.completions.create(model=LARGE, messages=said(CAKE))
            stream = await client.chat.completions.create(model=SMALL, messages=said(CAKE), stream=True)
            parts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return whole.choices[0].message.content, "".join(parts)

    assert asyncio.run(asks()) == (ANSWER, " Five, I\nthink.")


# the other routes ----------------------------------------------------------------------------------------


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [SMALL, LARGE, "words"]
    assert client.models.retrieve(SMALL).id == SMALL
    with pytest.raises(openai.NotFoundError, match="known: someone/small-8x7B, large-1106, words"):
        client.models.retrieve("medium")


def test_embeddings_are_the_same_for_the_same_text(client: openai.OpenAI) -> None:
    texts = ["a lost card", "Card lost: a", "opening hours"]
    found = client.embeddings.create(model="words", input=texts)
    numbers = (
        client.embeddings.create(model="words", input=texts[0], encoding_format="float").data[0].embedding
    )
    vectors = [each.embedding for each in found.data]
    assert vectors[0] == pytest.approx(numbers, abs=1e-7)  # single precision on the wire
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1, 1, 1])
    near, far = (sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:])
    assert near > 0.8 > 0.5 > far
    assert found.usage.prompt_tokens == 3 + 3 + 4
    assert len(client.embeddings.create(model="words", input="a", dimensions=7).data[0].embedding) == 7


def test_a_response_is_the_same_answer(client: openai.OpenAI) -> None:
    whole = client.responses.create(model=LARGE, input=f"So: {CAKE}", instructions="Think.")
    assert (whole.output_text, whole.status) == (ANSWER, "completed")
    assert whole.usage is not None
    assert whole.usage.input_tokens == count("Think.") + count(f"So: {CAKE}")
    assert whole.usage.output_tokens == count(ANSWER)
    cut = client.responses.create(model=LARGE, input=said(CAKE), max_output_tokens=1)
    assert (cut.output_text, cut.status) == (ANSWER[:4], "incomplete")


def test_a_response_in_events(client: openai.OpenAI) -> None:
    events = list(client.responses.create(model=LARGE, input=CAKE, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == pieces(ANSWER, 4)
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == ANSWER
    with client.responses.stream(model=LARGE, input=CAKE) as stream:
        stream.until_done()
        assert stream.get_final_response().output_text == ANSWER


# what cannot be answered ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "error", "code", "says"),
    [
        ({"model": "large-1160"}, openai.NotFoundError, "model_not_found", "Did you mean 'large-1106'"),
        ({"messages": said("Who?")}, openai.NotFoundError, "prompt_not_found", "one of the 2 recorded"),
        ({"messages": []}, openai.BadRequestError, "invalid_value", "no message of role 'user'"),
        ({"messages": 3}, openai.BadRequestError, "invalid_value", "array"),
        ({"n": 2}, openai.BadRequestError, "invalid_value", "n is 1"),
        ({"max_tokens": 0}, openai.BadRequestError, "invalid_value", "1 or more"),
    ],
)
def test_what_is_not_known_is_an_error_with_a_type(
    client: openai.OpenAI, asked: dict[str, Any], error: type[openai.APIStatusError], code: str, says: str
) -> None:
    request: Any = {"model": LARGE, "messages": said(CAKE), **asked}
    with pytest.raises(error, match=says) as raised:
        client.chat.completions.create(**request)
    assert raised.value.code == code
    assert raised.value.type == "invalid_request_error"


def test_embeddings_that_cannot_be_made_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="medium", input="a")
    for wrong in ({"dimensions": 0}, {"encoding_format": "hex"}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="words", input="a", extra_body=wrong)


def test_another_route_says_which_there_are(upstream: Recorded) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{upstream.url}/chat/completions")
    error = json.loads(refused.value.read())["error"]
    assert (refused.value.code, error["code"]) == (404, "not_found")
    assert "known: POST /v1/chat/completions" in error["message"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt,small\nA,True\n", "has the columns prompt, small"),
        ("prompt,small_response\nA,5\n", r"MODEL \(was it right"),
        ("prompt,small,small_response\nA,yes,5\n", ":2: small is 'yes'; it says True or False"),
        ("prompt,small,small_response\nA,True,5\nB\n", ":3: the row has fewer fields"),
        ('prompt,small,small_response\n"A,True,5\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(SourceError, match=says):
        read(path)


# how it behaves in time ----------------------------------------------------------------------------------


def test_latency_is_drawn_from_the_seed_around_its_median() -> None:
    declared = {"": Latency(first=0.5, token=0.02, spread=0.4)}
    one, other = Manner(declared, seed="one"), Manner(declared, seed="other")
    paces = [one.pace(LARGE, str(number)) for number in range(4000)]
    assert paces[:50] == [one.pace(LARGE, str(number)) for number in range(50)]
    assert paces[0] != other.pace(LARGE, "0")
    logs = [math.log(pace.first / 0.5) for pace in paces]
    mean = math.fsum(logs) / len(logs)
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in logs) / len(logs))
    assert mean == pytest.approx(0, abs=5 * 0.4 / math.sqrt(4000))
    assert spread == pytest.approx(0.4, abs=5 * 0.4 / math.sqrt(8000))
    assert sorted(pace.token for pace in paces)[2000] == pytest.approx(0.02, rel=0.05)


def test_an_answer_takes_no_less_than_declared() -> None:
    transcript = Transcript({"Q": {"slow": Answer("four" * 4, right=True), "quick": Answer("x", right=True)}})
    manner = Manner({"slow": Latency(first=0.08, token=0.02)}, chunk=2)
    with (
        Recorded(transcript, manner) as upstream,
        openai.OpenAI(base_url=upstream.url, api_key="any") as client,
    ):
        began = perf_counter()
        client.chat.completions.create(model="slow", messages=said("Q"))
        assert perf_counter() - began >= 0.08 + 3 * 0.02
        began, came = perf_counter(), list[float]()
        for chunk in client.chat.completions.create(model="slow", messages=said("Q"), stream=True):
            came += [perf_counter() - began] if chunk.choices[0].delta.content else []
        assert len(came) == 2
        assert came[0] >= 0.08 + 0.02
        assert came[1] >= 0.08 + 3 * 0.02


@pytest.mark.parametrize("streams", [False, True])
def test_who_leaves_is_noticed_at_once(streams: bool) -> None:
    with Recorded(Stub(), Manner({"": Latency(first=3600)})) as upstream:
        body = json.dumps({"model": "any", "messages": said("Q"), "stream": streams}).encode()
        _, port = upstream.url.removesuffix("/v1").removeprefix("http://").split(":")
        with socket.create_connection(("127.0.0.1", int(port))) as caller:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
            caller.sendall(head + body)
            _until(lambda: upstream.open == 1)
        _until(lambda: upstream.left == 1)
        assert upstream.open == 0


def _until(done: Any) -> None:
    for _ in range(2000):
        if done():
            return
        sleep(0.005)
    pytest.fail("did not happen in 10 s")


# a process of its own ------------------------------------------------------------------------------------


def test_as_a_process_it_says_where_it_is(path: Path) -> None:
    given = [str(path), "--latency", f"{SMALL}:first=0.01", "--latency", "token=0.0001", "--price", "input=1"]
    with _process(given) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        body = {"model": LARGE, "messages": said(CAKE)}
        with urllib.request.urlopen(f"{url}/chat/completions", json.dumps(body).encode()) as reply:
            answer = json.loads(reply.read())
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert answer["choices"][0]["message"]["content"] == ANSWER


def test_a_stub_answers_whatever_it_is_called() -> None:
    with Recorded(Stub("Yes.")) as upstream, openai.OpenAI(base_url=upstream.url, api_key="any") as client:
        answer = client.chat.completions.create(model="whatever", messages=said("?"))
        assert answer.choices[0].message.content == "Yes."
        assert client.embeddings.create(model="whatever", input="?").model == "whatever"
        assert upstream.right("whatever", "?")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--stub", "--price", "large:input=ten"], "input=NUMBER, output=NUMBER"),
        (["--stub", "--latency", "small:frist=1"], "first=NUMBER"),
        (["--stub", "--chunk", "0"], "at least 1 token"),
    ],
)
def test_what_a_process_cannot_take_is_said(
    given: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from autotroph.testing.recorded.__main__ import main

    assert main(given) == 2
    assert says in capsys.readouterr().err


def _process(given: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "autotroph.testing.recorded", *given]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_its_help_shows_how_it_is_called():
    shown = subprocess.run(
        [sys.executable, "-m", "autotroph.testing.recorded", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "\n    python -m autotroph.testing.recorded --stub\n" in shown
