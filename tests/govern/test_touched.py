"""What an erased person had said stops counting for the others: as if that person had never been there."""

import pytest

from autotroph.govern.touched import touched
from autotroph.records import Reward, Signal
from autotroph.store.sqlite import SqliteStore
from support_product import TOML, ask, opened, pass_time

MORE = """
split = { type = "number", about = "session", credit = "split" }
fair = { type = "number", take = "votes" }
[signals.company]
type = "number"
about = "session"
sql = '''SELECT session AS subject, count(*) AS value, max(at) AS at FROM moments
         WHERE kind = 'decision' GROUP BY session'''
[outcomes.sum]
value = "coalesce(split, 0) + 10 * coalesce(fair, 0) + 100 * coalesce(company, 0) + 1000 * coalesce(happy, 0)"
horizon = "1h"
"""


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    before, after = TOML.split("[rewards.useful]")
    declared = f"{before}{MORE}[rewards.useful]{after}".replace('value = "accepted"', 'value = "resolved"')
    monkeypatch.setattr("support_product.TOML", declared)


def live(product, *users):
    """Everybody asks alone and in a shared session, and says something about the others, too."""
    for user in ("ann", "bob"):
        if user in users:
            for session in (f"of {user}", "shared"):
                ask(product, user, session=session, key=f"{user} {session}")
                product.clock.advance(product.clock.now() + 10)
    shared = product.decide("reply", {"text": "?"}, user="bob", session="shared", key="bob shared").durable()
    said = {"bob": ("bob", False, 2.0, 3.0), "ann": ("bob", True, 7.0, 5.0)}
    for user in users:
        other, resolved, split, fair = said[user]
        product.signal("shared", "resolved", resolved, user=user)
        product.signal("shared", "split", split, user=user)
        product.signal(shared.id, "fair", fair, user=user)
        product.signal(other, "happy", fair, user=user).durable()
        product.clock.advance(product.clock.now() + 10)


def worth(product):
    """The newest values of Bob's decisions, by the keys that they came with."""
    rows = product.store.query(
        "SELECT d.key, m.name, m.value FROM measures_by_decision AS m"
        " JOIN decisions AS d ON d.id = m.decision WHERE d.user = 'bob'"
    ).rows
    return {(str(key), str(name)): value for key, name, value in rows}


def opened_in(base, name):
    (base / name).mkdir(exist_ok=True)
    return opened(base / name)


def test_what_others_were_worth_is_as_if_the_erased_had_never_been_there(tmp_path):
    with opened_in(tmp_path, "never") as never, opened_in(tmp_path, "erased") as product:
        live(never, "bob")
        live(product, "bob", "ann")
        for each in (never, product):
            pass_time(each)
        before = worth(product)
        assert before["bob shared", "useful"] == 1.0
        assert before["bob shared", "sum"] != worth(never)["bob shared", "sum"]
        product.erase("ann")
        assert worth(product) == before
        product.cycle()
        assert worth(product) == worth(never)
        assert worth(product)["bob shared", "useful"] == 0.0
        rows = product.store.last()
        product.cycle()
        assert list(product.store.scan(Reward, after=rows)) == []


def test_it_is_not_forgotten_when_the_process_ends_in_between(tmp_path):
    with opened_in(tmp_path, "erased") as product:
        live(product, "bob", "ann")
        pass_time(product)
        product.erase("ann")
        at = product.clock.now()
    with opened_in(tmp_path, "erased") as product:
        product.clock.advance(at)
        waiting = touched(product.store)
        assert waiting
        product.cycle()
        assert worth(product)["bob shared", "useful"] == 0.0
        assert product.store.get(Signal, name="company", subject="shared").value == 1.0
        assert touched(product.store) == ()


def test_it_is_remembered_before_the_first_row_goes(tmp_path, monkeypatch):
    with opened_in(tmp_path, "erased") as product:
        live(product, "bob", "ann")
        pass_time(product)

        def removed(*_):
            assert touched(product.store)
            raise RuntimeError("killed")

        monkeypatch.setattr(SqliteStore, "remove", removed)
        with pytest.raises(RuntimeError, match="killed"):
            product.erase("ann")


def test_who_had_nothing_to_do_with_others_touches_nobody(tmp_path):
    with opened_in(tmp_path, "alone") as product:
        ask(product, "ann", session="of ann")
        ask(product, "bob", session="of bob")
        product.signal("of ann", "resolved", True, user="ann").durable()
        pass_time(product)
        product.erase("ann")
        assert touched(product.store) == ()
