"""What processes that cannot write ask for: done once, in order, whenever whoever can write was killed."""

import pytest

from autotroph.errors import LedgerError
from autotroph.records import Entry, Verdict
from autotroph.spec import First
from autotroph.unattended import asking
from autotroph.unattended.asking import Approve, answer, folder_of, put
from autotroph.unattended.freezing import Freeze, Thaw
from support_product import opened


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        yield product


@pytest.fixture
def beside(tmp_path):
    return folder_of(tmp_path / ".autotroph" / "ledger.db")


def events(product):
    return [
        (one.event, one.details.get("ask"))
        for one in product.store.scan(Entry)
        if one.event in ("frozen", "thawed", asking.IN_VAIN)
    ]


def test_what_was_asked_for_is_done_in_order_and_once(product, beside):
    put(beside, "ask_1", Freeze(reason="holidays", by="Ada"))
    put(beside, "ask_2", Thaw())
    assert answer(product.store, "ask_1") is None
    assert product.heed() == 2
    assert product.heed() == 0
    assert events(product) == [("frozen", "ask_1"), ("thawed", "ask_2")]
    assert answer(product.store, "ask_1").actor == "Ada"
    assert list(beside.iterdir()) == []


def test_a_cycle_heeds_first(product, beside):
    put(beside, "ask_1", Freeze())
    product.cycle()
    assert events(product) == [("frozen", "ask_1")]


def test_what_was_done_and_not_put_away_is_not_done_again(product, beside):
    put(beside, "ask_1", Freeze())
    product.heed()
    put(beside, "ask_1", Freeze())
    assert product.heed() == 1
    assert events(product) == [("frozen", "ask_1")]


def test_what_cannot_be_granted_is_answered_with_the_reason(product, beside):
    put(beside, "ask_1", Freeze(task="rply"))
    put(beside, "ask_2", Approve(candidate="nobody"))
    product.heed()
    assert events(product) == [(asking.IN_VAIN, "ask_1"), (asking.IN_VAIN, "ask_2")]
    assert "no task named 'rply'" in answer(product.store, "ask_1").details["reason"]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"ask":"Erase"}', b"\xff" * 200_000])
def test_what_cannot_be_read_stops_nothing(product, beside, content):
    put(beside, "ask_2", Freeze())
    (beside / "ask_1.json").write_bytes(content)
    (beside / ".ask_0").write_bytes(content)
    product.heed()
    assert events(product) == [(asking.IN_VAIN, "ask_1"), ("frozen", "ask_2")]
    assert [one.name for one in beside.iterdir()] == [".ask_0"]


def test_an_approval_is_one_append_with_what_it_was_asked_with(product, beside):
    candidate = product.propose("reply", "short", policy=First())
    put(beside, "ask_1", Approve(candidate="short", by="Ada"))
    product.heed()
    put(beside, "ask_1", Approve(candidate="short", by="Ada"))
    product.heed()
    (verdict,) = product.store.scan(Verdict, judge="person")
    assert (verdict.candidate, verdict.finding) == (candidate.id, "advance")
    found = answer(product.store, "ask_1")
    assert (found.event, found.actor, found.sequence) == ("approved", "Ada", verdict.sequence + 1)


def test_nothing_is_forgotten_while_nothing_can_be_written(product, beside, monkeypatch):
    def full(*_: object) -> None:
        raise LedgerError("planted")

    put(beside, "ask_1", Freeze())
    with monkeypatch.context() as patched:
        patched.setattr(product, "_grant", full)
        with pytest.raises(LedgerError, match="planted"):
            product.heed()
    assert product.heed() == 1
    assert events(product) == [("frozen", "ask_1")]
