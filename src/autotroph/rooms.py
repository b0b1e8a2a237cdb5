"""The five rooms of one product, opened on its ledger.

All that is kept in memory is a fold of the ledger, and is rebuilt from it here: opening a product after a
crash gives the same rooms as never having closed it. What stands is folded at once, because decisions need
it. What was answered is folded when somebody asks for it, as each cycle does: who decides, applies or erases
does not wait for a long history.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from threading import RLock
from typing import Literal

import msgspec
from msgspec.structs import replace

from autotroph import registry
from autotroph.clock import Clock, digest
from autotroph.deploy.desk import Desk
from autotroph.deploy.experiments.journal import Experiment
from autotroph.deploy.lateness import Lateness
from autotroph.deploy.models import Model, ModelPool
from autotroph.deploy.releases import declared_body
from autotroph.deploy.serving import Answered, Serving
from autotroph.deploy.sets import journalled
from autotroph.deploy.sources import Sources
from autotroph.deploy.waivers import waivers
from autotroph.deploy.worthwhile import Passage, worthwhile
from autotroph.digest.digestion import Digestion
from autotroph.digest.measures import Measure, measured, measures_of, scorer
from autotroph.errors import LedgerError, SpecError
from autotroph.features.asked import asked
from autotroph.govern.custody import Custody
from autotroph.ingest.implicit import Implicit
from autotroph.ingest.joining import Joined, Joiner, Open, Use
from autotroph.observe.deserving import named
from autotroph.optimize.bench import Bench
from autotroph.optimize.track import Job
from autotroph.policy.documents import AnyPolicy, thaw
from autotroph.records import (
    CHAINED,
    Artefact,
    Completion,
    Cycle,
    Decision,
    Entry,
    Interaction,
    Measurement,
    Record,
    Reward,
    Signal,
    canonical,
)
from autotroph.spec import Spec
from autotroph.store import Reader, Store

MEASURE_EVERY = 100
"""Final rewards between two measurements of the lift."""

CHUNK = 2000
"""Answers that are read, joined and remembered at once."""

EXAMINE_EVERY = 86_400.0
"""Seconds between two looks at what was audited of a reward."""

_NEWS = """
SELECT :outcomes AND EXISTS (SELECT 1 FROM verdicts
                WHERE task = :task AND sequence > :until AND finding IN ('promoted', 'rolled back'))
    OR :audited AND EXISTS (SELECT 1 FROM signals
                             WHERE source IN ('annotator', 'judge') AND sequence > :until)
