"""The gateway: a chat model is asked for, and a task answers, by the way the rest of the product learns.

A decision is on disk before anybody outside is asked, and what came of it follows. Where the ledger takes
nothing, the answer comes all the same and says that it is unrecorded.
"""

import asyncio
import logging
import threading
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from autotroph import registry
from autotroph.clock import Clock
from autotroph.deploy.upstreams.asking import Asking, Given, Spent, Step
from autotroph.deploy.upstreams.connected import Outside
from autotroph.deploy.upstreams.prices import Usage, usd
from autotroph.deploy.upstreams.protocols import Call, Reply, Upstream
from autotroph.deploy.upstreams.written import written
from autotroph.errors import AutotrophError, InputError, LedgerError, UnknownName, UpstreamFault
from autotroph.faces.gateway.accounts import Accounts
from autotroph.faces.gateway.asked import PINNED, Asked
from autotroph.faces.gateway.chat import LEFT, Chat, Made, abandoned
from autotroph.faces.gateway.choosing import TRIED, Chosen, chosen, passed_on
from autotroph.faces.gateway.continued import Continued
from autotroph.faces.gateway.merely import Merely
from autotroph.faces.gateway.repeats import Kept, Repeats
from autotroph.ingest.conversations import Conversations
from autotroph.ingest.sites import site_of
from autotroph.ingest.stamping import check_ids
from autotroph.prompts.checking import schema_of
from autotroph.records import IMPORTED, Body, Completion, Variant
from autotroph.spec import ModelSpec
from autotroph.store import Receipt
from autotroph.wire.failed import UNREADABLE
from autotroph.wire.said import CHAT, RESPONSES, TEXT, Said

if TYPE_CHECKING:
    from autotroph.faces.answering import Answering

_LOG = logging.getLogger("autotroph.gateway")

DURABLE = 2.0
"""Seconds that an answer waits for its decision to be on disk."""

WORDS = (CHAT, RESPONSES, TEXT)
"""Paths whose answers are words."""


class Target(NamedTuple):
    """Who is asked.

    Attributes:
        task: whose decision it is, or the call site where nothing is declared.
        option: a variant that was asked for by its name, or the model; empty where the policy chooses.
        body: of that; None where the policy chooses.
        called: what the model is called at the upstream, where it is passed on by its name.
    """

    task: str
    option: str = ""
    body: Body | None = None
    called: str = ""


