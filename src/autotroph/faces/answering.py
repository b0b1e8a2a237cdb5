"""The hot path of a product: a question in, an answer out, remembered on its way to the ledger."""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from autotroph.clock import Clock
from autotroph.deploy.choose import Request
from autotroph.deploy.desk import Desk
from autotroph.errors import Erased, LedgerError, SpecError
from autotroph.faces.answers import Answer, RecentAnswers
from autotroph.faces.wayback import WayBack
from autotroph.govern.custody import Custody
from autotroph.ingest.arrivals import unit_of
from autotroph.ingest.intake import Intake
from autotroph.ingest.stamping import check_ids, check_inputs
from autotroph.records import Completion, Decision, Proposal, Record, Terms
from autotroph.rooms import Rooms
from autotroph.spec import Spec
from autotroph.store import Receipt, Store

if TYPE_CHECKING:
    from autotroph.faces.gateway.chat import Chat
    from autotroph.faces.gateway.gateway import Gateway


class Answering:
    """The part of a product that decides; see `faces.library.Product`.

    Attributes:
        unrecorded: decisions that were answered and did not get into the ledger, since a cycle said so.
    """

    spec: Spec
    store: Store
    clock: Clock
    rooms: Rooms
    custody: Custody
    back: WayBack
    _intake: Intake
    _turning: threading.RLock

    def __init__(self) -> None:
        self.unrecorded = 0
        self._counting = threading.Lock()
        self._recent = RecentAnswers()

    def decide(  # noqa: PLR0913 - two, and keywords that may be left out
        self,
        task: str,
        inputs: Mapping[str, Any],
        *,
        user: str = "",
        session: str = "",
        key: str = "",
        options: Sequence[Proposal] = (),
        terms: Terms | None = None,
        verified: bool = True,
    ) -> Answer:
        """Choose how to answer, and remember the choice with the probability of every option.

        It never waits for the disk. Where the ledger takes nothing, the answer comes all the same and
        says that it is `unrecorded`, as it does for somebody who was erased; a product that declares
        `on_store_failure = "refuse"` has an error instead.

        Args:
            task: of the declaration, with a reward.
            inputs: structured, JSON values; stored as they are, but for what is to be blacked out.
            user: pseudonymous id; needed where the task's unit is the user.
            session: decisions that share an outcome; needed where the unit is the session.
            key: idempotency key: the same call again gives the same decision.
            options: to choose from, with features of their own, instead of the task's.
            terms: what was agreed to; as declared if left out.
            verified: whether the caller vouches for the user.

        Raises:
            UnknownName: no such task.
            InputError: an id that the task's unit needs is missing, or the inputs are not JSON.
            Conflict: the key was used before, for another question.
            LedgerError: the ledger takes nothing, and such decisions are to be refused.
        """
        began = self.clock.elapsed()
        checked = self.custody.redacted(check_inputs(dict(inputs)))
        check_ids(user=user, session=session, key=key)
        user, session, key = map(self.custody.called, (user, session, key))
        if key and (known := self._decided(key)):
            return known.unless_other(task, checked, user, session)
        rooms = self.rooms
        request = self.request(task, checked, user, session, key)
        agreed = terms or self.spec.privacy.terms
        request = replace(request, given=bool(options), terms=agreed, verified=verified and bool(user))
        desk = self.begun(rooms, task)
        with rooms.answering:
            if key and (known := self._recent.get(key)):  # somebody else was quicker with the same key
                return known.unless_other(task, checked, user, session)
            decision, completion = desk.serving.decide(request, *self.back.stand(desk), options)
            latency = (self.clock.elapsed() - began) * 1000.0
            answer = self._recorded(decision, replace(completion, latency_ms=latency))
            self._intake.decided(decision)
            self._recent.add(answer)
        return answer

    async def chat(  # noqa: PLR0913 - two, and keywords that may be left out
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]] = (),
        *,
        inputs: Mapping[str, Any] | None = None,
        user: str = "",
        session: str = "",
        key: str = "",
        stream: bool = False,
        terms: Terms | None = None,
        verified: bool = True,
        **parameters: Any,
    ) -> "Chat":
        """Ask a chat task; whichever of its variants answers, the decision is on disk before it is asked.

        Args:
            model: a task, `task::variant` for one of its variants, or a declared model.
            messages: the conversation, as OpenAI's chat completions have it.
            inputs: structured, for the variants' prompts and the policy.
            user: as for `decide`, like the others up to `verified`.
            session: see `user`.
            key: see `user`.
            terms: see `user`.
            verified: see `user`.
            stream: whether the answer is wanted piece by piece: iterate over it.
            parameters: of the request, such as `temperature` or `tools`.

        Raises:
            UpstreamFault: nobody answers.
            UnknownName: there is no such task or model.
            InputError: the inputs are not as declared, or an id that the task's unit needs is missing.
            Exhausted: a budget or a limit has no room for it.
            Conflict: the key was used before, for another question.
            LedgerError: the ledger takes nothing, and such decisions are to be refused.
        """
        from autotroph.faces.gateway.asked import asked_of  # who never asks outside does not pay for it

        said = {"user": user, "session": session, "key": key, "terms": terms, "verified": verified}
        asked = asked_of(model, messages, inputs or {}, {**parameters, "stream": stream}, **said)
        answer = await self.gateway.ask(asked)
        if answer.fault is not None:
            raise answer.fault
        if not stream:
            answer.leave()  # what is read from the ledger next has it
        return answer

    @cached_property
    def gateway(self) -> "Gateway":
        """Asks those who answer outside this process."""
        from autotroph.faces.gateway.gateway import Gateway

        return Gateway(self)

    async def leave_loop(self) -> None:
        """Close what this event loop has open to those who answer outside; for the end of a loop."""
        if "gateway" in vars(self):
            await self.gateway.close()

    def noted(self, decision: Decision) -> None:
        """Know a decision that the ledger may not have yet: signals about it find it."""
        self._intake.decided(decision)

    def begun(self, rooms: Rooms, task: str) -> Desk:
        """A task's desk, with its release 0 made."""
        if rooms.desks[task].board.standing is None:
            with self._turning:
                rooms.begin(task)
        return rooms.desks[task]

    def _recorded(self, decision: Decision, completion: Completion) -> Answer:
        """The answer, on its way to the ledger; or one that will not get there, and says so."""
        receipt, reason = self.sent(decision, completion)
        return Answer(decision, completion, receipt, reason)

    def sent(self, *rows: Record, leisurely: bool = False) -> tuple[Receipt | None, str]:
        """Rows of a decision on their way to the ledger; or why they will not get there.

        Args:
            rows: of it.
            leisurely: whether they may wait some milliseconds for others.

        Raises:
            LedgerError: the ledger takes nothing, and such decisions are to be refused.
        """
        refuse = self.spec.product.on_store_failure == "refuse"
        if refuse and (fault := self.store.fault()):
            raise LedgerError(f'{fault}; on_store_failure is "refuse", so nothing is answered')
        try:
            receipt = self.store.append(*map(self.custody.admit, rows), patience=0.0, leisurely=leisurely)
        except Erased as error:
            return None, str(error)
        except LedgerError as error:
            if refuse:
                raise
            self._missed()
            return None, str(error)
        receipt.if_it_fails(self._missed)
        return receipt, ""

    def _missed(self) -> None:
        with self._counting:
            self.unrecorded += 1

    def request(self, task: str, inputs: dict[str, Any], user: str, session: str, key: str) -> Request:
        """What is asked, stamped."""
        kind = self.spec.task(task).unit
        if task not in self.rooms.desks:
            raise SpecError(
                f'{self.spec.source}: tasks.{task}: declares no reward; add reward = "…" to decide it'
            )
        id_ = self.clock.new_id("decision", *([key] if key else []))
        unit, cluster = unit_of(self.spec, task, id_, user, session)
        return Request(
            id=id_,
            task=task,
            inputs=inputs,
            unit=unit,
            unit_kind=kind,
            cluster=cluster,
            fold=self.spec.gate.fold_of(cluster, self.rooms.salt),
            declaration=self.spec.digest,
            at=self.clock.now(),
            user=user,
            session=session,
            key=key,
        )

    def _decided(self, key: str) -> Answer | None:
        """The answer that a key was given before, in this process or in the ledger."""
        if known := self._recent.get(key):
            return known if not known.unrecorded else self._recorded(known.decision, known.completion)
        decision = self.store.get(Decision, key=key)
        completion = self.store.get(Completion, decision=decision.id) if decision else None
        return Answer(decision, completion, self.store.append()) if decision and completion else None

    def _journal_unrecorded(self) -> None:
        """Once the ledger takes rows again, say how many decisions it missed."""
        with self._counting:
            missed, self.unrecorded = self.unrecorded, 0
        if missed:
            self.rooms.append(self.rooms.entry("loop", "decisions unrecorded", decisions=missed))
