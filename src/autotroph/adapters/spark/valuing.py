"""Decisions to values, as Spark SQL: silence, the expression, failure, the range, what is final."""

from autotroph.adapters.spark.joining import told
from autotroph.adapters.spark.narrow import columns, double, quoted
from autotroph.digest.engines.plan import Plan, Wanted
from autotroph.spec.emission import emit
from autotroph.spec.tree import Column


def valued(plan: Plan, by: tuple[str, ...], now: float) -> str:
    """One row a decision: v0, v1, … values, x0, x1, … whether they had left their range, f0, … finality.

    Args:
        plan: measures and horizons are numbered in its order.
        by: what decisions are grouped by.
        now: seconds since the epoch.
    """
    numbered = list(enumerate(plan.measures))
    joins, heard = told(plan)
    final = [
        f"{double(now)} >= m.`at` + {double(horizon)} AS f{h}" for h, horizon in enumerate(plan.horizons)
    ]
    joined = f"SELECT m.*, c.*, {', '.join([heard, *final])} FROM d AS m JOIN c ON c.decision = m.id {joins}"
    resolved = [
        f"{_resolved(one, name)} AS r{i}_{slot}" for i, one in numbered for name, slot in one.slots.items()
    ]
    raw = [f"{_value(plan, one, i)} AS w{i}" for i, one in numbered]
    values = [f"{_clipped(one, i)} AS v{i}" for i, one in numbered]
    left = [
        f"{f'coalesce({_clipped(one, i)} <> w{i}, false)' if one.range else 'false'} AS x{i}"
        for i, one in numbered
    ]
    kept = ["sequence", "id", *cell(by), "cluster", "seen AND learns AND agreed AS learned"]
    kept += [f"f{h}" for h in range(len(plan.horizons))]
    return (
        f"SELECT {', '.join([*kept, *values, *left])} FROM"
        f" (SELECT {', '.join(['*', *raw])} FROM (SELECT {', '.join(['*', *resolved])} FROM ({joined})))"
    )


def cell(by: tuple[str, ...]) -> tuple[str, ...]:
    """The columns by which decisions are grouped."""
    return ("served", *(f"by_{name}" for name in by))


def _resolved(measure: Wanted, name: str) -> str:
    """What a signal means to a measure: its value, or what its silence means once it is final."""
    heard = f"s{measure.slots[name]}"
    if name in measure.heard:
        heard = f"{heard} / {double(measure.heard[name])}"
    if name in measure.silent:
        value = measure.silent[name]
        silence = quoted(value) if isinstance(value, str) else double(value)
        heard = f"coalesce({heard}, CASE WHEN f{measure.clock} THEN {silence} END)"
    return heard


def _value(plan: Plan, measure: Wanted, number: int) -> str:
    named = columns(plan)

    def column(wanted: Column) -> str:
        slot = measure.slots.get(wanted.name)
        return named[wanted.name] if slot is None else f"r{number}_{slot}"

    value = f"CAST({emit(measure.tree, 'spark', column)} AS DOUBLE)"
    if measure.range is not None:
        value = f"CASE WHEN failed THEN {double(measure.range[0])} ELSE {value} END"
    return value if measure.unserved else f"CASE WHEN served THEN {value} END"


def _clipped(measure: Wanted, number: int) -> str:
    if measure.range is None:
        return f"w{number}"
    low, high = map(double, measure.range)
    return f"CASE WHEN w{number} IS NOT NULL THEN least(greatest(w{number}, {low}), {high}) END"
