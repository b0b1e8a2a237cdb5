"""Spark digests a history as DuckDB does: row by row, group by group, and to the same manifest."""

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs
from small_histories import history, kept
from test_whole import HORIZON, VALUES, declared

from autotroph.adapters.spark.whole import whole as whole_on_spark
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.whole import whole
from autotroph.store.segments import Segments

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ROWS = "SELECT * FROM read_parquet(?) ORDER BY sequence, measure"


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pytest.importorskip(
        "pyspark", reason="pip install pyspark (4 or newer, with Java 17 or newer) to compare Spark"
    )
    from autotroph.adapters.spark.session import started

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = started("local[2]")
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


def near(value: object) -> object:
    return pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value


def same(mine: Digested, other: Digested) -> None:
    """All counts are equal, all floats near."""
    assert (mine.through, mine.decisions, mine.manifest.rows) == (
        other.through,
        other.decisions,
        other.manifest.rows,
    )
    assert [(one.by, one.served) for one in mine.cells] == [(one.by, one.served) for one in other.cells]
    for one, two in zip(mine.cells, other.cells, strict=True):
        for left, right in zip(one.figures, two.figures, strict=True):
            assert [near(each) for each in structs.astuple(left)] == list(structs.astuple(right))


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_duckdb(spark: Any, seed: int, tmp_path: Path) -> None:
    luck = random.Random(100 + seed)
    ledger = kept(tmp_path, history(luck, 120, HORIZON))
    segments = Segments.open(ledger)
    for number, value in enumerate(VALUES):
        spec, now = declared(luck, value), luck.choice((0.0, 120.0, 130.0 + HORIZON, 1e6))
        file, folder = tmp_path / f"{number}.parquet", tmp_path / f"rows of {number}"
        by = luck.choice((("release", "arm", "option"), ("fold",), ()))
        mine = whole(spec, "t", segments, now, Options(by=by, rows=str(file)))
        other = whole_on_spark(spark, spec, "t", segments, now, Options(by=by, rows=str(folder)))
        same(mine, other)
        rows = duckdb.execute(ROWS, [str(file)]).fetchall()
        assert len(rows) > 100
        found = duckdb.execute(ROWS, [str(folder / "*.parquet")]).fetchall()
        assert [tuple(map(near, row)) for row in rows] == found
        values = [row[4] for row in rows]
        if values == [row[4] for row in found]:
            assert mine.manifest == other.manifest
