"""A full disk, or a broken one, at every write and sync: nothing is acknowledged that is not there."""

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from random import Random

import apsw
import pytest
from recovering import Told, Watched, anything, assert_kept, in_memory, interaction, put, soon

from autotroph.errors import LedgerError
from autotroph.records import Entry, Record
from autotroph.store import checkpoints, open_reader, open_store, verify
from autotroph.store.checkpoints import Checkpoints
from autotroph.store.pen import Pen
from autotroph.store.protocols import Receipt
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import BROKEN, FULL, Disk, Fault
from autotroph.testing.stores import decision, entry

FAULTS = pytest.mark.parametrize("fault", [FULL, BROKEN], ids=lambda fault: fault.name)
UNSYNCED = Fault("EIO in sync", {"sync": apsw.SQLITE_IOERR_FSYNC})


@pytest.fixture
def folder():
    with in_memory() as folder:
        yield folder


@pytest.fixture
def path(folder):
    return folder / "ledger.db"


@pytest.fixture
def disk():
    with Disk().mounted() as disk:
        yield disk


class Run:
    """A ledger is opened, filled, read and closed on a disk that fails somewhere on the way.

    A reader holds on to an old state for a while, so that the log can be moved only in part.

    Args:
        path: the ledger.
        disk: where it lies.
        lasts: for how many appends the disk goes on failing, once it does.
    """

    def __init__(self, path: Path, disk: Disk, lasts: int) -> None:
        self.told, self.path, self.disk, self.lasts = Told(), path, disk, lasts
        self.number = self.refusals = 0

    def __call__(self) -> None:
        with closing(self._opened()) as store:
            self._append(store, 2)
            with pinned(self.path, self.disk):
                self._append(store, 1, 1)
            self._append(store, 1)
            self.disk.mend()
            assert store.append(entry(self.number)).durable()
            assert not store.fault()

    def _opened(self) -> Watched:
        with suppress(LedgerError):
            return Watched(self.path, self.disk, self.told)
        self.disk.mend()
        return Watched(self.path, self.disk, self.told)

    def _append(self, store: Watched, *sizes: int) -> None:
        for size in sizes:
            numbers = range(self.number, self.number + size)
            receipts = [store.append(*some(each)) for each in numbers]
            self.number += size
            for receipt in receipts:
                self._wait(store, receipt)

    def _wait(self, store: Watched, receipt: Receipt) -> None:
        with suppress(LedgerError):
            receipt.durable()
            return
        assert self.lasts == 1 or "writing failed" in store.fault()
        assert store.get(Entry, subject="x0"), "reads go on"
        self.refusals += 1
        if self.refusals >= self.lasts:
            self.disk.mend()


def some(number: int) -> Sequence[Record]:
    """An append: sometimes an interaction, otherwise a line of the journal."""
    return (entry(number),) if number % 3 else interaction(number, Random(number))


def pinned(path: Path, disk: Disk) -> closing[apsw.Connection]:
    """Somebody who reads, and goes on seeing what was there when it began."""
    connection = apsw.Connection(str(path), apsw.SQLITE_OPEN_READONLY, disk.name)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute("BEGIN; SELECT count(*) FROM head").fetchall()
    return closing(connection)


def each_operation(
    path: Path, fault: Fault, *, lasts: int, evicts: bool = False, every: int = 1
) -> list[Run]:
    """The same run with a fault at the first operation, the second or so, and on; after each, a power cut."""
    with closing(open_store(path)) as store:
        store.append(entry(0)).durable()
    runs = []
    with in_memory() as ground:
        for at in range(1, 10_000, every):
            with Disk(evicts=evicts).mounted() as disk:
                put({}, ground, Random(at))
                shutil.copy(path, ground / path.name)
                disk.fail(fault, at=at, times=1 if lasts == 1 else None)
                run = Run(ground / path.name, disk, lasts)
                run()
                runs.append(run)
                assert_kept(put(disk.platter.after_cut(Random(at)), ground, Random(at)), run.told)
                if disk.asked < at:
                    assert run.refusals == 0, "without a fault nothing is refused"
                    return runs
    raise AssertionError("a run has fewer operations")


