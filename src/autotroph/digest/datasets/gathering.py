"""What the ledger has for a dataset: what may be learned from, and has a final reward; without texts.

Learning must have been agreed to for the decision and for every signal that could count for its reward, or
is the target. Nothing of the gate's fold is taken. Whoever was erased has no rows.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec

from autotroph.digest.datasets.recipe import Recipe, target_of
from autotroph.digest.measures import Measure, measure_of
from autotroph.spec import SignalSpec, Spec
from autotroph.store import Reader

PEOPLE = ("user", "annotator")
"""The sources of signals whose texts a person wrote."""


class Found(msgspec.Struct, frozen=True, gc=False):
    """What could become an example: see `contents.Named` for the first three.

    Attributes:
        at: event time of the decision.
        user: whose it is; `cluster` where nobody is named.
        imported: whether the decision was made elsewhere.
        person: whether a person said what the target is.
        reward, against: what the answer was worth, and the one that it is preferred to.
    """

    decision: int
    target: int
    other: int
    at: float
    user: str
    cluster: str
    imported: bool
    person: bool
    reward: float
    against: float | None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A row of the query below."""

    sequence: int
    about: str
    user: str
    cluster: str
    at: float
    fold: str
    provenance: str
    learn: int
    purposes: str
    reward: float | None
    target: int | None
    source: str | None
    error: str


class Gathering:
    """One recipe's look at the ledger.

    Args:
        reader: of the ledger.
        spec: the declaration.
        recipe: checked.
        through: rows up to this sequence are looked at.

    Attributes:
        left: how many answers were left out, by why.
        answers: how many were looked at.
    """

    def __init__(self, reader: Reader, spec: Spec, recipe: Recipe, through: int) -> None:
        self._reader, self._spec, self._recipe, self._through = reader, spec, recipe, through
        self.measure: Measure = measure_of(spec, recipe.task)
        self.left: Counter[str] = Counter()
        self.answers = 0
        self._agrees = lru_cache(maxsize=1024)(self._agreed)

    def found(self) -> list[Found]:
        """What could become an example, in ledger order."""
        barred = self._barred()
        taken = (one for one in self._answers() if self._fits(one, barred))
        if self._recipe.pairs and not self._recipe.target:
            found = self._ranked(taken)
        else:
            found = (_found(one, None, pairs=self._recipe.pairs) for one in taken)
        bounded = (one for one in found if self._counted(self._bounded(one.reward), "reward out of bounds"))
        return sorted(bounded, key=lambda one: (one.decision, one.other))

    def _answers(self) -> Iterator[Answer]:
        """Answers of the task, those to the same question together."""
        recipe, target = self._recipe, target_of(self._recipe, self._spec)
        ranked = recipe.pairs and not recipe.target
        sql = _ANSWERS.format(
            target=_TARGET.format(order="ASC" if target and target.take == "first" else "DESC")
            if target
            else "NULL",
            served="1" if ranked else "d.served",
            order="about, d.sequence" if ranked else "d.sequence",
        )
        given: dict[str, str | int | float] = {"task": recipe.task, "through": self._through}
        given |= {"reward": self.measure.name, "version": self.measure.version}
        if target:
            given |= {"name": target.of or recipe.target, "span": self._span(target)}
        with self._reader.stream(sql, given) as found:
            for row in found.rows:
                self.answers += 1
                yield Answer(*row)  # type: ignore[arg-type]

    def _fits(self, one: Answer, barred: set[str]) -> bool:
        """Whether it may be learned from, and is what was asked for."""
        recipe = self._recipe
        checks: tuple[tuple[bool, str], ...] = (
            (one.fold != "gate", "of the gate's fold"),
            (self._agrees(one.learn, one.purposes) and one.about not in barred, "not agreed to"),
            (not recipe.source or (one.provenance == "import") == (recipe.source == "import"), "source"),
            (not one.error, "failed"),
            (one.reward is not None, "no final reward"),
            (not recipe.target or one.target is not None, "no target"),
        )
        why = next((why for fits, why in checks if not fits), "")
        return self._counted(not why, why)

    def _counted(self, fits: bool, why: str) -> bool:  # noqa: FBT001 - a filter that counts
        if not fits:
            self.left[why] += 1
        return fits

    def _bounded(self, reward: float) -> bool:
        low, high = self._recipe.minimum, self._recipe.maximum
        return (low is None or reward >= low) and (high is None or reward <= high)

    def _ranked(self, answers: Iterable[Answer]) -> Iterator[Found]:
        """The best over the worst of the answers to each question."""
        for _, group in groupby(answers, key=lambda one: one.about):
            ranked = sorted(group, key=lambda one: (-(one.reward or 0.0), one.sequence))
            if self._counted(ranked[0].reward != ranked[-1].reward, "no preference"):
                yield _found(ranked[0], ranked[-1], pairs=True)

    def _agreed(self, learn: int, purposes: str) -> bool:
        return bool(learn) and set(self._recipe.purposes) <= set(_PURPOSES.decode(purposes))

    def _span(self, signal: SignalSpec) -> float:
        """How long after a decision a signal counts for its reward."""
        horizon = self.measure.horizon
        return horizon if signal.within is None else min(horizon, float(signal.within))

    def _barred(self) -> set[str]:
        """The decisions of which a signal that could count may not be learned from."""
        terms = self._reader.query("SELECT DISTINCT learn, purposes FROM signals").rows
        pairs = msgspec.convert(terms, list[tuple[int, str]])
        refused = [f"{learn}{text}" for learn, text in pairs if not self._agrees(learn, text)]
        if not refused:
            return set()
        read = dict(self.measure.signals)
        if target := target_of(self._recipe, self._spec):
            read[self._recipe.target] = target
        found: set[str] = set()
        for name, signal in read.items():
            given: dict[str, str | int | float] = {"task": self._recipe.task, "through": self._through}
            given |= {"name": signal.of or name, "span": self._span(signal), "refused": json.dumps(refused)}
            sql = _BARRED.format(about=signal.about, join=_ABOUT[signal.about])
            found |= {str(about) for (about,) in self._reader.query(sql, given).rows}
        return found


