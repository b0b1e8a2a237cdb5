"""The disk that ledgers are tested on: what it keeps, loses, and says."""

import threading
from contextlib import closing
from pathlib import Path
from random import Random

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.testing.disks import BROKEN, FULL, Disk, Fault, Operation, Platter, Sync, Write
from autotroph.testing.disks.platter import SECTOR, Create, Delete, File, Found, SyncFolder, Truncate

LUCKS = range(60)
WRITES = st.tuples(st.integers(0, 4 * SECTOR), st.binary(min_size=1, max_size=3 * SECTOR))

UNSYNCED = Fault("EIO in sync", {"sync": apsw.SQLITE_IOERR_FSYNC})


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "some.db")


@pytest.fixture
def disk():
    with Disk().mounted() as disk:
        yield disk


def written(path: str, disk: Disk, rows: int = 5) -> closing[apsw.Connection]:
    """A database in WAL mode with rows in it."""
    connection = apsw.Connection(path, vfs=disk.name)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    connection.execute("CREATE TABLE t (x)")
    for _ in range(rows):
        connection.execute("INSERT INTO t VALUES (zeroblob(1000))")
    return closing(connection)


def after(*log: Operation) -> list[dict[str, bytes]]:
    """What power cuts may leave."""
    platter = Platter()
    for done in log:
        platter.take(done)
    return [platter.after_cut(Random(luck)) for luck in LUCKS]


class TestPlatter:
    @given(st.lists(WRITES, max_size=4), st.lists(WRITES, max_size=4), st.integers())
    def test_each_sector_is_as_it_was_synced_or_as_it_was_seen_since(self, before, since, luck):
        file = File()
        for offset, data in before:
            file.write(offset, data)
        file.sync()
        seen = [bytes(file.sure)]
        for offset, data in since:
            file.write(offset, data)
            seen.append(bytes(file.seen))
        left = bytes(file.after_cut(Random(luck)))
        assert len(left) >= len(file.sure)
        for at in range(0, len(file.sure), SECTOR):
            versions = {each[at : at + SECTOR] for each in seen}
            assert any(left[at : at + SECTOR].startswith(one) for one in versions)
        assert bytes(file.sure) == seen[0], "looking changes nothing"

    def test_what_was_synced_is_there_and_what_was_not_comes_in_any_order(self):
        log = [Found("/d/a", bytes(2 * SECTOR)), Write("/d/a", 0, b"one"), Write("/d/a", SECTOR, b"two")]
        left = {(each["/d/a"][:3], each["/d/a"][SECTOR : SECTOR + 3]) for each in after(*log)}
        assert left == {(a, b) for a in (b"one", bytes(3)) for b in (b"two", bytes(3))}
        assert {each["/d/a"][:3] for each in after(*log, Sync("/d/a"))} == {b"one"}

    def test_a_write_over_sectors_tears(self):
        left = after(Found("/d/a", bytes(4 * SECTOR)), Write("/d/a", 0, b"x" * 4 * SECTOR))
        assert len({each["/d/a"] for each in left}) > 8

    def test_lengths_are_those_of_what_is_left_or_longer(self):
        left = {each["/d/a"] for each in after(Found("/d/a", b"abcd"), Truncate("/d/a", 1))}
        assert left == {b"abcd", b"a"}
        grown = {each["/d/a"] for each in after(Found("/d/a", b""), Write("/d/a", 0, b"data"))}
        assert {b"", b"data", bytes(4)} < grown, "and rubbish"

    def test_names_last_from_when_the_folder_is_synced(self):
        made = [Create("/d/a"), Write("/d/a", 0, b"x"), Sync("/d/a")]
        assert {tuple(each) for each in after(*made)} == {(), ("/d/a",)}
        kept = [*made, Create("/d/b"), Sync("/d/b", folder=True)]
        assert {tuple(sorted(each)) for each in after(*kept)} == {("/d/a", "/d/b")}
        assert {tuple(each) for each in after(*kept, Delete("/d/b"))} == {("/d/a",), ("/d/a", "/d/b")}
        assert {tuple(each) for each in after(*kept, Delete("/d/b"), SyncFolder("/d/a"))} == {("/d/a",)}
        elsewhere = [*made, Create("/e/b"), Sync("/e/b", folder=True)]
        assert {tuple(sorted(each)) for each in after(*elsewhere)} == {("/e/b",), ("/d/a", "/e/b")}

    def test_a_name_given_anew_is_the_old_file_or_the_new_one(self):
        log = [Found("/d/a", b"old"), Delete("/d/a"), Create("/d/a"), Write("/d/a", 0, b"new"), Sync("/d/a")]
        assert {each.get("/d/a") for each in after(*log)} == {b"old", b"new", None}

    def test_a_failed_sync_is_not_made_up_for(self):
        log = [Found("/d/a", bytes(8 * SECTOR)), Write("/d/a", 0, b"x" * 8 * SECTOR)]
        lucks = {bytes(after(*log, Sync("/d/a", failed=str(n)), Sync("/d/a"))[0]["/d/a"]) for n in LUCKS}
        assert len(lucks) > 8
        again = [*log, Sync("/d/a", failed="7"), Write("/d/a", 0, b"y" * 8 * SECTOR), Sync("/d/a")]
        assert {each["/d/a"][: 8 * SECTOR] for each in after(*again)} == {b"y" * 8 * SECTOR}


