"""Answers that somebody looked at: the signals of annotators and judges, held against the reward.

What an annotator or a judge said counts as an audit if the reward is not made of it, and if it is about a
decision of the audit sample (see `sampling`): only these are a random sample. Who chooses what is looked at
chooses what is found, so what was said of other decisions is counted, told, and left out.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import cast

import msgspec
import numpy as np

from autotroph.observe.experiments import Asked, value_of
from autotroph.observe.sampling import Draw
from autotroph.stats.audits import FIRST, Gaming, audited_mean, gaming
from autotroph.stats.confidence import Interval
from autotroph.store import Reader, SqlValue

NEWEST = 20_000
"""So many judgements are looked at, and as many decisions that nobody looked at."""

STRETCHES = 12
"""Points of the picture over time, at most; each has at least 20 audited units."""

_SAID = """
SELECT s.name, d.id, d.unit, d.at, s.value_number
FROM signals AS s JOIN decisions AS d ON d.id = s.subject
WHERE s.about = 'decision' AND s.source IN ('annotator', 'judge') AND s.value_number IS NOT NULL
  AND d.task = :task AND d.served = 1 AND d.provenance = 'product'
ORDER BY s.sequence DESC"""

_REWARDS = f"""SELECT one.value, {value_of("one.value", "reward")} FROM json_each(:ids) AS one"""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time: the mean reward of everybody and what the audit says of them, both in [0, 1]."""

    at: float
    reward: float
    audit: Interval


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What one signal of annotators or judges says about the reward.

    Attributes:
        signal: its name; `units`: how many were looked at.
        gaming: whether the reward rose against it.
        mean: of the audit over everybody, in [0, 1].
        points: over time.
    """

    signal: str
    units: int
    gaming: Gaming
    mean: Interval
    points: tuple[Point, ...]


class Seen(msgspec.Struct, frozen=True):
    """Units that nobody looked at, in the order of time: when, and their reward in [0, 1]."""

    at: Sequence[float]
    reward: Sequence[float]


class Audited(msgspec.Struct, frozen=True):
    """Every signal that audits the reward, and how many judgements were not about the audit sample."""

    audits: tuple[Audit, ...]
    left_out: int


def audits(  # noqa: PLR0913 - what is asked, of what, and by which sample
    reader: Reader,
    asked: Asked,
    span: tuple[float, float],
    seen: Seen,
    made_of: frozenset[str],
    draws: Draw,
    alpha: float,
) -> Audited:
    """Hold what annotators and judges said against the reward.

    Args:
        reader: of the ledger.
        asked: the task and the reward.
        span: the reward's range.
        seen: everybody's rewards.
        made_of: signals that the reward is made of, which cannot audit it.
        draws: which decisions are in the audit sample.
        alpha: probability of a false alarm, over all of them together.
    """
    with reader.stream(_SAID, msgspec.to_builtins(asked)) as stream:
        said, left_out = _drawn((row for row in stream.rows if row[0] not in made_of), draws)
    tables = _tables(reader, asked, span, said)
    found = (_audit(name, table, seen, alpha / len(tables)) for name, table in tables.items())
    return Audited(tuple(one for one in found if one is not None), left_out)


def _drawn(rows: Iterable[tuple[SqlValue, ...]], draws: Draw) -> tuple[list[tuple[SqlValue, ...]], int]:
    """The newest judgements of the sample, and how many others stood between them."""
    kept: list[tuple[SqlValue, ...]] = []
    left_out = 0
    for row in rows:
        if not draws(str(row[1])):
            left_out += 1
        elif len(kept) < NEWEST:
            kept.append(row)
        else:
            break
    return kept, left_out


def _tables(
    reader: Reader, asked: Asked, span: tuple[float, float], said: Iterable[tuple[SqlValue, ...]]
) -> dict[str, np.ndarray]:
    """By signal, a row a unit in the order of time: when, reward in shares of its range, judgement."""
    given = list(said)
    ids = json.dumps(sorted({str(row[1]) for row in given}))
    found = reader.query(_REWARDS, {**msgspec.to_builtins(asked), "ids": ids})
    rewards: dict[SqlValue, SqlValue] = {row[0]: row[1] for row in found.rows}
    low, high = span
    units: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for name, id_, unit, at, value in given:
        if (reward := rewards[id_]) is not None:
            one = at, (cast("float", reward) - low) / (high - low), value
            units[str(name), str(unit)].append(cast("tuple[float, float, float]", one))
    columns: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for (name, _), members in sorted(units.items()):
        when, worth, mark = zip(*members, strict=True)
        columns[name].append((min(when), float(np.mean(worth)), float(np.mean(mark))))
    return {name: np.array(sorted(rows, key=itemgetter(0))) for name, rows in columns.items()}


def _audit(name: str, table: np.ndarray, seen: Seen, alpha: float) -> Audit | None:
    at, reward, marks = table.T
    marks = _scaled(marks)
    if marks is None:
        return None
    reward = np.clip(reward, 0.0, 1.0)
    found = gaming(reward, marks, alpha)
    mean = audited_mean(seen.reward, reward, marks, 0.05)
    points = _points(at, reward, marks, seen)
    return Audit(signal=name, units=len(marks), gaming=found, mean=mean, points=points)


def _scaled(marks: np.ndarray) -> np.ndarray | None:
    """Marks in [0, 1]: as they are, or by the ends that the first of them had, which later ones cannot move.

    None where they are too few, or all the same, so that there is no scale.
    """
    if marks.min() >= 0 and marks.max() <= 1:
        return marks
    first = marks[:FIRST]
    low, high = float(first.min()), float(first.max())
    if len(marks) < FIRST or low == high:
        return None
    return np.clip((marks - low) / (high - low), 0.0, 1.0)


def _points(at: np.ndarray, reward: np.ndarray, marks: np.ndarray, seen: Seen) -> tuple[Point, ...]:
    count = min(STRETCHES, len(marks) // 20)
    if not count:
        return ()
    cuts = [round(len(marks) * number / count) for number in range(count + 1)]
    times, values = np.asarray(seen.at), np.asarray(seen.reward)
    found = []
    for begin, end in pairwise(cuts):
        last = at[end] if end < len(at) else np.inf
        others = values[(times >= at[begin]) & (times < last)]
        said = audited_mean(others, reward[begin:end], marks[begin:end], 0.05)
        everybody = np.concatenate((others, reward[begin:end]))
        moment = float(np.median(at[begin:end]))
        found.append(Point(at=moment, reward=float(everybody.mean()), audit=said))
    return tuple(found)
