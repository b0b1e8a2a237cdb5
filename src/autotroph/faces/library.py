"""The library: a product in one process, on one ledger."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from autotroph import loop
from autotroph.clock import Clock
from autotroph.deploy.models import Model
from autotroph.deploy.retreat import Rollback
from autotroph.errors import LedgerError
from autotroph.faces import byhand
from autotroph.faces.answering import Answering
from autotroph.faces.answers import RecentAnswers
from autotroph.faces.attending import Attending
from autotroph.faces.watch import Watch
from autotroph.faces.wayback import WayBack
from autotroph.govern import persons
from autotroph.govern.custody import Custody
from autotroph.govern.persons import Erasing
from autotroph.govern.redaction import Redactor
from autotroph.govern.retention import Retained, retain
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.intake import Intake, Outcome
from autotroph.plan import applied, running, standards
from autotroph.plan.steps import Plan, planned
from autotroph.policy.documents import AnyPolicy
from autotroph.records import (
    Body,
    Candidate,
    Cycle,
    Record,
    Terms,
)
from autotroph.rooms import Rooms
from autotroph.spec import Spec
from autotroph.store import Receipt, Store

_LOG = logging.getLogger(__name__)


class Product(Answering, Attending):
    """A declared product on its ledger. Open one with `autotroph.open`.

    Its methods may be called from several threads.

    Attributes:
        unrecorded: decisions that were answered and did not get into the ledger, since a cycle said so.
        refused: why it is not what its file declares now, but what that declared before; empty where it is.
    """

    def __init__(self, spec: Spec, store: Store, clock: Clock, models: Mapping[str, Model]) -> None:
        super().__init__()
        self.spec, self.store, self.clock = spec, store, clock
        self.refused = ""
        self._models = models
        self._turning = threading.RLock()
        salt = store.meta("seed") or clock.seed
        self.custody = Custody(store, salt, Redactor(spec.privacy.redact, spec.privacy.patterns))
        self._intake = Intake(spec, clock, store, self.custody, salt)
        self.rooms = self._rooms()
        self._finish_erasing()
        self._agree()
        self.back = WayBack(self, self._turning)
        self._watch: Watch | None = None

    # use ---------------------------------------------------------------------------------------------

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
            self._agree()
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
        waiting = self._waiting.get(task)
        return self.back.halted() or self._halted(task) or (standards.says(waiting) if waiting else "")

    def _agree(self) -> None:
        """Journal what is declared, and put aside what somebody has to agree to first."""
        self._changes, self._waiting = applied.note(self.rooms), standards.note(self.rooms)
        explore = standards.agreed(self.store, self.spec).explore
        self.ladder = replace(self.spec.ladder, explore=min(explore, self.spec.ladder.explore))

    def _forget(self) -> None:
        """Rebuild what is in memory from the ledger as it is now."""
        self.rooms, self._recent = self._rooms(), RecentAnswers()
        if "gateway" in self.__dict__:  # it is made when it is first asked for
            self.gateway.forget()

    def _finish_erasing(self) -> None:
        """Take the bytes of removed rows out, where that was not done yet."""
        if self.store.meta("scrub"):
            try:
                self.store.scrub()
            except LedgerError as error:  # `doctor` says so too
                _LOG.warning("%s: what was removed still has bytes in the log: %s", self.spec.source, error)