class Gateway:
    """Asks those who answer outside, for a product.

    Args:
        product: whose.
    """

    def __init__(self, product: "Answering") -> None:
        self._product, self._spec = product, product.spec
        self._merely = Merely(product)
        self._outside = Outside(product.spec, product.clock, _connected)
        self._asking = Asking(product.spec, self._outside, lru_cache(256)(self._merely.prompt))
        self._schema = lru_cache(256)(partial(schema_of, product.spec))
        self._repeats, self._continued = Repeats(product.store), Continued()
        self._conversations, self._lock = Conversations(product.rooms.salt), threading.Lock()
        self._accounts = Accounts(product, self._asking)

    async def ask(self, asked: Asked) -> Chat:
        """Answer a call.

        Raises:
            UnknownName: it asks for nothing that there is.
            InputError: its inputs are not what the task declares, or an id that its unit needs is missing.
            Exhausted: a budget or a limit has no room for it.
            Conflict: its key was used before, for another question.
            LedgerError: the ledger takes nothing, and such decisions are to be refused.
        """
        check_ids(user=asked.user, session=asked.session, key=asked.key)
        if asked.key.startswith(IMPORTED):
            raise InputError(f"key {asked.key!r} is one of an import, by its beginning; use another key")
        asked = self._continued.of(self._called(asked))
        target = self._target(asked)
        inputs = self._checked(asked, target.task)
        if asked.key:
            answer = partial(self._answered, target=target, inputs=inputs)
            return await self._repeats.once(asked, target.task, target.option, inputs, answer)
        return await self._answered(asked, target, inputs)

    async def pass_on(self, call: Call) -> Reply:
        """What the upstream answers to a call that names no model; it is not recorded.

        Raises:
            UpstreamFault: it does not.
        """
        return await self._outside.of(self._spec.product.upstream).ask(call)

    async def models(self) -> list[str]:
        """What the upstream has where models are passed on to; nothing where it does not say."""
        if not self._spec.product.upstream:
            return []
        try:
            upstream = self._outside.of(self._spec.product.upstream)
            reply = await upstream.ask(Call(path="/models", method="GET"))
            return [one.id for one in msgspec.json.decode(reply.body or b"{}", type=_Models).data]
        except (UpstreamFault, *UNREADABLE) as error:
            _LOG.warning("the upstream's models are not known: %s", error)
            return []

    def forget(self) -> None:
        """Rows of the ledger were erased: nothing of them is answered from memory."""
        self._repeats.forget()
        self._continued.forget(self._gone)

    async def close(self) -> None:
        """Close the connections of this event loop."""
        await self._outside.close()

    # who ---------------------------------------------------------------------------------------------

    def _called(self, asked: Asked) -> Asked:
        """The call by the ids that rows have; what is passed on stays as it came."""
        called = self._product.custody.called
        ids = called(asked.user), called(asked.session), called(asked.key)
        if ids == (asked.user, asked.session, asked.key):
            return asked
        return replace(asked, user=ids[0], session=ids[1], key=ids[2])

    def _target(self, asked: Asked) -> Target:
        found = self._named(asked)
        kind = self._spec.task(found.task).kind if found.task in self._spec.tasks else ""
        if kind == "choice" and asked.question.path not in WORDS:
            told = f"task {found.task!r} answers with one of its actions; ask it by {', '.join(WORDS)}"
            raise InputError(f"{told}, or /decisions; {asked.question.path} gives something else")
        return found

    def _named(self, asked: Asked) -> Target:
        task, pinned, variant = asked.model.partition(PINNED)
        if pinned and task in self._spec.tasks:
            return self._pinned(task, variant)
        if asked.model in self._spec.tasks:
            return self._of_task(asked.model)
        site = site_of(asked.question.path, asked.question.document)
        if (task := self._spec.sites.get(site, "")) and self._decides(task, asked):
            return Target(task)
        return self._passed_on(task or site, asked.model)

    def _pinned(self, task: str, variant: str) -> Target:
        body = self._body(task)
        if variant not in body.variants:
            raise UnknownName("variant", variant, body.variants)
        return Target(task, variant, body)

    def _of_task(self, task: str) -> Target:
        if task in self._product.rooms.desks:
            return Target(task)
        body = self._body(task)  # it is only recorded
        return Target(task, next(iter(body.variants)), body)

    def _decides(self, task: str, asked: Asked) -> bool:
        """Whether a call that only comes from a site of the task can be decided by it."""
        unit = self._spec.task(task).unit
        known = unit == "decision" or bool(asked.user if unit == "user" else asked.session)
        return known and task in self._product.rooms.desks and self._spec.outside(task)

    def _body(self, task: str) -> Body:
        """What a task serves, or is declared to."""
        desks = self._product.rooms.desks
        if task in desks:
            found = self._product.begun(self._product.rooms, task).standing.main.release.body
        else:
            found = self._merely.body(task)
        if not found.outside:
            told = f"task {task!r} is not answered by a model outside this process: ask it for a decision"
            raise InputError(told)
        return found

    def _passed_on(self, task: str, model: str) -> Target:
        declared = model if model in self._spec.models else self._spec.product.upstream
        if not declared or self._spec.models[declared].kind == "local":
            known = [name for name in self._spec.tasks if self._spec.outside(name)]
            raise UnknownName("task or model", model, [*known, *self._spec.models])
        body = Body(kind="chat", variants={model: Variant(model=declared)}, policy="")
        return Target(task, model, body, "" if model == declared else model)

    # a decision ---------------------------------------------------------------------------------------

    async def _answered(self, asked: Asked, target: Target, inputs: dict[str, Any]) -> Chat:
        made = await self._made(asked, target, inputs)
        error = LEFT
        try:
            given = await self._given(made)
        except UpstreamFault as fault:
            error = str(fault)
            return Chat(made, None, self._end, fault)
        except AutotrophError as fault:
            error = str(fault)
            raise
        except asyncio.CancelledError as cancelled:
            error = abandoned(cancelled)
            raise
        else:
            error = ""
        finally:
            if error:
                self._end(made, None, Said(), error)
        return Chat(made, given, self._end)

    async def _given(self, made: Made) -> Given:
        """The answer of the option that was taken; where what is tried has none, that of what serves."""
        if made.output is not None:
            body = written(made.question.path, made.decision.option, Said(made.output, "stop"), Usage())
            return Given(Kept(body, {}), Step(made.decision.option, "", None, Variant()))
        try:
            return await self._asking.ask(made.question, made.body, made.decision.option, made.spent)
        except (UpstreamFault, InputError) as fault:  # its prompt may ask for inputs that nobody gives
            if made.instead is None:
                raise
            who = "candidate" if made.decision.arm in TRIED else "option that is being explored"
            made.trouble = f"the {who} did not answer: {fault}"
            return await self._asking.ask(made.question, *made.instead, made.spent)

    async def _made(self, asked: Asked, target: Target, inputs: dict[str, Any]) -> Made:
        began = self._product.clock.elapsed()
        asked = self._in_conversation(asked)
        decision, body, instead, output = await self._chosen(asked, target, inputs)
        made = Made(
            decision=decision,
            output=output,
            question=replace(asked.question, model=target.called) if target.called else asked.question,
            body=body,
            began=began,
            spent=Spent(),
            instead=instead,
        )
        made.hold = await self._accounts.reserve(made, *asked.meters)
        error = LEFT
        try:
            made.unrecorded = await self._recorded(made)
            error = ""
        except LedgerError as fault:
            error = str(fault)
            raise
        finally:
            if error:  # nobody is asked
                self._end(made, None, Said(), error)
        return made

    def _in_conversation(self, asked: Asked) -> Asked:
        """The call with its session: if it names none, the conversation that its messages continue."""
        if asked.session or not asked.question.messages:
            return asked
        with self._lock:
            found = self._conversations.of(asked.user, asked.question.messages, self._product.clock.now())
        return replace(asked, session=found)

    def _checked(self, asked: Asked, task: str) -> dict[str, Any]:
        """The inputs as they are kept."""
        schema = self._schema(task) if task in self._spec.tasks else None
        if schema is not None:
            schema.check(asked.inputs)
        kept: dict[str, Any] = self._product.custody.redacted(asked.kept)
        return kept

    async def _chosen(self, asked: Asked, target: Target, inputs: dict[str, Any]) -> Chosen:
        product = self._product
        if target.body is not None:
            return Chosen(passed_on(product, asked, target.task, target.option, inputs), target.body)
        lock = product.rooms.answering
        if not lock.acquire(blocking=False):  # something moves just now, and others are not to wait for it
            return await asyncio.to_thread(chosen, product, asked, target.task, inputs)
        try:
            return chosen(product, asked, target.task, inputs)
        finally:
            lock.release()

    # the ledger ---------------------------------------------------------------------------------------

    async def _recorded(self, made: Made) -> str:
        """Why a decision is not on disk; empty when it is."""
        product = self._product
        product.noted(made.decision)
        refuse = self._spec.product.on_store_failure == "refuse"
        if (fault := product.store.fault()) and not refuse:
            made.later = True
            return f"{fault}; it may still be recorded"
        made.sent, reason = product.sent(made.decision)
        if made.sent is None:
            return reason
        try:
            await _on_disk(made.sent)
        except LedgerError as error:
            if refuse:
                raise
            return str(error)
        return ""

    def _end(self, made: Made, given: Given | None, told: Said, error: str) -> None:
        """Write down what came of a decision, once."""
        if made.over:
            return
        made.over = True
        if given is not None:
            made.spent.add(given.reply.usage, self._asking.rates(given.step))
        self._accounts.settle(made, self._told(made, self._completion(made, given, told, error)))
        gone = self._gone(made.decision.id, made.decision.user)
        self._repeats.ended(made, None if gone else given, error)
        if told.id and not gone:
            self._continued.note(made.decision.id, told.id, made.decision.session)

    def _gone(self, id_: str, user: str = "") -> bool:
        """Whether a decision, or whoever it was for, was erased, perhaps while it was under way."""
        custody = self._product.custody
        return custody.is_erased("decision", id_) or custody.is_erased("user", user)

    def _told(self, made: Made, completion: Completion) -> Receipt | None:
        """What came of a decision, on its way to the ledger; what that does not have needs no end there."""
        if not made.later and (made.sent is None or made.sent.failure() is not None):
            return None
        rows = (made.decision, completion) if made.unrecorded else (completion,)
        try:
            return self._product.sent(*rows, leisurely=True)[0]
        except LedgerError as fault:  # whoever asked has the answer; only the ledger has not
            _LOG.warning("decision %s: what came of it is not recorded: %s", made.decision.id, fault)
            return None

    def _completion(self, made: Made, given: Given | None, told: Said, error: str) -> Completion:
        clock, spent = self._product.clock, made.spent
        streamed = given is not None and made.question.stream
        return Completion(
            decision=made.decision.id,
            output=told.output,
            at=clock.now(),
            tokens_in=spent.tokens_in,
            tokens_cached=spent.cached,
            tokens_out=spent.tokens_out,
            tokens_reasoning=spent.reasoning,
            cost_usd=usd(spent.pico),
            latency_ms=(clock.elapsed() - made.began) * 1000.0,
            first_token_ms=given.reply.first_token * 1000.0 if given is not None and streamed else None,
            error=error or made.trouble,
            finish=told.finish,
        )


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model] = []


def _connected(name: str, model: ModelSpec, clock: Clock) -> Upstream:
    upstream: Upstream = registry.load("upstreams", model.kind)(name, model, clock)
    return upstream


async def _on_disk(receipt: Receipt) -> None:
    """Wait for the disk without a thread.

    Raises:
        LedgerError: the rows are not on disk, or not in time.
    """
    loop = asyncio.get_running_loop()
    known: asyncio.Future[None] = loop.create_future()
    receipt.when_known(lambda: loop.call_soon_threadsafe(_know, known))
    timer = loop.call_later(DURABLE, _know, known)
    try:
        await known
    finally:
        timer.cancel()
    receipt.durable(0.0)


def _know(known: "asyncio.Future[None]") -> None:
    if not known.done():
        known.set_result(None)
