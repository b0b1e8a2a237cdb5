"""OpenAI's client and what cannot be answered: its typed errors, and nothing is asked again in vain."""

import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from officially import TOML, Gateway, Scripted, Told, arguments, chunk, gateway, whole

from autotroph.faces.gateway.chat import LEFT

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
TASKS = """
[tasks.strict]
kind = "chat"
unit = "decision"
reward = "good"
inputs = {{ type = "object", required = ["question"], properties = {{ question = {{ type = "string" }} }} }}
variants = {{ only = {{ model = "there" }} }}
[tasks.dear]
kind = "chat"
unit = "decision"
reward = "good"
variants = {{ only = {{ model = "there" }} }}
budget = {{ usd = 0.000001, every = "30d" }}
[tasks.ours]
kind = "chat"
reward = "good"
variants = {{ only = {{ model = "there" }} }}
[tasks.pick]
kind = "choice"
actions = ["a", "b"]
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    toml = (
        (TOML + TASKS).replace('upstream = "there"\n', "").replace("retries = 0", 'retries = 0, total = "2s"')
    )
    with gateway(tmp_path_factory.mktemp("gateway"), toml.format(url=upstream.url)) as found:
        yield found


@pytest.fixture
def eager(served: Gateway) -> Iterator[openai.OpenAI]:
    """A client that asks again wherever it may."""
    with openai.OpenAI(**{**arguments(served.http.port), "max_retries": 2}) as client:
        yield client


def test_a_wrong_key(served: Gateway) -> None:
    with (
        openai.OpenAI(**{**arguments(served.http.port), "api_key": "wrong"}) as client,
        pytest.raises(openai.AuthenticationError, match="not known here") as caught,
    ):
        client.chat.completions.create(model="there", messages=ASKED)
    assert caught.value.status_code == 401
    assert caught.value.type == "unauthenticated"


def test_a_base_url_without_its_end(served: Gateway) -> None:
    there = str(served.client.base_url).removesuffix("/v1/")
    with pytest.raises(openai.NotFoundError, match="Did you mean /v1/chat/completions") as caught:
        served.client.with_options(base_url=there).chat.completions.create(model="there", messages=ASKED)
    assert caught.value.status_code == 404
    with pytest.raises(openai.NotFoundError) as caught:
        served.client.with_options(base_url=there).get("/nowhere", cast_to=object)
    assert "Did you mean" not in caught.value.message


@pytest.mark.parametrize("model", ["nothing", "strict::nothing"])
def test_a_model_that_nobody_knows(served: Gateway, model: str) -> None:
    with pytest.raises(openai.NotFoundError, match="nothing") as caught:
        served.client.chat.completions.create(model=model, messages=ASKED)
    assert caught.value.type == "not_found"
    with pytest.raises(openai.NotFoundError):
        served.client.models.retrieve("nothing")


@pytest.mark.parametrize(
    ("model", "extra", "said"),
    [
        ("strict", {"autotroph": {"inputs": {"question": 5}}}, "question"),
        ("strict", {"autotroph": {"usr": "u1"}}, "usr"),
        ("ours", {}, "user"),
        ("pick::a", {}, "not answered by a model outside"),
        ("", {}, "model"),
    ],
)
def test_what_cannot_be_taken(served: Gateway, upstream: Scripted, model: str, extra: Any, said: str) -> None:
    before = len(upstream.asked)
    with pytest.raises(openai.UnprocessableEntityError, match=said) as caught:
        served.client.chat.completions.create(model=model, messages=ASKED, extra_body=extra)
    assert caught.value.type == "invalid"
    assert len(upstream.asked) == before


def test_another_question_by_the_same_key(upstream: Scripted, eager: openai.OpenAI) -> None:
    upstream.answer = lambda _: Told(whole())
    headers = {"idempotency-key": "one"}
    first = eager.chat.completions.create(model="there", messages=ASKED, extra_headers=headers)
    with pytest.raises(openai.ConflictError, match=first.id) as caught:
        eager.chat.completions.create(
            model="there", messages=[{"role": "user", "content": "No."}], extra_headers=headers
        )
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_budget_without_room(upstream: Scripted, eager: openai.OpenAI) -> None:
    before = len(upstream.asked)
    with pytest.raises(openai.RateLimitError, match="budget") as caught:
        eager.chat.completions.create(model="dear", messages=ASKED, max_tokens=100)
    assert caught.value.type == "exhausted"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"
    assert len(upstream.asked) == before


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (500, openai.InternalServerError),
    ],
)
def test_what_an_upstream_refuses(
    upstream: Scripted, eager: openai.OpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    error = {"message": "not like that", "type": "invalid_request_error", "param": "top_p", "code": "bad"}
    upstream.answer, before = lambda _: Told({"error": error}, status), len(upstream.asked)
    with pytest.raises(kind, match="not like that") as caught:
        eager.chat.completions.create(model="there", messages=ASKED, top_p=7)
    assert (caught.value.status_code, caught.value.code, caught.value.param) == (status, "bad", "top_p")
    assert len(upstream.asked) == before + 1


def test_our_key_at_the_upstream_is_nothing_that_a_caller_could_repair(
    upstream: Scripted, eager: openai.OpenAI
) -> None:
    upstream.answer = lambda _: Told({"error": {"message": "wrong key"}}, 401)
    with pytest.raises(openai.InternalServerError) as caught:
        eager.chat.completions.create(model="there", messages=ASKED)
    assert caught.value.status_code == 502


def test_an_upstream_that_says_nothing_in_time(
    served: Gateway, upstream: Scripted, eager: openai.OpenAI
) -> None:
    over, before = threading.Event(), len(upstream.asked)

    def waits(_: Any) -> Told:
        over.wait(20)
        return Told(whole())

    upstream.answer = waits
    with pytest.raises(openai.InternalServerError) as caught:
        eager.chat.completions.create(model="there", messages=ASKED)
    over.set()
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_total")
    assert len(upstream.asked) == before + 1
    assert served.came(caught.value.response.headers["x-autotroph-decision"]).error


def test_a_client_that_does_not_wait(served: Gateway, upstream: Scripted) -> None:
    over = threading.Event()

    def waits(_: Any) -> Told:
        over.wait(20)
        return Told(whole())

    upstream.answer = waits
    with pytest.raises(openai.APITimeoutError):
        served.client.chat.completions.create(model="there", messages=ASKED, timeout=0.3)
    last = served.decisions()[-1]
    assert served.came(last.id).error == LEFT
    over.set()


def test_a_stream_that_breaks_off(served: Gateway, upstream: Scripted) -> None:
    broken = {"error": {"message": "out of breath", "type": "server_error", "code": None, "param": None}}
    upstream.answer = lambda _: Told([chunk({"content": "Ye"}), broken])
    stream = served.client.chat.completions.create(model="there", messages=ASKED, stream=True)
    found = []
    with pytest.raises(openai.APIError, match="out of breath"):
        found.extend(one for one in stream)
    came = served.came(served.decisions()[-1].id)
    assert came.output == "Ye"
    assert "broke its answer off" in came.error
