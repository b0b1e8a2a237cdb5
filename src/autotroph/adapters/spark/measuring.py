"""Values to figures, as Spark SQL: for each group of decisions its means, their intervals, what is open."""

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from autotroph.adapters.spark.keeping import kept
from autotroph.adapters.spark.valuing import cell
from autotroph.digest.engines.measuring import interval
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan, Wanted
from autotroph.digest.engines.results import Cell, Figure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


Rows = list[dict[str, Any]]


def cells_of(session: "SparkSession", plan: Plan, options: Options) -> tuple[tuple[Cell, ...], int]:
    """Every group of decisions, measured; and how many decisions there are.

    Args:
        session: has the table `valued`.
        plan: of the task.
        options: what decisions are grouped by, and how sure to be.
    """
    keys = cell(options.by)
    groups: dict[tuple[Any, ...], Rows] = defaultdict(list)
    with kept(session, "totals", _totals(plan, keys)):
        for row in session.table("totals").collect():
            groups[tuple(row[name] for name in keys)].append(row.asDict())
        pulls = {tuple(row[name] for name in keys): row for row in session.sql(_pulls(plan, keys)).collect()}
    cells = (_cell(plan, options, key, rows, pulls[key].asDict()) for key, rows in groups.items())
    ranked = tuple(sorted(cells, key=lambda one: (tuple(one.by.values()), not one.served)))
    return ranked, sum(row["rows"] for rows in groups.values() for row in rows)


def _totals(plan: Plan, keys: tuple[str, ...]) -> str:
    """Sums by group and by what is final: so no aggregate has a condition of its own."""
    sums = [
        f"count(v{i}) AS n{i}, sum(v{i}) AS s{i}, var_pop(v{i}) AS q{i}, count_if(x{i}) AS x{i}"
        for i in range(len(plan.measures))
    ]
    grouped = ", ".join([*keys, *(f"f{h}" for h in range(len(plan.horizons)))])
    return f"SELECT {grouped}, count(*) AS rows, {', '.join(sums)} FROM valued GROUP BY {grouped}"


def _pulls(plan: Plan, keys: tuple[str, ...]) -> str:
    """Of each group: how many clusters have final values, and the squares of what they pull the means by."""
    numbered, joined = list(enumerate(plan.measures)), ", ".join(keys)
    means = [
        f"try_divide(sum(s{i}) FILTER (WHERE f{one.clock}), sum(n{i}) FILTER (WHERE f{one.clock})) AS m{i}"
        for i, one in numbered
    ]
    clusters = [
        f"count(v{i}) FILTER (WHERE f{one.clock}) AS n{i}, sum(v{i}) FILTER (WHERE f{one.clock}) AS s{i}"
        for i, one in numbered
    ]
    pulls = [
        f"count_if(k.n{i} > 0) AS k{i}, sum(pow(k.s{i} - t.m{i} * k.n{i}, 2)) AS p{i}" for i, _ in numbered
    ]
    return (
        f"SELECT {joined}, {', '.join(pulls)}"
        f" FROM (SELECT {joined}, {', '.join(clusters)} FROM valued GROUP BY {joined}, cluster) AS k"
        f" JOIN (SELECT {joined}, {', '.join(means)} FROM totals GROUP BY {joined}) AS t"
        f" USING ({joined}) GROUP BY {joined}"
    )


def _cell(plan: Plan, options: Options, key: tuple[Any, ...], rows: Rows, pulls: dict[str, Any]) -> Cell:
    served, *by = key
    figures = tuple(
        _figure(one, i, rows, (pulls[f"k{i}"], pulls[f"p{i}"]), options)
        for i, one in enumerate(plan.measures)
        if served or one.unserved
    )
    return Cell(by=dict(zip(options.by, by, strict=True)), served=served, figures=figures)


def _figure(measure: Wanted, i: int, rows: Rows, pulls: tuple[int, float | None], options: Options) -> Figure:
    """From the totals of a group, those that are final for the measure and those that are not."""
    done = [row for row in rows if row[f"f{measure.clock}"]]
    waiting = [row for row in rows if not row[f"f{measure.clock}"]]
    known = [(row[f"n{i}"], row[f"s{i}"], row[f"q{i}"]) for row in done if row[f"n{i}"]]
    n, final = sum(count for count, _, _ in known), sum(row["rows"] for row in done)
    mean = math.fsum(total for _, total, _ in known) / n if n else None
    squares = math.fsum(
        count * (spread + (total / count - (mean or 0.0)) ** 2) for count, total, spread in known
    )
    low, high = interval(n, mean, *pulls, options)
    provisional = sum(row[f"n{i}"] for row in waiting)
    return Figure(
        measure=measure.name,
        kind=measure.kind,
        version=measure.version,
        n=n,
        mean=mean,
        variance=squares / max(n - 1, 1) if n else None,
        low=low,
        high=high,
        clusters=pulls[0],
        pending=sum(row["rows"] for row in waiting) - provisional,
        provisional=provisional,
        final=final,
        unknown=final - n,
        clipped=sum(row[f"x{i}"] for row in done),
    )
