"""Decisions with what came back to values, as SQL: silence, expression, failure, range, what is final."""

from autotroph.digest.engines.joining import Told
from autotroph.digest.engines.narrow import quoted
from autotroph.digest.engines.plan import Plan, Wanted
from autotroph.spec.emission import emit
from autotroph.spec.tree import Column


def valued(plan: Plan, told: Told, now: float) -> str:
    """One row a decision: v0, v1, … values, x0, x1, … whether they had left their range, f0, … finality.

    Args:
        plan: measures and horizons are numbered in its order.
        told: decisions, with what was said about them.
        now: seconds since the epoch.
    """
    numbered = list(enumerate(plan.measures))
    final = [f'{now!r} >= m."at" + {horizon!r} AS f{h}' for h, horizon in enumerate(plan.horizons)]
    columns = ", ".join(["m.*", "c.* EXCLUDE (key)", told.columns, *final])
    joined = f"SELECT {columns} FROM {told.made} JOIN {told.answers} AS c ON c.key = m.key {told.joins}"
    resolved = [
        f"{_resolved(one, name)} AS r{i}_{slot}" for i, one in numbered for name, slot in one.slots.items()
    ]
    raw = [f"{_value(one, i)} AS w{i}" for i, one in numbered]
    values = [f"{_clipped(one, i)} AS v{i}" for i, one in numbered]
    left = [f"coalesce({_clipped(one, i)} <> w{i}, false) AS x{i}" for i, one in numbered if one.range]
    finals = [f"f{h}" for h in range(len(plan.horizons))]
    kept = ["sequence", "mark", "cell", "cluster", "served", "seen AND learns AND agreed AS learned"]
    return (
        f"SELECT {', '.join([*kept, *finals, *values, *left])} FROM"
        f" (SELECT *, {', '.join(raw)} FROM (SELECT {', '.join(['*', *resolved])} FROM ({joined})))"
    )


def _resolved(measure: Wanted, name: str) -> str:
    """What a signal means to a measure: its value, or what its silence means once it is final."""
    heard = f"s{measure.slots[name]}"
    if name in measure.heard:
        heard = f"{heard} / {measure.heard[name]!r}::DOUBLE"
    if name in measure.silent:
        value = measure.silent[name]
        silence = quoted(value) if isinstance(value, str) else f"{float(value)!r}::DOUBLE"
        heard = f"coalesce({heard}, CASE WHEN f{measure.clock} THEN {silence} END)"
    return heard


def _value(measure: Wanted, number: int) -> str:
    def column(wanted: Column) -> str:
        slot = measure.slots.get(wanted.name)
        return f'"{wanted.name}"' if slot is None else f"r{number}_{slot}"

    value = f"({emit(measure.tree, 'duckdb', column)})::DOUBLE"
    if measure.range is not None:
        value = f"CASE WHEN failed THEN {measure.range[0]!r}::DOUBLE ELSE {value} END"
    return value if measure.unserved else f"CASE WHEN served THEN {value} END"


def _clipped(measure: Wanted, number: int) -> str:
    if measure.range is None:
        return f"w{number}"
    low, high = measure.range
    bounds = f"least(greatest(w{number}, {low!r}::DOUBLE), {high!r}::DOUBLE)"
    return f"CASE WHEN w{number} IS NOT NULL THEN {bounds} END"
