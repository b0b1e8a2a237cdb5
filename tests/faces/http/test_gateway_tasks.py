"""OpenAI's client asks tasks: who asks, which variant answers, and what is on disk before it is asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from officially import CHAT, TOML, Asked, Gateway, Scripted, Told, chunk, gateway, whole

from autotroph.records import Completion, Decision

ASKED: Any = [{"role": "user", "content": "Is that it?"}]
TASKS = """
[tasks.answer]
kind = "chat"
reward = "good"
policy = {{ kind = "uniform" }}
[tasks.answer.variants]
quick = {{ model = "there", parameters = {{ temperature = 0.5 }} }}
careful = {{ model = "large" }}
[tasks.sure]
kind = "chat"
unit = "decision"
reward = "good"
[tasks.sure.variants]
both = {{ cascade = ["there", "large"], accept = "confidence > 0.9" }}
[tasks.safe]
kind = "chat"
unit = "decision"
reward = "good"
[tasks.safe.variants]
only = {{ model = "there", fallback = ["large"] }}
[tasks.told]
kind = "chat"
unit = "session"
reward = "good"
inputs = {{ type = "object", required = ["question"], properties = {{ question = {{ type = "string" }} }} }}
[tasks.told.variants]
only = {{ model = "there", prompt = "answer.md" }}
[tasks.desk]
kind = "choice"
unit = "decision"
actions = ["cards", "fraud"]
reward = "good"
policy = {{ kind = "first" }}
[ladder]
explore = 0.0
holdback = 0.0
"""
PROMPT = """--- system ---
You are brief.
--- conversation ---
--- user ---
Question: {{ question }}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "answer.md").write_text(PROMPT, "utf-8")
    with gateway(folder, (TOML + TASKS).format(url=upstream.url)) as found:
        upstream.answer = lambda _: Told(whole())
        yield found


def ask(served: Gateway, model: str, **more: Any) -> Any:
    return served.client.chat.completions.with_raw_response.create(model=model, **{"messages": ASKED, **more})


@pytest.mark.parametrize(
    ("given", "user", "session"),
    [
        ({"user": "u1"}, "u1", "conversation_"),
        ({"safety_identifier": "u2", "user": "u1"}, "u2", "conversation_"),
        ({"metadata": {"user_id": "u3", "thread_id": "s3"}}, "u3", "s3"),
        ({"metadata": {"user": "u4", "conversation_id": "s4"}, "user": "other"}, "u4", "s4"),
        (
            {"extra_headers": {"x-autotroph-user": "u5", "x-autotroph-session": "s5"}, "user": "other"},
            "u5",
            "s5",
        ),
        (
            {"extra_body": {"autotroph": {"user": "u6", "session": "s6"}}, "safety_identifier": "x"},
            "u6",
            "s6",
        ),
    ],
)
def test_who_asks(served: Gateway, upstream: Scripted, given: Any, user: str, session: str) -> None:
    raw = ask(served, "any-model", **given)
    made = served.made(raw.headers["x-autotroph-decision"])
    assert made.user == user
    assert made.session.startswith(session)  # where nobody says it, it is told by what was said before
    assert "autotroph" not in upstream.last.document
    assert upstream.last.document.get("metadata") == given.get("metadata")


def test_a_user_stays_in_an_arm(served: Gateway, upstream: Scripted) -> None:
    taken: dict[str, set[str]] = {}
    for turn in range(3):
        for number in range(8):
            raw = ask(served, "answer", user=f"u{number}")
            made = served.made(raw.parse().id)
            assert (made.task, made.unit, made.arm) == (
                "answer",
                f"u{number}",
                raw.headers["x-autotroph-arm"],
            )
            assert made.release == raw.headers["x-autotroph-release"]
            assert {one.id: one.probability for one in made.options} == {"quick": 0.5, "careful": 0.5}
            asked = {"quick": "small-8b", "careful": "large-70b"}[made.option]
            assert upstream.last.document["model"] == asked
            assert upstream.last.document.get("temperature") == (0.5 if made.option == "quick" else None)
            taken.setdefault(made.arm, set()).add(made.unit)
        assert sum(map(len, taken.values())) == 8, turn


def test_a_variant_by_its_name(served: Gateway, upstream: Scripted) -> None:
    raw = ask(served, "answer::careful", user="u1")
    made = served.made(raw.parse().id)
    assert (made.task, made.option, made.provenance, made.options) == ("answer", "careful", "import", ())
    assert upstream.last.document["model"] == "large-70b"


@pytest.mark.parametrize("stream", [False, True])
def test_a_decision_is_on_disk_before_anybody_is_asked(
    served: Gateway, upstream: Scripted, stream: bool
) -> None:
    seen: list[tuple[Decision | None, Completion | None]] = []

    def looks(_: Asked) -> Told:
        reader = served.product.store.reader()
        try:
            last = list(reader.scan(Decision))[-1]
            seen.append((last, reader.get(Completion, decision=last.id)))
        finally:
            reader.close()
        return Told([chunk({"content": "Yes."}), chunk(finish="stop")] if stream else whole())

    upstream.answer = looks
    found: Any = served.client.chat.completions.create(
        model="answer", messages=ASKED, user="first", stream=stream, extra_body={"seed": 7}
    )
    id_ = next(one.id for one in found) if stream else found.id
    (made, came), *_ = seen
    assert made is not None
    assert (made.id, made.user, made.inputs["request"]["seed"], came) == (id_, "first", 7, None)
    if stream:
        list(found)
    assert served.came(id_).output == "Yes."
    upstream.answer = lambda _: Told(whole())


