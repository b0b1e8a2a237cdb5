"""A whole history at once, on a session of Spark: what `digest.engines.whole` does on DuckDB."""

import re
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from autotroph.adapters.spark.narrow import tables
from autotroph.adapters.spark.run import Run
from autotroph.digest.engines.options import Options, checked
from autotroph.digest.engines.plan import Plan, plan_of
from autotroph.digest.engines.results import Digested
from autotroph.spec import Spec
from autotroph.store.segments import Segments

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def whole(
    session: "SparkSession",
    spec: Spec,
    task: str,
    segments: Segments,
    now: float,
    options: Options | None = None,
) -> Digested:
    """Digests the segments of a ledger: joined, valued, measured, with the manifest of a dataset.

    Args:
        session: of Spark, whose executors see the folder of the segments.
        spec: the declaration, of which the task's reward, its guardrails and the outcomes are measured.
        task: whose decisions.
        segments: of the ledger.
        now: the time at which values are final, provisional or pending.
        options: what to group by, and how sure to be; memory and threads are the session's own.

    Raises:
        UnknownName: there is no such task or column.
    """
    plan, options = plan_of(spec, task), absolute(checked(options))
    run = Run(session, plan, options, now, lambda _: None)
    return run.digest(files_of(plan, segments), segments.through)


def files_of(plan: Plan, segments: Segments, copied: str = "") -> dict[str, list[str]]:
    """The files that a plan reads, by table, as URIs.

    Args:
        plan: of the task.
        segments: of the ledger.
        copied: where the folder of the segments was copied to, such as `s3a://bucket/segments`; where it
            lies if empty.
    """
    folder = copied.rstrip("/") or _GLOB.sub(r"\\\g<0>", f"file://{segments.folder.absolute()}")
    return {
        table: [f"{folder}/{table}/{PurePath(path).name}" for path in segments.paths(table)]
        for table in tables(plan)
    }


_GLOB = re.compile(r"[\[\]{}*?\\]")
"""Spark takes a path for a pattern, and a URI for a path: nothing is to be written in percents."""


def absolute(options: Options) -> Options:
    """Options whose folder for rows is a URI: a path is one of this machine, whatever Spark's default is."""
    if not options.rows or "://" in options.rows or options.rows.startswith("file:"):
        return options
    return replace(options, rows=f"file://{Path(options.rows).absolute()}")
