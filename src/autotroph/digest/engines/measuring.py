"""Values to figures: for each group of decisions its means, their intervals, and what is still open."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan, Wanted
from autotroph.digest.engines.results import Cell, Figure
from autotroph.stats.confidence import BURN_IN, radius_of

if TYPE_CHECKING:
    import duckdb


def cells_of(duck: "duckdb.DuckDBPyConnection", plan: Plan, options: Options) -> tuple[Cell, ...]:
    """Every group of decisions, measured.

    Args:
        duck: has the tables `valued` and `cells`.
        plan: of the task.
        options: what decisions are grouped by, and how sure to be.
    """
    numbered, by = list(enumerate(plan.measures)), options.by
    _make(duck, "totals", _totals(plan))
    _make(duck, "clustered", _clusters(plan))
    means = ", ".join(_mean(i, one) for i, one in numbered)
    _make(duck, "means", f"SELECT cell, {means} FROM totals GROUP BY cell")
    pulls = ", ".join(_pulls(i) for i, _ in numbered)
    _make(
        duck,
        "pulled",
        f"SELECT cell, {pulls} FROM ({_whole(plan)}) AS k JOIN means AS t USING (cell) GROUP BY cell",
    )
    summed = ", ".join(_summed(i, one) for i, one in numbered)
    _make(
        duck,
        "summed",
        f"SELECT cell, {summed} FROM totals AS k JOIN means AS t USING (cell)"
        " JOIN pulled AS p USING (cell) GROUP BY cell",
    )
    names = ", ".join(["served", *(f"by_{name}" for name in by)])
    found = duck.execute(
        f"SELECT {names}, t.* EXCLUDE (cell) FROM summed AS t JOIN cells USING (cell) ORDER BY ALL"
    ).fetchall()
    cells = []
    for served, *rest in found:
        grouped, sums = rest[: len(by)], rest[len(by) :]
        figures = tuple(
            _figure(one, sums[_SUMS * i : _SUMS * (i + 1)], options)
            for i, one in numbered
            if served or one.unserved
        )
        cells.append(Cell(by=dict(zip(by, grouped, strict=True)), served=served, figures=figures))
    return tuple(sorted(cells, key=lambda one: (tuple(one.by.values()), not one.served)))


_SUMS = 10


def _totals(plan: Plan) -> str:
    """Sums by group and by what is final, without a condition in any aggregate: those are slow."""
    sums = [
        f"count(v{i}) AS n{i}, coalesce(sum(v{i}), 0) AS s{i}, coalesce(var_pop(v{i}), 0) AS q{i},"
        f" {f'sum(x{i}::INT)' if one.range else 0} AS x{i}"
        for i, one in enumerate(plan.measures)
    ]
    finals = _finals(plan)
    return f"SELECT cell, {finals}, count(*) AS n, {', '.join(sums)} FROM valued GROUP BY cell, {finals}"


def _clusters(plan: Plan) -> str:
    """The same by cluster: of each only what pulls the mean."""
    sums = [f"count(v{i}) AS n{i}, coalesce(sum(v{i}), 0) AS s{i}" for i in range(len(plan.measures))]
    finals = _finals(plan)
    return f"SELECT cell, cluster, {finals}, {', '.join(sums)} FROM valued GROUP BY cell, cluster, {finals}"


def _finals(plan: Plan) -> str:
    return ", ".join(f"f{h}" for h in range(len(plan.horizons)))


def _mean(i: int, measure: Wanted) -> str:
    final = f"FILTER (f{measure.clock})"
    return f"sum(s{i}) {final} / nullif(sum(n{i}) {final}, 0) AS m{i}"


def _whole(plan: Plan) -> str:
    """Final values by cluster: a cluster's rows are apart where they are final for one horizon only."""
    sums = ", ".join(
        f"sum(n{i}) FILTER (f{one.clock}) AS n{i}, sum(s{i}) FILTER (f{one.clock}) AS s{i}"
        for i, one in enumerate(plan.measures)
    )
    return f"SELECT cell, cluster, {sums} FROM clustered GROUP BY cell, cluster"


def _pulls(i: int) -> str:
    pull = f"k.s{i} - t.m{i} * k.n{i}"
    return f"count(*) FILTER (k.n{i} > 0) AS k{i}, sum(({pull}) * ({pull})) AS p{i}"


def _summed(i: int, measure: Wanted) -> str:
    """Of one measure: `_SUMS` columns, in the order in which `_figure` takes them."""
    f = f"f{measure.clock}"
    apart = f"k.s{i} / nullif(k.n{i}, 0) - t.m{i}"
    return (
        f"sum(k.n{i}) FILTER ({f}), any_value(t.m{i}),"
        f" sum(k.n{i} * (k.q{i} + ({apart}) * ({apart}))) FILTER ({f} AND k.n{i} > 0),"
        f" any_value(p.k{i}), any_value(p.p{i}),"
        f" sum(k.n - k.n{i}) FILTER (NOT {f}), sum(k.n{i}) FILTER (NOT {f}),"
        f" sum(k.n) FILTER ({f}), sum(k.n - k.n{i}) FILTER ({f}), sum(k.x{i}) FILTER ({f})"
    )


def _figure(measure: Wanted, sums: Sequence[Any], options: Options) -> Figure:
    squares, pulls, mean = sums[2], sums[4], sums[1]
    n, clusters, pending, provisional, final, unknown, clipped = (
        int(sums[place] or 0) for place in (0, 3, 5, 6, 7, 8, 9)
    )
    low, high = interval(n, mean, clusters, pulls, options)
    return Figure(
        measure=measure.name,
        kind=measure.kind,
        version=measure.version,
        n=n,
        mean=mean,
        variance=squares / max(n - 1, 1) if n else None,
        low=low,
        high=high,
        clusters=clusters,
        pending=pending,
        provisional=provisional,
        final=final,
        unknown=unknown,
        clipped=clipped,
    )


def interval(
    n: int, mean: float | None, clusters: int, squares: float | None, options: Options
) -> tuple[float | None, float | None]:
    """Around a ratio of sums over clusters: each pulls it by (Σvalue - mean · count) / (count a cluster)."""
    if mean is None or squares is None or clusters < BURN_IN:
        return None, None
    spread = math.sqrt(squares / (clusters - 1)) * clusters / n
    radius = spread * radius_of(clusters, options.alpha, options.planned, "both")
    return mean - radius, mean + radius


def _make(duck: "duckdb.DuckDBPyConnection", name: str, sql: str) -> None:
    duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