def sure(logprob: float) -> dict[str, Any]:
    token = {"token": "Yes.", "logprob": logprob, "bytes": None, "top_logprobs": []}
    return whole("Small.", choice={"logprobs": {"content": [token], "refusal": None}})


@pytest.mark.parametrize("stream", [False, True])
def test_the_larger_is_asked_where_the_smaller_is_not_sure(
    served: Gateway, upstream: Scripted, stream: bool
) -> None:
    def answers(logprob: float) -> Any:
        large = Told([chunk({"content": "Large."}), chunk(finish="stop")] if stream else whole("Large."))
        return lambda asked: Told(sure(logprob)) if asked.document["model"] == "small-8b" else large

    for logprob, said, by, asked in ((-0.01, "Small.", "there", 1), (-0.5, "Large.", "large", 2)):
        upstream.answer, before = answers(logprob), len(upstream.asked)
        raw = ask(served, "sure", stream=stream)
        found = raw.parse()
        text = "".join(
            (one.choices[0].delta if stream else one.choices[0].message).content or ""
            for one in (found if stream else [found])
            if one.choices
        )
        assert (text, raw.headers["x-autotroph-answered-by"]) == (said, by)
        assert len(upstream.asked) == before + asked
        assert upstream.asked[before].document["logprobs"] is True
        came = served.came(raw.headers["x-autotroph-decision"])
        assert (came.output, came.error) == (said, "")
        assert came.tokens_in >= 7 * asked - 7 * stream


def test_what_a_cascade_took_is_summed(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda asked: Told(sure(-0.5) if asked.document["model"] == "small-8b" else whole("L."))
    came = served.came(ask(served, "sure").parse().id)
    assert (came.tokens_in, came.tokens_out) == (14, 6)
    assert came.cost_usd == pytest.approx((7 + 2 * 3 + 10 * (7 + 2 * 3)) / 1e6)


def test_somebody_else_answers_where_the_first_does_not(served: Gateway, upstream: Scripted) -> None:
    broken = Told({"error": {"message": "down"}}, 503)
    upstream.answer = lambda asked: broken if asked.document["model"] == "small-8b" else Told(whole("Large."))
    raw = ask(served, "safe")
    assert raw.parse().choices[0].message.content == "Large."
    assert raw.headers["x-autotroph-answered-by"] == "large"
    came = served.came(raw.parse().id)
    assert (came.output, came.error) == ("Large.", "")


def test_inputs_are_kept_and_not_what_a_prompt_makes_of_them(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told(whole())
    body = {"autotroph": {"session": "s1", "inputs": {"question": "Why {{ x }}?"}}}
    answer = ask(served, "told", extra_body=body).parse()
    assert upstream.last.path == CHAT
    assert upstream.last.document["messages"] == [
        {"role": "system", "content": "You are brief."},
        *ASKED,
        {"role": "user", "content": "Question: Why {{ x }}?"},
    ]
    made = served.made(answer.id)
    assert (made.inputs["question"], made.inputs["messages"]) == ("Why {{ x }}?", ASKED)
    assert "You are brief" not in str(made.inputs)
    again = ask(
        served,
        "told",
        extra_headers={"x-autotroph-inputs": '{"question": "When?"}'},
        metadata={"session": "s1"},
    )
    assert served.made(again.parse().id).inputs["question"] == "When?"
    assert upstream.last.document["messages"][-1]["content"] == "Question: When?"


def test_a_task_that_is_answered_in_this_process(served: Gateway, upstream: Scripted) -> None:
    before = len(upstream.asked)
    raw = ask(served, "desk")
    assert raw.parse().choices[0].message.content == "cards"
    assert len(upstream.asked) == before
    made = served.made(raw.parse().id)
    assert (made.option, made.provenance, served.came(made.id).output) == ("cards", "product", "cards")
    stream = served.client.chat.completions.create(model="desk", messages=ASKED, stream=True)
    assert "".join(one.choices[0].delta.content or "" for one in stream if one.choices) == "cards"


def test_tasks_and_variants_are_models(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told({"data": []})
    found = {one.id for one in served.client.models.list()}
    assert {"answer", "answer::quick", "answer::careful", "there", "desk"} <= found
    upstream.answer = lambda _: Told(whole())
    assert served.client.models.retrieve("answer::quick").owned_by == "autotroph"


def test_the_same_history_is_dealt_the_same_way(tmp_path: Path, upstream: Scripted) -> None:
    """The arms are made of the ledger's seed and the unit alone."""
    toml = (TOML + TASKS).replace("holdback = 0.0", "holdback = 0.5").format(url=upstream.url)
    (tmp_path / "answer.md").write_text(PROMPT, "utf-8")
    dealt: list[dict[str, str]] = []
    for _ in range(2):
        with gateway(tmp_path, toml) as served:
            dealt.append(
                {f"u{n}": ask(served, "answer", user=f"u{n}").headers["x-autotroph-arm"] for n in range(12)}
            )
    assert dealt[0] == dealt[1]
    assert set(dealt[0].values()) == {"main", "holdback"}
