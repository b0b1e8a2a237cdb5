"""Small histories full of edges, in a real ledger and its segments, and what the reference makes of them."""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from autotroph.digest.measures import Measure, measured
from autotroph.ingest.joining import Joiner, Open, Use
from autotroph.records import Completion, Decision, Option, Proposal, Record, Signal, Terms, Value
from autotroph.store import open_reader, open_store
from autotroph.store.segments import copying

SIGNALS: dict[str, str] = {
    "ok": "boolean",
    "stars": "number",
    "said": "text",
    "mood": "number",
    "done": "boolean",
}
VALUES: tuple[Value, ...] = (True, False, 0.0, 2.0, -1.5, 7.0, "", "ab", "abc", "zé\x00")
REFUSED = Terms(learn=False)


def history(luck: random.Random, decisions: int, horizon: float) -> Iterator[Record]:
    """Decisions of two tasks in few sessions, of few people; signals at and around the horizon."""
    rows: list[Record] = []
    for n in range(decisions):
        at = float(luck.randrange(100, 140))
        decision = _decision(luck, f"d{n}", at)
        rows += [decision, _completion(luck, decision.id, at)] if luck.random() < 0.9 else [decision]
        if luck.random() < 0.2:
            shadow = replace(
                decision, id=f"x{n}", served=False, shadows=decision.id, option=luck.choice("ab")
            )
            rows += [shadow, _completion(luck, shadow.id, at)]
    for n in range(3 * decisions):
        rows.append(_signal(luck, n, decisions, horizon))
    luck.shuffle(rows)
    yield from rows


def _decision(luck: random.Random, id_: str, at: float) -> Decision:
    user = luck.choice(("", "u1", "u2", "u3"))
    return Decision(
        id=id_,
        task=luck.choice(("t", "t", "t", "other")),
        release=luck.choice(("r1", "r2")),
        epoch=0,
        arm=luck.choice(("main", "control")),
        p_arm=1.0,
        options=luck.choice(((), (Option("a", 0.25), Option("b", 0.75)), (Option("b", 1.0),))),
        option=luck.choice(("a", "b")),
        unit=id_,
        unit_kind="decision",
        cluster=luck.choice(("c1", "c2", id_)),
        fold=luck.choice(("gate", "tracks", "tracks")),
        policy="p",
        variant="v",
        declaration="",
        at=at,
        user=user,
        session=luck.choice(("", "s1", "s2")),
        terms=luck.choice((Terms(), Terms(), REFUSED, Terms(purposes=("report",)))),
        inputs=luck.choice(
            ({}, {"plan": "pro", "age": 3}, {"plan": 7, "age": "old"}, {"plan": "", "age": True})
        ),
        proposals=(Proposal("a"),),
    )


def _completion(luck: random.Random, decision: str, at: float) -> Completion:
    return Completion(
        decision=decision,
        output=luck.choice(("", "ab", "abcd", "zé\x00")),
        at=at,
        tokens_in=luck.randrange(3),
        cost_usd=luck.choice((0.0, 0.01)),
        latency_ms=luck.uniform(0, 100),
        error=luck.choice(("", "", "", "503")),
    )


def _signal(luck: random.Random, n: int, decisions: int, horizon: float) -> Signal:
    about, subjects = luck.choice(
        (
            ("decision", [f"d{luck.randrange(decisions + 2)}"]),
            ("decision", [f"d{luck.randrange(decisions + 2)}"]),
            ("session", ["s1", "s2", "s3"]),
            ("user", ["u1", "u2", "u4"]),
        )
    )
    at = luck.choice(
        (90.0, *(float(luck.randrange(100, 140)) + luck.choice((0.0, horizon, 5.0)) for _ in "ab"))
    )
    return Signal(
        id=f"g{luck.randrange(10**6)}-{n}",
        name=luck.choice((*SIGNALS, "unused")),
        about=about,  # type: ignore[arg-type]
        subject=luck.choice(subjects),
        value=luck.choice(VALUES),
        at=at,
        user=luck.choice(("", "u1", "u2")),
        terms=luck.choice((Terms(), Terms(), Terms(), REFUSED)),
    )


def kept(folder: Path, rows: Iterator[Record]) -> Path:
    """A ledger of these rows, with segments; nothing has it open any more."""
    ledger = folder / "ledger.db"
    with closing(open_store(ledger)) as store:
        store.append(*rows).durable()
    copying.work("sync", ledger, folder / "segments", lambda _: None)
    return ledger


Row = tuple[str, float | None, str, bool]


def referred(ledger: Path, measure: Measure, now: float) -> tuple[dict[str, Row], list[str]]:
    """By the loop's own code: (decision, value, status, clipped) of each, and what may be learned from."""
    use = Use(measure.horizon, measure.signals, measure.scores == "served")
    found, learned = {}, []
    with closing(open_reader(ledger)) as reader:
        completions = {row.decision: row for row in reader.scan(Completion)}
        waiting = [
            Open(row.sequence, measure.name, row, completions[row.id])
            for row in reader.scan(Decision)
            if row.task == "t" and row.id in completions
        ]
        joiner = Joiner(reader, {"t": {measure.name: use}})
        joined = list(joiner.join(waiting, reader.last()))
    for _, one in joined:
        worth = measured(measure, one, now)
        if worth is None:
            continue
        status = "final" if worth.final else "pending" if worth.value is None else "provisional"
        found[worth.decision] = (worth.decision, worth.value, status, worth.clipped)
        if worth.final and worth.value is not None and one.decision.fold != "gate" and one.may_learn:
            learned.append(worth.decision)
    return found, learned
