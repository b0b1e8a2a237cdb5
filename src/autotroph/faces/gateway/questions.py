"""Typed questions, as OpenAI's decisions have them, and what a task that chooses has to say to them.

A question is about some of the task's actions: those that it names. What it is answered with are the
probabilities with which the policy takes these, in the decision that was made for it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from autotroph.errors import InputError
from autotroph.faces.gateway.asked import OursIn
from autotroph.records import Decision

MOST = 400
"""Questions of one request."""

_WORDS = {True: ("true", "yes"), False: ("false", "no")}
"""What actions are called that stand for a boolean."""


class ChoiceIn(msgspec.Struct, frozen=True):
    """One of the values to choose from."""

    value: str | bool


class LevelIn(msgspec.Struct, frozen=True):
    """One of the levels of a score, lowest first."""

    label: str


class QuestionIn(msgspec.Struct, frozen=True, kw_only=True):
    """A question; what else it holds is kept, and not read.

    Attributes:
        type: `predicate`, `choice` or `score`; any other is not answered.
        name: of the question, or of the action that a predicate is about.
    """

    type: str
    name: str | None = None
    choices: tuple[ChoiceIn, ...] = ()
    levels: tuple[LevelIn, ...] = ()


class PredictIn(msgspec.Struct, frozen=True, kw_only=True):
    """A request as OpenAI's decisions have it.

    Attributes:
        model: a task that chooses; anything else is passed on.
        input: what the questions are about: a text, or a conversation.
        autotroph: who asks, and structured inputs.
    """

    model: str
    input: Any = None
    questions: Annotated[tuple[QuestionIn, ...], Meta(min_length=1, max_length=MOST)]
    autotroph: OursIn = OursIn()


def read_questions(document: Any) -> PredictIn:
    """A request.

    Raises:
        InputError: it is none.
    """
    try:
        return msgspec.convert(document, PredictIn)
    except msgspec.ValidationError as error:
        raise InputError(f"questions: {error}") from None


def meant(question: QuestionIn, actions: Sequence[str]) -> tuple[str, ...]:
    """The actions that a question chooses from, in its order; none where it cannot be answered."""
    match question.type:
        case "predicate":
            return tuple(actions) if _about(question, actions) else ()
        case "choice":
            found = [_action(one.value, actions) for one in question.choices]
        case "score":
            found = [_action(one.label, actions) for one in question.levels]
        case _:
            return ()
    return tuple(found) if all(found) and len(set(found)) == len(found) else ()


def refused(question: QuestionIn) -> dict[str, Any]:
    """The answer to what cannot be answered."""
    return {"type": "refusal", "name": question.name}


def answer(question: QuestionIn, actions: Sequence[str], decision: Decision) -> dict[str, Any]:
    """What a decision says to its question.

    Args:
        question: that was asked.
        actions: of the task.
        decision: that was made for it.
    """
    chosen = meant(question, actions)
    chances = _among(chosen, {one.id: one.probability for one in decision.options})
    head: dict[str, Any] = {"type": question.type, "name": question.name}
    if question.type == "predicate":
        return {**head, "probability": chances[_about(question, actions)]}
    head["confidence"] = chances[decision.option]
    if question.type == "choice":
        values = {action: one.value for action, one in zip(chosen, question.choices, strict=True)}
        told = [{"value": values[one], "probability": chances[one]} for one in chosen]
        return {**head, "choice": values[decision.option], "probabilities": told}
    levels = [(action, at) for at, action in enumerate(chosen)]
    told = [{"label": one, "value": at, "probability": chances[one]} for one, at in levels]
    return {**head, "score": sum(at * chances[one] for one, at in levels), "probabilities": told}


def text(given: Any) -> str:
    """The text that questions are about: as it is, or what the user says in a conversation.

    >>> text([{"role": "system", "content": "Sort."}, {"role": "user", "content": "lost my card"}])
    'lost my card'
    """
    if not isinstance(given, list):
        return given if isinstance(given, str) else ""
    said = [one for one in given if isinstance(one, dict) and one.get("role") == "user"]
    return "\n".join(_said(one.get("content")) for one in said)


def _said(content: Any) -> str:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = [one.get("text") for one in content if isinstance(one, dict)]
    return "\n".join(one for one in parts if isinstance(one, str))


def _about(question: QuestionIn, actions: Sequence[str]) -> str:
    """The action that a predicate is about: the one it is called by; of two, what says yes, or the first."""
    if question.name and question.name in actions:
        return question.name
    if len(actions) != 2:
        return ""
    return _action(True, actions) or actions[0]  # noqa: FBT003 - a value like any other


def _action(value: str | bool, actions: Sequence[str]) -> str:  # noqa: FBT001 - a value like any other
    """The action that a value stands for; empty where there is none."""
    words = _WORDS[value] if isinstance(value, bool) else (value,)
    return next((one for one in words if one in actions), "")


def _among(chosen: Sequence[str], chances: Mapping[str, float]) -> dict[str, float]:
    """Probabilities of some options, among themselves."""
    total = sum(chances[one] for one in chosen)
    return {one: chances[one] / total for one in chosen}
