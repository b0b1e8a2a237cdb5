"""What a measure's change does to a history: the values on record and the new ones, side by side.

The new values are those of whole digestion, over segments, as of the last cycle; the old ones are rows. So
nothing is said here that applying would not do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from autotroph.digest.engines.narrow import Raw, from_parquet, quoted, raws
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import plan_of
from autotroph.digest.engines.run import Run
from autotroph.digest.engines.whole import opened
from autotroph.plan.applied import Change
from autotroph.plan.steps import Plan
from autotroph.spec import Spec
from autotroph.store.segments import Segments

if TYPE_CHECKING:
    import duckdb

BINS = 20


class Count(msgspec.Struct, frozen=True):
    """How many values there are: final ones, those of them that are unknown, and those that were clipped."""

    final: int
    unknown: int
    clipped: int
    mean: float | None


class Bin(msgspec.Struct, frozen=True):
    """How many answers have a value from `low` on: before, and after."""

    low: float
    high: float
    before: int
    after: int


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Values before and after.

    Attributes:
        answers: of the task, served and in shadow, up to the last cycle.
        other: how many of those that are known before and after have another value.
        bins: equally wide, over all values; none where no value is known.
    """

    answers: int
    before: Count
    after: Count
    other: int
    bins: tuple[Bin, ...]


class History:
    """A task's history with the values of every measure as it is declared now.

    Args:
        duck: where whole digestion has left them.
        segments: of the ledger.
        spec: what is declared now.
        task: whose.
    """

    def __init__(self, duck: "duckdb.DuckDBPyConnection", segments: Segments, spec: Spec, task: str) -> None:
        self.duck, self._segments, self._plan = duck, segments, plan_of(spec, task)
        self._make(
            "who",
            "SELECT sequence, release, option, hash(id) AS key"
            f" FROM {self._read('decisions')} AS t WHERE task = {quoted(task)}",
        )

    def compare(self, change: Change) -> None:
        """Makes the table `moved` of a measure: v0 before and v1 after, f0 and f1 whether they are final."""
        place, one = next((i, one) for i, one in enumerate(self._plan.measures) if one.name == change.name)
        clipped = f"x{place}" if one.range else "false"
        self._make("rows", self._old(change))
        valued = "" if one.unserved else "WHERE valued.served"
        final = f"f{one.clock}"
        self._make(
            "moved",
            'SELECT valued.sequence, made.about, valued.cluster, valued.served, made."at", who.release,'
            " who.option, rows.value AS v0, rows.key IS NOT NULL AS f0, rows.clipped AS x0,"
            f" CASE WHEN {final} THEN v{place} END AS v1, {final} AS f1, {final} AND {clipped} AS x1"
            " FROM valued JOIN made USING (sequence) JOIN who USING (sequence)"
            f" LEFT JOIN rows ON rows.key = who.key {valued}",
        )

    def counted(self) -> Moved:
        """The table `moved`, summed up."""
        found = self._one(
            "SELECT count(*), count(*) FILTER (v0 <> v1), "
            + ", ".join(
                f"count(*) FILTER (f{i}), count(*) FILTER (f{i} AND v{i} IS NULL), count(*) FILTER (x{i}),"
                f" avg(v{i})"
                for i in (0, 1)
            )
            + " FROM moved"
        )
        return Moved(
            answers=found[0],
            other=found[1],
            before=Count(*found[2:6]),
            after=Count(*found[6:10]),
            bins=tuple(self._bins()),
        )

    def rows(self, after: int) -> Iterator[tuple[Any, ...]]:
        """Decisions after a ledger sequence with their new value, in ledger order, see `verdicts`."""
        found = self.duck.execute(
            'SELECT t.sequence, t.id, t."at", t.unit, t.cluster, t.fold, t.arm, t.release, t.served,'
            f" t.shadows, t.provenance, moved.v1 FROM {self._read('decisions')} AS t"
            " JOIN moved USING (sequence)"
            f" WHERE t.sequence > {after} ORDER BY t.sequence"
        )
        while some := found.fetchmany(10_000):
            yield from some

    def _bins(self) -> Iterator[Bin]:
        low, high = self._one("SELECT min(least(v0, v1)), max(greatest(v0, v1)) FROM moved")
        if low is None:
            return
        width = (high - low) / BINS or 1.0
        counts = []
        for i in (0, 1):
            place = f"least(({f'v{i}'} - {low!r}) // {width!r}, {BINS - 1})::INT"
            rows = self.duck.execute(f"SELECT {place}, count(*) FROM moved WHERE v{i} IS NOT NULL GROUP BY 1")
            counts.append(dict(rows.fetchall()))
        for n in range(BINS if high > low else 1):
            yield Bin(low + n * width, low + (n + 1) * width, counts[0].get(n, 0), counts[1].get(n, 0))

    def _old(self, change: Change) -> str:
        """The newest final row of each decision, by what was applied."""
        return (
            "SELECT key, value, clipped FROM (SELECT hash(decision) AS key, value, clipped, sequence"
            f" FROM {self._read('rewards')} WHERE final AND name = {quoted(change.was)}"
            f" AND version = {quoted(change.before)})"
            " QUALIFY row_number() OVER (PARTITION BY key ORDER BY sequence DESC) = 1"
        )

    def _read(self, table: str) -> str:
        return f"read_parquet([{', '.join(map(quoted, self._segments.paths(table)))}])"

    def _make(self, name: str, sql: str) -> None:
        self.duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _one(self, sql: str) -> Any:
        return self.duck.execute(sql).fetchone()


@contextmanager
def history(spec: Spec, plan: Plan, task: str, segments: Segments) -> Iterator[History]:
    """Digests a task's history up to the last cycle, and keeps it at hand."""
    wanted, options = plan_of(spec, task), Options(by=())
    with opened(options) as duck:
        for name, raw in raws(wanted, options.by).items():
            bounded = msgspec.structs.replace(raw, where=f"({raw.where}){_bound(raw, plan.through)}")
            wide = segments.paths(raw.wide) if raw.wide else []
            duck.execute(
                f"CREATE TEMP VIEW {name} AS {from_parquet(bounded, segments.paths(raw.table), wide)}"
            )
        Run(duck, wanted, options, plan.at).join()
        yield History(duck, segments, spec, task)


def _bound(raw: Raw, through: int) -> str:
    """What came after the last cycle is the next one's; but a shadow answer is written at its end."""
    match raw.table:
        case "decisions":
            return f" AND (t.sequence <= {through} OR NOT t.served)"
        case "signals":
            return f" AND t.sequence <= {through}"
        case _:
            return ""
