"""Callers who try to take more than they may, with OpenAI's client, and upstreams that lie about it."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from officially import TOML, USAGE, Gateway, Scripted, Told, gateway, whole
from servers import TOKEN, until

from autotroph.faces.answers import RECENT_BYTES
from autotroph.govern.budgets import Budgets, beside
from autotroph.govern.meters import Taken, meters

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
TASKS = """
[tasks.paid]
kind = "chat"
unit = "decision"
reward = "good"
policy = {{ kind = "first" }}
budget = {{ usd = 1, every = "365d" }}
variants = {{ one = {{ model = "there" }}, two = {{ model = "there", parameters = {{ seed = 2 }} }} }}
[tasks.wordy]
kind = "chat"
unit = "decision"
budget = {{ usd = 0.001, every = "365d" }}
variants = {{ only = {{ model = "there", prompt = "wordy.md" }} }}
[tasks.strict]
kind = "chat"
unit = "decision"
budget = {{ usd = 1, every = "365d" }}
variants = {{ only = {{ model = "there", prompt = "strict.md" }} }}
[tasks.nothing]
kind = "chat"
unit = "decision"
budget = {{ usd = 0 }}
variants = {{ only = {{ model = "there" }} }}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "wordy.md").write_text("--- system ---\n" + "Be brief. " * 120, "utf-8")
    (folder / "strict.md").write_text("--- user ---\n{{ question }}", "utf-8")
    with gateway(folder, (TOML + TASKS).format(url=upstream.url)) as found:
        yield found


@pytest.fixture(autouse=True)
def _answers(upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole())


def ask(served: Gateway, model: str, key: str = "", **more: Any) -> Any:
    named = {"extra_headers": {"idempotency-key": key}} if key else {}
    return served.client.chat.completions.create(**{"model": model, "messages": ASKED, **named, **more})


def taken(served: Gateway, task: str) -> Taken:
    """Of the budget of a task, as soon as nothing is set aside any more."""
    path: Path = served.product.store.path  # type: ignore[attr-defined]
    budgets, (meter,) = Budgets(beside(path), served.product.clock), meters(served.product.spec, task)
    try:
        until(lambda: budgets.taken([meter])[0].held == 0)
        return budgets.taken([meter])[0]
    finally:
        budgets.close()


@pytest.mark.parametrize("more", [{"n": -5}, {"n": 2.0}, {"max_tokens": -1}, {"max_tokens": 10**15}, {}])
def test_what_may_take_anything_has_no_room(served: Gateway, upstream: Scripted, more: Any) -> None:
    before = len(upstream.asked)
    with pytest.raises(openai.RateLimitError, match=r"say how many tokens|never has room"):
        ask(served, "paid", extra_body={"max_tokens": 5, **more} if more else {})
    assert len(upstream.asked) == before


def test_the_prompt_counts_too(served: Gateway, upstream: Scripted) -> None:
    before = len(upstream.asked)
    with pytest.raises(openai.RateLimitError, match="never has room"):
        ask(served, "wordy", max_tokens=5)
    assert len(upstream.asked) == before


def test_a_prompt_that_cannot_be_filled_in_is_the_callers_fault_and_takes_nothing(served: Gateway) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="question"):
        ask(served, "strict", max_tokens=5)
    assert taken(served, "strict") == Taken(0, 0)


def test_of_nothing_nothing_is_taken(served: Gateway, upstream: Scripted) -> None:
    before = len(upstream.asked)
    for model in ("nothing", "nothing::only"):
        with pytest.raises(openai.RateLimitError, match=r"the budget of \$0 "):
            ask(served, model, max_tokens=1)
    assert len(upstream.asked) == before


def test_vectors_have_a_bound_of_their_own(served: Gateway, upstream: Scripted) -> None:
    vector = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    upstream.answer = lambda _: Told({**vector, "usage": {"prompt_tokens": 5, "total_tokens": 5}})
    before = taken(served, "paid").used
    found = served.client.embeddings.create(model="paid", input="lost", encoding_format="float")
    assert found.data[0].embedding == [0.5]
    until(lambda: taken(served, "paid").used == before + 5 * 10**6)


