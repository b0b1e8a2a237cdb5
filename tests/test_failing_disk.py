"""A product on a disk that is full, or stands still: it answers, and says what is unrecorded."""

import threading
import time
from collections.abc import Callable

import pytest

import autotroph
from autotroph.errors import LedgerError, Overloaded
from autotroph.ingest.arrivals import SignalIn
from autotroph.records import Decision, Entry, Signal
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import FULL, Disk
from support_product import OPTIONS, ask, opened, pass_time

REFUSE = 'on_store_failure = "refuse"\n'


@pytest.fixture
def disk():
    with Disk(keeps=False).mounted() as disk:
        yield disk


def on(disk, folder, more="", room=200):
    return opened(folder, more, store=SqliteStore(folder / "ledger.db", room=room, vfs=disk.name))


def soon(happened: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether it happens in time."""
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.02)
    return happened()


def test_a_full_disk_costs_records_and_no_answers(tmp_path, disk):
    with on(disk, tmp_path) as product:
        before = ask(product, "ann")
        disk.fail(FULL)
        answers = [product.decide("reply", {"n": n}, user=f"u{n}", options=OPTIONS) for n in range(20)]
        assert all(answer.output for answer in answers)
        unstored = product.decide("reply", {"n": 20}, user="u20", options=OPTIONS, key="k")
        for answer in (answers[0], unstored):
            with pytest.raises(LedgerError):
                answer.durable()
        assert answers[0].unrecorded
        assert soon(lambda: bool(product.store.fault()))
        assert soon(lambda: product.unrecorded == 21)
        with pytest.raises(Overloaded):
            product.take([SignalIn(subject=before, name="accepted", value=True)], patience=0.0)
        disk.mend()
        assert soon(lambda: not product.store.fault())
        (outcome,) = product.take([SignalIn(subject=before, name="accepted", value=True)], patience=2.0)
        assert outcome.status == "stored"
        again = product.decide("reply", {"n": 20}, user="u20", options=OPTIONS, key="k")
        assert again.durable().id == unstored.id
        assert product.store.get(Decision, key="k").options == unstored.decision.options
        after = product.decide("reply", {}, user="bob", options=OPTIONS).durable()
        assert product.store.get(Decision, id=after.id)


def test_a_disk_that_stands_still_stops_neither_answers_nor_memory(tmp_path, disk):
    with on(disk, tmp_path) as product:
        ask(product, "ann")
        with disk.stalled():
            answers = [product.decide("reply", {"n": n}, user=f"u{n}", options=OPTIONS) for n in range(400)]
            unrecorded = [answer for answer in answers if answer.unrecorded]
            assert len(unrecorded) >= 300  # two rows each, and room for 200 rows
            assert product.unrecorded == len(unrecorded)
            assert all(answer.output for answer in answers)
            with pytest.raises(LedgerError, match="not recorded"):
                unrecorded[0].durable()
            with pytest.raises(Overloaded) as raised:
                product.signal("d", "accepted", True, at=1.0)
            assert raised.value.retry_after >= 1.0
        recorded = [answer for answer in answers if not answer.unrecorded]
        assert {answer.durable().id for answer in recorded} <= {
            one.id for one in product.store.scan(Decision)
        }
        pass_time(product)
        entry = product.store.get(Entry, event="decisions unrecorded")
        assert entry.details == {"decisions": len(unrecorded)}
        assert product.unrecorded == 0


def test_a_cycle_that_waits_for_the_disk_stops_no_decision(tmp_path, disk):
    with on(disk, tmp_path) as product:
        ask(product, "ann")
        with disk.stalled():
            product.signal("d", "accepted", True)
            turning = threading.Thread(target=product.cycle)
            turning.start()
            time.sleep(0.2)
            assert turning.is_alive()
            assert product.decide("reply", {}, user="bob", options=OPTIONS).output
        turning.join(10)
        assert not turning.is_alive()
        assert list(product.store.scan(Signal))


def test_who_must_not_answer_unrecorded_refuses(tmp_path, disk):
    on(disk, tmp_path).close()
    path = tmp_path / "autotroph.toml"
    path.write_text(
        path.read_text("utf-8").replace('name = "support"\n', f'name = "support"\n{REFUSE}'), "utf-8"
    )
    with autotroph.open(path, store=SqliteStore(tmp_path / "ledger.db", vfs=disk.name)) as product:
        product.decide("reply", {}, user="ann", options=OPTIONS).durable()
        disk.fail(FULL)
        product.store.append(Entry(actor="a", event="e", subject="s", details={}, at=1.0))
        assert soon(lambda: bool(product.store.fault()))
        with pytest.raises(LedgerError, match="refuse"):
            product.decide("reply", {}, user="ann", options=OPTIONS)
        disk.mend()
        assert soon(lambda: not product.store.fault())
        product.decide("reply", {}, user="ann", options=OPTIONS).durable()
