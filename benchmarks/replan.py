"""A reward's change over a whole history: how long `autotroph plan` takes to say what it would do.

    .venv/bin/python -m benchmarks.replan [--quick] [--json] [--decisions N] [--apply]

A history of as many signals as decisions, valued by every measure, through the real store. Then the reward
and a guardrail are declared otherwise. The segments are brought up to date first, which is timed apart: it is
done once, whoever reads them. With --apply the same steps are run, too.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter

import msgspec
from rich.console import Console
from rich.table import Table

import autotroph
from autotroph.clock import ReplayClock
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.whole import whole
from autotroph.digest.measures import measures_of
from autotroph.plan.applied import recorded, standing
from autotroph.plan.explaining import explained
from autotroph.plan.steps import planned
from autotroph.records import Cycle, Entry, Reward
from autotroph.spec import Spec, parse
from autotroph.store import open_reader, open_store
from autotroph.store.segments import sync
from benchmarks.digest_world import DECLARATION, NOW, write

DECISIONS, QUICK = 600_000, 15_000
BATCH = 5_000
CHANGED = DECLARATION.replace("0.7 * accepted", "0.4 * accepted").replace(
    "- 20 * cost_usd", "- 60 * cost_usd"
)
CHANGED = CHANGED.replace('value = "rating < 2"', 'value = "rating < 3"')


def main() -> None:
    """Run it, print the table, and with --json one object."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} decisions, within a minute")
    parser.add_argument("--json", action="store_true", help="one object on the last line")
    parser.add_argument("--decisions", type=int, default=0)
    parser.add_argument("--apply", action="store_true", help="run the steps, too")
    given = parser.parse_args()
    count = given.decisions or (QUICK if given.quick else DECISIONS)
    with tempfile.TemporaryDirectory(prefix="replan-") as folder:
        found = measured(Path(folder), count, applying=given.apply or given.quick)
    table = Table("what", "figure", title=f"{count:,} decisions, {os.cpu_count()} cores")
    for name, value in found.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) else f"{value:.2f}")
    Console().print(table)
    if given.json:
        print(msgspec.json.encode(found).decode())


def measured(folder: Path, decisions: int, *, applying: bool) -> dict[str, float]:
    """Makes the history, changes the declaration, and times what follows."""
    ledger = folder / ".autotroph/ledger.db"
    ledger.parent.mkdir()
    write(ledger, decisions)
    rows = valued(ledger, parse(DECLARATION))
    (folder / "autotroph.toml").write_text(CHANGED, "utf-8")
    spec = parse(CHANGED)
    found: dict[str, float] = {"decisions": decisions, "rewards": rows}
    began = perf_counter()
    segments = sync(ledger)
    found["segments_s"] = perf_counter() - began
    with closing(open_reader(ledger)) as reader:
        began = perf_counter()
        plan = planned(reader, spec)
        effects = explained(plan, reader, spec, segments)
        found["plan_s"] = perf_counter() - began
    found["measures"] = len(effects)
    found["other"] = sum(one.moved.other for one in effects)
    if applying:
        found |= applied(folder)
    return found


def valued(ledger: Path, spec: Spec) -> int:
    """Puts the values of every measure on record, as so many cycles would have done."""
    import duckdb

    segments = sync(ledger)
    file = ledger.with_name("values.parquet")
    whole(spec, "reply", segments, NOW, Options(rows=str(file)))
    kinds = {one.name: one.kind for one in measures_of(spec, "reply").values()}
    rows = duck_rows(duckdb.connect(), file)
    done = 0
    with closing(open_store(ledger)) as store:
        while some := list(islice(rows, BATCH)):
            store.append(*(Reward(kind=kinds[str(one["name"])], **one) for one in some))  # type: ignore[arg-type]
            done += len(some)
        record = msgspec.to_builtins(recorded(spec, standing(store, spec)))
        entry = Entry(actor="owner", event="measures", subject="support", details=record, at=NOW)
        store.append(entry, Cycle(number=1, through=segments.through, at=NOW)).durable()
    return done


def duck_rows(duck: "duckdb.DuckDBPyConnection", file: Path) -> Iterator[dict[str, object]]:  # type: ignore[name-defined]  # noqa: F821
    """The final values, as fields of rewards."""
    found = duck.execute(
        "SELECT decision, measure, version, value, clipped FROM read_parquet(?) WHERE status = 'final'",
        [str(file)],
    )
    while some := found.fetchmany(BATCH):
        for decision, name, version, value, clipped in some:
            yield {
                "decision": decision, "name": name, "version": version, "value": value, "clipped": clipped,
                "final": True, "at": NOW,
            }  # fmt: skip


def applied(folder: Path) -> dict[str, float]:
    """Opens the product, and runs the same steps."""
    began = perf_counter()
    with autotroph.open(folder / "autotroph.toml", clock=ReplayClock("digest", at=NOW)) as product:
        opened = perf_counter()
        before = product.store.last()
        product.apply()
        return {
            "open_s": opened - began,
            "apply_s": perf_counter() - opened,
            "values": product.store.last() - before,
        }


if __name__ == "__main__":
    main()
