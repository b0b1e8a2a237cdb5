import threading

import pytest

from autotroph.errors import InputError
from autotroph.records import Completion, Decision, Entry, Erasure, Reward, Signal
from autotroph.store import verify
from support_product import OPTIONS, ask, opened, pass_time


def used(product) -> dict[str, str]:
    """Two people: a decision each, signals about it, about a session that is theirs or shared, about them."""
    ids = {}
    for user in ("ann", "bob"):
        ids[user] = ask(product, user, f"the secret of {user}", session=f"of {user}")
        product.signal(ids[user], "edited", f"a text of {user}")
        product.signal(ids[user], "accepted", True)
        product.signal(f"of {user}", "resolved", True)
        product.signal(user, "happy", 5.0)
        ids[f"{user} shared"] = ask(product, user, session="shared")
    product.signal("shared", "resolved", True)
    product.signal("unknown decision", "accepted", True, user="ann").durable()
    pass_time(product)
    return ids


def test_an_export_has_everything_of_one_person_and_nothing_of_another(tmp_path):
    with opened(tmp_path) as product:
        ids = used(product)
        documents = list(product.export("ann"))
        kinds = [one["kind"] for one in documents]
        assert {kind: kinds.count(kind) for kind in set(kinds)} == {
            "decision": 2,
            "completion": 2,
            "signal": 5,
            "reward": 2,
        }
        assert ids["bob"] not in repr(documents)
        assert "the secret of ann" in repr(documents)
        assert list(product.export("nobody")) == []


def test_an_erased_person_is_gone_from_rows_memory_and_bytes_and_the_chain_holds(tmp_path):
    with opened(tmp_path) as product:
        ids = used(product)
        before = verify(product.store)
        done = product.erase("ann", by="owner")
        assert (done.users, done.decisions, done.signals, done.rows) == (1, 2, 5, 11)
        assert {one.user for one in product.store.scan(Decision)} == {"bob"}
        assert len(list(product.store.scan(Completion))) == len(list(product.store.scan(Reward))) == 2
        assert {one.subject for one in product.store.scan(Signal)} == {ids["bob"], "of bob", "bob", "shared"}
        assert list(product.export("ann")) == []
        assert len(list(product.store.scan(Erasure))) == 4  # the user, two decisions, one session
        assert verify(product.store) == before + 1
        entry = product.store.get(Entry, event="erased")
        assert (entry.actor, entry.details) == ("owner", {"users": 1, "decisions": 2, "signals": 5})
    raw = b"".join(path.read_bytes() for path in (tmp_path / ".autotroph").iterdir())
    for mark in (b"the secret of ann", b"a text of ann", b"of ann", ids["ann"].encode()):
        assert mark not in raw
    assert b"the secret of bob" in raw


def test_a_cycle_after_an_erasure_is_the_same_as_after_reopening(tmp_path):
    with opened(tmp_path) as product:
        used(product)
        product.erase("ann")
        kept = product.rooms.digestions["reply"].fold, product.rooms.joiner.open
        product.cycle()
    with opened(tmp_path) as again:
        assert (again.rooms.digestions["reply"].fold, again.rooms.joiner.open) == kept


@pytest.mark.parametrize("users", [(), ("",), ("ann", "")])
def test_nobody_is_erased_by_mistake(tmp_path, users):
    with opened(tmp_path) as product:
        ask(product, "ann")
        with pytest.raises(InputError, match="name the users"):
            product.erase(*users)
        assert len(list(product.store.scan(Decision))) == 1


def test_somebody_unknown_leaves_a_mark_and_nothing_else(tmp_path):
    with opened(tmp_path) as product:
        ask(product, "ann")
        assert product.erase("nobody").rows == 0
        assert len(list(product.store.scan(Decision))) == 1


def test_somebody_may_be_erased_again(tmp_path):
    with opened(tmp_path) as product:
        ask(product, "ann")
        assert product.erase("ann").decisions == 1
        product.clock.advance(product.clock.now() + 60.0)
        assert product.erase("ann", "bob").rows == 0
        assert len(list(product.store.scan(Erasure))) == 3  # ann, her decision, and bob


def test_what_is_on_its_way_meanwhile_goes_too(tmp_path):
    with opened(tmp_path) as product:
        asking, erasing = threading.Event(), threading.Event()

        def ask_on() -> None:
            for number in range(2_000):
                product.decide("reply", {"n": number}, user="ann", options=OPTIONS)
                asking.set()
                if erasing.is_set():
                    break

        thread = threading.Thread(target=ask_on)
        thread.start()
        asking.wait()
        assert product.erase("ann").decisions > 0
        erasing.set()
        thread.join()
        product.store.append().durable()
        assert list(product.store.scan(Decision)) == []
