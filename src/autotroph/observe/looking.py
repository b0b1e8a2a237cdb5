"""The newest decisions of a task with what came back about them, as columns.

For looking at a history, not for valuing it: a signal about a session or user is taken as its last value,
whenever the decision was made.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.observe.experiments import newest_version, value_of
from autotroph.observe.traits import TRAITS, traits
from autotroph.spec import SignalSpec, Spec
from autotroph.store import Reader

Column = NDArray[np.float64]

NEWEST = 20_000
"""So many of the newest decisions are looked at."""

DRESSED = 5_000
"""Of so many of them, spread evenly, it is looked at how the answer is dressed."""

_NEWEST = (
    f"""(SELECT * FROM decisions WHERE task = :task AND served = 1 ORDER BY sequence DESC LIMIT {NEWEST})"""
)

_DECISIONS = f"""
SELECT d.id, d.session, d.user, d.unit, d.at, {value_of("d.id", "outcome")} AS outcome, coalesce(t.output, '')
FROM {_NEWEST} AS d
LEFT JOIN completions AS f ON f.decision = d.id
LEFT JOIN completion_texts AS t ON t.sequence = f.sequence
ORDER BY d.sequence"""

_SIGNALS = f"""
SELECT s.name, s.subject, s.at, s.id, s.source, s.user, s.value_type, s.value_number, t.value_text
FROM (SELECT DISTINCT {{subject}} AS subject FROM {_NEWEST} AS d WHERE {{subject}} <> '') AS w
CROSS JOIN signals AS s ON s.subject = w.subject
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence
WHERE s.about = :about
ORDER BY s.sequence"""

_SUBJECTS = {"decision": "d.id", "session": "d.session", "user": "d.user"}


class Told(NamedTuple):
    """One row of a signal."""

    at: float
    id: str
    source: str
    user: str
    value: float | str


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One signal over the decisions that were looked at.

    Attributes:
        values: shape (n,); nan where there is none. Of a text: how much of the answer it kept.
        delays: seconds after the decision, shape (n,).
        users: how many rows each user gave; `by_user`: the share of rows that people sent.
    """

    name: str
    declared: SignalSpec
    values: Column
    delays: Column
    users: dict[str, int]
    by_user: float


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at.

    Attributes:
        units: for each decision the number of its unit, shape (n,).
        at: when it was made; `outcome`: what the business got of it, nan where that is unknown.
        latest: when the last thing happened that is known of.
        dressed: places of the decisions whose answers were looked at, with their traits, shape (m, 8).
    """

    units: NDArray[np.int64]
    at: Column
    outcome: Column
    latest: float
    dressed: NDArray[np.int64]
    traits: Column
    heard: tuple[Heard, ...]

    def by_unit(self, column: Column, which: NDArray[np.bool_]) -> Column:
        """The means over the units of some decisions, in the order of the units; nan for those without."""
        size = int(self.units.max(initial=-1)) + 1
        counts = np.bincount(self.units[which], minlength=size)
        sums = np.bincount(self.units[which], weights=column[which], minlength=size)
        with np.errstate(invalid="ignore"):
            found: Column = sums / counts
        return found


def look(reader: Reader, spec: Spec, task: str, outcome: str) -> Look:
    """Read the newest decisions of a task; `outcome` is the name of a declared one, or empty."""
    version = newest_version(reader, outcome) if outcome else ""
    given = {"task": task, "outcome": outcome, "outcome_version": version}
    rows = reader.query(_DECISIONS, given).rows
    ids, sessions, users, units, at, outcomes, outputs = zip(*rows, strict=True) if rows else [()] * 7
    times = np.array(at, dtype=np.float64)
    step = max(len(outputs) // DRESSED, 1)
    latest = float(times.max(initial=0.0))
    heard = []
    for about, subjects in (("decision", ids), ("session", sessions), ("user", users)):
        declared = {name: one for name, one in spec.signals.items() if one.about == about and not one.of}
        told = _told(reader, task, about, declared)
        for name, one in declared.items():
            latest = max(latest, *(said[-1].at for said in told[name].values() if said), latest)
            heard.append(_heard(name, one, told[name], cast("Sequence[str]", subjects), (times, outputs)))
    return Look(
        units=np.unique(np.array(units, dtype=object), return_inverse=True)[1].astype(np.int64),
        at=times,
        outcome=np.array(outcomes, dtype=np.float64),
        latest=latest,
        dressed=np.arange(0, len(outputs), step),
        traits=np.array([traits(str(one)) for one in outputs[::step]]).reshape(-1, len(TRAITS)),
        heard=tuple(heard),
    )


def _told(
    reader: Reader, task: str, about: str, declared: dict[str, SignalSpec]
) -> dict[str, dict[str, list[Told]]]:
    """The rows of the declared signals, by name and subject, in order of event time."""
    found: dict[str, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    if not declared:
        return found
    sql = _SIGNALS.format(subject=_SUBJECTS[about])
    for name, subject, *row in reader.query(sql, {"task": task, "about": about}).rows:
        if one := declared.get(str(name)):
            said = found[str(name)][str(subject)]
            if one.implicit:  # the newest row is what it is, and one that was withdrawn is none
                said.clear()
            said += _fitting(one, row)
    for subjects in found.values():
        for said in subjects.values():
            if len(said) > 1:
                said.sort(key=_moment)
    return found


def _moment(told: Told) -> tuple[float, str]:
    return told.at, told.id


def _fitting(declared: SignalSpec, row: Sequence[Any]) -> Iterator[Told]:
    at, id_, source, user, type_, number, text = row
    if (type_ == "text") == (declared.type == "text"):
        yield Told(at, id_, source, user, str(text or "") if type_ == "text" else number)


def _heard(
    name: str,
    declared: SignalSpec,
    told: dict[str, list[Told]],
    subjects: Sequence[str],
    answers: tuple[Column, Sequence[Any]],
) -> Heard:
    take = _TAKE[declared.take]
    values, delays = np.full(len(subjects), np.nan), np.full(len(subjects), np.nan)
    times, outputs = answers
    for place, subject in enumerate(subjects):
        if said := told.get(subject):
            chosen, value = take(said)
            values[place] = _kept(value, outputs[place]) if isinstance(value, str) else value
            delays[place] = max(chosen.at - times[place], 0.0)
    users: dict[str, int] = defaultdict(int)
    rows = [one for said in told.values() for one in said]
    for one in rows:
        users[one.user] += 1
    by_user = sum(one.source == "user" for one in rows) / max(len(rows), 1)
    return Heard(
        name=name, declared=declared, values=values, delays=delays, users=dict(users), by_user=by_user
    )


def _kept(written: str, output: str) -> float:
    return float(len(output)) if written.startswith(output) else 0.0


def _mean(said: Iterable[Told]) -> float:
    return float(np.mean([cast("float", one.value) for one in said]))


_TAKE: dict[str, Callable[[list[Told]], tuple[Told, float | str]]] = {
    "last": lambda said: (said[-1], said[-1].value),
    "first": lambda said: (said[0], said[0].value),
    "any": lambda said: (said[-1], max(cast("float", one.value) for one in said)),
    "mean": lambda said: (said[-1], _mean(said)),
    "votes": lambda said: (said[-1], _mean({one.user: one for one in said}.values())),
}
