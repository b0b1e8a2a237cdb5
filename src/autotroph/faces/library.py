"""The library: a product in one process, on one ledger."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from autotroph import loop, registry
from autotroph.clock import Clock, SystemClock, digest
from autotroph.deploy.choose import Request
from autotroph.deploy.cohorts import fold
from autotroph.deploy.models import Model
from autotroph.deploy.standing import Live
from autotroph.errors import Conflict, InputError, SpecError, UnknownName
from autotroph.faces.located import located, override
from autotroph.ingest.stamping import check_ids, check_inputs, stamp_signal
from autotroph.optimize.bench import candidate_of
from autotroph.optimize.track import Proposed
from autotroph.policy.documents import AnyPolicy, freeze
from autotroph.records import (
    Body,
    Candidate,
    Completion,
    Cycle,
    Decision,
    Entry,
    Fold,
    Proposal,
    Record,
    Signal,
    Terms,
)
from autotroph.rooms import Rooms
from autotroph.spec import Spec, load
from autotroph.store import Receipt, Store, open_store

RECENT = 4096
"""Names of answers (id, idempotency key) kept in memory, until the ledger surely has them."""


class Answer:
    """A decision that was made: what to show, and the id that signals are about.

    Attributes:
        id: of the decision.
        option: what was taken; `output`: what it puts out (empty for silence).
        decision: the whole record, with the probability of every option.
    """

    def __init__(self, decision: Decision, output: str, receipt: Receipt) -> None:
        self.decision, self.output, self._receipt = decision, output, receipt
        self.id, self.option = decision.id, decision.option

    def durable(self, timeout: float | None = None) -> "Answer":
        """Wait until the decision is on disk; from then on it survives a power cut."""
        self._receipt.durable(timeout)
        return self

    def unless_other(self, inputs: Mapping[str, Any]) -> "Answer":
        """This answer, if it was to these inputs; Conflict if its key was used for others."""
        if self.decision.inputs != inputs:
            raise Conflict(
                f"key {self.decision.key!r} was used before, for other inputs, by decision {self.id}; "
                "that one stands: use another key for another decision"
            )
        return self


class Product:
    """A declared product on its ledger. Open one with `autotroph.open`.

    Its methods may be called from several threads.
    """

    def __init__(self, spec: Spec, store: Store, clock: Clock, models: Mapping[str, Model]) -> None:
        self.spec, self.store, self.clock = spec, store, clock
        self._models = models
        self.rooms = Rooms(spec, store, clock, models)
        self._lock = threading.RLock()
        self._recent: OrderedDict[str, Answer] = OrderedDict()
        self._said: OrderedDict[tuple[str, str], Signal] = OrderedDict()
        self._journal_declaration()

    # use ---------------------------------------------------------------------------------------------

    def decide(
        self,
        task: str,
        inputs: Mapping[str, Any],
        *,
        user: str = "",
        session: str = "",
        key: str = "",
        options: Sequence[Proposal] = (),
    ) -> Answer:
        """Choose how to answer, and remember the choice with the probability of every option.

        Args:
            task: of the declaration, with a reward.
            inputs: structured, JSON values; stored as they are.
            user: pseudonymous id; needed where the task's unit is the user.
            session: decisions that share an outcome; needed where the unit is the session.
            key: idempotency key: the same call again gives the same decision.
            options: to choose from, with features of their own, instead of the task's.

        Raises:
            UnknownName: no such task.
            InputError: an id that the task's unit needs is missing, or the inputs are not JSON.
            Conflict: the key was used before, for other inputs.
        """
        with self._lock:
            began = self.clock.elapsed()
            checked = check_inputs(dict(inputs))
            if key and (known := self._decided(task, key)):
                return known.unless_other(checked)
            request = self._request(task, checked, user, session, key)
            request = replace(request, given=bool(options))
            self.rooms.begin(task)
            desk = self.rooms.desks[task]
            decision, completion = desk.serving.decide(request, desk.standing, self.spec.ladder, options)
            latency = (self.clock.elapsed() - began) * 1000.0
            receipt = self.store.append(decision, replace(completion, latency_ms=latency))
            answer = Answer(decision, completion.output, receipt)
            self._remember(answer)
            return answer

    def signal(
        self,
        subject: str,
        name: str,
        value: Any,
        *,
        key: str = "",
        at: float | None = None,
        source: str = "user",
    ) -> Receipt:
        """Say what came back about a decision, session or user; may come early, late, or twice.

        Args:
            subject: id of the decision, session or user that the signal is declared to be about.
            name: of a declared signal.
            value: of its type.
            key: idempotency key; derived from subject, name and value if left out.
            at: event time, seconds since the epoch; now if left out.
            source: user, outcome, annotator, judge or system.
        """
        signal = stamp_signal(self.spec, self.clock, name, subject, value, key=key, at=at, source=source)
        if not key and at is None:
            signal = self._after_the_last(signal)
        return self.store.append(replace(signal, fold=self._fold_of(signal)))

    def cycle(self) -> Cycle:
        """Once round the loop: digest what came in, judge, propose, promote or roll back."""
        with self._lock:
            for task in self.rooms.tasks:
                self.rooms.begin(task)
            try:
                return loop.cycle(self.rooms)
            except BaseException:  # what it had begun is forgotten: the ledger knows nothing of it
                self.rooms = Rooms(self.spec, self.store, self.clock, self._models)
                raise

    # by hand -----------------------------------------------------------------------------------------

    def propose(
        self, task: str, name: str, *, policy: AnyPolicy | None = None, body: Body | None = None
    ) -> Candidate:
        """Propose a candidate by hand: another policy over what serves, or another body altogether.

        It goes the same way as any other: gate, ladder, promotion.

        Raises:
            UnknownName: no such task, or the policy names a variant that there is not.
        """
        with self._lock:
            self.spec.reward_of(task)
            self.rooms.begin(task)
            main = self.rooms.desks[task].standing.main.release
            document = freeze(policy) if policy is not None else None
            proposed = body or main.body
            _check_variant(policy, [*proposed.variants, *self.spec.task(task).actions])
            if document is not None:
                proposed = replace(proposed, policy=document.digest)
            dataset = self.rooms.digestions[task].dataset("", 0)
            candidate = candidate_of(name, "person", Proposed(proposed), dataset, main, self.clock.now())
            self.rooms.append(*([document] if document else []), candidate)
            return candidate

    def rollback(self, task: str = "", to: str = "", by: str = "a person") -> list[Record]:
        """Serve an earlier release from the next decision on.

        Args:
            task: which; may be left out where there is only one.
            to: id or name of a release; what the present one replaced if left out.
            by: who says so, for the journal.
        """
        with self._lock:
            task = task or self._only_task()
            self.spec.reward_of(task)
            self.rooms.begin(task)
            desk = self.rooms.desks[task]
            target = self._target(task, to)
            now = self.clock.now()
            moves = desk.rollback(target, by, now)
            entry = Entry(
                actor=by,
                event="rolled back by hand",
                subject=task,
                details={"to": target.release.id, "name": target.release.name},
                at=now,
            )
            self.rooms.append(*moves, entry)
            return moves

    def import_decisions(self, *decisions: Record) -> Receipt:
        """Store what happened elsewhere: decisions, completions, signals; they are no proof of anything."""
        return self.store.append(*decisions)

    def close(self) -> None:
        """Write what is queued, and let go of the ledger."""
        self.store.close()

    def __enter__(self) -> "Product":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------------------------------------

    def _request(self, task: str, inputs: dict[str, Any], user: str, session: str, key: str) -> Request:
        declared = self.spec.task(task)
        check_ids(user=user, session=session, key=key)
        if task not in self.rooms.desks:
            raise SpecError(
                f'{self.spec.source}: tasks.{task}: declares no reward; add reward = "…" to decide it'
            )
        id_ = self.clock.new_id("decision", *([task, key] if key else []))
        unit = {"user": user, "session": session, "decision": id_}[declared.unit]
        if not unit:
            raise InputError(
                f"task {task!r} counts by {declared.unit}: pass {declared.unit}=… with the decision"
            )
        cluster = (session or id_) if declared.unit == "decision" else unit
        return Request(
            id=id_,
            task=task,
            inputs=inputs,
            unit=unit,
            unit_kind=declared.unit,
            cluster=cluster,
            fold=fold(cluster, self.rooms.salt, self.spec.gate.fold),
            declaration=self.spec.digest,
            at=self.clock.now(),
            user=user,
            session=session,
            key=f"{task}/{key}" if key else "",
            terms=Terms(),
        )

    def _decided(self, task: str, key: str) -> Answer | None:
        """The answer that a key was given before, in this process or in the ledger."""
        full = f"{task}/{key}"
        if full in self._recent:
            return self._recent[full]
        decision = self.store.get(Decision, key=full)
        if decision is None:
            return None
        completion = self.store.get(Completion, decision=decision.id)
        return Answer(decision, completion.output if completion else "", self.store.append())

    def _remember(self, answer: Answer) -> None:
        for name in (answer.id, answer.decision.key):
            if name:
                self._recent[name] = answer
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def _after_the_last(self, signal: Signal) -> Signal:
        """Tell a value sent twice, which counts once, from one that was taken back and given again."""
        about = (signal.name, signal.subject)
        last = self._said.get(about) or self.store.get(Signal, name=signal.name, subject=signal.subject)
        if last is not None and last.value == signal.value:
            return replace(signal, key=last.key, id=last.id)
        if last is not None:
            key = digest(last.key, signal.key)
            signal = replace(signal, key=f"{signal.name}/{signal.subject}/{key[:32]}")
            signal = replace(signal, id=self.clock.new_id("signal", signal.key))
        self._said[about] = signal
        if len(self._said) > RECENT:
            self._said.popitem(last=False)
        return signal

    def _fold_of(self, signal: Signal) -> Fold:
        """Whose evidence a signal is: that of its decision's cluster, which a session may be."""
        if signal.about == "decision" and (answer := self._recent.get(signal.subject)):
            return answer.decision.fold  # the ledger may not have it yet
        field = {"decision": "id", "session": "session", "user": "user"}[signal.about]
        decision = self.store.get(Decision, served=True, **{field: signal.subject})
        if decision is not None:
            return decision.fold
        by_user = any(task.unit == "user" for task in self.spec.tasks.values())
        if signal.about != "session" or by_user:
            return ""
        return fold(signal.subject, self.rooms.salt, self.spec.gate.fold)

    def _only_task(self) -> str:
        if len(self.rooms.tasks) != 1:
            raise UnknownName("task", "", self.rooms.tasks)
        return self.rooms.tasks[0]

    def _target(self, task: str, to: str) -> Live:
        standing = self.rooms.desks[task].standing
        if not to:
            return standing.parent or standing.zero
        served = self.rooms.desks[task].board.served()
        found = [live for live in served if to in (live.release.id, live.release.name)]
        if not found:
            raise UnknownName("release that has served", to, [live.release.name for live in served])
        if len(found) > 1:
            ids = ", ".join(live.release.id for live in found)
            raise InputError(f"{len(found)} releases are named {to!r}; say which by its id: {ids}")
        return found[0]

    def _journal_declaration(self) -> None:
        last = self.store.get(Entry, event="declaration")
        if last is None or last.details["digest"] != self.spec.digest:
            details = {"digest": self.spec.digest, "source": Path(self.spec.source).name}
            entry = Entry(
                actor="owner",
                event="declaration",
                subject=self.spec.product.name,
                details=details,
                at=self.clock.now(),
            )
            self.rooms.append(entry)


def _check_variant(policy: AnyPolicy | None, known: Sequence[str]) -> None:
    name = getattr(policy, "variant", None)
    if name is not None and name not in known:
        raise UnknownName("variant", name, known)


def open_product(
    path: str | os.PathLike[str] = "autotroph.toml",
    *,
    models: Mapping[str, Model] | None = None,
    clock: Clock | None = None,
    store: Store | None = None,
) -> Product:
    """Open the product that a file declares; see `autotroph.open`."""
    spec = load(path, tracks=registry.known("tracks"))
    ledger = store or open_store(override() or located(spec.product.store, Path(path).parent))
    try:
        if clock is not None and not ledger.last():
            ledger.set_meta("seed", clock.seed)
        return Product(spec, ledger, clock or SystemClock(ledger.meta("seed") or ""), models or {})
    except BaseException:
        if store is None:
            ledger.close()
        raise
