"""What can be said of Spark's part without a Spark: the SQL, the files, the words of a failure."""

import re
from pathlib import Path

import pytest
from msgspec import structs
from test_spark import ODD

from autotroph.adapters.spark import cluster
from autotroph.adapters.spark.__main__ import _said
from autotroph.adapters.spark.joining import told
from autotroph.adapters.spark.narrow import columns, quoted, relations, tables
from autotroph.adapters.spark.valuing import valued
from autotroph.adapters.spark.whole import absolute, files_of
from autotroph.digest.engines.options import GROUPED, Options
from autotroph.digest.engines.plan import plan_of
from autotroph.errors import InputError
from autotroph.spec import parse
from autotroph.store.segments import Segment, Segments

PLAN = plan_of(parse(ODD), "t")
SEGMENTS = Segments(
    Path("/data/a [b]"), 9, {name: (Segment(1, 9, 9, 1, "", full=False),) for name in tables(PLAN)}
)


def test_a_session_is_passed_over_once_and_joined_with_nothing() -> None:
    """A session of a hundred thousand decisions must not become as many squared."""
    every = tuple(slot for slot in PLAN.slots if slot.about != "decision" and slot.credit == "every")
    assert len(every) == 2
    slots = {name: n for n, name in enumerate(("moods", "unused"))}
    reward = structs.replace(PLAN.measures[0], slots=slots)
    joins, _ = told(structs.replace(PLAN, slots=every, measures=(reward,)))
    assert joins.count(" OVER so_far") >= 4
    assert not re.search(r"JOIN (s|d)\b", joins)
    assert not re.search(r"\bs\.`at` <", joins)


def test_inputs_have_numbers_because_spark_does_not_tell_cases_apart() -> None:
    assert columns(PLAN)["inputs.plan"] != columns(PLAN)["inputs.age"]
    assert {columns(PLAN)[name] for name in PLAN.inputs} == {"i0", "i1"}
    assert columns(PLAN)["latency_ms"] == "latency_ms"


def test_no_quote_of_a_text_stands_in_the_sql() -> None:
    assert quoted("it's") == "CAST(X'69742773' AS STRING)"
    written = " ".join([valued(PLAN, GROUPED, 1e6), *relations(PLAN, GROUPED).values()])
    assert "it's" not in written
    assert all(f"by_{name}" in written for name in GROUPED)


def test_only_tables_that_are_read_are_opened() -> None:
    assert set(tables(PLAN)) == {
        *("decisions", "completions", "signals"),
        *("decision_texts", "completion_texts", "signal_texts"),
    }
    bare = structs.replace(PLAN, measures=PLAN.measures[1:2], sources=())
    assert tables(bare) == ("decisions", "completions", "signals")


def test_files_are_where_they_lie_or_where_they_were_copied() -> None:
    name = SEGMENTS.tables["decisions"][0].name
    here, there = files_of(PLAN, SEGMENTS), files_of(PLAN, SEGMENTS, "s3a://bucket/copy/")
    assert here["decisions"] == [rf"file:///data/a \[b\]/decisions/{name}"]
    assert there["signals"] == [f"s3a://bucket/copy/signals/{name}"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ""),
        ("/a b/rows", "file:///a b/rows"),
        ("s3a://bucket/rows", "s3a://bucket/rows"),
        ("file:/rows", "file:/rows"),
    ],
)
def test_rows_go_to_this_machine_unless_a_uri_says_otherwise(given: str, expected: str) -> None:
    assert absolute(Options(rows=given)).rows == expected


def test_without_java_it_is_said_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda _: object())
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=re.escape(f"JAVA_HOME={tmp_path} has no bin/java")):
        cluster.refuse_missing("yarn")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "[PATH_NOT_FOUND] Path does not exist: s3a://b/c. SQLSTATE: 42K03",
            "[PATH_NOT_FOUND] Path does not",
        ),
        (
            "An error occurred while calling o4.sql.\n: org.apache.spark.SparkException: gone\n\tat a.B",
            "org.",
        ),
        ("", "no reason given"),
    ],
)
def test_a_failure_is_said_in_a_line(error: str, said: str) -> None:
    assert _said(error).startswith(said)
    assert "\n" not in _said(error)
