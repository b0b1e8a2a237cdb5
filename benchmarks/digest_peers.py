"""The same digestion as one would write it for this product alone: in SQLite's SQL, with pandas, with polars.

Each joins, values, measures by release, arm and option with intervals clustered by user, and lists what may
be learned from with a hash. They do less than autotroph does: nothing is declared, so nothing is checked;
only final values are made; terms of signals are not looked at. pandas and SQLite read the ledger, because
pandas needs 170 MB of another package for Parquet; polars reads the segments.

DuckDB by hand is the floor: one query, which finds counts and means and nothing else, no interval, no hash.
"""

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.digest_world import DAY, NOW

BY = ["release", "arm", "option"]
VALUES = ("useful", "cost", "latency", "disliked")


class Outcome(msgspec.Struct):
    """What a contestant found: by group and measure (n, mean), and how many may be learned from."""

    cells: dict[str, dict[str, tuple[int, float]]]
    learned: int


def by_sqlite(ledger: Path) -> Outcome:
    """In SQL, by the standard library's SQLite."""
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("PRAGMA temp_store = memory")
        connection.execute(_VALUED, {"day": DAY, "now": NOW})
        sums = ", ".join(f"count({v}), sum({v}), sum({v} * {v})" for v in VALUES)
        clusters = connection.execute(
            f"SELECT release, arm, option, cluster, {sums} FROM valued GROUP BY 1, 2, 3, 4"
        )
        cells = _measured((row[:3], row[4:]) for row in clusters)
        rows = connection.execute("SELECT id, useful FROM valued WHERE learned ORDER BY sequence").fetchall()
    _hashed([row[0] for row in rows], np.array([row[1] for row in rows]))
    return Outcome(cells, len(rows))


_VALUED = """
CREATE TEMP TABLE valued AS
WITH told AS (
  SELECT subject, max(value_number) FILTER (WHERE name = 'accepted') AS accepted,
         max(value_number) FILTER (WHERE name = 'rating') AS rating
  FROM (SELECT s.subject, s.name, s.value_number,
               row_number() OVER (PARTITION BY s.subject, s.name ORDER BY s.at DESC, s.id DESC) AS place
        FROM signals AS s JOIN decisions AS d ON d.id = s.subject
        WHERE s.name IN ('accepted', 'rating') AND s.at < d.at + :day)
  WHERE place = 1 GROUP BY subject)
SELECT d.sequence, d.id, d.release, d.arm, d.option, d.cluster,
       min(max(0.7 * coalesce(t.accepted, 0) + 0.3 * coalesce(t.rating, 3) / 5 - 20 * c.cost_usd, 0), 1)
         AS useful,
       c.cost_usd AS cost, c.latency_ms AS latency, t.rating < 2 AS disliked,
       d.fold <> 'gate' AND d.learn AND d.purposes LIKE '%"improve"%' AS learned
FROM decisions AS d JOIN completions AS c ON c.decision = d.id LEFT JOIN told AS t ON t.subject = d.id
WHERE d.task = 'reply' AND d.at + :day <= :now"""


def by_pandas(ledger: Path) -> Outcome:
    """With pandas, from the ledger."""
    import pandas as pd

    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        made = pd.read_sql_query(
            "SELECT sequence, id, release, arm, option, cluster, at, fold,"
            " learn AND purposes LIKE '%\"improve\"%' AS learns FROM decisions WHERE task = 'reply'",
            connection,
        )
        done = pd.read_sql_query("SELECT decision AS id, cost_usd, latency_ms FROM completions", connection)
        said = pd.read_sql_query(
            "SELECT subject AS id, name, at AS said, id AS signal, value_number FROM signals"
            " WHERE name IN ('accepted', 'rating')",
            connection,
        )
    joined = said.merge(made[["id", "at"]], on="id")
    joined = joined[joined.said < joined["at"] + DAY].sort_values(["said", "signal"])
    told = joined.drop_duplicates(["id", "name"], keep="last").pivot(
        index="id", columns="name", values="value_number"
    )
    found = made[made["at"] + DAY <= NOW].merge(done, on="id").merge(told, on="id", how="left")
    worth = 0.7 * found.accepted.fillna(0) + 0.3 * found.rating.fillna(3) / 5 - 20 * found.cost_usd
    found = found.assign(
        useful=worth.clip(0, 1),
        cost=found.cost_usd,
        latency=found.latency_ms,
        disliked=(found.rating < 2).astype(float).where(found.rating.notna()),
    )
    for name in VALUES:
        found[f"{name} squared"] = found[name] ** 2
    parts = {
        f"{name} {how}": (column, how.split()[0])
        for name in VALUES
        for column, how in ((name, "count"), (name, "sum"), (f"{name} squared", "sum 2"))
    }
    clusters = found.groupby([*BY, "cluster"], sort=False).agg(**parts)
    cells = _measured((key[:3], tuple(row)) for key, *row in clusters.itertuples(name=None))
    learned = found[(found.fold != "gate") & (found.learns == 1)].sort_values("sequence")
    _hashed(learned["id"].tolist(), learned.useful.to_numpy())
    return Outcome(cells, len(learned))