@pytest.mark.parametrize("tokens", [2**62, 2**63 - 1, 10**18, -5, 1.5, "9", True])
def test_a_usage_that_nobody_believes_is_counted_here(
    served: Gateway, upstream: Scripted, tokens: object
) -> None:
    lie = {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": tokens}
    upstream.answer = lambda _: Told(whole(usage=lie))
    before = taken(served, "paid").used
    came = served.came(ask(served, "paid", max_tokens=5).id)
    assert came.error == ""
    assert 0 < came.tokens_out < 100
    assert came.cost_usd is not None
    assert taken(served, "paid").used == before + round(came.cost_usd * 1e12)


def test_options_of_a_stream_that_are_none_are_the_upstreams_to_refuse(
    served: Gateway, upstream: Scripted
) -> None:
    upstream.answer = lambda _: Told({"error": {"message": "stream_options: an object"}}, 400)
    for options in ([1], "x", 5):
        with pytest.raises(openai.BadRequestError, match="stream_options"):
            ask(served, "there", stream=True, extra_body={"stream_options": options})
        assert upstream.last.document["stream_options"] == options


def test_a_key_is_no_way_to_what_somebody_else_asked(served: Gateway, upstream: Scripted) -> None:
    secret: Any = [{"role": "user", "content": "My number is 4711."}]
    first = ask(served, "paid::one", "theirs", messages=secret, user="u1", max_tokens=5)
    before = len(upstream.asked)
    for model, more, other in (
        ("paid::two", {"messages": secret, "user": "u1"}, "model"),
        ("paid", {"messages": secret, "user": "u1"}, "model"),
        ("paid::one", {"user": "u1"}, "inputs"),
        ("paid::one", {"messages": secret, "user": "u2"}, "user"),
        ("there", {"messages": secret, "user": "u1"}, "task"),
    ):
        with pytest.raises(openai.ConflictError, match=other) as caught:
            ask(served, model, "theirs", max_tokens=5, **more)
        told = json.dumps(caught.value.body)
        assert first.id in told
        assert "4711" not in told
        assert "u1" not in told.replace(first.id, "")
    assert len(upstream.asked) == before
    assert ask(served, "paid::one", "theirs", messages=secret, user="u1", max_tokens=5).id == first.id


def test_models_that_are_passed_on_are_other_questions(served: Gateway, upstream: Scripted) -> None:
    ask(served, "theirs-small", "passed on")
    before = len(upstream.asked)
    with pytest.raises(openai.ConflictError, match="model"):
        ask(served, "theirs-large", "passed on")
    assert len(upstream.asked) == before


def test_the_same_key_64_times_at_once_with_two_bodies(served: Gateway, upstream: Scripted) -> None:
    before, spent = len(upstream.asked), taken(served, "paid").used

    def one(nth: int) -> str:
        said: Any = [{"role": "user", "content": f"Is that {nth % 2}?"}]
        try:
            found = ask(served, "paid", "at once", messages=said, max_tokens=5, stream=nth % 4 > 1)
            return str(next(iter(found)).id if nth % 4 > 1 else found.id)
        except openai.ConflictError:
            return "conflict"

    upstream.answer = lambda asked: Told(whole(usage=USAGE)) if not asked.document.get("stream") else Told(
        [{"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]},
         {"choices": [], "usage": USAGE}])  # fmt: skip
    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(one, range(64)))
    assert found.count("conflict") == 32
    assert len(set(found)) == 2
    assert len(upstream.asked) == before + 1
    assert taken(served, "paid").used == spent + (7 + 2 * 3) * 10**6


@pytest.mark.parametrize("key", ["k" * 10_000, "k" * 257, "a\tb", "\u200b", 5, ["x"], None])
def test_keys_that_are_none(served: Gateway, upstream: Scripted, key: object) -> None:
    before = len(upstream.asked)
    with pytest.raises(openai.UnprocessableEntityError, match="key"):
        ask(served, "there", extra_body={"autotroph": {"key": key}})
    assert len(upstream.asked) == before


@pytest.mark.parametrize("key", ["ключ", "键" * 256, "' OR 1=1 --", "a~2", "%_"])
def test_keys_that_are_some(served: Gateway, upstream: Scripted, key: str) -> None:
    named = {"extra_body": {"autotroph": {"key": key}}}
    first, before = ask(served, "there", **named), len(upstream.asked)
    assert ask(served, "there", **named).id == first.id
    assert len(upstream.asked) == before
    with closing(http.client.HTTPConnection("127.0.0.1", served.http.port)) as connection:
        connection.putrequest("POST", "/v1/chat/completions")
        body = msgspec.json.encode({"model": "there", "messages": ASKED})
        said = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        for name, value in {**said, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.putheader("idempotency-key", key.encode())  # in a header, its bytes are those of UTF-8
        connection.endheaders(body)
        assert msgspec.json.decode(connection.getresponse().read())["id"] == first.id


def test_what_was_erased_is_not_answered_from_memory(served: Gateway, upstream: Scripted) -> None:
    first = ask(served, "there", "erased", user="u-erased")
    before = len(upstream.asked)
    assert ask(served, "there", "erased", user="u-erased").id == first.id
    served.product.erase("u-erased")
    ask(served, "there", "erased", user="u-erased")
    assert len(upstream.asked) == before + 1


def test_large_questions_with_keys_do_not_fill_the_memory(served: Gateway, upstream: Scripted) -> None:
    """They are kept as long as there is room; the answers are in the ledger, too."""
    large: Any = [{"role": "user", "content": "x" * 2**20}]
    found = [ask(served, "there", f"large {nth}", messages=large).id for nth in range(20)]
    served.came(found[-1])
    before, repeats = len(upstream.asked), served.product.gateway._repeats
    assert len(repeats._kept) < 20
    assert repeats._bytes <= RECENT_BYTES
    assert [ask(served, "there", f"large {nth}", messages=large).id for nth in range(20)] == found
    assert len(upstream.asked) == before