class TestDisk:
    def test_its_log_tells_the_files_as_they_are(self, path, disk):
        with written(path, disk):
            for each in (path, f"{path}-wal"):
                assert disk.platter.seen(each) == Path(each).read_bytes()
        assert disk.platter.seen(path) == Path(path).read_bytes()
        again = Platter()
        for done in disk.log:
            again.take(done)
        assert [again.after_cut(Random(n)) for n in LUCKS] == [
            disk.platter.after_cut(Random(n)) for n in LUCKS
        ]

    def test_what_was_there_before_is_durable(self, path, disk):
        Path(path).write_bytes(b"")
        with written(path, disk):
            pass
        assert isinstance(disk.log[0], Found)

    def test_every_commit_is_synced(self, path, disk):
        with written(path, disk, rows=0) as connection:
            for number in range(3):
                connection.execute("INSERT INTO t VALUES (?)", (number,))
                assert isinstance(disk.log[-1], Sync)

    def test_a_new_logs_first_sync_syncs_the_folder(self, path, disk):
        with written(path, disk):
            syncs = [
                done.folder for done in disk.log if isinstance(done, Sync) and done.path.endswith("-wal")
            ]
        assert syncs[0]
        assert not any(syncs[1:])

    @pytest.mark.parametrize(("fault", "kind"), [(FULL, apsw.FullError), (BROKEN, apsw.IOError)])
    def test_it_fails_as_told_and_works_again(self, fault, kind, path, disk):
        with written(path, disk) as connection:
            disk.fail(fault, at=2, times=1)
            with pytest.raises(kind):
                connection.execute("INSERT INTO t VALUES (zeroblob(20000))")
            connection.execute("INSERT INTO t VALUES (1)")
            disk.fail(fault)
            for _ in range(2):
                with pytest.raises(kind):
                    connection.execute("INSERT INTO t VALUES (1)")
            disk.mend()
            connection.execute("INSERT INTO t VALUES (1)")
            assert connection.execute("SELECT count(*) FROM t").get == 7

    def test_it_fails_for_the_files_that_are_named(self, path, disk):
        with written(path, disk) as connection:
            disk.fail(FULL, of=".db")
            connection.execute("INSERT INTO t VALUES (1)")
            with pytest.raises(apsw.FullError):
                connection.wal_checkpoint()
            disk.mend()
            connection.wal_checkpoint()

    def test_a_write_that_fails_has_done_half_of_it(self, path, disk):
        with written(path, disk) as connection:
            disk.fail(FULL, times=1)
            with pytest.raises(apsw.FullError):
                connection.execute("INSERT INTO t VALUES (1)")
            last = disk.log[-1]
            assert isinstance(last, Write)
            assert len(last.data) == 12, "of the 24 bytes of a frame's header"

    @pytest.mark.parametrize("evicts", [True, False])
    def test_after_a_failed_sync_programs_see_what_the_system_keeps(self, evicts, path):
        with Disk(evicts=evicts, luck="some").mounted() as disk, written(path, disk) as connection:
            disk.fail(UNSYNCED, times=200)
            with pytest.raises(apsw.IOError):
                connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
            disk.mend()
            sure, now = disk.platter.sure(f"{path}-wal"), Path(f"{path}-wal").read_bytes()
            assert (now == sure) is evicts

    def test_a_disk_that_lies_syncs_nothing(self, path, disk):
        disk.lies = True
        with written(path, disk):
            assert not any(isinstance(done, Sync) for done in disk.log)

    def test_a_stall_blocks_writes_and_no_reads(self, path, disk):
        with written(path, disk) as connection, closing(apsw.Connection(path, vfs=disk.name)) as reader:
            with disk.stalled():
                thread = threading.Thread(target=connection.execute, args=("INSERT INTO t VALUES (1)",))
                thread.start()
                assert reader.execute("SELECT count(*) FROM t").get == 5
                thread.join(0.05)
                assert thread.is_alive()
            thread.join()
            assert reader.execute("SELECT count(*) FROM t").get == 6

    def test_one_that_keeps_nothing_still_fails_and_has_no_log(self, path):
        with Disk(keeps=False).mounted() as disk, written(path, disk) as connection:
            disk.fail(FULL)
            with pytest.raises(apsw.FullError):
                connection.execute("INSERT INTO t VALUES (1)")
            disk.mend()
            assert disk.log == []

    def test_afterwards_sqlite_does_not_know_it(self, disk):
        with Disk().mounted() as other:
            assert other.name in apsw.vfs_names()
            assert other.name != disk.name
        assert other.name not in apsw.vfs_names()