"""

_FIELDS = ("decision", "name", "version", "value", "final", "at", "clipped")
_FINAL = f"""
SELECT {", ".join(f"r.{field}" for field in _FIELDS)} FROM json_each(?) AS w
CROSS JOIN rewards AS r ON r.decision = w.value AND r.final = 1 ORDER BY r.sequence"""


class Rooms:
    """Ingest, digest, optimize and deploy of each task with a reward; they never meet but in a cycle.

    The comparisons of the desks are filled when `joiner` or `digestions` is asked for.

    Args:
        spec: the declaration.
        store: the ledger.
        clock: time, ids and luck.
        models: those that answer in this process.
        custody: what may not be kept.
        halted: why nothing of a task may come further at present; empty where it may.
    """

    def __init__(
        self,
        spec: Spec,
        store: Store,
        clock: Clock,
        models: Mapping[str, Model],
        custody: Custody,
        halted: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.spec, self.store, self.clock, self.custody = spec, store, clock, custody
        self.halted = halted
        self.salt = store.meta("seed") or clock.seed
        self.last = store.get(Cycle) or Cycle(number=0, through=0, at=clock.now())
        self.pool = ModelPool(models, self.texts)
        self._drafts: dict[str, Artefact] = {}
        self.policy = lru_cache(maxsize=256)(self._thawed)
        self.tasks = tuple(name for name, task in spec.tasks.items() if task.reward)
        self._score = scorer(spec)
        self.measures = {name: measures_of(spec, name) for name in self.tasks}
        self.desks = {name: self._desk(name) for name in self.tasks}
        self._digestions = {
            name: Digestion(name, self._reward(name), partial(asked, task=spec.task(name)))
            for name in self.tasks
        }
        self._joiner = Joiner(
            store,
            {task: {one.name: _use(one) for one in self.measures[task].values()} for task in self.tasks},
        )
        self.implicit = Implicit(spec, store, clock, custody)
        self.bench = Bench({name: _job(spec, name) for name in spec.tracks}, self.last.marks)
        self._recalling = RLock()
        self._memory: Literal["none", "half", "whole"] = "none"
        self._fold()

    # what was answered -------------------------------------------------------------------------------

    @property
    def joiner(self) -> Joiner:
        """What waits for its horizon."""
        self.recall()
        return self._joiner

    @property
    def digestions(self) -> Mapping[str, Digestion]:
        """By task, the examples and the evidence of the gate."""
        self.recall()
        return self._digestions

    def compares(self, measure: Measure, task: str) -> bool:
        """Whether values of a measure are compared: of an outcome, only while an experiment asks for it."""
        return measure.kind != "outcome" or measure.name in self.desks[task].board.experiments.metrics

    def late(self, experiment: Experiment, now: float) -> str:
        """Why what comes back about an arm of an experiment comes too late to compare; see `lateness`."""
        return overdue(self.store, experiment, self.measures[experiment.task][experiment.metric], now)

    def join(self, waiting: Iterable[Open], through: int) -> Iterator[Joined]:
        """Answers with what counts for each, whether any of them are in memory or not."""
        return self._joiner.join(waiting, through)

    # what goes in and out of the ledger --------------------------------------------------------------

    def append(self, *rows: Record) -> None:
        """Store rows for good, and take those that move a task."""
        sequences = self.store.append(*rows).durable()
        with self.answering:
            for row, sequence in zip(rows, sequences, strict=True):
                if isinstance(row, CHAINED):
                    self._apply(replace(row, sequence=sequence))

    def entry(self, actor: str, event: str, subject: str = "", /, **details: object) -> Entry:
        """A line for the journal, by default about the product."""
        now = self.clock.now()
        about = subject or self.spec.product.name
        return Entry(actor=actor, event=event, subject=about, details=details, at=now)

    @property
    def answering(self) -> RLock:
        """Held while a decision is made, so that what stands does not move meanwhile."""
        return self.pool.lock

    def begin(self, task: str) -> None:
        """Make release 0 of a task, as declared, unless it is there."""
        desk = self.desks[task]
        if desk.board.standing is not None:
            return
        self.store.append().durable()
        now, knowledge = self.clock.now(), self.store.last()
        documents, body = declared_body(self.spec, task, knowledge)
        self.append(*documents, *desk.begin(body, knowledge, now))

    def decided(self, after: int, until: int) -> Iterator[Answered]:
        """Served decisions of the tasks that have a reward, as what came of them came; in ledger order.

        Whoever answers outside may take longer than a cycle: then the decision is of an earlier one.
        """
        came = {one.decision: one for one in self.store.scan(Completion, after=after, until=until)}
        made = list(self.store.scan(Decision, after=after, until=until, served=True))
        earlier = came.keys() - {one.id for one in made}
        before = (self.store.get(Decision, id=id_, served=True) for id_ in earlier)
        made = sorted([one for one in before if one is not None], key=lambda one: one.sequence) + made
        for decision in made:
            if decision.task in self.desks and decision.id in came:
                yield decision, came[decision.id]

    def answered(self, after: int = 0, *, some: int = CHUNK, texts: bool = True) -> Iterator[list[Answered]]:
        """All of them, served or not, so many at a time; `texts` as for `scan`."""
        made = (one for one in self.store.scan(Decision, after=after, texts=texts) if one.task in self.desks)
        while few := list(islice(made, some)):
            found = zip(few, self._completions(few), strict=True)
            yield [(decision, completion) for decision, completion in found if completion is not None]

    def _completions(self, decisions: Sequence[Decision]) -> Iterator[Completion | None]:
        """What came of each: as a rule the very next row."""
        first, last = decisions[0].sequence, decisions[-1].sequence + 1
        near = {one.decision: one for one in self.store.scan(Completion, after=first, until=last)}
        for one in decisions:
            yield near.get(one.id) or self.store.get(Completion, decision=one.id)

    def texts(self, signals: tuple[str, ...], after: int, until: int) -> Iterator[str]:
        """What models may learn from of these, without the gate's fold and what nobody agreed to."""
        for signal in self.store.scan(Signal, after=after, until=until) if signals else ():
            if signal.name in signals and signal.fold == "tracks" and signal.terms.may_learn:
                yield str(signal.value)

    # whether the reward deserves it -------------------------------------------------------------------

    def versions(self, task: str) -> dict[str, str]:
        """What is declared now, of all that is measured for a task: the version of each."""
        return {name: measure.version for name, measure in self.measures[task].items()}

    def examine(self, task: str, now: float) -> bool:
        """Whether there is news of the task's reward: an experiment has ended, or answers were audited."""
        found = self.finding(task)
        outcomes = len(self.spec.outcomes)
        first = 0 if outcomes else self.last.through  # without outcomes only audits are news, as they come
        given: dict[str, str | int] = {
            "task": task,
            "until": found.until if found else first,
            "outcomes": outcomes,
            "audited": found is None or now >= found.at + EXAMINE_EVERY,
        }
        return bool(self.store.query(_NEWS, given).rows[0][0])

    def passage(self, task: str, now: float) -> Passage:
        """Whether the gate may work for the task's reward at a time."""
        return passage(self.store, self.spec, task, self._reward(task), now)

    def finding(self, task: str) -> Measurement | None:
        """The newest finding about the task's reward as it is declared now."""
        return finding(self.store, task, self._reward(task))

    # opening -----------------------------------------------------------------------------------------

    def _fold(self) -> None:
        """What stands."""
        for kind in CHAINED:
            for row in self.store.scan(kind):
                self._apply(row)

    def recall(self) -> None:
        """Fold what was answered up to the last cycle, once; what came after is the next cycle's to take.

        Raises:
            LedgerError: that failed before, so what is in memory is not whole.
        """
        with self._recalling:
            if self._memory == "half":
                raise LedgerError("the history could not be read to its end before: open the product again")
            if self._memory == "none":
                self._memory = "half"
                for some in self.answered():
                    self._remember(some)
                for desk in self.desks.values():
                    desk.comparisons.grown(MEASURE_EVERY)  # the last cycle has measured
                self._memory = "whole"

    def _remember(self, answered: Sequence[Answered]) -> None:
        """Takes what was answered before the last cycle; what had its reward by then is finished."""
        last = self.last.through
        before = [(one, done) for one, done in answered if not one.served or done.sequence <= last]
        final = self._final([decision for decision, _ in before])
        self._joiner.take(before)
        finished = []
        for decision, done in before:
            comparisons = self.desks[decision.task].comparisons
            if decision.served and decision.provenance == "product":
                comparisons.serve(decision, failed=bool(done.error))
            for name, measure in self.measures[decision.task].items():
                if (decision.id, name) in final:
                    closed = self._joiner.close(decision.id, name)
                    if measure.kind == "reward":
                        finished.append(closed)
                    elif self.compares(measure, decision.task):
                        comparisons.take(decision, final[decision.id, name])
        for joined in self._joiner.join(finished, last):
            decision = joined.interaction.decision
            reward = final[decision.id, joined.measure]
            self._digestions[decision.task].keep(joined.interaction, reward.at)
            self.desks[decision.task].comparisons.take(decision, reward)

    def _final(self, decisions: Sequence[Decision]) -> dict[tuple[str, str], Reward]:
        """The newest final values of decisions by what is declared now, by decision and measure."""
        tasks = {one.id: one.task for one in decisions}
        rows = self.store.query(_FINAL, (json.dumps(list(tasks)),)).rows
        values = (msgspec.convert(dict(zip(_FIELDS, row, strict=True)), Reward, strict=False) for row in rows)
        return {
            (one.decision, one.name): one
            for one in values
            if (measure := self.measures[tasks[one.decision]].get(one.name))
            and measure.version == one.version
        }

    def _apply(self, row: Record) -> None:
        for desk in self.desks.values():
            desk.board.apply(row)

    # making ------------------------------------------------------------------------------------------

    def _desk(self, task: str) -> Desk:
        reward = self._reward(task)
        serving = Serving(self.pool, self.policy, self.salt, shadowed=self.spec.paired(task))
        late = Lateness(self.store, task, reward.signals, reward.horizon)
        sources = Sources(
            value=partial(self._unseen, task),
            score=self._score,
            artefact=lambda digest: self.store.get(Artefact, digest=digest),
            journalled=partial(journalled, self.store),
            learned=lambda decision: self.digestions[task].learned(decision),
            redacted=self.custody.redacted,
        )
        return Desk(task, self.spec, serving, late, partial(self.passage, task), sources)

    def _unseen(self, task: str, name: str, interaction: Interaction, answer: Completion) -> float | None:
        """What a measure says of an answer that nobody saw; of what came back only the reward was joined."""
        measure = self.measures[task][name]
        if measure.scores == "served" or measure.signals:
            return None
        value = measured(measure, replace(interaction, completion=answer), self.clock.now())
        return value.value if value is not None else None

    def _reward(self, task: str) -> Measure:
        return self.measures[task][self.spec.task(task).reward]

    def draft(self, policies: Iterable[Artefact]) -> None:
        """Policies that are held to something before they are in the ledger."""
        self._drafts = {one.digest: one for one in policies}

    def _thawed(self, digest: str) -> AnyPolicy:
        artefact = self._drafts.get(digest) or self.store.get(Artefact, digest=digest)
        if artefact is None:
            raise LedgerError(
                f"policy {digest[:12]} is named by a release but is not in the ledger; restore a backup"
            )
        return thaw(artefact.body)


