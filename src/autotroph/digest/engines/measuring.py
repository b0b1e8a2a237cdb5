"""Values to figures: for each group of decisions its means, their intervals, and what is still open."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from autotroph.digest.engines.measures import Measure, Measures
from autotroph.digest.engines.results import Cell, Figure
from autotroph.stats.confidence import BURN_IN, _radius

if TYPE_CHECKING:
    import duckdb


def cells_of(
    duck: "duckdb.DuckDBPyConnection", measures: Measures, by: Sequence[str], alpha: float, planned: int
) -> tuple[Cell, ...]:
    """Every group of decisions, measured.

    Args:
        duck: has the tables `valued` and `cells`.
        measures: of the task.
        by: what decisions are grouped by.
        alpha: probability of ever missing the mean, in the limit.
        planned: the number of clusters at which an interval shall be narrowest.
    """
    numbered = range(len(measures.measures))
    _make(duck, "summed", f"SELECT cell, {', '.join(map(_summed, numbered))} FROM valued GROUP BY cell")
    _make(duck, "clustered", _clusters(numbered))
    spread = duck.execute(
        f"SELECT cell, {', '.join(map(_spread, numbered))} FROM clustered AS k JOIN summed AS t USING (cell)"
        " GROUP BY cell"
    ).fetchall()
    spreads = {row[0]: [row[1 + 2 * i : 3 + 2 * i] for i in numbered] for row in spread}
    names = ", ".join(["cell", "served", *(f"by_{name}" for name in by)])
    found = duck.execute(
        f"SELECT {names}, t.* EXCLUDE (cell) FROM summed AS t JOIN cells USING (cell) ORDER BY ALL"
    ).fetchall()
    cells = []
    for cell, served, *rest in found:
        grouped, sums = rest[: len(by)], rest[len(by) :]
        figures = tuple(
            _figure(one, sums[_SUMS * i : _SUMS * (i + 1)], spreads[cell][i], alpha, planned)
            for i, one in enumerate(measures.measures)
            if served or one.unserved
        )
        cells.append(Cell(by=dict(zip(by, grouped, strict=True)), served=served, figures=figures))
    return tuple(sorted(cells, key=lambda one: (tuple(one.by.values()), not one.served)))


_SUMS = 8


def _summed(i: int) -> str:
    v, f = f"v{i}", f"f{i}"
    return (
        f"count({v}) FILTER ({f}) AS n{i}, avg({v}) FILTER ({f}) AS m{i}, var_samp({v}) FILTER ({f}) AS q{i},"
        f" count(*) FILTER (NOT {f} AND {v} IS NULL), count({v}) FILTER (NOT {f}),"
        f" count(*) FILTER ({f}), count(*) FILTER ({f} AND {v} IS NULL), count(*) FILTER ({f} AND x{i})"
    )


def _clusters(numbered: range) -> str:
    sums = ", ".join(
        f"count(v{i}) FILTER (f{i}) AS n{i}, coalesce(sum(v{i}) FILTER (f{i}), 0) AS s{i}" for i in numbered
    )
    return f"SELECT cell, cluster, {sums} FROM valued GROUP BY cell, cluster"


def _spread(i: int) -> str:
    """How many clusters have a value, and how far they pull the mean: squares of Σ(value - mean)."""
    pull = f"k.s{i} - t.m{i} * k.n{i}"
    return f"count(*) FILTER (k.n{i} > 0), sum(({pull}) * ({pull}))"


def _figure(
    measure: Measure, sums: Sequence[Any], spread: Sequence[Any], alpha: float, planned: int
) -> Figure:
    n, mean, variance, pending, provisional, final, unknown, clipped = sums
    clusters, squares = spread
    low, high = _interval(n, mean, clusters, squares, alpha, planned)
    return Figure(
        measure=measure.name,
        kind=measure.kind,
        version=measure.version,
        n=n,
        mean=mean,
        variance=variance if variance is not None or not n else 0.0,
        low=low,
        high=high,
        clusters=clusters,
        pending=pending,
        provisional=provisional,
        final=final,
        unknown=unknown,
        clipped=clipped,
    )


def _interval(
    n: int, mean: float | None, clusters: int, squares: float | None, alpha: float, planned: int
) -> tuple[float | None, float | None]:
    """Around a ratio of sums over clusters: each pulls it by (Σvalue - mean · count) / (count a cluster)."""
    if mean is None or squares is None:
        return None, None
    if clusters < BURN_IN:
        return -math.inf, math.inf
    spread = math.sqrt(squares / (clusters - 1)) * clusters / n
    radius = spread * _radius(clusters, alpha, planned, "both")
    return mean - radius, mean + radius


def _make(duck: "duckdb.DuckDBPyConnection", name: str, sql: str) -> None:
    duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