class TestEveryOperation:
    @pytest.fixture(autouse=True)
    def _small_log(self, monkeypatch, caplog):
        """The log is moved into the file often enough to happen in a short run."""
        monkeypatch.setattr(checkpoints, "EVERY", 10)
        caplog.set_level(logging.CRITICAL, "autotroph")

    @FAULTS
    def test_a_fault_that_lasts_acknowledges_nothing_that_is_not_there(self, fault, path):
        """At one operation in three; the slow ones go through all."""
        runs = each_operation(path, fault, lasts=2, every=3)
        assert sum(run.refusals > 0 for run in runs) > 13

    def test_one_failure_acknowledges_nothing_that_is_not_there(self, path):
        runs = each_operation(path, BROKEN, lasts=1, evicts=True, every=3)
        assert sum(run.refusals > 0 for run in runs) > 13

    @pytest.mark.slow
    @FAULTS
    @pytest.mark.parametrize("lasts", [1, 2, 3])
    @pytest.mark.parametrize("evicts", [True, False])
    def test_however_long_it_lasts_and_whatever_the_system_forgets(self, fault, lasts, evicts, path):
        runs = each_operation(path, fault, lasts=lasts, evicts=evicts)
        assert sum(run.refusals > 0 for run in runs) > 40


class TestAfterAFailedSync:
    """The system says once that pages did not get to the disk; a later sync does not make up for them."""

    def test_nothing_is_committed_on_top_of_a_commit_that_failed_before_a_restart(self):
        assert losses(restarted) == 0

    def test_without_settling_it_is_lost(self, monkeypatch):
        monkeypatch.setattr(Checkpoints, "settle", lambda *_: None)
        assert losses(restarted) > 0

    def test_a_log_that_may_not_be_in_the_file_is_not_begun_anew(self):
        assert losses(half_moved) == 0

    def test_trying_to_move_it_again_loses_rows(self, monkeypatch):
        monkeypatch.setattr(Checkpoints, "_failed", lambda *_: None)
        assert losses(half_moved) > 0

    def test_the_next_process_moves_all_of_it(self, path, disk):
        with half_moved(path, disk):
            pass
        assert Path(f"{path}-wal").stat().st_size > 10 * 4096
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(99)).durable()
            log, moved = store._writer._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            assert log < 10
            assert moved == 0


def losses(scenario: Callable[[Path, Disk], AbstractContextManager[Told]], lucks: int = 6) -> int:
    """In how many of the power cuts that could come at the end something is lost or broken."""
    bad = 0
    for luck in map(str, range(lucks)):
        with in_memory() as folder, Disk(luck=luck).mounted() as disk:
            with scenario(folder / "ledger.db", disk) as told:
                images = [disk.platter.after_cut(Random(f"{luck} {each}")) for each in range(5)]
            bad += sum(is_lost(image, told) for image in images)
    return bad


def is_lost(image: dict[str, bytes], told: Told) -> bool:
    """Whether something acknowledged is not in what a power cut left, or it is broken."""
    with in_memory() as ground:
        try:
            assert_kept(put(image, ground, Random(0)), told)
        except Exception:  # noqa: BLE001 - a damaged ledger fails in any way
            return True
    return False


@contextmanager
def restarted(path: Path, disk: Disk) -> Iterator[Told]:
    """The sync of a commit fails, and so does the process's end; the next process goes on in the same log."""
    told = Told()
    with closing(Watched(path, disk, told)) as store:
        store.append(*anything(0, Random(0))).durable()
        disk.fail(UNSYNCED, of="-wal")
        with pytest.raises(LedgerError, match="writing failed"):
            store.append(*anything(1, Random(1))).durable()
    disk.mend()
    with closing(Watched(path, disk, told)) as store:
        for number in range(2, 4):
            store.append(*anything(number, Random(number))).durable()
        yield told


@contextmanager
def half_moved(path: Path, disk: Disk) -> Iterator[Told]:
    """A reader lets the log be moved in part; then the file's sync fails once, and the disk is well again."""
    told = Told()
    with closing(Watched(path, disk, told)) as store, pytest.MonkeyPatch.context() as patch:
        for number in range(3):
            store.append(*anything(number, Random(number))).durable()
        with pinned(path, disk):
            patch.setattr(checkpoints, "EVERY", 1)
            for number in range(3, 6):
                store.append(entry(number)).durable()
        disk.fail(UNSYNCED, of=".db")
        store.append(entry(6)).durable()
        store.append().durable()
        disk.mend()
        for number in range(7, 20):
            store.append(entry(number)).durable()
        yield told


