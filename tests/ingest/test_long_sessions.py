"""A session of a hundred thousand decisions and some hundred signals: nothing is lost, no work is squared."""

import sys

import pytest

from autotroph.records import Completion, Decision, Signal
from support_product import START, TOML, opened

MORE = """
whole = { type = "number", about = "session", credit = "every" }
shared = { type = "number", about = "session", credit = "split", take = "mean" }
opening = { type = "number", about = "session", credit = "first" }
closing = { type = "number", about = "session", credit = "last" }
[outcomes.everybody]
value = "whole"
horizon = "1h"
[outcomes.part]
value = "shared"
horizon = "1h"
[outcomes.begun]
value = "opening"
horizon = "1h"
[outcomes.ended]
value = "closing"
horizon = "1h"
[rewards.useful]"""
STEPS = 1000


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setattr("support_product.TOML", TOML.replace("[rewards.useful]", MORE))


class Work:
    """Counts what is done meanwhile: steps of SQLite's machine and, where asked, calls in Python."""

    def __init__(self, product, *, calls):
        self.connection, self.steps, self.calls = product.store._connection, 0, 0
        self.called = self._called if calls else None

    def __enter__(self):
        self.connection.set_progress_handler(self._stepped, STEPS)
        sys.setprofile(self.called)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        self.connection.set_progress_handler(None)

    def _stepped(self):
        self.steps += STEPS
        return False

    def _called(self, _frame, event, _what):
        self.calls += event == "call"


def answered(number, count):
    decision = Decision(
        id=f"d{number:06}", task="reply", release="r", epoch=0, arm="main", p_arm=1.0, options=(), option="a",
        unit="u", unit_kind="user", cluster="u", fold="tracks", policy="", variant="", declaration="",
        at=START + 1800 * number / count, user="u", session="long", provenance="import",
    )  # fmt: skip
    return decision, Completion(decision=decision.id, output="x", at=decision.at)


def lived(product, decisions, signals, *, calls=True):
    """Decisions in two parts with signals between and after them, a cycle after each; what that took."""
    answers = [answered(number, decisions) for number in range(decisions)]
    half, work = decisions // 2, []
    for part, rest in ((answers[:half], 0), (answers[half:], 1)):
        for start in range(0, len(part), 1000):
            rows = (row for pair in part[start : start + 1000] for row in pair)
            product.import_decisions(*rows).durable()
        product.clock.advance(part[-1][0].at + 1)
        work.append(cycled(product, calls))
        said = (signal(name, number, part[-1][0].at) for name in NAMES for number in range(rest, signals, 2))
        product.import_decisions(*said).durable()
        product.clock.advance(product.clock.now() + 1)
        work.append(cycled(product, calls))
    product.clock.advance(START + 1800 + 3600)
    return [*work, cycled(product, calls)]


NAMES = ("whole", "shared", "opening", "closing")


def signal(name, number, at):
    at += number / 1e6  # before the next decision
    return Signal(
        id=f"{name} {number}", name=name, about="session", subject="long", value=float(number), at=at,
        key=f"{name} {number}",
    )  # fmt: skip


def cycled(product, calls):
    with Work(product, calls=calls) as work:
        product.cycle()
    return work.steps, work.calls


def values(product):
    found = (
        "SELECT name, count(*), count(value), sum(value), max(value) FROM measures_by_decision GROUP BY name"
    )
    return {name: rest for name, *rest in product.store.query(found).rows}


def check(product, decisions, signals):
    found = values(product)
    assert {name: one[0] for name, one in found.items()} == dict.fromkeys(found, decisions)
    assert found["everybody"][1:] == [decisions, decisions * (signals - 1.0), signals - 1]
    assert found["begun"][1:] == [1, signals - 1, signals - 1]
    assert found["ended"][1:] == [2, 2.0 * signals - 3, signals - 1]  # that of the half, and the very last
    assert found["part"][1] == decisions


def test_twice_as_long_a_session_is_no_more_than_twice_the_work(tmp_path):
    took = []
    for decisions in (1000, 2000):
        (tmp_path / str(decisions)).mkdir()
        with opened(tmp_path / str(decisions)) as product:
            took.append(lived(product, decisions, 60))
            check(product, decisions, 60)
    for (steps, calls), (twice_steps, twice_calls) in zip(*took, strict=True):
        assert twice_steps <= 2.3 * steps + 10 * STEPS
        assert twice_calls <= 2.3 * calls


@pytest.mark.slow
def test_a_hundred_thousand_decisions_and_three_hundred_signals_of_each_kind(tmp_path):
    with opened(tmp_path) as product:
        took = lived(product, 100_000, 300, calls=False)
        check(product, 100_000, 300)
    assert max(steps for steps, _ in took) < 300 * 100_000
