"""Spark digests a history as DuckDB does: row by row, group by group, and to the same manifest."""

import glob
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs
from small_histories import history, kept
from test_whole import HORIZON, VALUES, declared

from autotroph.adapters.spark.cluster import Cluster, whole_on
from autotroph.adapters.spark.run import STEPS
from autotroph.adapters.spark.whole import whole as whole_on_spark
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.whole import whole
from autotroph.errors import LedgerError
from autotroph.spec import Spec, parse
from autotroph.store.segments import Segments

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ROWS = "SELECT * FROM read_parquet(?) ORDER BY sequence, measure"


VALUE = 4
WHY = "pip install pyspark (4 or newer, with Java 17 or newer) to compare Spark"
JAVA = "-Xms1g -XX:MetaspaceSize=256m -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=128m"
QUICK = f"--driver-memory 2g --driver-java-options '{JAVA}' pyspark-shell"
"""With small histories most of the time goes into compiling what runs once, and into making room for it."""

ODD = """
[product]
name = "p"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "r"
guardrails = ["by_zero", "texts", "shadows"]
context = { plan = "category", age = "number" }
[signals]
ok = { type = "boolean", scores = "any", take = "any" }
first_ok = { type = "boolean", scores = "any", of = "ok", take = "first" }
stars = { type = "number", take = "mean", within = "5s" }
crowd = { type = "number", of = "stars", take = "votes" }
unused = { type = "number", about = "user", take = "votes" }
said = { type = "text" }
mood = { type = "number", about = "session", credit = "split", take = "mean" }
moods = { type = "number", of = "mood", about = "session", take = "mean" }
done = { type = "boolean", about = "session", credit = "last" }
begun = { type = "boolean", of = "done", about = "session", credit = "first", take = "votes" }
[rewards.r]
value = "first_ok + coalesce(stars, 0) / crowd - 20 * cost_usd + coalesce(unused, 1) / (1 + abs(mood))"
range = [0, 2]
horizon = "10s"
silent = { first_ok = { heard = 0.5 }, mood = 0, crowd = 1 }
[guardrails.by_zero]
margin = 1
value = "latency_ms / tokens_in + p"
[guardrails.texts]
margin = 1
value = "(said = 'zé') + kept(said) + length(said) / chars + (inputs.plan = 'pro') + coalesce(inputs.age, 9)"
horizon = "4s"
silent = { said = "it's" }
[guardrails.shadows]
margin = 1
value = "coalesce(moods, 0) - coalesce(begun, 0.5)"
[outcomes.o]
value = "done"
horizon = "12s"
silent = { done = false }
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason=WHY)
    from autotroph.adapters.spark.session import started

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYSPARK_SUBMIT_ARGS", os.environ.get("PYSPARK_SUBMIT_ARGS", QUICK))
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


def alike(spark: Any, spec: Spec, segments: Segments, now: float, by: tuple[str, ...]) -> None:
    """Both engines, asked the same: rows, figures, and the manifest where all values have the same bits."""
    file, folder = segments.folder / "rows.parquet", segments.folder / "rows"
    mine = whole(spec, "t", segments, now, Options(by=by, rows=str(file)))
    other = whole_on_spark(spark, spec, "t", segments, now, Options(by=by, rows=str(folder)))
    same(mine, other)
    rows = duckdb.execute(ROWS, [str(file)]).fetchall()
    found = duckdb.execute(ROWS, [glob.escape(str(folder)) + "/*.parquet"]).fetchall()
    assert [tuple(map(near, row)) for row in rows] == found
    assert len(rows) > 100
    if [row[VALUE] for row in rows] == [row[VALUE] for row in found]:
        assert mine.manifest == other.manifest


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Segments:
    """A history full of edges, in a folder that Spark could take for a pattern."""
    folder = tmp_path_factory.mktemp("odd [a] history")
    return Segments.open(kept(folder, history(random.Random(7), 150, HORIZON)))


@pytest.mark.parametrize("now", [132.0, 1e6])
def test_all_that_is_odd_is_the_same_on_duckdb(spark: Any, odd: Segments, now: float) -> None:
    alike(spark, parse(ODD), odd, now, ("release", "arm", "option"))


@pytest.mark.parametrize(("seed", "number"), [(172, 1), (105, 3), (149, 4)])
def test_what_luck_declares_is_the_same_on_duckdb(spark: Any, odd: Segments, seed: int, number: int) -> None:
    """The first one scores shadows too; the others read signals that nobody sends."""
    luck = random.Random(seed)
    alike(spark, declared(luck, VALUES[number]), odd, 130.0 + HORIZON, luck.choice((("fold",), ())))


def test_before_anything_is_final_there_is_nothing_to_learn_from(spark: Any, odd: Segments) -> None:
    before = dict(spark.conf.getAll)
    found = whole_on_spark(spark, parse(ODD), "t", odd, 0.0)
    assert (found.manifest.rows, found.manifest.blocks) == (0, ())
    assert all(figure.mean is None for one in found.cells for figure in one.figures)
    assert dict(spark.conf.getAll) == before, "the session that is asked stays as it was"
    assert spark.catalog.listTables() == []


# --- in a process of its own -----------------------------------------------------------------------------


def test_a_master_is_asked_in_a_process_of_its_own(odd: Segments) -> None:
    steps: list[str] = []
    where = Cluster(master="local[2]", segments=f"file://{glob_escaped(odd.folder)}/", wait=300.0)
    found = whole_on(where, parse(ODD), "t", odd, 1e6, watch=steps.append)
    same(whole(parse(ODD), "t", odd, 1e6), found)
    assert steps == list(STEPS[:3])


def test_a_master_that_does_not_answer_is_given_up(odd: Segments) -> None:
    pytest.importorskip("pyspark", reason=WHY)
    where = Cluster(master="spark://127.0.0.1:1", wait=5.0)
    with pytest.raises(LedgerError, match=r"spark://127.0.0.1:1: no executor of Spark answered within 5 s"):
        whole_on(where, parse(ODD), "t", odd, 1e6)


def test_segments_that_are_not_there_are_named(odd: Segments) -> None:
    pytest.importorskip("pyspark", reason=WHY)
    where = Cluster(master="local[2]", segments="file:///nowhere/segments", wait=300.0)
    with pytest.raises(LedgerError, match=r"local\[2\]: .*file:/nowhere/segments/decisions/"):
        whole_on(where, parse(ODD), "t", odd, 1e6)


def glob_escaped(path: Path) -> str:
    return str(path).replace("[", "\\[").replace("]", "\\]")
