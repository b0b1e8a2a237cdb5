"""What trying other options than the best known one takes, costs and buys: the declared exception, metered.

Out of the log alone: the probabilities with which each option was served, and what it was worth in the end.
What the policy would have earned by itself is estimated without bias (see `stats.exploration`).
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.observe.experiments import value_of
from autotroph.records import Measurement
from autotroph.spec import Spec
from autotroph.stats.confidence import Interval
from autotroph.stats.exploration import cost, effective
from autotroph.store import Reader, SqlValue

LEVEL = 0.05
MONTH = 30 * 86_400.0
DAY = 86_400.0

MOST = 20_000
"""Decisions that are looked at, the newest of the last month."""

GROWTH = 0.1
"""It is measured again when so many more decisions have come, as a share of those before, or a day later."""

FAR = 1e9
"""An end of an interval that nothing is known about yet; the ledger keeps finite numbers."""

ABOUT = "exploration: "
SHARES = tuple(f"{ABOUT}{one}" for one in ("expected", "moved", "floor", "judged by"))
EXPECTED, MOVED, FLOOR, JUDGED = SHARES
COST = f"{ABOUT}cost in "
"""What each is called as a measurement."""

_SINCE = """
SELECT min(sequence), coalesce(sum(sequence > :until), 0)
FROM (SELECT sequence, at FROM decisions WHERE task = :task AND served = 1
      ORDER BY sequence DESC LIMIT :most) WHERE at >= :since"""

_ROWS = """
SELECT own, moved, coalesce(floor, 1.0), cluster, {values} FROM exploration AS e
WHERE e.sequence >= :since AND e.sequence <= :until AND e.task = :task AND own IS NOT NULL
ORDER BY e.sequence"""

Row = Sequence[SqlValue]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What trying other options made worse of a measure, a decision, in its own unit.

    Attributes:
        measure: its name; the reward's comes first.
        value, low, high: estimate and interval; more is worse. Ends are ±FAR where nothing is known.
        units: by which it was estimated.
    """

    measure: str
    value: float
    low: float
    high: float
    units: int


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """What trying other options came to over a window.

    Attributes:
        decisions: that were looked at.
        expected: share of them in which the probabilities let another option be taken.
        moved: share of them in which one was.
        floor: the smallest probability that was served.
        judged_by: by so many decisions of its own the log could judge a policy that always wants another
            option; without trying any it would be none.
        costs: of reward and guardrails, a decision; times `decisions` it is that of the window.
        since: the ledger sequence at which the window begins; `at`: when it was measured.
    """

    decisions: int
    expected: float
    moved: float
    floor: float
    judged_by: float
    costs: tuple[Cost, ...]
    since: int
    at: float


def exploring(
    reader: Reader, spec: Spec, task: str, through: int, now: float, versions: Mapping[str, str]
) -> list[Measurement]:
    """The rows that are due about what a task tries; none where it tries nothing.

    Args:
        reader: of the ledger.
        spec: the declaration.
        task: which.
        through: the ledger sequence up to which everything was digested.
        now: seconds since the epoch.
        versions: of the task's measures, as they are declared now.
    """
    last = reader.get(Measurement, task=task, name=MOVED)
    if last is None and not spec.ladder.explore:
        return []
    until = last.until if last else 0
    month: dict[str, SqlValue] = {"task": task, "most": MOST, "since": now - MONTH, "until": until}
    since, fresh = msgspec.convert(reader.query(_SINCE, month).rows[0], tuple[int | None, int])
    if since is None or (last is not None and not _news(last, fresh, now)):
        return []
    declared = spec.task(task)
    names = [name for name in (declared.reward, *declared.guardrails) if name in versions]
    window: dict[str, SqlValue] = {"task": task, "since": since, "until": through}
    rows = _rows(reader, window, {name: versions[name] for name in names})
    if not rows:
        return []
    found = meter(rows, {name: _sign(spec, name) for name in names}, since, now)
    return list(_measured(found, task, through))


