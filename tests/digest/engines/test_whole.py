"""Whole digestion equals the loop's own reference, decision by decision, whatever the history holds."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec import structs
from small_histories import SIGNALS, Row, history, kept, referred

from autotroph.digest.engines import run
from autotroph.digest.engines.ledger import whole_ledger
from autotroph.digest.engines.options import Options
from autotroph.digest.engines.whole import whole
from autotroph.digest.measures import measures_of
from autotroph.records import Completion, Decision
from autotroph.spec import Spec, parse
from autotroph.store.segments import Segments

HORIZON = 10.0
VALUES = [
    "ok",
    "ok + coalesce(stars, 0) / 2 + p",
    "coalesce(kept(said), 1) * coalesce(mood, 0.5)",
    "CASE WHEN said = 'ab' THEN 1 WHEN done THEN stars ELSE mood END",
    "length(said) - tokens_in - 10 * cost_usd + shown + chars / 10",
    "coalesce(inputs.age, 0) / 3 + (inputs.plan = 'pro') + coalesce(early, 0.25)",
]


def declared(luck: random.Random, value: str) -> Spec:
    """Signals that are taken, limited and credited in ways drawn by luck."""
    about = {name: luck.choice(("decision", "decision", "session", "user")) for name in SIGNALS}
    about["early"] = about["stars"]
    found = {name for name, one in about.items() if one != "user" and luck.random() < 0.3} - {
        "stars",
        "early",
    }
    signals = "\n".join(
        f"{name} = {{ {_found(luck, name, one) if name in found else _signal(luck, name, one)} }}"
        for name, one in about.items()
    )
    scores = "served" if found or "user" in about.values() else luck.choice(("any", "served"))
    silent = luck.choice(("{}", "{ ok = false, stars = 3, said = 'ab' }", "{ ok = { heard = 0.5 } }"))
    return parse(f"""
[product]
name = "p"
[tasks.t]
kind = "choice"
actions = ["a", "b"]
reward = "r"
guardrails = ["g"]
context = {{ plan = "category", age = "number" }}
[signals]
{signals}
[rewards.r]
value = "{value}"
range = [0, 2]
horizon = "{HORIZON:g}s"
scores = "{scores}"
silent = {silent}
[guardrails.g]
margin = 1
value = "latency_ms + coalesce(stars, 1)"
horizon = "4s"
[outcomes.o]
value = "done"
horizon = "12s"
silent = {{ done = false }}
""")


def _found(luck: random.Random, name: str, about: str) -> str:
    """A signal that nobody sends: the newest row of a subject is what it is."""
    credit = luck.choice(("every", "first", "last")) if about == "session" else "every"
    sql = f"SELECT {about} AS subject, 1 AS value, at FROM moments"
    return f'type = "{SIGNALS[name]}", about = "{about}", credit = "{credit}", sql = "{sql}"'


def _signal(luck: random.Random, name: str, about: str) -> str:
    type_ = SIGNALS.get(name, "number")
    takes = {"text": ("last", "first"), "number": ("last", "first", "mean", "votes")}
    said: dict[str, Any] = {"type": type_, "about": about}
    said["take"] = luck.choice(takes.get(type_, ("last", "first", "any", "mean", "votes")))
    if about != "user":
        said["scores"] = "any"
    if about == "session":
        said["credit"] = luck.choice(("every", "first", "last", *(("split",) if type_ != "text" else ())))
    if luck.random() < 0.3:
        said["within"] = "5s"
    if name == "early":
        said["of"] = "stars"
    return ", ".join(f'{key} = "{value}"' for key, value in said.items())


def near(row: Row) -> tuple[object, ...]:
    name, value, *rest = row
    return (name, value if value is None else pytest.approx(value, rel=1e-12, abs=1e-12), *rest)


WHOLE = [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 8))]
"""Seeds of histories. Three have every edge that eight have, in fewer combinations of declared ways."""


@pytest.mark.parametrize("seed", WHOLE)
def test_it_equals_the_reference(seed: int, tmp_path: Path) -> None:
    luck = random.Random(seed)
    rows = list(history(luck, 120, HORIZON))
    ledger = kept(tmp_path, iter(rows))
    segments = Segments.open(ledger)
    served = {row.id for row in rows if isinstance(row, Decision) and row.served}
    failed = {row.decision for row in rows if isinstance(row, Completion) and row.error}
    for value in VALUES:
        spec, now = declared(luck, value), luck.choice((0.0, 120.0, 130.0 + HORIZON, 1e6))
        file = tmp_path / "rows.parquet"
        found = whole(spec, "t", segments, now, Options(rows=str(file)))
        for place, (name, measure) in enumerate(measures_of(spec, "t").items()):
            expected, learned = referred(ledger, measure, now)
            mine = duckdb.execute(
                "SELECT decision, value, status, clipped FROM read_parquet(?) WHERE measure = ?",
                [str(file), name],
            ).fetchall()
            assert {row[0]: row for row in mine} == {key: near(row) for key, row in expected.items()}
            final = [
                r[1] for key, r in expected.items() if key in served and r[2] == "final" and r[1] is not None
            ]
            figures = [cell.figures[place] for cell in found.cells if cell.served]
            assert sum(one.n for one in figures) == len(final)
            assert sum(one.n * (one.mean or 0.0) for one in figures) == pytest.approx(sum(final))
            if measure.kind == "reward":
                assert found.manifest.rows == len(learned)
                assert {(row[1], row[3]) for row in mine if row[0] in failed} == {(0.0, False)}


def test_the_ledger_gives_what_its_segments_give(tmp_path: Path) -> None:
    luck = random.Random(11)
    ledger = kept(tmp_path, history(luck, 150, HORIZON))
    segments = Segments.open(ledger)
    for value in VALUES:
        spec = declared(luck, value)
        mine = whole(spec, "t", segments, 140.0)
        other = whole_ledger(spec, "t", ledger, 140.0)
        assert other.manifest == mine.manifest
        assert len(other.cells) == len(mine.cells)
        for one, two in zip(other.cells, mine.cells, strict=True):
            assert (one.by, one.served) == (two.by, two.served)
            for left, right in zip(one.figures, two.figures, strict=True):
                assert [near_by(each) for each in structs.astuple(left)] == list(structs.astuple(right))


def near_by(value: object) -> object:
    return pytest.approx(value, rel=1e-12, abs=1e-12) if isinstance(value, float) else value


def test_in_parts_it_finds_what_it_finds_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    luck = random.Random(12)
    ledger = kept(tmp_path, history(luck, 150, HORIZON))
    segments = Segments.open(ledger)
    for value in VALUES:
        spec = declared(luck, value)
        at_once = whole(spec, "t", segments, 140.0)
        with monkeypatch.context() as patch:
            patch.setattr(run, "AT_ONCE", 50)
            in_parts = whole(spec, "t", segments, 140.0)
        assert in_parts.manifest == at_once.manifest
        counted = [[one.n for one in cell.figures] for cell in in_parts.cells]
        assert counted == [[one.n for one in cell.figures] for cell in at_once.cells]
