"""What a measure's change does to a history: the values on record and the new ones, side by side.

The new values are those of whole digestion, over segments, as of the last cycle; the old ones are rows. So
nothing is said here that applying would not do.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from autotroph.digest.engines.narrow import Raw, from_parquet, quoted, raws
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Wanted, plan_of
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
    """A task's history with the values of every measure, as it is declared now and as it was.

    Args:
        duck: where whole digestion has left what they are now.
        segments: of the ledger.
        measures: of the task, in the order of the digestion.
        changes: what is to be compared.
    """

    def __init__(
        self,
        duck: "duckdb.DuckDBPyConnection",
        segments: Segments,
        measures: Sequence[Wanted],
        changes: Sequence[Change],
    ) -> None:
        self.duck, self._segments, self._measures = duck, segments, measures
        self._codes = {one.name: code for code, one in enumerate(changes)}
        self._keep(_final(self._read("rewards"), changes))
        old = ", ".join(f"o{code}, c{code}" for code in self._codes.values())
        self._make("pairs", f"SELECT valued.*, {old} FROM valued LEFT JOIN kept ON kept.key = valued.mark")

    def compare(self, change: Change) -> None:
        """Makes the view `moved` of a measure: v0 before and v1 after, f0 and f1 whether they are final."""
        place, one = next((i, one) for i, one in enumerate(self._measures) if one.name == change.name)
        clipped = f"x{place}" if one.range else "false"
        final, code = f"f{one.clock}", self._codes[change.name]
        self.duck.execute(
            "CREATE OR REPLACE TEMP VIEW moved AS SELECT sequence, cluster, cell, served,"
            f" CASE WHEN NOT isnan(o{code}) THEN o{code} END AS v0, o{code} IS NOT NULL AS f0, c{code} AS x0,"
            f" CASE WHEN {final} THEN v{place} END AS v1, {final} AS f1, {final} AND {clipped} AS x1"
            f" FROM pairs{'' if one.unserved else ' WHERE served'}"
        )

    def counted(self) -> Moved:
        """The view `moved`, summed up."""
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
        ends = self._one("SELECT min(v0), min(v1), max(v0), max(v1) FROM moved")
        known = [end for end in ends if end is not None]
        if not known:
            return
        low, high = min(known), max(known)
        width = (high - low) / BINS or 1.0
        counts = []
        for i in (0, 1):
            place = f"least(({f'v{i}'} - {low!r}) // {width!r}, {BINS - 1})::INT"
            rows = self.duck.execute(f"SELECT {place}, count(*) FROM moved WHERE v{i} IS NOT NULL GROUP BY 1")
            counts.append(dict(rows.fetchall()))
        for n in range(BINS if high > low else 1):
            yield Bin(low + n * width, low + (n + 1) * width, counts[0].get(n, 0), counts[1].get(n, 0))

    def _keep(self, rows: str) -> None:
        """Makes the table `kept`: the newest of the rows of each decision, see `_final`.

        Of each change o0, c0, … are the value and whether it was clipped. Nearly every decision has one row,
        and any aggregate finds that in half the time; the newest is looked for where there are several.
        """
        codes = self._codes.values()
        twice = " OR ".join(f"count(*) FILTER (code = {code}) > 1" for code in codes)
        self._make("kept", f"{_widened(rows, 'max({})', codes, twice)} GROUP BY key")
        if self._one("SELECT count(*) FROM kept WHERE twice")[0]:
            newest = _widened(rows, "arg_max({}, sequence)", codes, "false")
            some = "SEMI JOIN (SELECT key FROM kept WHERE twice) USING (key) GROUP BY key"
            self._make("kept", f"SELECT * FROM kept WHERE NOT twice UNION ALL {newest} {some}")

    def _read(self, table: str) -> str:
        return f"read_parquet([{', '.join(map(quoted, self._segments.paths(table)))}])"

    def _make(self, name: str, sql: str) -> None:
        self.duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _one(self, sql: str) -> Any:
        return self.duck.execute(sql).fetchone()


def _final(rewards: str, changes: Sequence[Change]) -> str:
    """(key, code, value, clipped, sequence): final rows, by what was applied; NaN is a value not known."""
    named = (f"name = {quoted(one.was)} AND version = {quoted(one.before)}" for one in changes)
    coded = " ".join(f"WHEN {condition} THEN {code}" for code, condition in enumerate(named))
    versions = ", ".join(quoted(one.before) for one in changes)
    return (
        f"SELECT decision_mark AS key, (CASE {coded} END)::UTINYINT AS code,"
        " coalesce(value, 'NaN'::DOUBLE) AS value, clipped, sequence"
        f" FROM {rewards} WHERE final AND version IN ({versions})"
    )


def _widened(rows: str, aggregate: str, codes: Iterable[int], twice: str) -> str:
    """One row a decision: what an aggregate makes of the values of each change."""
    columns = (
        f"{aggregate.format('value')} FILTER (code = {code}) AS o{code},"
        f" {aggregate.format('clipped')} FILTER (code = {code}) AS c{code}"
        for code in codes
    )
    return f"SELECT key, {', '.join(columns)}, {twice} AS twice FROM ({rows})"


@contextmanager
def history(spec: Spec, plan: Plan, task: str, segments: Segments) -> Iterator[History]:
    """Digests a task's history up to the last cycle, and keeps it at hand."""
    changes = [one for one in plan.revalued if one.task == task]
    options = Options(by=("release", "option"))
    wanted = plan_of(spec, task)
    changed = tuple(one for one in wanted.measures if one.name in plan.tasks[task])
    wanted = msgspec.structs.replace(wanted, measures=changed)
    with opened(options) as duck:
        for name, raw in raws(wanted, options.by).items():
            bounded = msgspec.structs.replace(raw, where=f"({raw.where}){_bound(raw, plan.through)}")
            wide = segments.paths(raw.wide) if raw.wide else []
            sql = from_parquet(bounded, segments.paths(raw.table), wide)
            duck.execute(f"CREATE TEMP VIEW {name} AS {sql}")
        Run(duck, wanted, options, plan.at).join()
        yield History(duck, segments, wanted.measures, changes)


def _bound(raw: Raw, through: int) -> str:
    """What came after the last cycle is the next one's; but a shadow answer is written at its end."""
    match raw.table:
        case "decisions":
            return f" AND (t.sequence <= {through} OR NOT t.served)"
        case "signals":
            return f" AND t.sequence <= {through}"
        case _:
            return ""
