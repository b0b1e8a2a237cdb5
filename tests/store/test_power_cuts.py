"""Every write and every sync is a place where the power goes; `testing.disks` says what that takes."""

from contextlib import closing
from random import Random

import pytest
from msgspec.structs import asdict
from recovering import Told, assert_prefix, at_work, cuts, in_memory, put

from autotroph.records import Decision
from autotroph.store import checkpoints, opening, sqlite, verify, writer
from autotroph.store.pen import Pen
from autotroph.store.queue import Job
from autotroph.store.sqlite import SqliteStore
from autotroph.store.writer import Outcomes, Writer
from autotroph.testing.disks import Disk, Operation
from autotroph.testing.stores import decision, entry


@pytest.fixture(autouse=True)
def _small_log(monkeypatch):
    """The log is moved into the file often enough to happen in a short run."""
    monkeypatch.setattr(checkpoints, "EVERY", 40)


def run(seed: int, *, lies: bool = False) -> tuple[list[Operation], Told]:
    with in_memory() as folder, Disk().mounted() as disk:
        disk.lies = lies
        told = at_work(folder / "ledger.db", disk, Random(f"work {seed}"))
        return disk.log, told


def survive(seed: int, seeds: int, every: int = 1) -> int:
    """Goes through the cuts of a run, all or one in so many; how many it went through."""
    log, told = run(seed)
    tried = 0
    with in_memory() as folder:
        for cut, files in cuts(log, [f"{seed} {each}" for each in range(seeds)]):
            if cut % every:
                continue
            assert_prefix(put(files, folder, Random(f"{seed} {cut}")), told, cut)
            tried += 1
    return tried


def losses(log: list[Operation], told: Told, every: int = 1) -> tuple[int, int]:
    """How many cuts lost or broke something, and how many there were."""
    bad = tried = 0
    with in_memory() as folder:
        for cut, files in cuts(log, ["loss"]):
            if cut % every:
                continue
            tried += 1
            try:
                assert_prefix(put(files, folder, Random(cut)), told, cut)
            except Exception:  # noqa: BLE001 - a damaged ledger fails in any way
                bad += 1
    return bad, tried


def test_nothing_acknowledged_is_lost_at_one_cut_in_three():
    """Commits have many operations each, and there are many: each place of one is cut at in some."""
    assert survive(0, 1, every=3) >= 160


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nothing_acknowledged_is_lost_at_any_cut(seed):
    assert survive(seed, 1) >= 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 111))
def test_nothing_acknowledged_is_lost_at_any_cut_however_it_tears(seed):
    assert survive(seed, 4) >= 1800


def test_what_was_removed_does_not_come_back_nor_do_its_bytes():
    secret = "planted where it must not stay " * 200
    with in_memory() as folder, Disk().mounted() as disk:
        with closing(SqliteStore(folder / "ledger.db", vfs=disk.name)) as store:
            rows = [decision(f"d{number}", key="", inputs={"text": secret}) for number in range(6)]
            gone = store.append(*rows).durable()
            store.append(entry(1)).durable()
            store.remove({Decision: gone}).durable()
            removed = len(disk.log)
            store.scrub()
            scrubbed = len(disk.log)
            store.append(entry(2)).durable()
        for cut, files in cuts(disk.log, ["removed"]):
            if cut >= scrubbed:
                assert not any(secret[:31].encode() in data for data in files.values())
            if cut >= removed:
                with closing(SqliteStore(put(files, folder, Random(cut)))) as store:
                    assert list(store.scan(Decision)) == []
                    assert verify(store) >= 1


class TestEachProtectionTakenAway:
    """What the shipped store does for a reason: without it the same cuts find losses."""

    def test_a_log_that_is_not_synced_loses_rows(self, monkeypatch):
        monkeypatch.setitem(opening.DURABLE, "synchronous", "NORMAL")
        bad, tried = losses(*run(0), every=5)
        assert bad > tried / 10

    def test_a_disk_that_lies_about_syncs_loses_rows(self):
        bad, tried = losses(*run(0, lies=True), every=5)
        assert bad > tried / 10

    def test_an_acknowledgement_before_the_commit_loses_rows(self, monkeypatch):
        monkeypatch.setattr(sqlite, "Writer", Hasty)
        bad, _ = losses(*run(0), every=5)
        assert bad > 3

    def test_a_head_written_apart_from_its_rows_is_found(self, monkeypatch):
        monkeypatch.setattr(writer, "Pen", Careless)
        bad, _ = losses(*run(0), every=5)
        assert bad > 0


class Hasty(Writer):
    """Acknowledges what it has written before it is committed."""

    def _write(self, batch: list[Job]) -> Outcomes:
        return super()._write([_Told(**{**asdict(job), "first": _nothing}) for job in batch])


def _nothing(pen: Pen) -> None:
    """Has a job written by itself."""


class _Told(Job, frozen=True, eq=False):
    """Says that it is on disk as soon as it is written."""

    def write(self, pen: Pen) -> tuple[int, ...]:
        sequences = super().write(pen)
        self.receipt.settle(sequences)
        return sequences


class Careless(Pen):
    """Commits the rows first, and then where the ledger stands."""

    def commit(self) -> None:
        self._connection.execute("COMMIT; BEGIN IMMEDIATE")
        super().commit()
