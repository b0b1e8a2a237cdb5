"""The steps of whole digestion, on a DuckDB connection that has the narrow relations d, c and said."""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotroph.digest.engines.joining import Joining, Part
from autotroph.digest.engines.measuring import cells_of
from autotroph.digest.engines.narrow import newest, quoted, subjects
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan
from autotroph.digest.engines.results import Block, Digested, Manifest
from autotroph.digest.engines.valuing import valued
from autotroph.errors import LedgerError
from autotroph.spec.emission import prepare

if TYPE_CHECKING:
    import duckdb

Numbers = NDArray[Any]
BLOCK = 2**17
"""Sequences in a block of a manifest."""
AT_ONCE = 6_000_000
"""Decisions and signals that are joined at once: a gigabyte of memory holds them."""


class Run:
    """One task's history on its way from rows to figures.

    Args:
        duck: has the relations, see `narrow`.
        plan: of the task.
        options: what to group by, and how sure to be.
        now: seconds since the epoch.
    """

    def __init__(self, duck: "duckdb.DuckDBPyConnection", plan: Plan, options: Options, now: float) -> None:
        self._duck, self._plan, self._options, self._now = duck, plan, options, now
        prepare(duck, "duckdb")

    def digest(self, through: int) -> Digested:
        """Everything, from join to manifest; `through` is the last sequence that the relations cover."""
        self.join()
        return Digested(
            task=self._plan.task,
            through=through,
            now=self._now,
            decisions=self._one("SELECT count(*) FROM valued"),
            cells=cells_of(self._duck, self._plan, self._options),
            manifest=self.manifest(),
        )

    def join(self) -> None:
        """Makes the table `valued`: a row a decision, with its values."""
        joining = Joining(self._plan)
        others = joining.others()
        self._cells()
        self._check_keys()
        self._made(stored=bool(others))
        self._duck.execute(f"CREATE OR REPLACE TEMP VIEW s AS {newest(self._plan)}")
        doubtful = self._hear(joining)
        for name, sql in others.items():
            self._make(name, sql)
        parts = self._parts(heard=bool(joining.sources))
        told = [joining.plainly(Part(each, parts), doubtful=doubtful) for each in range(parts)]
        told += [joining.severally()] if doubtful else []
        for place, one in enumerate(told):
            into = "INSERT INTO valued" if place else "CREATE OR REPLACE TEMP TABLE valued AS"
            self._duck.execute(f"{into} {valued(self._plan, one, self._now)}")

    def _parts(self, *, heard: bool) -> int:
        """In how many parts decisions are joined, so that memory suffices."""
        rows = self._one("SELECT count(*) FROM d") + (self._one("SELECT count(*) FROM heard") if heard else 0)
        return int(2 ** math.ceil(math.log2(max(rows / AT_ONCE, 1))))

    def _hear(self, joining: Joining) -> bool:
        """Makes what is heard about decisions, and says whether there are doubtful ones."""
        if not joining.sources:
            return False
        self._make("heard", joining.heard())
        found = [self._twice(f"SELECT subject FROM heard WHERE k = {k}") for k in joining.sources]
        doubtful = np.unique(np.concatenate([*found, self._numbers(joining.refused())]))
        if not doubtful.size:
            return False
        self._duck.register("found", {"subject": doubtful})
        self._make("doubtful", "SELECT * FROM found")
        self._duck.unregister("found")
        self._make("few", joining.few())
        self._make("again", joining.again(tied=False))
        if self._one(_TIES):
            self._make("again", joining.again(tied=True))
        self._make("several", joining.several())
        return True

    def manifest(self) -> Manifest:
        """The decisions that may be learned from, with what their reward came to."""
        reward = self._plan.measures[0]
        found = self._duck.execute(
            "SELECT sequence, mark, v0 FROM valued WHERE learned AND f0 AND v0 IS NOT NULL ORDER BY sequence"
        ).fetchnumpy()
        columns = [np.asarray(found[name]) for name in ("sequence", "mark", "v0")]
        ends = np.flatnonzero(np.diff(columns[0] // BLOCK)) + 1
        parts = zip(*(np.split(each, ends) for each in columns), strict=True)
        return Manifest(
            task=self._plan.task,
            measure=reward.name,
            version=reward.version,
            rows=len(columns[0]),
            blocks=tuple(_block(*part) for part in parts if part[0].size),
        )

    def write(self, file: Path) -> None:
        """Writes a row for each decision and measure to a Parquet file, in ledger order."""
        parts = []
        for i, one in enumerate(self._plan.measures):
            clipped, f = f"x{i}" if one.range else "false", f"f{one.clock}"
            status = f"CASE WHEN {f} THEN 'final' WHEN v{i} IS NULL THEN 'pending' ELSE 'provisional' END"
            parts.append(
                f"SELECT id AS decision, sequence, {i} AS place, {quoted(one.name)} AS measure,"
                f" {quoted(one.version)} AS version, v{i} AS value, {status} AS status, {clipped} AS clipped"
                f" FROM valued JOIN d USING (sequence){'' if one.unserved else ' WHERE valued.served'}"
            )
        rows = " UNION ALL ".join(parts)
        self._duck.execute(
            f"COPY (SELECT * EXCLUDE (place) FROM ({rows}) ORDER BY sequence, place)"
            f" TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)"
        )

    def _made(self, *, stored: bool) -> None:
        """Makes the relation `made`: decisions as they are needed; a table where it is read often."""
        kept = ["sequence", "key", "about", "cluster", "at", "served", "seen", "learns", "mark"]
        kept += subjects(self._plan)
        kept += [name for name in self._plan.columns if name == "p" or name in self._plan.inputs]
        columns = ", ".join(f'"{name}"' for name in kept)
        sql = f"SELECT {columns}, hash({self._grouped()}) AS cell FROM d"
        self._duck.execute(f"CREATE OR REPLACE TEMP {'TABLE' if stored else 'VIEW'} made AS {sql}")

    def _grouped(self) -> str:
        """The columns of d by which a decision finds its group."""
        if ("grouped",) in self._duck.execute("SELECT column_name FROM (DESCRIBE d)").fetchall():
            return "served, grouped"
        return ", ".join(["served", *(f"by_{name}" for name in self._options.by)])

    def _cells(self) -> None:
        """Makes the table `cells`: the groups, found by the hash of what their decisions share."""
        by, named = self._grouped(), ""
        if by == "served, grouped":
            named = "".join(
                f", json_extract_string(grouped, '$[{i}]') AS by_{name}"
                for i, name in enumerate(self._options.by)
            )
        self._make("cells", f"SELECT hash({by}) AS cell, *{named} FROM (SELECT DISTINCT {by} FROM d)")
        if self._one("SELECT count(*) - count(DISTINCT cell) FROM cells"):
            raise LedgerError("two groups of decisions have one hash; group them by less")

    def _check_keys(self) -> None:
        """No two decisions may share a key; see `narrow`."""
        if self._twice("SELECT key FROM d").size:
            raise LedgerError("two decisions have ids of one hash; digest this history on Spark")

    def _twice(self, sql: str) -> Numbers:
        """Which of the numbers that a query finds it finds more than once: sorting is faster than a table."""
        numbers = np.sort(self._numbers(sql))
        same: Numbers = numbers[1:] == numbers[:-1]
        return np.asarray(numbers[1:][same])

    def _numbers(self, sql: str) -> Numbers:
        (found,) = self._duck.execute(sql).fetchnumpy().values()
        return np.asarray(np.ma.compressed(found))

    def _make(self, name: str, sql: str) -> None:
        self._duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _one(self, sql: str) -> Any:
        found = self._duck.execute(sql).fetchone()
        return found[0] if found else None


_TIES = """
SELECT count(*) FROM (SELECT sequence, k, "at" FROM again GROUP BY ALL HAVING count(*) > 1)"""


def _block(sequences: Numbers, marks: Numbers, values: Numbers) -> Block:
    hasher = hashlib.sha256()
    for column, type_ in ((sequences, "<i8"), (marks, "<u8"), (values, "<f8")):
        hasher.update(column.astype(type_, copy=False).tobytes())
    return Block(int(sequences[0]), int(sequences[-1]), len(sequences), hasher.hexdigest())
