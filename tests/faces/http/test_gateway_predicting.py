"""`client.decisions.create`: typed questions, answered by tasks that choose with real probabilities."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from officially import TOML, Gateway, Scripted, Told, gateway

TASKS = """
[tasks.route]
kind = "choice"
unit = "user"
actions = ["billing", "cards", "fraud"]
context = {{ text = "text" }}
reward = "good"
policy = {{ kind = "uniform" }}
[tasks.urgent]
kind = "choice"
unit = "decision"
actions = ["no", "yes"]
reward = "good"
policy = {{ kind = "first" }}
[tasks.two]
kind = "choice"
unit = "decision"
actions = ["left", "right"]
reward = "good"
policy = {{ kind = "first" }}
[tasks.mood]
kind = "choice"
unit = "decision"
actions = ["low", "middle", "high"]
reward = "good"
policy = {{ kind = "uniform" }}
[ladder]
explore = 0.2
holdback = 0.0
"""
WHICH = {"instructions": "Which desk?"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Scripted]:
    with Scripted() as found:
        yield found


@pytest.fixture(scope="module")
def served(upstream: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway"), (TOML + TASKS).format(url=upstream.url)) as found:
        yield found


def choice(*values: str | bool, **more: Any) -> Any:
    return {"type": "choice", **WHICH, "choices": [{"value": one} for one in values], **more}


def predicate(**more: Any) -> Any:
    return {"type": "predicate", **WHICH, **more}


def score(*labels: str) -> Any:
    return {"type": "score", **WHICH, "name": "mood", "levels": [{"label": one} for one in labels]}


def ask(served: Gateway, model: str, *questions: Any, **more: Any) -> Any:
    return served.client.decisions.create(model=model, input="lost my card", questions=questions, **more)


def ids(told: Any) -> list[str | None]:
    found: list[str | None] = told.to_dict()["autotroph"]["decisions"]
    return found


def test_a_choice_is_the_policys_with_its_probabilities(served: Gateway) -> None:
    told = ask(served, "route", choice("fraud", "billing", "cards", name="desk"), safety_identifier="u1")
    (answer,), (id_,) = told.answers, ids(told)
    assert (answer.type, answer.name, told.model, told.usage.total_tokens) == ("choice", "desk", "route", 0)
    assert [one.value for one in answer.probabilities] == ["fraud", "billing", "cards"]
    assert [one.probability for one in answer.probabilities] == pytest.approx([1 / 3] * 3)
    made = served.made(str(id_))
    assert (made.option, made.user, made.task) == (answer.choice, "u1", "route")
    assert {one.id: one.probability for one in made.options} == {
        one.value: one.probability for one in answer.probabilities
    }
    assert (made.inputs["text"], made.given, made.provenance) == ("lost my card", False, "product")
    assert made.inputs["request"]["question"]["instructions"] == "Which desk?"
    assert served.came(made.id).output == answer.choice


def test_a_choice_among_some_of_the_actions(served: Gateway) -> None:
    taken = set()
    for user in range(12):
        told = ask(served, "route", choice("cards", "fraud"), extra_body={"autotroph": {"user": f"u{user}"}})
        (answer,), (id_,) = told.answers, ids(told)
        assert [one.probability for one in answer.probabilities] == pytest.approx([0.5, 0.5])
        made = served.made(str(id_))
        assert [one.id for one in made.options] == ["cards", "fraud"]
        assert made.option == answer.choice
        assert made.proposals[0].features["cards bias"] == 1.0
        taken.add(answer.choice)
    assert taken == {"cards", "fraud"}


def test_exploration_is_told(served: Gateway) -> None:
    (answer,) = ask(served, "urgent", choice("yes", "no")).answers
    assert [one.probability for one in answer.probabilities] == pytest.approx([0.1, 0.9])
    assert answer.confidence == pytest.approx(0.9 if answer.choice == "no" else 0.1)


def test_booleans_are_yes_and_no(served: Gateway) -> None:
    (answer,) = ask(served, "urgent", choice(True, False)).answers
    assert [one.value for one in answer.probabilities] == [True, False]
    assert answer.choice is (served.decisions()[-1].option == "yes")


@pytest.mark.parametrize(
    ("task", "name", "expected"),
    [
        ("urgent", None, 0.1),
        ("urgent", "anything", 0.1),
        ("urgent", "no", 0.9),
        ("two", None, 0.9),
        ("two", "right", 0.1),
        ("mood", "high", 1 / 3),
    ],
)
def test_a_predicate(served: Gateway, task: str, name: str | None, expected: float) -> None:
    (answer,) = ask(served, task, predicate(**({"name": name} if name else {}))).answers
    assert (answer.type, answer.name) == ("predicate", name)
    assert answer.probability == pytest.approx(expected)


def test_a_score(served: Gateway) -> None:
    told = ask(served, "mood", score("low", "middle", "high"), score("low", "high"))
    whole, two = told.answers
    assert (whole.type, whole.name, whole.score) == ("score", "mood", pytest.approx(1.0))
    assert [(one.label, one.value) for one in whole.probabilities] == [("low", 0), ("middle", 1), ("high", 2)]
    assert whole.confidence == pytest.approx(1 / 3)
    assert (two.score, [one.value for one in two.probabilities]) == (pytest.approx(0.5), [0, 1])


def test_each_question_has_a_decision_and_what_cannot_be_answered_none(served: Gateway) -> None:
    before = len(served.decisions())
    raw = served.client.decisions.with_raw_response.create(
        model="mood",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "so so"}]}],
        questions=[
            choice("low", "elsewhere", name="other"),
            predicate(name="high"),
            choice("low", "low"),
            {"type": "later", "name": "later"},  # type: ignore[typeddict-item]
            predicate(name="unknown"),
            score("low", "high"),
        ],
    )
    told = raw.parse()
    assert [one.type for one in told.answers] == [
        "refusal", "predicate", "refusal", "refusal", "refusal", "score",
    ]  # fmt: skip
    assert [one.name for one in told.answers] == ["other", "high", None, "later", "unknown", "mood"]
    made = served.decisions()[before:]
    known = [one for one in ids(told) if one]
    assert {one.id for one in made} == set(known)
    assert raw.headers["x-autotroph-decision"] == ", ".join(known)
    assert (raw.headers["x-autotroph-task"], raw.headers["x-autotroph-recorded"]) == ("mood", "yes")
    assert [one.inputs["text"] for one in made] == ["so so"] * 2


def test_structured_inputs_and_the_same_key_again(served: Gateway) -> None:
    body = {"autotroph": {"user": "u1", "key": "once", "inputs": {"text": "stolen"}}}
    questions = [choice("cards", "fraud"), predicate(name="fraud")]
    first = ask(served, "route", *questions, extra_body=body)
    again = ask(served, "route", *questions, extra_body=body)
    assert again.to_dict() == first.to_dict()
    assert len(set(ids(first))) == 2
    assert served.made(str(ids(first)[0])).inputs["text"] == "stolen"
    with pytest.raises(openai.ConflictError):
        ask(served, "route", choice("cards", "billing"), extra_body=body)


def test_what_is_no_request(served: Gateway) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="user"):
        ask(served, "route", choice("cards", "fraud"))
    with pytest.raises(openai.UnprocessableEntityError, match="questions"):
        ask(served, "mood")


def test_a_signal_is_about_a_decision(served: Gateway) -> None:
    told = ask(served, "mood", predicate(name="high"))
    answer = served.http.post("/v1/signals", {"subject": ids(told)[0], "name": "solved", "value": True})
    assert answer.value["status"] == "stored"


def test_what_is_no_task_is_passed_on(served: Gateway, upstream: Scripted) -> None:
    usage = {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}  # type: ignore[dict-item]
    answers = [{"type": "predicate", "name": None, "probability": 0.25, "later": 1}]
    upstream.answer = lambda _: Told({"model": "theirs", "answers": answers, "usage": usage, "more": [1]})
    raw = served.client.decisions.with_raw_response.create(
        model="their-model", input="lost my card", questions=[predicate()], safety_identifier="u9"
    )
    told = raw.parse().to_dict()
    assert (told["answers"], told["more"]) == (answers, [1])
    asked = {"model": "their-model", "input": "lost my card", "safety_identifier": "u9"}
    assert upstream.last.path == "/v1/decisions"
    assert upstream.last.document == {**asked, "questions": [predicate()]}
    made = served.made(raw.headers["x-autotroph-decision"])
    came = served.came(made.id)
    assert (made.user, made.inputs["request"]["questions"]) == ("u9", [predicate()])
    assert (came.tokens_in, came.tokens_out, '"probability": 0.25' in came.output) == (5, 1, True)


def test_tasks_that_choose_are_models(served: Gateway, upstream: Scripted) -> None:
    upstream.answer = lambda _: Told({"data": []})
    assert {one.id for one in served.client.models.list()} >= {"route", "mood"}


def test_a_task_that_chooses_gives_no_vectors(served: Gateway) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="answers with one of its actions; ask it by"):
        served.client.embeddings.create(model="route", input="lost my card", user="u1")
    made = served.client.chat.completions.create(
        model="route", messages=[{"role": "user", "content": "lost my card"}], user="u1"
    )
    assert made.choices[0].message.content in ("billing", "cards", "fraud")