def by_duckdb(decisions: list[str], completions: list[str], signals: list[str], mark: str = "") -> Outcome:
    """By one query of DuckDB, from the segments; joined on ids, or on their `mark`s."""
    import duckdb

    said = [f"arg_max(value_number, (s.at, s.id)) FILTER (name = '{name}') AS {name}" for name in _SAID]
    figures = ", ".join(f"count({name}), avg({name})" for name in VALUES)
    with duckdb.connect() as duck:
        found = duck.execute(
            _BY_HAND.format(mark=mark, said=", ".join(said), figures=figures, day=DAY, now=NOW),
            {"decisions": decisions, "completions": completions, "signals": signals},
        ).fetchall()
    cells = {
        "/".join(row[:3]): dict(zip(VALUES, zip(row[4::2], row[5::2], strict=True), strict=True))
        for row in found
    }
    return Outcome(cells, sum(row[3] for row in found))


_SAID = ("accepted", "rating")
_BY_HAND = """
WITH d AS (SELECT * FROM read_parquet($decisions) WHERE task = 'reply'),
told AS (
  SELECT subject{mark} AS subject, {said}
  FROM read_parquet($signals) AS s JOIN d ON d.id{mark} = s.subject{mark}
  WHERE name IN ('accepted', 'rating') AND s.at < d.at + {day} GROUP BY ALL),
found AS (
  SELECT release, arm, option, cost_usd AS cost, latency_ms AS latency, (rating < 2)::INT AS disliked,
         least(greatest(0.7 * coalesce(accepted, 0) + 0.3 * coalesce(rating, 3) / 5 - 20 * cost_usd, 0), 1)
           AS useful,
         fold <> 'gate' AND learn AND list_contains(purposes, 'improve') AS learned
  FROM d JOIN read_parquet($completions) AS c ON c.decision{mark} = d.id{mark}
       LEFT JOIN told ON told.subject = d.id{mark}
  WHERE d.at + {day} <= {now})
SELECT release, arm, option, count(*) FILTER (learned), {figures} FROM found GROUP BY ALL"""


def by_polars(decisions: list[str], completions: list[str], signals: list[str]) -> Outcome:
    """With polars, from the segments."""
    import polars as pl

    made = (
        pl.scan_parquet(decisions)
        .filter(pl.col("task") == "reply")
        .select(
            *("sequence", "id", "release", "arm", "option", "cluster", "at", "fold"),
            learns=pl.col("learn") & pl.col("purposes").list.contains("improve"),
        )
    )
    said = (
        pl.scan_parquet(signals)
        .filter(pl.col("name").is_in(["accepted", "rating"]))
        .select("name", "value_number", id="subject", said="at", signal="id")
        .join(made.select("id", "at"), on="id")
        .filter(pl.col("said") < pl.col("at") + DAY)
        .sort("said", "signal")
    )
    of = pl.col("value_number").filter
    told = said.group_by("id").agg(
        accepted=of(pl.col("name") == "accepted").last(), rating=of(pl.col("name") == "rating").last()
    )
    worth = (
        0.7 * pl.col("accepted").fill_null(0)
        + 0.3 * pl.col("rating").fill_null(3) / 5
        - 20 * pl.col("cost_usd")
    )
    found = (
        made.filter(pl.col("at") + DAY <= NOW)
        .join(pl.scan_parquet(completions).select("cost_usd", "latency_ms", id="decision"), on="id")
        .join(told, on="id", how="left")
        .with_columns(
            useful=worth.clip(0, 1),
            cost="cost_usd",
            latency="latency_ms",
            disliked=(pl.col("rating") < 2).cast(pl.Float64),
        )
        .collect()
    )
    sums = [
        each
        for name in VALUES
        for each in (
            pl.col(name).count().alias(f"{name} n"),
            pl.col(name).sum().alias(f"{name} s"),
            (pl.col(name) ** 2).sum().alias(f"{name} q"),
        )
    ]
    clusters = found.group_by([*BY, "cluster"]).agg(sums)
    cells = _measured((row[:3], row[4:]) for row in clusters.iter_rows())
    learned = found.filter((pl.col("fold") != "gate") & pl.col("learns")).sort("sequence")
    _hashed(learned["id"].to_list(), learned["useful"].to_numpy())
    return Outcome(cells, learned.height)


def _measured(clusters: Iterable[tuple[Any, Any]]) -> dict[str, dict[str, tuple[int, float]]]:
    """Means by group, with intervals clustered by user, from (n, Σ, Σ²) of each measure and cluster."""
    groups: dict[str, list[Any]] = {}
    for key, sums in clusters:
        groups.setdefault("/".join(key), []).append(sums)
    found = {}
    for key, rows in groups.items():
        table = np.array([[each or 0.0 for each in row] for row in rows], dtype=np.float64)
        found[key] = {name: _mean(table[:, 3 * i : 3 * i + 3]) for i, name in enumerate(VALUES)}
    return found


def _mean(sums: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[int, float]:
    n, total = sums[:, 0].sum(), sums[:, 1].sum()
    mean = total / n
    pulls = (sums[:, 1] - mean * sums[:, 0]) / (n / len(sums))
    assert np.isfinite(1.96 * pulls.std(ddof=1) / np.sqrt(len(sums)))  # the interval's radius
    return int(n), float(mean)


def _hashed(ids: list[str], values: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    return hashlib.sha256("\n".join(ids).encode() + values.tobytes()).hexdigest()
