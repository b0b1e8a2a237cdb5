"""What is taken of budgets and limits, for those who only look."""

from contextlib import closing
from pathlib import Path

import pytest
from counting import AT, SPEC

from autotroph.clock import ReplayClock
from autotroph.govern.budgets import Budgets, beside
from autotroph.govern.meters import Amount, meters
from autotroph.govern.spending import Spending, spending
from autotroph.spec import parse


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A dollar's hundredth was spent, and some more is set aside; of it the key's part, too."""
    path = tmp_path / "ledger.db"
    with closing(Budgets(beside(path), ReplayClock("seven", at=AT))) as budgets:
        counted = meters(SPEC, "answer", "phone")
        first = budgets.reserve("one", counted, Amount(50_000_000, 40))
        budgets.settle(first, Amount(30_000_000, 25))
        budgets.reserve("two", counted, Amount(40_000_000, 30))
    return path


def of(found: tuple[Spending, ...]) -> dict[tuple[str, str], tuple[float, float | None, float | None]]:
    return {(one.subject, one.what): (one.most, one.used, one.held) for one in found}


def test_it_is_what_the_counters_say_in_dollars_requests_and_tokens(ledger: Path) -> None:
    assert of(spending(SPEC, ledger, AT)) == {
        ("task answer", "usd"): (0.0001, 0.00003, 0.00004),
        ("task answer", "requests"): (1e6, 1, 1),
        ("task answer", "tokens"): (1e8, 25, 30),
        ("key phone", "usd"): (1.0, 0.00003, 0.00004),
    }


def test_the_next_stretch_begins_with_nothing(ledger: Path) -> None:
    (first, *_) = spending(SPEC, ledger, AT)
    assert first.until == AT // 86400 * 86400 + 86400
    assert {(one.used, one.held) for one in spending(SPEC, ledger, first.until)} == {(0.0, 0.0)}


def test_who_looks_writes_nothing(tmp_path: Path) -> None:
    found = spending(SPEC, tmp_path / "ledger.db", AT)
    assert [one.used for one in found] == [0.0] * 4
    assert list(tmp_path.iterdir()) == []


def test_counters_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    beside(ledger).write_bytes(b"not a database, but as long as the head of one would have to be" * 20)
    assert {(one.used, one.held) for one in spending(SPEC, ledger, AT)} == {(None, None)}


def test_nothing_is_said_where_nothing_is_declared_or_counted(ledger: Path) -> None:
    assert spending(parse('[product]\nname = "p"\n'), ledger, AT) == ()
    assert spending(SPEC, None, AT) == ()
