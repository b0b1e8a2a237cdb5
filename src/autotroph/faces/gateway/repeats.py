"""The same call again, by its idempotency key: the same answer, whether it is under way, kept, or on disk.

A call that failed is asked again, as another decision: whoever repeats it wants an answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from autotroph.deploy.upstreams.asking import Given, Question, Spent, Step
from autotroph.deploy.upstreams.gathered import gathered
from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.written import can_be_written, written
from autotroph.errors import Conflict
from autotroph.faces.answers import RECENT, RECENT_BYTES
from autotroph.faces.gateway.asked import Asked
from autotroph.faces.gateway.chat import Chat, Made
from autotroph.records import Body, Completion, Decision, Variant, canonical
from autotroph.store import Reader, Receipt
from autotroph.wire.said import CHAT, DECISIONS, RESPONSES, TEXT, Said

Answer = Callable[[Asked], Awaitable[Chat]]


class Kept:
    """An answer that was given before, as a reply that has nothing more to come."""

    status, attempts, first_token, told = 200, 0, 0.0, True
    usage = Usage()

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.body: bytes | None = body
        self.headers = headers

    def __aiter__(self) -> "Kept":
        return self

    async def __anext__(self) -> bytes:
        """It has no events."""
        raise StopAsyncIteration

    def close(self) -> None:
        """It is over."""


class _Known(NamedTuple):
    made: Made
    reply: Kept
    model: str
    size: int = 0


class Repeats:
    """The answers of the last calls with a key, bounded in number and bytes; older ones are in the ledger.

    Args:
        reader: of the ledger.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: OrderedDict[str, _Known] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._called: dict[str, str] = {}
        """The key that was sent, by the one that the ledger has of an answer that is under way."""
        self._failed: OrderedDict[str, Receipt] = OrderedDict()
        """Calls that failed lately, by the ledger's key, which it may not have yet."""

    async def once(
        self, asked: Asked, task: str, option: str, inputs: Mapping[str, Any], answer: Answer
    ) -> Chat:
        """The answer to a key: the one that there is, or another one.

        Args:
            asked: with its key.
            task: of the decision.
            option: that was asked for by its name; empty where the policy chooses.
            inputs: as they are kept.
            answer: answers.

        Raises:
            Conflict: the key was used before, for another question.
        """
        key = asked.key
        while key in self._under_way:
            await asyncio.shield(self._under_way[key])
        attempt, found = self._look(asked, partial(_refuse_other, asked, task, option, inputs))
        if found is not None:
            step = Step(found.model, "", None, Variant())
            made = replace(found.made, question=asked.question)
            return Chat(made, Given(found.reply, step), lambda *_: None)
        self._under_way[key] = asyncio.get_running_loop().create_future()
        self._called[attempt] = key
        try:
            return await answer(replace(asked, key=attempt))
        except BaseException:
            self._over(attempt)
            raise

    def ended(self, made: Made, given: Given | None, error: str) -> None:
        """Note what came of a decision that has a key."""
        if made.decision.key not in self._called:
            return
        key = self._called[made.decision.key]
        if given is not None and not error:
            body = given.reply.body or gathered(made.question.path, made.events, given.reply.usage)
            if body is not None:
                size = len(body) + len(canonical(made.decision.inputs))
                bare = replace(made, question=Question(path=made.question.path, document={}), events=[])
                self._keep(key, _Known(bare, Kept(body, given.reply.headers), given.step.name, size))
            made.events.clear()
        elif made.sent is not None:
            self._failed[made.decision.key] = made.sent
            while len(self._failed) > RECENT:
                self._failed.popitem(last=False)
        self._over(made.decision.key)

    def forget(self) -> None:
        """Know nothing but what the ledger has: somebody was erased, and any thread may say so."""
        self._kept, self._bytes = OrderedDict(), 0

    def _over(self, attempt: str) -> None:
        waiting = self._under_way.pop(self._called.pop(attempt, ""), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _keep(self, key: str, known: _Known) -> None:
        kept = self._kept
        kept[key] = known
        self._bytes += known.size
        while kept and (len(kept) > RECENT or self._bytes > RECENT_BYTES):
            self._bytes -= kept.popitem(last=False)[1].size

    def _look(self, asked: Asked, refuse: Callable[[Decision], None]) -> tuple[str, _Known | None]:
        """The answer to a key; where there is none, the key by which the ledger takes the next one."""
        key = asked.key
        if known := self._kept.get(key):
            refuse(known.made.decision)
            return key, known
        attempt, nth = key, 1
        while (decision := self._reader.get(Decision, key=attempt)) or self._will_be_there(attempt):
            completion = self._reader.get(Completion, decision=decision.id) if decision else None
            if decision and completion and not completion.error:
                refuse(decision)
                if found := _read(decision, completion, asked):
                    return attempt, found
            nth += 1
            attempt = f"{key}~{nth}"
        return attempt, None

    def _will_be_there(self, attempt: str) -> bool:
        """Whether the ledger is about to have a call that failed: another one by its key would be refused."""
        sent = self._failed.get(attempt)
        return sent is not None and sent.failure() is None


def _read(decision: Decision, completion: Completion, asked: Asked) -> _Known | None:
    """An answer out of the ledger: it says the same; what its upstream added is not there any more.

    None where too little is kept: vectors, pictures, or tools that were called beside a text.
    """
    path, told = asked.question.path, Said(completion.output, completion.finish)
    if path not in (CHAT, TEXT, RESPONSES, DECISIONS) or not can_be_written(told):
        return None
    usage = Usage(
        input=completion.tokens_in,
        cached=completion.tokens_cached,
        output=completion.tokens_out,
        reasoning=completion.tokens_reasoning,
    )
    body = written(path, decision.option, told, usage, int(decision.at))
    made = Made(
        decision=decision, question=asked.question, body=Body(kind="chat", variants={}, policy=""),
        began=0.0, spent=Spent(), over=True,
    )  # fmt: skip
    return _Known(made, Kept(body, {}), decision.option)


def _refuse_other(asked: Asked, task: str, option: str, inputs: Mapping[str, Any], first: Decision) -> None:
    said = {"task": task, "user": asked.user, "inputs": dict(inputs)}
    if asked.session:  # otherwise it was found by what was said before
        said["session"] = asked.session
    others = [name for name in said if getattr(first, name) != said[name]]
    if (first.option if first.provenance == "import" else "") != option:
        others.append("model")
    if others:  # by name only: whoever asks now need not be who asked first
        told = (
            f"key {asked.key!r} was used before, for another question (other {', '.join(others)}), by"
            f" decision {first.id}; that one stands: use another key for another question"
        )
        raise Conflict(told, {"id": first.id, "sequence": first.sequence})
