"""Values to figures, as Spark SQL: for each group of decisions its means, their intervals, what is open."""

import math
from typing import TYPE_CHECKING, Any

from autotroph.adapters.spark.valuing import cell
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan, Wanted
from autotroph.digest.engines.results import Cell, Figure
from autotroph.stats.confidence import BURN_IN, radius_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def cells_of(session: "SparkSession", plan: Plan, options: Options) -> tuple[tuple[Cell, ...], int]:
    """Every group of decisions, measured; and how many decisions there are.

    Args:
        session: has the table `valued`.
        plan: of the task.
        options: what decisions are grouped by, and how sure to be.
    """
    found = [row.asDict() for row in session.sql(_measured(plan, options.by)).collect()]
    cells = (_cell(plan, options, row) for row in found)
    ranked = tuple(sorted(cells, key=lambda one: (tuple(one.by.values()), not one.served)))
    return ranked, sum(row["answers"] for row in found)


def _measured(plan: Plan, by: tuple[str, ...]) -> str:
    """A row a group: totals, and how far its clusters pull each mean."""
    keys, numbered = ", ".join(cell(by)), list(enumerate(plan.measures))
    totals = ", ".join(_totals(i, one) for i, one in numbered)
    clustered = ", ".join(_by_cluster(i, one) for i, one in numbered)
    pulls = ", ".join(_pulls(i) for i, _ in numbered)
    return (
        f"SELECT {keys}, any_value(t.answers) AS answers, {pulls}"
        f" FROM (SELECT {keys}, {clustered} FROM valued GROUP BY {keys}, cluster) AS k"
        f" JOIN (SELECT {keys}, count(*) AS answers, {totals} FROM valued GROUP BY {keys}) AS t"
        f" USING ({keys}) GROUP BY {keys}"
    )


def _totals(i: int, measure: Wanted) -> str:
    """Of one measure: its sums over the decisions of a group."""
    f, v = f"f{measure.clock}", f"v{i}"
    return (
        f"count({v}) FILTER (WHERE {f}) AS n{i},"
        f" try_divide(sum({v}) FILTER (WHERE {f}), count({v}) FILTER (WHERE {f})) AS m{i},"
        f" var_pop({v}) FILTER (WHERE {f}) AS q{i}, count_if(x{i} AND {f}) AS x{i}, count_if({f}) AS final{i},"
        f" count_if(NOT {f} AND {v} IS NULL) AS pending{i}, count_if(NOT {f} AND {v} IS NOT NULL) AS open{i}"
    )


def _by_cluster(i: int, measure: Wanted) -> str:
    final = f"FILTER (WHERE f{measure.clock})"
    return f"count(v{i}) {final} AS n{i}, sum(v{i}) {final} AS s{i}"


_ONCE = ("n", "m", "q", "x", "final", "pending", "open")


def _pulls(i: int) -> str:
    pull = f"(k.s{i} - t.m{i} * k.n{i})"
    once = ", ".join(f"any_value(t.{name}{i}) AS {name}{i}" for name in _ONCE)
    return f"{once}, count_if(k.n{i} > 0) AS k{i}, sum({pull} * {pull}) AS p{i}"


def _cell(plan: Plan, options: Options, row: dict[str, Any]) -> Cell:
    figures = tuple(
        _figure(one, {name: row[f"{name}{i}"] for name in (*_ONCE, "k", "p")}, options)
        for i, one in enumerate(plan.measures)
        if row["served"] or one.unserved
    )
    by = {name: row[f"by_{name}"] for name in options.by}
    return Cell(by=by, served=row["served"], figures=figures)


def _figure(measure: Wanted, found: dict[str, Any], options: Options) -> Figure:
    n, mean, final = found["n"], found["m"], found["final"]
    low, high = _interval(n, mean, found["k"], found["p"], options)
    return Figure(
        measure=measure.name,
        kind=measure.kind,
        version=measure.version,
        n=n,
        mean=mean,
        variance=found["q"] * n / max(n - 1, 1) if n else None,
        low=low,
        high=high,
        clusters=found["k"],
        pending=found["pending"],
        provisional=found["open"],
        final=final,
        unknown=final - n,
        clipped=found["x"],
    )


def _interval(
    n: int, mean: float | None, clusters: int, squares: float | None, options: Options
) -> tuple[float | None, float | None]:
    """As on DuckDB: each cluster pulls the mean by (Σvalue - mean · count) / (count a cluster)."""
    if mean is None or squares is None or clusters < BURN_IN:
        return None, None
    spread = math.sqrt(squares / (clusters - 1)) * clusters / n
    radius = spread * radius_of(clusters, options.alpha, options.planned, "both")
    return mean - radius, mean + radius
