"""The library: a product in one process, on one ledger."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from autotroph import loop
from autotroph.clock import Clock
from autotroph.deploy.choose import Request
from autotroph.deploy.desk import Desk
from autotroph.deploy.models import Model
from autotroph.deploy.retreat import Rollback
from autotroph.errors import Erased, LedgerError, SpecError
from autotroph.faces import byhand
from autotroph.faces.answers import Answer, RecentAnswers
from autotroph.faces.attending import Attending
from autotroph.faces.watch import Watch
from autotroph.faces.wayback import WayBack
from autotroph.govern import persons
from autotroph.govern.custody import Custody
from autotroph.govern.persons import Erasing
from autotroph.govern.redaction import Redactor
from autotroph.govern.retention import Retained, retain
from autotroph.ingest.arrivals import DecisionIn, SignalIn, unit_of
from autotroph.ingest.intake import Intake, Outcome
from autotroph.ingest.stamping import check_ids, check_inputs
from autotroph.plan import applied, running
from autotroph.plan.steps import Plan, planned
from autotroph.policy.documents import AnyPolicy
from autotroph.records import (
    Body,
    Candidate,
    Completion,
    Cycle,
    Decision,
    Proposal,
    Record,
    Terms,
)
from autotroph.rooms import Rooms
from autotroph.spec import Spec
from autotroph.store import Receipt, Store

_LOG = logging.getLogger(__name__)


class Product(Attending):
    """A declared product on its ledger. Open one with `autotroph.open`.

    Its methods may be called from several threads.

    Attributes:
        unrecorded: decisions that were answered and did not get into the ledger, since a cycle said so.
        refused: why it is not what its file declares now, but what that declared before; empty where it is.
    """

    def __init__(self, spec: Spec, store: Store, clock: Clock, models: Mapping[str, Model]) -> None:
        self.spec, self.store, self.clock = spec, store, clock
        self.unrecorded, self.refused = 0, ""
        self._models = models
        self._turning, self._counting = threading.RLock(), threading.Lock()
        self._recent = RecentAnswers()
        salt = store.meta("seed") or clock.seed
        self.custody = Custody(store, salt, Redactor(spec.privacy.redact, spec.privacy.patterns))
        self._intake = Intake(spec, clock, store, self.custody, salt)
        self.rooms = self._rooms()
        self._finish_erasing()
        self._changes = applied.note(self.rooms)
        self.back = WayBack(self, self._turning)
        self._watch: Watch | None = None

    # use ---------------------------------------------------------------------------------------------

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
        if key and (known := self._decided(key)):
            return known.unless_other(task, checked, user, session)
        rooms = self.rooms
        request = self._request(task, checked, user, session, key)
        agreed = terms or self.spec.privacy.terms
        request = replace(request, given=bool(options), terms=agreed, verified=verified and bool(user))
        desk = self._begun(rooms, task)
        with rooms.answering:
            if key and (known := self._recent.get(key)):  # somebody else was quicker with the same key
                return known.unless_other(task, checked, user, session)
            decision, completion = desk.serving.decide(request, *self.back.stand(desk), options)
            latency = (self.clock.elapsed() - began) * 1000.0
            answer = self._recorded(decision, replace(completion, latency_ms=latency))
            self._intake.decided(decision)
            self._recent.add(answer)
        return answer

    def signal(  # noqa: PLR0913 - three, and keywords that may be left out
        self,
        subject: str,
        name: str,
        value: Any,
        *,
        key: str = "",
        at: float | None = None,
        source: str = "user",
        user: str = "",
        terms: Terms | None = None,
        verified: bool = True,
    ) -> Receipt:
        """Say what came back about a decision, session or user; may come early, late, or twice.

        Args:
            subject: id of the decision, session or user that the signal is declared to be about.
            name: of a declared signal.
            value: of its type.
            key: idempotency key; derived from subject, name and value if left out.
            at: event time, seconds since the epoch; now if left out.
            source: user, outcome, annotator, judge or system.
            user: whose doing it was, where that is known.
            terms: what was agreed to; as declared if left out.
            verified: whether the caller vouches for the user.

        Raises:
            UnknownName: no such signal is declared.
            InputError: the value is of another type, or the subject is empty.
            Erased: the subject or the user was erased.
            Overloaded: the ledger takes nothing for now.
        """
        return self._intake.signal(
            name,
            subject,
            value,
            key=key,
            at=at,
            source=source,
            user=user,
            terms=terms,
            verified=verified and bool(user),
        )

    def take(
        self,
        arrivals: Sequence[SignalIn | DecisionIn],
        *,
        verified: bool = True,
        patience: float | None = None,
    ) -> list[Outcome]:
        """Store signals, and decisions that were made elsewhere; each is taken or refused for itself.

        Returns when all that was taken is on disk.

        Args:
            arrivals: in the order in which they came.
            verified: whether the caller vouches for the users that they name.
            patience: for how many seconds to wait for the disk; None: as long as it takes.

        Raises:
            Overloaded: the ledger takes nothing for now; send all of them again.
            LedgerError: the ledger cannot be written, or not in time; send all of them again.
        """
        return self._intake.take(arrivals, verified=verified, patience=patience)

    def cycle(self) -> Cycle:
        """Once round the loop: digest what came in, judge, propose, promote or roll back.

        Decisions go on meanwhile.

        Raises:
            SpecError: a measure has changed, and the history was not valued by it yet; see `apply`.
        """
        with self._turning:
            self.back.settle()
            self.heed()
            applied.refuse_unapplied(self.spec, self._changes)
            for task in self.rooms.tasks:
                self.rooms.begin(task)
            try:
                done = loop.cycle(self.rooms)
            except BaseException:  # what it had begun is forgotten: the ledger knows nothing of it
                self.rooms = self._rooms()
                raise
            self._journal_unrecorded()
            return done

    def plan(self) -> Plan:
        """What the declaration changes; `apply` runs these very steps."""
        return planned(self.store, self.spec)

    def apply(
        self,
        watch: running.Watch = lambda _done, _of: None,
        *,
        candidates: bool = False,
        expected: str = "",
        force: str = "",
    ) -> Plan:
        """Run the steps of the plan; see `plan.running.run`.

        Args:
            watch: hears how far it is.
            candidates: whether candidates that people meet may be refused.
            expected: digest of the plan that was seen: another one is not run.
            force: who says that what is proposed shall serve at once, unproven; nobody if empty.

        Raises:
            InputError: the plan is another one, or people meet a candidate that would be refused.
        """
        with self._turning:
            done = self.plan()
            if expected:
                done.refuse_other(expected)
            running.run(done, self.rooms, watch, candidates=candidates, force=force)
            self._changes = applied.note(self.rooms)
            self._forget()
            return done

    # by hand -----------------------------------------------------------------------------------------

    def propose(
        self, task: str, name: str, *, policy: AnyPolicy | None = None, body: Body | None = None
    ) -> Candidate:
        """Propose a candidate by hand: another policy over what serves, or another body altogether.

        It goes the same way as any other: gate, ladder, promotion.

        Raises:
            UnknownName: no such task, or the policy names a variant that there is not.
        """
        with self._turning:
            return byhand.propose(self.rooms, task, name, policy, body)

    def approve(self, candidate: str, by: str = "a person") -> Candidate:
        """Say that a candidate may go on, where the task's autonomy asks for it.

        Args:
            candidate: id or name of one that waits or is on the ladder.
            by: who says so, for the journal.
        """
        with self._turning:
            return byhand.approve(self.rooms, candidate, by)

    def rollback(self, task: str = "", to: str = "", by: str = "a person") -> Rollback:
        """Serve an earlier release from the next decision on, whatever the ledger or a cycle is at.

        Args:
            task: which; may be left out where there is only one.
            to: id or name of a release; what the present one replaced if left out.
            by: who says so, for the journal.
        """
        return self.back.rollback(task, to, by)

    def import_decisions(self, *decisions: Record) -> Receipt:
        """Store what happened elsewhere: decisions, completions, signals; they are no proof of anything."""
        return self.store.append(*map(self.custody.admit, decisions))

    # people ------------------------------------------------------------------------------------------

    def export(self, user: str) -> Iterator[dict[str, Any]]:
        """Every row about a user, as documents with their `kind`."""
        return persons.export(self.store, user)

    def erase(self, *users: str, by: str = "a person") -> Erasing:
        """Take users out for good: rows, bytes, and what was learned from them in this process.

        Args:
            users: their ids.
            by: who says so, for the journal.
        """
        with self._turning:
            try:
                return persons.erase(self.store, self.custody, users, by, self.clock.now())
            finally:
                self._forget()

    def retain(self, now: float | None = None) -> Retained:
        """Let go of what is older than its retention class allows, or more than the ledger may hold.

        Args:
            now: as of when, seconds since the epoch; as of now if left out.
        """
        with self._turning:
            done = retain(self.store, self.spec, self.clock.now() if now is None else now)
            if done.rows:
                self._finish_erasing()
                self._forget()
            return done

    def watch(self) -> None:
        """Look after the way back while nobody asks anything, too; `autotroph.open` sees to it."""
        self._watch = self._watch or Watch(self.back, getattr(self.store, "path", None), self.clock)

    def close(self) -> None:
        """Write what is queued, and let go of the ledger."""
        if self._watch is not None:
            self._watch.end()
        self.store.close()

    def __enter__(self) -> "Product":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------------------------------------

    def _rooms(self) -> Rooms:
        return Rooms(self.spec, self.store, self.clock, self._models, self.custody, self._stopped)

    def _stopped(self, task: str) -> str:
        """Why nothing of a task may come further at present; empty where it may."""
        return self.back.halted() or self._halted(task)

    def _forget(self) -> None:
        """Rebuild what is in memory from the ledger as it is now."""
        self.rooms, self._recent = self._rooms(), RecentAnswers()

    def _begun(self, rooms: Rooms, task: str) -> Desk:
        """A task's desk, with its release 0 made."""
        if rooms.desks[task].board.standing is None:
            with self._turning:
                rooms.begin(task)
        return rooms.desks[task]

    def _recorded(self, decision: Decision, completion: Completion) -> Answer:
        """The answer, on its way to the ledger; or one that will not get there, and says so."""
        refuse = self.spec.product.on_store_failure == "refuse"
        if refuse and (fault := self.store.fault()):
            raise LedgerError(f'{fault}; on_store_failure is "refuse", so nothing is answered')
        try:
            admitted = self.custody.admit(decision), self.custody.admit(completion)
            receipt = self.store.append(*admitted, patience=0.0)
        except Erased as error:
            return Answer(decision, completion, None, str(error))
        except LedgerError as error:
            if refuse:
                raise
            self._missed()
            return Answer(decision, completion, None, str(error))
        receipt.if_it_fails(self._missed)
        return Answer(decision, completion, receipt)

    def _missed(self) -> None:
        with self._counting:
            self.unrecorded += 1

    def _request(self, task: str, inputs: dict[str, Any], user: str, session: str, key: str) -> Request:
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

    def _finish_erasing(self) -> None:
        """Take the bytes of removed rows out, where that was not done yet."""
        if self.store.meta("scrub"):
            try:
                self.store.scrub()
            except LedgerError as error:  # `doctor` says so too
                _LOG.warning("%s: what was removed still has bytes in the log: %s", self.spec.source, error)

    def _journal_unrecorded(self) -> None:
        """Once the ledger takes rows again, say how many decisions it missed."""
        with self._counting:
            missed, self.unrecorded = self.unrecorded, 0
        if missed:
            self.rooms.append(self.rooms.entry("loop", "decisions unrecorded", decisions=missed))
