"""The steps of whole digestion, on a DuckDB connection that has the narrow relations d, c and said."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autotroph.digest.engines.joining import Joining
from autotroph.digest.engines.measuring import cells_of
from autotroph.digest.engines.narrow import newest, quoted, subjects
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan
from autotroph.digest.engines.results import Block, Digested, Manifest
from autotroph.digest.engines.valuing import valued
from autotroph.errors import LedgerError

if TYPE_CHECKING:
    import duckdb

Numbers = NDArray[Any]
BLOCK = 2**17
"""Sequences in a block of a manifest."""


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
        by = self._group()
        kept = ["sequence", "key", "about", "cluster", "at", "served", "seen", "learns", "mark"]
        kept += subjects(self._plan)
        kept += [name for name in self._plan.columns if name == "p" or name in self._plan.inputs]
        made = ", ".join(f'd."{name}"' for name in kept)
        self._make("made", f"SELECT {made}, cells.cell FROM d JOIN cells USING ({by})")
        self._check_keys()
        self._duck.execute(f"CREATE OR REPLACE TEMP VIEW s AS {newest(self._plan)}")
        joining = Joining(self._plan)
        if heard := joining.heard():
            self._make("heard", heard)
            self._make("once", joining.once())
            self._make("doubtful", joining.doubtful())
            self._make("again", joining.again(tied=bool(self._one(_TIES))))
            self._make("several", joining.several())
            self._duck.execute(
                "CREATE TEMP VIEW told AS SELECT * FROM once ANTI JOIN doubtful USING (sequence)"
                " UNION ALL SELECT * FROM several"
            )
        for name, sql in joining.others().items():
            self._make(name, sql)
        self._make("valued", valued(self._plan, *joining.told(), self._now))

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

    def _group(self) -> str:
        """Makes the table `cells` and returns the columns of d by which a decision finds its own."""
        by, named = ", ".join(["served", *(f"by_{name}" for name in self._options.by)]), ""
        if ("grouped",) in self._duck.execute("SELECT column_name FROM (DESCRIBE d)").fetchall():
            by = "served, grouped"
            named = "".join(
                f", json_extract_string(grouped, '$[{i}]') AS by_{name}"
                for i, name in enumerate(self._options.by)
            )
        cells = f"SELECT DISTINCT {by} FROM d"
        found = f"SELECT row_number() OVER ()::USMALLINT AS cell, *{named} FROM ({cells})"
        self._make("cells", found)
        return by

    def _check_keys(self) -> None:
        """No two decisions may share a key; see `narrow`."""
        if self._one("SELECT count(*) - count(DISTINCT key) FROM made"):
            raise LedgerError("two decisions have ids of one hash; digest this history on Spark")

    def _make(self, name: str, sql: str) -> None:
        self._duck.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _one(self, sql: str) -> Any:
        found = self._duck.execute(sql).fetchone()
        return found[0] if found else None


_TIES = """
SELECT count(*) FROM (SELECT sequence, k, "at" FROM heard SEMI JOIN doubtful USING (sequence)
                      GROUP BY ALL HAVING count(*) > 1)"""


def _block(sequences: Numbers, marks: Numbers, values: Numbers) -> Block:
    hasher = hashlib.sha256()
    for column, type_ in ((sequences, "<i8"), (marks, "<u8"), (values, "<f8")):
        hasher.update(column.astype(type_, copy=False).tobytes())
    return Block(int(sequences[0]), int(sequences[-1]), len(sequences), hasher.hexdigest())
