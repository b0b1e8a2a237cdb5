"""Answers that somebody looked at: the signals of annotators and judges, held against the reward.

What an annotator or a judge said counts as an audit if the reward is not made of it. That it is about a
random sample is for whoever draws the sample to see to.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import msgspec
import numpy as np

from autotroph.observe.experiments import Asked, value_of
from autotroph.stats.audits import FIRST, Gaming, audited_mean, gaming
from autotroph.stats.confidence import Interval
from autotroph.store import Reader

NEWEST = 20_000
"""So many audited decisions are looked at, and as many that nobody looked at."""

STRETCHES = 12
"""Points of the picture over time, at most; each has at least 20 audited units."""

_AUDITS = f"""
SELECT name, unit, min(at) AS at, avg(reward) AS reward, avg(value) AS audit FROM (
  SELECT s.name, d.unit, d.at, s.value_number AS value, {value_of("d.id", "reward")} AS reward
  FROM signals AS s JOIN decisions AS d ON d.id = s.subject
  WHERE s.about = 'decision' AND s.source IN ('annotator', 'judge') AND s.value_number IS NOT NULL
    AND d.task = :task AND d.served = 1 AND d.provenance = 'product'
  ORDER BY s.sequence DESC LIMIT {NEWEST}
) WHERE reward IS NOT NULL GROUP BY name, unit ORDER BY name, at, unit"""


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


def audits(
    reader: Reader, asked: Asked, span: tuple[float, float], seen: Seen, made_of: frozenset[str], alpha: float
) -> list[Audit]:
    """Every signal that audits the reward, with what it says.

    Args:
        reader: of the ledger.
        asked: the task and the reward.
        span: the reward's range.
        seen: everybody's rewards.
        made_of: signals that the reward is made of, which cannot audit it.
        alpha: probability of a false alarm, over all of them together.
    """
    low, high = span
    columns: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for name, _, at, reward, audit in reader.query(_AUDITS, msgspec.to_builtins(asked)).rows:
        if name not in made_of:
            found = (at, (cast("float", reward) - low) / (high - low), audit)
            columns[str(name)].append(cast("tuple[float, float, float]", found))
    audited = {name: np.array(rows) for name, rows in columns.items()}
    return [
        one
        for name, table in audited.items()
        if (one := _audit(name, table, seen, alpha / len(audited))) is not None
    ]


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
