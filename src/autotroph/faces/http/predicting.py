"""OpenAI's decisions: typed questions, answered by a task that chooses, with its real probabilities."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.responses import Response

from autotroph.faces.answers import Answer
from autotroph.faces.gateway import questions
from autotroph.faces.gateway.asked import OURS, Asked, read_asked
from autotroph.faces.gateway.questions import QuestionIn
from autotroph.faces.http.arriving import document
from autotroph.faces.http.chatting import LARGE, passed
from autotroph.faces.http.deciding import unrecorded
from autotroph.faces.http.refusals import answered
from autotroph.faces.http.route import Call
from autotroph.faces.library import Product
from autotroph.ingest.stamping import check_inputs
from autotroph.records import Proposal
from autotroph.wire.said import DECISIONS

_USED = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}
"""Nobody outside was asked."""


async def predict(call: Call) -> Response:
    """Answer questions, each by a decision of its own; what names no task that chooses is passed on."""
    given = await document(call, limits=LARGE)
    asked = read_asked(DECISIONS, given, call.head)
    tasks = call.service.product.spec.tasks
    if asked.model not in tasks or tasks[asked.model].kind != "choice":
        return await passed(call, asked)
    said = questions.read_questions(given)
    actions = tasks[asked.model].actions
    inputs = asked.inputs or {"text": questions.text(said.input)}
    each = [
        _decided(call, asked, one, inputs, nth) if questions.meant(one, actions) else _nothing()
        for nth, one in enumerate(said.questions)
    ]
    made = await asyncio.gather(*each)
    return _told(asked.model, said.questions, actions, made)


Made = tuple[Answer, str] | None
"""A decision, and why it is not on disk; None where none was made."""


async def _nothing() -> Made:
    return None


async def _decided(call: Call, asked: Asked, question: QuestionIn, inputs: dict[str, Any], nth: int) -> Made:
    product = call.service.product
    request = {"path": DECISIONS, "question": asked.question.document["questions"][nth]}
    kept = {**inputs, "request": request}
    make = partial(
        product.decide,
        asked.model,
        kept,
        user=asked.user,
        session=asked.session,
        key=f"{asked.key}/{nth}" if asked.key and nth else asked.key,
        options=_options(product, asked.model, questions.meant(question, _actions(product, asked)), kept),
        verified=call.vouched,
    )
    answer = await call.service.answers.put(make)
    return answer, answer.unrecorded or await unrecorded(call.service, answer)


def _actions(product: Product, asked: Asked) -> Sequence[str]:
    return product.spec.tasks[asked.model].actions


def _options(product: Product, task: str, meant: Sequence[str], inputs: dict[str, Any]) -> list[Proposal]:
    """Those of the task's options that a question has; nothing where it has all of them."""
    if task not in product.rooms.desks or len(meant) == len(product.spec.tasks[task].actions):
        return []
    desk = product.begun(product.rooms, task)
    known = product.custody.redacted(check_inputs(inputs))
    offered = {one.option: one for one in desk.serving.proposals(desk.standing.main, known)}
    return [offered[one] for one in meant if one in offered]


def _told(task: str, asked: Sequence[QuestionIn], actions: Sequence[str], made: Sequence[Made]) -> Response:
    answers = [
        questions.refused(one) if each is None else questions.answer(one, actions, each[0].decision)
        for one, each in zip(asked, made, strict=True)
    ]
    ids = [each[0].id if each else None for each in made]
    headers = {f"x-{OURS}-task": task, f"x-{OURS}-decision": ", ".join(one for one in ids if one)}
    headers[f"x-{OURS}-recorded"] = "no" if any(each and each[1] for each in made) else "yes"
    whole = {"model": task, "answers": answers, "usage": _USED, OURS: {"decisions": ids}}
    return answered(whole, headers=headers)