class TestHealth:
    @FAULTS
    def test_a_failure_is_told_reads_go_on_and_it_ends_by_itself(self, fault, path, disk):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(1)).durable()
            assert store.fault() == ""
            disk.fail(fault)
            with pytest.raises(LedgerError, match="see to the disk, then send it again"):
                store.append(decision(), entry(2)).durable()
            assert store.fault().startswith(f"{path}: writing failed")
            assert [each.subject for each in store.scan(Entry)] == ["x1"]
            disk.mend()
            assert soon(lambda: not store.fault()), "nobody appends, and it finds out"
            assert store.append(decision(), entry(2)).durable() == (2, 3)
            assert verify(store) == 2

    def test_as_long_as_it_lasts_it_goes_on_trying_and_says_it_once(self, path, disk, caplog):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            disk.fail(FULL)
            with pytest.raises(LedgerError):
                store.append(entry(1)).durable()
            asked = disk.asked
            assert soon(lambda: disk.asked >= asked + 2)
            assert store.fault()
            assert len([each for each in caplog.records if "tried again" in each.message]) == 1
            disk.mend()
            assert store.append(entry(1)).durable() == (1,)
            assert not store.fault()

    def test_what_failed_is_not_written_with_again(self, path, disk):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(1)).durable()
            failed = store._writer._connection
            disk.fail(BROKEN, times=1)
            with pytest.raises(LedgerError):
                store.append(entry(2)).durable()
            store.append(entry(3)).durable()
            assert store._writer._connection is not failed
            with pytest.raises(apsw.ConnectionClosedError):
                failed.execute("SELECT 1")

    def test_a_transaction_that_cannot_be_taken_back_is_left_behind(self, path, disk, monkeypatch):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            with monkeypatch.context() as patch:
                patch.setattr(Pen, "abandon", _broken)
                patch.setattr(Pen, "commit", _broken)
                with pytest.raises(LedgerError, match="IOError"):
                    store.append(entry(1)).durable()
                assert store._writer._connection.in_transaction
            assert store.append(entry(2)).durable() == (1,)
            assert [each.subject for each in store.scan(Entry)] == ["x2"]

    def test_one_that_cannot_be_opened_again_is_tried_again(self, path, disk, monkeypatch):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(1)).durable()
            with monkeypatch.context() as patch:
                patch.setattr(store._writer, "_opening", _broken)
                disk.fail(FULL, times=1)
                for _ in range(2):
                    with pytest.raises(LedgerError):
                        store.append(entry(2)).durable()
                assert store.get(Entry, subject="x1")
            assert store.append(entry(3)).durable() == (2,)

    def test_a_ledger_that_is_closed_on_a_broken_disk_lets_the_next_one_in(self, path, disk):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(1)).durable()
            disk.fail(BROKEN)
            refused = store.append(entry(2))
        with pytest.raises(LedgerError):
            refused.durable()
        disk.mend()
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            assert store.append(entry(3)).durable() == (2,)

    def test_a_full_disk_after_a_crash_can_be_read_and_heals(self, path, disk):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(1)).durable()
            files = disk.platter.after_cut(Random(0))
        with Disk().mounted() as full, in_memory() as ground:
            full.fail(FULL)
            with closing(SqliteStore(put(files, ground, Random(1)), vfs=full.name)) as store:
                assert store.last() == 1
                assert soon(lambda: "writing failed" in store.fault())
                with pytest.raises(LedgerError):
                    store.append(entry(2)).durable()
                full.mend()
                assert store.append(entry(2)).durable() == (2,)


class TestTheLog:
    """It is moved into the file behind the commits, and whatever happens there refuses none of them."""

    @pytest.fixture(autouse=True)
    def _small_log(self, monkeypatch):
        monkeypatch.setattr(checkpoints, "EVERY", 20)

    def test_a_reader_that_holds_on_to_an_old_state_makes_it_grow_and_stops_nothing(self, path, disk):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append(entry(0)).durable()
            with pinned(path, disk):
                for number in range(60):
                    store.append(entry(number)).durable()
                grown = Path(f"{path}-wal").stat().st_size
                assert grown > 60 * 4096
                assert not store.fault()
            for number in range(60):
                store.append(entry(number)).durable()
            assert Path(f"{path}-wal").stat().st_size < 1.5 * grown, "it began anew, in the same place"
            assert store.last() == 121

    def test_a_disk_that_is_full_for_the_file_alone_stops_nothing(self, path, disk, caplog):
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append().durable()
            disk.fail(FULL, of=".db")
            for number in range(60):
                store.append(entry(number)).durable()
            assert not store.fault()
            assert "could not be moved" in caplog.text
            disk.mend()
            for number in range(60, 90):
                store.append(entry(number)).durable()
            store.append().durable()
            assert "restart" not in caplog.text
        with closing(open_reader(path)) as reader:
            assert verify(reader) == 90

    def test_an_acknowledgement_does_not_wait_for_it(self, path, disk, monkeypatch):
        monkeypatch.setattr(checkpoints, "EVERY", 1)
        with closing(SqliteStore(path, vfs=disk.name)) as store:
            store.append().durable()
            with disk.stalled(of=".db"):
                assert store.append(entry(1)).durable() == (1,)
                assert soon(lambda: "nothing was written for" in store.fault())
                late = store.append(entry(2))
                with pytest.raises(LedgerError, match="not on disk"):
                    late.durable(0.05)
            assert late.durable() == (2,)
            assert soon(lambda: not store.fault())


def _broken(*_: object) -> None:
    raise apsw.IOError("disk I/O error")
