"""A whole history at once: from segments in this process, or from the ledger in one of its own."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autotroph.digest.engines.narrow import GROUPED, from_parquet, raws
from autotroph.digest.engines.plan import Plan, plan_of
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.run import Run
from autotroph.errors import UnknownName
from autotroph.spec import Spec
from autotroph.spec.emission import prepare
from autotroph.store.segments import Segments

if TYPE_CHECKING:
    import duckdb

BY = ("release", "arm", "option")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What whole digestion may take of the machine, and how it measures.

    Attributes:
        memory: as DuckDB writes it; what does not fit goes to a temporary folder.
        threads: 0 for as many as there are cores.
        alpha: probability that an interval ever misses, in the limit.
        planned: the number of clusters at which intervals shall be narrowest.
    """

    memory: str = "1GB"
    threads: int = 0
    alpha: float = 0.05
    planned: int = 1000


def whole(
    spec: Spec,
    task: str,
    segments: Segments,
    now: float,
    *,
    by: Sequence[str] = BY,
    rows: Path | None = None,
    limits: Limits = Limits(),
) -> Digested:
    """Digests the segments of a ledger: joined, valued, measured, with the manifest of a dataset.

    Args:
        spec: the declaration, of which the task's reward, its guardrails and the outcomes are measured.
        task: whose decisions.
        segments: of the ledger.
        now: the time at which values are final, provisional or pending.
        by: columns of a decision to group by, of `GROUPED`.
        rows: a Parquet file to write, a row for each decision and measure.
        limits: of memory and threads.

    Raises:
        UnknownName: there is no such task or column.
    """
    plan = plan_of(spec, task)
    with opened(limits) as duck:
        for name, sql in _views(plan, by, segments).items():
            duck.execute(f"CREATE TEMP VIEW {name} AS {sql}")
        run = Run(duck, plan, by, now)
        found = run.digest(segments.through, limits.alpha, limits.planned)
        if rows is not None:
            run.write(rows)
    return found


@contextmanager
def opened(limits: Limits) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB without a file, held to limits."""
    import duckdb  # imported when used: it is large

    with tempfile.TemporaryDirectory(prefix="digest-") as scratch:
        config = {
            "threads": limits.threads or os.cpu_count() or 1,
            "memory_limit": limits.memory,
            "temp_directory": scratch,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=config) as duck:
            duck.execute("SET enable_progress_bar = false")
            prepare(duck, "duckdb")
            yield duck


def _views(plan: Plan, by: Sequence[str], segments: Segments) -> dict[str, str]:
    for name in by:
        if name not in GROUPED:
            raise UnknownName("column to group by", name, GROUPED)
    return {
        name: from_parquet(raw, segments.paths(raw.table), segments.paths(raw.wide) if raw.wide else [])
        for name, raw in raws(plan, tuple(by)).items()
    }
