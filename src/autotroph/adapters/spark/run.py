"""The steps of whole digestion on a session of Spark."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from autotroph.adapters.spark.frozen import manifest_of
from autotroph.adapters.spark.keeping import kept
from autotroph.adapters.spark.measuring import cells_of
from autotroph.adapters.spark.narrow import quoted, relations, tables
from autotroph.adapters.spark.valuing import valued
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.plan import Plan
from autotroph.digest.engines.results import Digested
from autotroph.spec.emission import prepare

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

STEPS = ("valuing", "measuring", "freezing", "writing rows")
Watch = Callable[[str], object]


class Run:
    """One task's history on its way from files to figures.

    Args:
        session: of Spark. What is set and named here is seen by no other session.
        plan: of the task.
        options: what to group by, how sure to be, and where rows go.
        now: seconds since the epoch.
        watch: hears each of `STEPS` when it begins.
    """

    def __init__(
        self, session: "SparkSession", plan: Plan, options: Options, now: float, watch: Watch
    ) -> None:
        self._session = session.newSession()
        self._plan, self._options, self._now, self._watch = plan, options, now, watch

    def digest(self, files: Mapping[str, Sequence[str]], through: int) -> Digested:
        """Everything, from join to manifest.

        Args:
            files: of the segments, by table, as the executors find them.
            through: the last sequence that they cover.
        """
        prepare(self._session, "spark")
        self._session.conf.set("spark.sql.ansi.enabled", "false")
        self._open(files)
        self._watch(STEPS[0])
        with kept(self._session, "valued", valued(self._plan, self._options.by, self._now)):
            self._watch(STEPS[1])
            cells, decisions = cells_of(self._session, self._plan, self._options)
            self._watch(STEPS[2])
            manifest = manifest_of(self._session, self._plan)
            if self._options.rows:
                self._watch(STEPS[3])
                self._write(self._options.rows)
        return Digested(
            task=self._plan.task,
            through=through,
            now=self._now,
            decisions=decisions,
            cells=cells,
            manifest=manifest,
        )

    def _open(self, files: Mapping[str, Sequence[str]]) -> None:
        for table in tables(self._plan):
            self._session.read.parquet(*files[table]).createOrReplaceTempView(table)
        for name, sql in relations(self._plan, self._options.by).items():
            self._session.sql(sql).createOrReplaceTempView(name)

    def _write(self, folder: str) -> None:
        """Writes a row for each decision and measure, in ledger order, as Spark writes: a folder of files."""
        parts = []
        for i, one in enumerate(self._plan.measures):
            status = (
                f"CASE WHEN f{one.clock} THEN 'final' WHEN v{i} IS NULL THEN 'pending' ELSE 'provisional' END"
            )
            parts.append(
                f"SELECT id AS decision, sequence, {i} AS place, {quoted(one.name)} AS measure,"
                f" {quoted(one.version)} AS version, v{i} AS value, {status} AS status, x{i} AS clipped"
                f" FROM valued{'' if one.unserved else ' WHERE served'}"
            )
        rows = self._session.sql(" UNION ALL ".join(parts)).orderBy("sequence", "place").drop("place")
        rows.write.parquet(folder, mode="overwrite", compression="zstd")