def meter(rows: Sequence[Row], signs: Mapping[str, float], since: int, now: float) -> Metered:
    """What the decisions of a window came to.

    Args:
        rows: of the view, at least one: own, moved, floor, cluster, and the value of each measure or None.
        signs: 1 for a measure that is better when it is higher, −1 for one that is better when it is lower.
        since: the ledger sequence at which the window begins.
        now: seconds since the epoch.
    """
    own, moved, floors = (np.array([row[at] for row in rows], dtype=np.float64) for at in range(3))
    places: dict[object, int] = {}
    clusters = np.array([places.setdefault(row[3], len(places)) for row in rows])
    tried = own < 1.0
    costs = []
    for at, (name, sign) in enumerate(signs.items(), 4):
        worth = sign * np.array([row[at] for row in rows], dtype=np.float64)
        known = np.isfinite(worth)
        found = cost(own[known], moved[known], worth[known], _numbered(clusters[known]), LEVEL)
        if found.n:
            costs.append(_cost(name, found))
    return Metered(
        decisions=len(rows),
        expected=float((1.0 - own).mean()),
        moved=float(moved.mean()),
        floor=float(floors[tried].min()) if tried.any() else 0.0,
        judged_by=effective(floors[tried]),
        costs=tuple(costs),
        since=since,
        at=now,
    )


def metered(reader: Reader, task: str) -> Metered | None:
    """What was measured last; None where nothing was tried yet."""
    last = reader.get(Measurement, task=task, name=EXPECTED)  # of the rows of one time, the first
    if last is None:
        return None
    rows = [one for one in reader.scan(Measurement, task=task, after=last.sequence - 1) if one.at == last.at]
    value = {one.name: one.value for one in rows}
    costs = [
        Cost(measure=one.name.removeprefix(COST), value=one.value, low=one.low, high=one.high, units=one.n)
        for one in rows
        if one.name.startswith(COST)
    ]
    return Metered(
        decisions=last.n,
        expected=value[EXPECTED],
        moved=value[MOVED],
        floor=value[FLOOR],
        judged_by=value[JUDGED],
        costs=tuple(costs),
        since=last.since,
        at=last.at,
    )


def _rows(reader: Reader, window: Mapping[str, SqlValue], versions: Mapping[str, str]) -> Sequence[Row]:
    measures = list(enumerate(versions.items()))
    values = ", ".join(value_of("e.decision", f"m{at}") for at, _ in measures)
    asked = {f"m{at}": name for at, (name, _) in measures}
    asked |= {f"m{at}_version": version for at, (_, version) in measures}
    return reader.query(_ROWS.format(values=values), {**window, **asked}).rows


def _measured(found: Metered, task: str, through: int) -> Iterator[Measurement]:
    """The rows that `metered` reads."""

    def row(name: str, value: float, ends: tuple[float, float], n: int) -> Measurement:
        low, high = ends
        return Measurement(
            name=name,
            task=task,
            value=value,
            low=low,
            high=high,
            n=n,
            alpha=LEVEL,
            since=found.since,
            until=through,
            at=found.at,
        )

    counted = zip(SHARES, (found.expected, found.moved, found.floor, found.judged_by), strict=True)
    yield from (row(name, value, (value, value), found.decisions) for name, value in counted)
    yield from (row(f"{COST}{one.measure}", one.value, (one.low, one.high), one.units) for one in found.costs)


def _news(last: Measurement, fresh: int, now: float) -> bool:
    return fresh >= GROWTH * last.n + 1 or now >= last.at + DAY


def _sign(spec: Spec, name: str) -> float:
    """Cost is what is worse: less of a reward, more of a guardrail that is better when it is lower."""
    guardrail = spec.guardrails.get(name)
    return -1.0 if guardrail is not None and guardrail.better == "lower" else 1.0


def _numbered(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """From 0 on without gaps, in the order of the first decisions, which they are numbered by already."""
    return np.unique(clusters, return_inverse=True)[1].astype(np.int64)


def _cost(name: str, found: Interval) -> Cost:
    low, high = (end if math.isfinite(end) else math.copysign(FAR, end) for end in (found.low, found.high))
    return Cost(measure=name, value=found.mean, low=low, high=high, units=found.n)
