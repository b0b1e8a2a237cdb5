"""How a variant answers: a prompt is filled in, a cascade asks one after the other, a fallback asks others.

Whoever is asked, what has been spent is counted: also by answers that were not good enough, or broke off.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from autotroph.deploy.upstreams.bounds import at_most
from autotroph.deploy.upstreams.connected import Outside
from autotroph.deploy.upstreams.counting import counted
from autotroph.deploy.upstreams.prices import Rates, Usage, cost, rates, usd
from autotroph.deploy.upstreams.protocols import Call, Reply
from autotroph.errors import InputError, UpstreamFault
from autotroph.prompts.prompt import Prompt
from autotroph.records import Body, Upstream, Variant
from autotroph.spec import Spec
from autotroph.spec.checks import ACCEPT_COLUMNS
from autotroph.spec.expressions import Expression, compile_expression
from autotroph.wire.said import CHAT, RESPONSES, Said, said

CONFIDENCE = "confidence"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, whoever answers.

    Attributes:
        path: below the base URL, such as `/chat/completions`.
        document: as it came, without what is ours.
        messages: the conversation.
        inputs: what prompts are filled in with.
        stream: whether the answer is wanted piece by piece.
        model: what the model is called there, where it is not as it is declared.
    """

    path: str
    document: Mapping[str, Any]
    messages: Sequence[dict[str, Any]] = ()
    inputs: Mapping[str, Any] = {}
    stream: bool = False
    model: str = ""


class Spent:
    """What a decision has taken up to now, of all who were asked; dollars in pico-dollars."""

    def __init__(self) -> None:
        self.tokens_in = self.cached = self.tokens_out = self.reasoning = 0
        self.pico: int | None = 0
        self.attempts = 0

    def add(self, usage: Usage, priced: Rates | None) -> None:
        """Count what one of them took; what has no price makes the sum unknown."""
        self.tokens_in += usage.input
        self.cached += usage.cached
        self.tokens_out += usage.output
        self.reasoning += usage.reasoning
        took = cost(usage, priced)
        self.pico = None if took is None or self.pico is None else self.pico + took


class Step(NamedTuple):
    """One who may be asked: the name by which it is told, its model, where that is, and as what variant."""

    name: str
    model: str
    place: Upstream | None
    variant: Variant


class Given(NamedTuple):
    """An answer, or the beginning of one, and whose it is."""

    reply: Reply
    step: Step


class Asking:
    """Asks the variants of releases.

    Args:
        spec: the declaration.
        outside: who answers.
        prompt: the prompt of a digest.
    """

    def __init__(self, spec: Spec, outside: Outside, prompt: Callable[[str], Prompt]) -> None:
        self._spec, self._outside, self._prompt = spec, outside, prompt
        self._rates = {name: rates(model) for name, model in spec.models.items()}

    async def ask(self, question: Question, body: Body, option: str, spent: Spent) -> Given:
        """The answer of a variant.

        Args:
            question: what is asked.
            body: of the release.
            option: the name of the variant.
            spent: counts what those took whose answers are not given back.

        Raises:
            UpstreamFault: nobody answers; the first fault of those who were asked.
            InputError: the inputs do not fit the variant's prompt.
        """
        variant = body.variants[option]
        first: UpstreamFault | None = None
        steps = list(cascade(body, option))
        for step in (*steps, *fallback(body, option)):
            judged = step in steps[:-1]
            try:
                given = await self.one(step, _judged(question, variant.accept) if judged else question, spent)
            except UpstreamFault as fault:
                first = first or fault
                continue
            if not judged or self._accepted(variant.accept, question.path, given):
                return given
            spent.add(given.reply.usage, self.rates(step))
        raise first or UpstreamFault(f"variant {option!r} has nobody to ask", "address")

    async def one(self, step: Step, question: Question, spent: Spent) -> Given:
        """What one of them answers; where nobody waits for it, what it has read has its price."""
        call = self._call(step, question)
        try:
            reply = await self._outside.of(step.model, step.place).ask(call)
        except asyncio.CancelledError:
            spent.add(counted(call.document, 0), self.rates(step))
            raise
        finally:
            spent.attempts += 1
        return Given(reply, step)

    def rates(self, step: Step) -> Rates | None:
        """What its tokens cost, as declared now; None where nobody says."""
        return self._rates.get(step.model)

    def bounds(self, question: Question, body: Body, option: str) -> Iterator[tuple[Step, int, int | None]]:
        """Everybody who may be asked, with the tokens of that and of the answer, at most; see `bounds`."""
        for step in (*cascade(body, option), *fallback(body, option)):
            try:
                call = self._call(step, question)
            except InputError:  # as asking will find, too: nobody is asked from here on
                return
            yield step, *at_most(question.path, call.document or {})

    # -------------------------------------------------------------------------------------------------

    def _call(self, step: Step, question: Question) -> Call:
        document = {**question.document, **step.variant.parameters}
        if step.variant.prompt:
            messages = self._prompt(step.variant.prompt).messages(question.inputs, question.messages)
            document["input" if question.path == RESPONSES else "messages"] = messages
        if question.stream:
            document["stream"] = True
        else:
            document.pop("stream", None)
            document.pop("stream_options", None)
        return Call(path=question.path, document=document, stream=question.stream, model=question.model)

    def _accepted(self, accept: str, path: str, given: Given) -> bool:
        """Whether a cascade stops here; where that cannot be told, it does not."""
        found = said(path, given.reply.body or b"")
        return bool(_compiled(accept).evaluate(columns(found, given, self.rates(given.step))))


@lru_cache(maxsize=256)
def _compiled(accept: str) -> Expression:
    return compile_expression(accept, ACCEPT_COLUMNS)


def columns(found: Said, given: Given, priced: Rates | None) -> dict[str, Any]:
    """The columns of an answer that a cascade may judge it by."""
    usage = given.reply.usage
    return {
        CONFIDENCE: found.confidence,
        "output": found.output,
        "chars": float(len(found.output)),
        "shown": float(bool(found.output)),
        "cost_usd": usd(cost(usage, priced)),
        "latency_ms": given.reply.first_token * 1000.0,
        "first_token_ms": None,
        "tokens_in": float(usage.input),
        "tokens_cached": float(usage.cached),
        "tokens_out": float(usage.output),
        "tokens_reasoning": float(usage.reasoning),
    }


def cascade(body: Body, option: str) -> Iterator[Step]:
    """Who is asked for a variant: itself, or one after the other until an answer is accepted."""
    variant = body.variants[option]
    if not variant.cascade:
        yield _step(body, option, variant)
    for name in variant.cascade:
        yield _step(body, name, variant)


def fallback(body: Body, option: str) -> Iterator[Step]:
    """Who is asked where nobody of those answers."""
    variant = body.variants[option]
    for name in variant.fallback:
        yield _step(body, name, variant)


def _judged(question: Question, accept: str) -> Question:
    """The question to somebody whose answer is looked at first: whole, and with how sure its model is."""
    document = question.document
    if CONFIDENCE in _compiled(accept).names and question.path == CHAT:
        document = {"logprobs": True, **document}
    return replace(question, document=document, stream=False)


def _step(body: Body, name: str, asking: Variant) -> Step:
    """A variant of the release, or a model that one of its variants names."""
    if name in body.variants:
        found = body.variants[name]
        return Step(name, found.model, found.upstream, found)
    return Step(name, name, asking.named.get(name), Variant(model=name))
