"""A disk that stands still: the queue is bounded, readers are answered, and what was queued is written."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest
from recovering import in_memory, soon

from autotroph.errors import LedgerError, Overloaded
from autotroph.records import Signal
from autotroph.store import open_reader
from autotroph.store.protocols import Receipt
from autotroph.store.queue import MOMENT
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk
from autotroph.testing.disks.platter import Sync
from autotroph.testing.stores import decision, entry, signal

MIB = 2**20


@pytest.fixture
def path():
    with in_memory() as folder:
        yield folder / "ledger.db"


@pytest.fixture
def disk():
    with Disk(keeps=False).mounted() as disk:
        yield disk


@contextmanager
def opened(path: Path, disk: Disk, **how: float) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, vfs=disk.name, **how)) as store:
        store.append(entry(0)).durable()
        yield store


def test_a_stall_is_told_and_blocks_neither_readers_nor_the_queue(path, disk):
    with opened(path, disk) as store, closing(open_reader(path)) as reader:
        with disk.stalled():
            receipts = [store.append(entry(number), patience=0) for number in range(1, 50)]
            assert soon(lambda: "nothing was written for" in store.fault())
            assert store.last() == reader.last() == 1
            assert store.query("SELECT count(*) FROM journal").rows == ((1,),)
            with pytest.raises(LedgerError, match="not on disk after"):
                receipts[0].durable(0.01)
        assert [receipt.durable() for receipt in receipts] == [(number,) for number in range(2, 51)]
        assert store.fault() == ""


def test_a_full_queue_refuses_after_the_callers_patience_and_says_when_to_come_again(path, disk):
    with opened(path, disk, room=10, patience=30) as store:
        with disk.stalled():
            first = store.append(*map(entry, range(10)))
            for patience in (0, 0.01):
                with pytest.raises(Overloaded, match="10 rows wait") as told:
                    store.append(entry(11), patience=patience)
                assert told.value.retry_after >= 1.0
            empty = store.append()
        assert len(first.durable()) == 10
        assert empty.durable() == ()
        assert store.append(entry(11), patience=0).durable() == (12,)


def test_the_queue_is_bounded_in_bytes_too(path, disk):
    large = {"text": "x" * MIB}
    with opened(path, disk, room_bytes=4 * MIB, patience=0) as store:
        with disk.stalled():
            receipts = [store.append(decision(f"d{number}", inputs=large)) for number in range(4)]
            with pytest.raises(Overloaded):
                store.append(decision("d4", inputs=large))
        assert [receipt.durable() for receipt in receipts] == [(2,), (3,), (4,), (5,)]


def test_an_append_that_is_larger_than_the_room_gets_in_though_something_waits(path, disk):
    with opened(path, disk, room=5) as store:
        with disk.stalled():
            waiting = store.append(entry(1))
            large = store.append(*map(entry, range(20)), patience=0)
            with pytest.raises(Overloaded):
                store.append(entry(2), patience=0)
        assert waiting.durable() == (2,)
        assert len(large.durable()) == 20


def test_what_may_wait_shares_the_sync_of_what_comes_next(path, monkeypatch):
    monkeypatch.setattr("autotroph.store.queue.MOMENT", 30.0)
    with Disk().mounted() as disk, opened(path, disk) as store:
        before = _syncs(disk)
        first = store.append(entry(1), leisurely=True)
        assert store.append(entry(2)).durable() == (3,)
        assert first.durable(0.0) == (2,)
        assert _syncs(disk) == before + 1


def _syncs(disk: Disk) -> int:
    return sum(isinstance(one, Sync) for one in disk.log)


def test_what_may_wait_is_written_though_nobody_comes(path, disk):
    with opened(path, disk) as store:
        for n in range(2, 5):  # the first finds a writer that sleeps, the others one that looks out
            assert store.append(entry(n), leisurely=True).durable(30.0) == (n,)


def test_the_end_does_not_wait_for_what_may(path, disk, monkeypatch):
    with opened(path, disk) as store:
        assert store.append(entry(1)).durable() == (2,)
        monkeypatch.setattr("autotroph.store.queue.MOMENT", 3600.0)
        last = store.append(entry(2), leisurely=True)
    assert last.durable(0.0) == (3,)


def test_what_is_in_a_hurry_overtakes_nothing(path, disk):
    with opened(path, disk) as store:
        receipts = [store.append(entry(n), leisurely=n % 3 > 0) for n in range(300)]
        assert [receipt.durable() for receipt in receipts] == [(n + 2,) for n in range(300)]


def test_whoever_is_in_no_hurry_is_never_left_behind(path, disk):
    """The moment in which the writer goes to sleep is the one to hit; so it is tried at many."""
    with opened(path, disk) as store:
        for n in range(150):
            time.sleep(MOMENT + (n - 75) * 2e-5)
            assert store.append(entry(n), leisurely=True).durable(30.0)


def test_whoever_waits_for_room_is_let_in_when_the_stall_ends(path, disk):
    with opened(path, disk, room=1, patience=60) as store:
        with disk.stalled():
            first = store.append(entry(1))
            late: list[Receipt] = []
            thread = threading.Thread(target=lambda: late.append(store.append(entry(2))))
            thread.start()
            assert not soon(lambda: bool(late), 0.2)
        thread.join()
        assert (first.durable(), late[0].durable()) == ((2,), (3,))


def test_closing_waits_for_the_end_of_the_stall(path, disk):
    store = SqliteStore(path, vfs=disk.name)
    store.append().durable()
    with disk.stalled():
        receipt = store.append(entry(1))
        thread = threading.Thread(target=store.close)
        thread.start()
        assert not soon(lambda: not thread.is_alive(), 0.2)
    thread.join()
    assert receipt.durable(0) == (1,)


class Load:
    """Signals that come at a steady rate, whatever becomes of them; somebody reads all the while."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.accepted: list[Receipt] = []
        self.offered = self.refused = self.reads = self.peak = 0

    def offer(self, per_second: float, seconds: float) -> None:
        """Offers so many, one by one, without patience."""
        begin = monotonic()
        while (elapsed := monotonic() - begin) < seconds:
            for _ in range(int(elapsed * per_second) - self.offered):
                self._one()
            self.store.get(Signal, id="s0")
            self.reads += 1
            self.peak = max(self.peak, resident())
            time.sleep(0.005)

    def _one(self) -> None:
        self.offered += 1
        try:
            self.accepted.append(self.store.append(signal(f"s{self.offered}"), patience=0))
        except Overloaded:
            self.refused += 1


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def capacity(store: SqliteStore) -> float:
    """About how many signals a second the disk takes."""
    begin, number = monotonic(), 0
    while monotonic() - begin < 1.0:
        for _ in range(100):
            receipt = store.append(signal(f"before {number}"))
            number += 1
    receipt.durable()
    return number / (monotonic() - begin)


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_twice_the_load_on_a_disk_that_stands_still(seconds, path, disk):
    with opened(path, disk) as store:
        rate = capacity(store)
        last, load, before = store.last(), Load(store), resident()
        with disk.stalled():
            load.offer(2 * rate, seconds)
            stalled = len(load.accepted)
            assert store.fault()
            assert store.last() == last
        assert load.refused > 0
        assert load.reads > 5
        assert load.peak - before <= 64 * MIB
        sequences = [receipt.durable() for receipt in load.accepted]
        assert sequences == [(last + number,) for number in range(1, stalled + 1)]
        assert store.append(signal("after"), patience=0).durable() == (last + stalled + 1,)
        assert store.fault() == ""
    with closing(open_reader(path)) as reader:
        assert reader.last() == last + stalled + 1