def last(reader: Reader) -> int:
    """The newest row that can change a dataset: keeping one does not change the next."""
    tables = ("decisions", "completions", "signals", "rewards")
    sql = " UNION ALL ".join(f"SELECT max(sequence) AS n FROM {table}" for table in tables)
    ((newest,),) = reader.query(f"SELECT coalesce(max(n), 0) FROM ({sql})").rows
    return msgspec.convert(newest, int)


def _found(one: Answer, other: Answer | None, *, pairs: bool) -> Found:
    over: Sequence[Any] = (other.sequence, other.reward) if other else (one.sequence, one.reward)
    return Found(
        decision=one.sequence,
        target=one.target or 0,
        other=over[0] if pairs else 0,
        at=one.at,
        user=one.user,
        cluster=one.cluster,
        imported=one.provenance == "import",
        person=one.source in PEOPLE,
        reward=one.reward or 0.0,
        against=over[1] if pairs else None,
    )


_PURPOSES = msgspec.json.Decoder(tuple[str, ...])

_ANSWERS = """
SELECT d.sequence, iif(d.shadows = '', d.id, d.shadows) AS about, d.user, d.cluster, d.at, d.fold,
       d.provenance, d.learn, d.purposes, w.value, s.sequence, s.source, c.error
FROM decisions AS d
JOIN completions AS c ON c.decision = d.id
LEFT JOIN rewards AS w ON w.sequence = (
  SELECT max(n.sequence) FROM rewards AS n
   WHERE n.decision = d.id AND n.final = 1 AND n.name = :reward AND n.version = :version
     AND n.sequence <= :through)
LEFT JOIN signals AS s ON s.sequence = {target}
WHERE d.task = :task AND {served} AND d.sequence <= :through AND c.sequence <= :through
ORDER BY {order}"""

_TARGET = """(
  SELECT m.sequence FROM signals AS m
   WHERE m.subject = d.id AND m.name = :name AND m.about = 'decision' AND m.value_type = 'text'
     AND m.fold <> 'gate' AND m.sequence <= :through AND m.at < d.at + :span
   ORDER BY m.at {order}, m.id {order} LIMIT 1)"""

_BARRED = """
SELECT DISTINCT iif(d.shadows = '', d.id, d.shadows) FROM signals AS s CROSS JOIN decisions AS d ON {join}
WHERE s.name = :name AND s.about = '{about}' AND s.sequence <= :through AND s.at < d.at + :span
  AND d.task = :task AND (s.learn || s.purposes) IN (SELECT value FROM json_each(:refused))"""

_ABOUT = {
    "decision": "d.id = s.subject",
    "session": "d.session = s.subject AND d.session <> ''",
    "user": "d.user = s.subject AND d.user <> ''",
}
