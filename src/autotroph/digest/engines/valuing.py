"""Decisions with what came back to values, as SQL: silence, the expression, the range, what is final."""

from autotroph.digest.engines.measures import Measure, Measures
from autotroph.digest.engines.standin import emit
from autotroph.digest.engines.narrow import quoted
from autotroph.records import Value
from autotroph.spec.tree import Column, ColumnType


def valued(measures: Measures, joins: str, told: str, now: float) -> str:
    """One row a decision: v0, v1, … the values, x0, x1, … whether they had left their range, f0, … finality.

    Args:
        measures: of the task, in whose order the columns are numbered.
        joins: what joins the signals to `made`.
        told: the columns of the signals, one a slot, and `agreed`.
        now: seconds since the epoch.
    """
    numbered = list(enumerate(measures.measures))
    final = ", ".join(f'{now!r} >= m."at" + {one.horizon!r} AS f{i}' for i, one in numbered)
    joined = f"SELECT m.*, c.* EXCLUDE (key), {told}, {final} FROM made AS m JOIN c ON c.key = m.key {joins}"
    resolved = [
        f"{_resolved(one, name, slot, measures.slots[slot].type, i)} AS r{i}_{slot}"
        for i, one in numbered
        for name, slot in one.slots.items()
    ]
    raw = [f"{_value(one, i)} AS w{i}" for i, one in numbered]
    values = [f"{_clipped(one, i)} AS v{i}" for i, one in numbered]
    left = [f"coalesce({_clipped(one, i)} <> w{i}, false) AS x{i}" for i, one in numbered]
    finals = [f"f{i}" for i, _ in numbered]
    kept = ["sequence", "cell", "cluster", "served", "seen AND learns AND agreed AS learned"]
    return (
        f"SELECT {', '.join([*kept, *finals, *values, *left])} FROM"
        f" (SELECT *, {', '.join(raw)} FROM (SELECT {', '.join(['*', *resolved])} FROM ({joined})))"
    )


def _resolved(measure: Measure, name: str, slot: int, type_: ColumnType, number: int) -> str:
    """What a signal means to a measure: the value, or what its silence means once it is final."""
    heard = f"s{slot}"
    if name in measure.silent:
        silence = _silence(measure.silent[name])
        heard = f"coalesce({heard}, CASE WHEN f{number} THEN {silence} END)"
    if type_ == "text":
        return f"CASE WHEN starts_with({heard}, 't') THEN substr({heard}, 2) END"
    return f"nullif({heard}, 'NaN'::DOUBLE)"


def _silence(value: Value) -> str:
    return quoted(f"t{value}") if isinstance(value, str) else f"{float(value)!r}::DOUBLE"


def _value(measure: Measure, number: int) -> str:
    def column(wanted: Column) -> str:
        slot = measure.slots.get(wanted.name)
        return f'"{wanted.name}"' if slot is None else f"r{number}_{slot}"

    value = f"({emit(measure.tree, 'duckdb', column)})::DOUBLE"
    return value if measure.unserved else f"CASE WHEN served THEN {value} END"


def _clipped(measure: Measure, number: int) -> str:
    if measure.range is None:
        return f"w{number}"
    low, high = measure.range
    bounds = f"least(greatest(w{number}, {low!r}::DOUBLE), {high!r}::DOUBLE)"
    return f"CASE WHEN w{number} IS NOT NULL THEN {bounds} END"
