"""Do reward and outcome agree on the same answers, and does the reward go with how an answer is dressed?

Agreement inside the newest answers is not proof that what raises the one raises the other, but a reward that
does not even agree has little to go on.
"""

from collections.abc import Iterable
from typing import cast

import msgspec
import numpy as np

from autotroph.observe.audited import Seen
from autotroph.observe.experiments import LEVEL, Asked, value_of
from autotroph.observe.sampling import Draw
from autotroph.observe.traits import TRAITS, traits
from autotroph.stats.association import area, correlation
from autotroph.stats.confidence import Interval
from autotroph.store import Reader, SqlValue

NEWEST = 20_000
"""So many of the newest decisions are looked at."""

CLEAR = 0.2
"""A correlation of the reward with a trait that is surely above this is told, where the outcome has less."""

_ANSWERS = f"""
SELECT d.unit, d.at, {value_of("d.id", "reward")} AS reward, {value_of("d.id", "outcome")} AS outcome,
       EXISTS (SELECT 1 FROM signals AS s WHERE s.subject = d.id AND s.about = 'decision'
                 AND s.source IN ('annotator', 'judge')) AS audited,
       coalesce(t.output, '') AS output, d.id
FROM (SELECT id, unit, at, sequence FROM decisions
      WHERE task = :task AND served = 1 AND provenance = 'product'
      ORDER BY sequence DESC LIMIT {NEWEST}) AS d
LEFT JOIN completions AS f ON f.decision = d.id
LEFT JOIN completion_texts AS t ON t.sequence = f.sequence
ORDER BY d.sequence"""


class Trait(msgspec.Struct, frozen=True, kw_only=True):
    """How reward and outcome go with one trait of the output."""

    name: str
    reward: Interval
    outcome: Interval

    @property
    def suspicious(self) -> bool:
        """Whether the reward surely goes with it, and the outcome surely less."""
        ours, theirs = self.reward, self.outcome
        up = ours.low > CLEAR and theirs.high < ours.low
        down = ours.high < -CLEAR and theirs.low > ours.high
        return up or down


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest answers say, one value a unit.

    Attributes:
        correlation: of reward and outcome.
        area: the chance that an answer with a good outcome has the higher reward; good is above the mean.
        traits: those that vary.
        seen: units of which nobody looked at a decision of the audit sample.
    """

    correlation: Interval
    area: Interval
    traits: tuple[Trait, ...]
    seen: Seen


def agreement(reader: Reader, asked: Asked, span: tuple[float, float], draws: Draw) -> Agreement:
    """Hold reward, outcome and traits of the newest answers against each other; `draws` the audit sample."""
    with reader.stream(_ANSWERS, msgspec.to_builtins(asked)) as stream:
        table = _by_unit(stream.rows, draws)
    both = table[~np.isnan(table[:, 2])]
    reward, outcome = both[:, 1], both[:, 2]
    good = outcome > outcome.mean() if outcome.size else outcome > 0
    low, high = span
    alone = table[table[:, 3] == 0]
    order = alone[alone[:, 0].argsort()]
    return Agreement(
        correlation=correlation(reward, outcome, LEVEL),
        area=area(reward, good, LEVEL),
        traits=tuple(
            Trait(
                name=name,
                reward=correlation(column, reward, LEVEL),
                outcome=correlation(column, outcome, LEVEL),
            )
            for name, column in zip(TRAITS, both[:, 4:].T, strict=True)
            if column.size and column.std() > 1e-9
        ),
        seen=Seen(order[:, 0].tolist(), np.clip((order[:, 1] - low) / (high - low), 0.0, 1.0).tolist()),
    )


def _by_unit(rows: Iterable[tuple[SqlValue, ...]], draws: Draw) -> np.ndarray:
    """Columns at, reward, outcome (nan where unknown), audited, traits: means over each unit, shape (n, 12).

    An outcome counts over the decisions that have one; rows without a reward are left out.
    """
    found: dict[SqlValue, list[tuple[float, ...]]] = {}
    for unit, at, reward, outcome, judged, output, id_ in rows:
        if reward is not None:
            known = np.nan if outcome is None else cast("float", outcome)
            audited = float(bool(judged) and draws(str(id_)))
            numbers = (cast("float", at), cast("float", reward), known, audited)
            found.setdefault(unit, []).append((*numbers, *traits(str(output))))
    if not found:
        return np.empty((0, 4 + len(TRAITS)))
    return np.array([one[0] if len(one) == 1 else _mean(np.array(one)) for one in found.values()])


def _mean(members: np.ndarray) -> np.ndarray:
    known = members[~np.isnan(members[:, 2])]
    found: np.ndarray = (known if len(known) else members).mean(axis=0)
    return found
