"""What came through the gateway: figures of a ledger whose rows are known, against a direct computation."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from past import Past

from autotroph.observe import traffic as module
from autotroph.observe.traffic import Carried, Line, traffic
from autotroph.records import Completion, Decision, Entry
from autotroph.spec import Spec, parse

SPEC = """
[product]
name = "p"
upstream = "up"
[models.up]
kind = "openai"
base_url = "https://llm.example.com/v1"
[tasks.answer]
kind = "chat"
sites = ["site-00000000aa"]
variants = { quick = { model = "up" } }
[tasks.route]
kind = "choice"
actions = ["a", "b"]
"""
SITES = ("site-00000000aa", "site-00000000bb", "site-00000000cc")
MODELS = ("small", "large")
START = 1_700_000_000.0
DAY = 86_400.0

Row = tuple[Decision, Completion | None]


@pytest.fixture
def spec() -> Spec:
    return parse(SPEC)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    found = Past(tmp_path)
    yield found
    found.store.close()


def asked(past: Past, task: str, at: float, option: str = "small", **changed: object) -> Decision:
    user = str(changed.pop("user", "u"))
    fields = {"task": task, "option": option, "user": user, "provenance": "import"} | changed
    return past.decision("", user, "main", at, **fields)


def rows(past: Past, number: int) -> list[Row]:
    """Calls of three sites and a task, each with what came of it."""
    luck, found = np.random.default_rng(5), list[Row]()
    for at in range(number):
        task = (*SITES, "answer")[luck.integers(4)]
        option = "quick" if task == "answer" else MODELS[luck.integers(2)]
        one = asked(past, task, START + at, option, user=f"u{luck.integers(9)}")
        failed, streamed, priced = luck.random(3) < (0.2, 0.5, 0.7)
        end = Completion(
            decision=one.id,
            output="",
            at=one.at + 1.0,
            tokens_in=int(luck.integers(1, 900)),
            tokens_out=int(luck.integers(1, 900)),
            cost_usd=float(luck.random()) if priced else None,
            latency_ms=float(luck.gamma(2.0, 300.0)),
            first_token_ms=float(luck.gamma(2.0, 30.0)) if streamed else None,
            error="models.up: answered 500" if failed else "",
        )
        found.append((one, end if luck.random() < 0.95 else None))
    return found


def write(past: Past, found: list[Row]) -> None:
    past.write(one for pair in found for one in pair if one is not None)


def nearest(values: list[float], share: float) -> float | None:
    """The nearest rank, as textbooks have it."""
    return sorted(values)[ceil(share * len(values)) - 1] if values else None


def check_line(line: Line, found: list[Row]) -> None:
    ends = [end for one, end in found if (one.task, one.option) == (line.task, line.option)]
    known = [end for end in ends if end]
    well = [end for end in known if not end.error]
    firsts = [end.first_token_ms for end in well if end.first_token_ms is not None]
    whole = [end.latency_ms for end in well]
    assert (line.calls, line.pending) == (len(ends), len(ends) - len(known))
    assert line.failed == len(known) - len(well)
    assert line.failing == pytest.approx(line.failed / line.calls)
    assert line.tokens_in == sum(end.tokens_in for end in known)
    assert line.tokens_out == sum(end.tokens_out for end in known)
    assert line.cost_usd == pytest.approx(sum(end.cost_usd or 0.0 for end in known))
    assert line.unpriced == sum(end.cost_usd is None for end in known)
    assert (line.first_p50, line.first_p95) == (nearest(firsts, 0.5), nearest(firsts, 0.95))
    assert (line.whole_p50, line.whole_p95) == (nearest(whole, 0.5), nearest(whole, 0.95))


def test_each_figure_is_what_a_direct_computation_gives(past: Past, spec: Spec) -> None:
    given = rows(past, 600)
    write(past, given)
    found = traffic(past.store, spec)
    for line in found.lines:
        check_line(line, given)
    assert len(found.lines) == found.pairs == 7
    ends = [end for _, end in given if end]
    assert (found.calls, found.users) == (600, 9)
    assert (found.since, found.until) == (START, START + 599)
    assert found.failed == sum(bool(end.error) for end in ends)
    assert found.pending == 600 - len(ends)
    assert found.tokens_in == sum(end.tokens_in for end in ends)
    assert found.cost_usd == pytest.approx(sum(end.cost_usd or 0.0 for end in ends))
    free = [one for one, _ in given if one.task in SITES[1:]]
    assert (found.sites, found.untasked) == (2, len(free))
    (trouble,) = found.troubles
    assert (trouble.error, trouble.calls) == ("models.up: answered 500", found.failed)
    assert set(trouble.options.split(", ")) == {"quick", *MODELS}


def test_lines_of_one_task_stand_together_and_most_calls_come_first(past: Past, spec: Spec) -> None:
    past.write(asked(past, SITES[0], START, "small") for _ in range(3))
    past.write(asked(past, SITES[1], START, "small") for _ in range(2))
    past.write(asked(past, SITES[0], START, "large") for _ in range(1))
    told = [(line.task, line.option) for line in traffic(past.store, spec).lines]
    assert told == [(SITES[0], "small"), (SITES[0], "large"), (SITES[1], "small")]


def test_what_asked_nobody_outside_is_no_traffic(past: Past, spec: Spec) -> None:
    route, brought = asked(past, "route", START, "a"), asked(past, "answer", START, key="import:answer/1")
    shadow = asked(past, "answer", START, served=False, shadows="d9")
    past.write([route, brought, shadow, asked(past, "site-of-ours", START)])
    assert traffic(past.store, spec) == Carried()


def test_a_cost_that_nobody_knows_is_not_nothing(past: Past, spec: Spec) -> None:
    one, two = asked(past, SITES[0], START), asked(past, SITES[1], START)
    refused = Completion(decision=one.id, output="", at=START, cost_usd=0.0, error="answered 404")
    answered = Completion(decision=two.id, output="", at=START, cost_usd=None, tokens_in=3)
    past.write([one, refused])
    assert traffic(past.store, spec).cost_usd == 0.0
    past.write([two, answered])
    found = traffic(past.store, spec)
    assert (found.cost_usd, found.unpriced) == (None, 1)


def test_only_the_newest_are_looked_at(past: Past, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    old = asked(past, SITES[0], START)
    past.write([old, replace(old, id="later", at=START + 29 * DAY)])
    assert traffic(past.store, spec).calls == 1
    monkeypatch.setattr(module, "WHOLE", module.WHOLE.replace(f"LIMIT {module.NEWEST}", "LIMIT 0"))
    assert traffic(past.store, spec) == Carried()


def test_what_the_ledger_did_not_take_is_counted_since_the_first_call(past: Past, spec: Spec) -> None:
    for at, missed in ((START - DAY, 5), (START + 1, 7)):
        told = Entry(
            actor="loop", event="decisions unrecorded", subject="p", details={"decisions": missed}, at=at
        )
        past.write([told])
    past.write([asked(past, SITES[0], START)])
    assert traffic(past.store, spec).unrecorded == 7


def test_no_more_is_read_than_the_newest(past: Past) -> None:
    plan = past.store.query(f"EXPLAIN QUERY PLAN {module.PAIRS}", {"tasks": "[]"}).rows
    read = [str(row[-1]) for row in plan if "decisions" in str(row[-1]) or " c " in f" {row[-1]} "]
    assert read == [
        "SCAN decisions",
        "SEARCH c USING INDEX sqlite_autoindex_completions_1 (decision=?) LEFT-JOIN",
    ]
