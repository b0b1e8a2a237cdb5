"""A whole history at once: from segments in this process, or from the ledger in one of its own."""

from pathlib import Path

from autotroph.digest.engines.narrow import from_parquet, raws
from autotroph.digest.engines.opening import opened
from autotroph.digest.engines.options import Options, checked
from autotroph.digest.engines.plan import plan_of
from autotroph.digest.engines.results import Digested
from autotroph.digest.engines.run import Run
from autotroph.spec import Spec
from autotroph.store.segments import Segments

__all__ = ["opened", "whole"]


def whole(spec: Spec, task: str, segments: Segments, now: float, options: Options | None = None) -> Digested:
    """Digests the segments of a ledger: joined, valued, measured, with the manifest of a dataset.

    Args:
        spec: the declaration, of which the task's reward, its guardrails and the outcomes are measured.
        task: whose decisions.
        segments: of the ledger.
        now: the time at which values are final, provisional or pending.
        options: what to group by, and options.

    Raises:
        UnknownName: there is no such task or column.
    """
    plan, options = plan_of(spec, task), checked(options)
    with opened(options) as duck:
        for name, raw in raws(plan, options.by).items():
            wide = segments.paths(raw.wide) if raw.wide else []
            sql = from_parquet(raw, segments.paths(raw.table), wide)
            duck.execute(f"CREATE VIEW {name} AS {sql}")
        run = Run(duck, plan, options, now)
        found = run.digest(segments.through)
        if options.rows:
            run.write(Path(options.rows))
    return found