def passage(reader: Reader, spec: Spec, task: str, reward: Measure, now: float) -> Passage:
    """Whether the gate may work for a task's reward: by the newest finding about it, and by its waivers."""
    leave = waivers(reader, task).leave(reward.version, now, float(spec.gate.waiver))
    return worthwhile(task, reward.name, finding(reader, task, reward), leave)


def finding(reader: Reader, task: str, reward: Measure) -> Measurement | None:
    """The newest finding about a task's reward, in this version; None where it was never examined."""
    return reader.get(Measurement, task=task, name=named(reward.name, reward.version))


def overdue(reader: Reader, experiment: Experiment, metric: Measure, now: float) -> str:
    """Why what comes back about an arm of an experiment comes too late to compare; empty if it does not."""
    late = Lateness(reader, experiment.task, metric.signals, metric.horizon)
    return late(experiment.since, now, {release: arm for arm, release in experiment.arms.items()})


def _use(measure: Measure) -> Use:
    return Use(measure.horizon, measure.signals, served=measure.scores == "served")


def _job(spec: Spec, name: str) -> Job:
    declared = spec.tracks[name]
    try:
        track = registry.load("tracks", declared.kind)(name, declared.parameters)
    except SpecError as error:
        raise SpecError(f"{spec.source}: {error}") from None
    learner = digest("track", canonical([declared.kind, declared.parameters]))
    return Job(name, declared.task, track, declared.every, learner)
