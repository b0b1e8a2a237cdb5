"""Past experiments of a task, out of its ledger: what each candidate moved in front of people.

An experiment is a release's time on the ladder beside a concurrent control. A unit counts once, by the arm
and the step at which it was first exposed, with the mean of its decisions over a fixed window from then on;
only decisions count of which both reward and outcome are final. So a unit that crosses arms when the share
grows stays what it was, and a slow outcome is waited for and never taken as nothing.

What ended early because of its reward shows more of it than there is; the effect on the outcome does not.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import cast

import msgspec
import numpy as np

from autotroph.stats.confidence import Interval
from autotroph.stats.surrogates import Effect, Units, effect, treatment_given_reward
from autotroph.store import Reader, SqlValue

LEVEL = 0.05

FEWEST = 20
"""Units of an experiment below which it is not counted."""

_VALUE = """(SELECT w.value FROM rewards AS w WHERE w.decision = {of} AND w.final = 1 AND w.name = :{name}
             AND w.version = :{name}_version ORDER BY w.sequence DESC LIMIT 1)"""


def value_of(decision: str, name: str) -> str:
    """SQL of the newest final value of a measure, whose name and version are parameters."""
    return _VALUE.format(of=decision, name=name)


_UNITS = f"""
WITH begun AS (
  SELECT release, min(sequence) AS begins, max(at) AS at FROM stages
  WHERE task = :task AND name = 'canary' GROUP BY release
), runs AS MATERIALIZED (
  SELECT b.release, b.at, b.begins,
         (SELECT min(e.sequence) FROM stages AS e
           WHERE e.release = b.release AND e.sequence > b.begins AND e.name <> 'canary') AS ends
  FROM begun AS b
), shown AS MATERIALIZED (
  SELECT r.release, r.at AS ran, d.sequence, d.id, d.unit, d.arm, d.at
  FROM runs AS r JOIN decisions AS d ON d.sequence > r.begins AND d.sequence < r.ends
  WHERE +d.task = :task AND +d.served = 1 AND d.provenance = 'product' AND d.arm IN ('candidate', 'control')
), exposed AS MATERIALIZED (
  SELECT release, unit, arm, at, min(sequence) AS sequence FROM shown GROUP BY release, unit
), valued AS MATERIALIZED (
  SELECT s.release, s.ran, s.unit, e.arm, e.sequence,
         {value_of("s.id", "reward")} AS reward, {value_of("s.id", "outcome")} AS outcome
  FROM exposed AS e JOIN shown AS s ON s.release = e.release AND s.unit = e.unit
  WHERE s.arm = e.arm AND s.at <= e.at + :window
)
SELECT v.release, coalesce(r.name, v.release) AS name, v.ran, v.arm = 'candidate' AS treated,
       (SELECT cast(round(t.share * 1000000) AS INTEGER) FROM stages AS t
         WHERE t.release = v.release AND t.sequence < v.sequence ORDER BY t.sequence DESC LIMIT 1) AS stratum,
       avg(v.reward) AS reward, avg(v.outcome) AS outcome
FROM valued AS v LEFT JOIN releases AS r ON r.id = v.release
WHERE v.reward IS NOT NULL AND v.outcome IS NOT NULL
GROUP BY v.release, v.unit ORDER BY v.ran, v.release, v.sequence"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which reward is held against which outcome, each in one version; `window` is of a unit, in seconds."""

    task: str
    reward: str
    reward_version: str
    outcome: str
    outcome_version: str
    window: float


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """One past experiment.

    Attributes:
        release: of the candidate; `name`: what it was called; `at`: when it last moved on the ladder.
        effect: what it did to reward and outcome.
        given: what the treatment says about the outcome once the reward is known.
    """

    release: str
    name: str
    at: float
    effect: Effect
    given: Interval


def experiments(reader: Reader, asked: Asked) -> list[Experiment]:
    """The task's past experiments that have enough units, oldest first."""
    found = []
    with reader.stream(_UNITS, msgspec.to_builtins(asked)) as stream:
        for (release, name, at), rows in groupby(stream.rows, key=itemgetter(0, 1, 2)):
            units = _units(rows)
            moved = effect(units)
            if moved is None or moved.units < FEWEST:
                continue
            given = treatment_given_reward(units, LEVEL)
            one = Experiment(release=release, name=name, at=float(at), effect=moved, given=given)
            found.append(one)
    return found


def newest_version(reader: Reader, name: str) -> str:
    """The version of a measure that the ledger had values of last; empty where it has none."""
    found = reader.query(
        "SELECT version FROM rewards WHERE name = ? AND final = 1 ORDER BY sequence DESC LIMIT 1", (name,)
    )
    return str(found.rows[0][0]) if found.rows else ""


def _units(rows: Iterator[tuple[SqlValue, ...]]) -> Units:
    numbers = [cast("tuple[float, ...]", row[3:]) for row in rows]
    treated, stratum, reward, outcome = np.array(numbers, dtype=np.float64).T
    return Units(treated > 0.5, stratum.astype(np.int64), reward, outcome)
