import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from autotroph.errors import InputError, LedgerError, TamperedLedger
from autotroph.records import Entry
from autotroph.store import migrations, open_reader, open_store, verify
from autotroph.store.copying import copy, inspect, put
from autotroph.testing.stores import decision, entry, examples, signal

APPENDING = Path(__file__).with_name("appending.py")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(open_store(path)) as store:
        store.append(*examples(), *map(entry, range(200))).durable()
    return path


@contextmanager
def raw(path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(path))) as connection:
        yield connection


def killed(path: Path, acknowledged: int) -> int:
    """Let another process write to a ledger, and kill it, so that its log is left; the last it was told."""
    with _writing(path) as lines:
        return next(last for last in lines if last > acknowledged)


@contextmanager
def _writing(path: Path) -> Iterator[Iterator[int]]:
    with subprocess.Popen(
        [sys.executable, str(APPENDING), str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            yield (int(line.split()[-1]) for line in other.stdout)
        finally:
            other.kill()


class TestCopy:
    def test_it_holds_what_was_acknowledged_before_it_began(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.db"
        with _writing(path) as acknowledged:
            before = next(last for last in acknowledged if last > 600)
            found = copy(path, tmp_path / "copy.db")
            assert next(acknowledged) > before
        assert found.rows >= before
        assert found.rows % 3 == 0
        assert found.links == found.rows // 3
        assert found == inspect(tmp_path / "copy.db")
        with closing(open_reader(tmp_path / "copy.db")) as reader:
            assert reader.last() == found.rows
            assert verify(reader) == found.links

    def test_it_is_one_plain_file(self, ledger: Path, tmp_path: Path) -> None:
        (tmp_path / "there").mkdir()
        copy(ledger, tmp_path / "there/copy.db")
        assert [file.name for file in (tmp_path / "there").iterdir()] == ["copy.db"]
        assert (tmp_path / "there/copy.db").read_bytes()[18:20] == b"\x01\x01"  # no write-ahead log

    def test_a_copy_is_a_ledger(self, ledger: Path, tmp_path: Path) -> None:
        copy(ledger, tmp_path / "copy.db")
        with closing(open_store(tmp_path / "copy.db")) as store, closing(open_reader(ledger)) as old:
            assert store.append(entry(999)).durable() == (old.last() + 1,)
            assert verify(store) == verify(old) + 1
            assert store.meta("seed") == old.meta("seed")

    def test_no_byte_of_a_removed_row_is_in_it(self, ledger: Path, tmp_path: Path) -> None:
        mark = "zebra" * 4
        with closing(open_store(ledger)) as store:
            store.append(*(decision(f"d{mark}{n}", inputs={"text": mark * 300}) for n in range(40))).durable()
        with raw(ledger) as connection:
            connection.pragma("secure_delete", 0)
            connection.execute("DELETE FROM decision_texts; DELETE FROM decisions WHERE id LIKE 'dzebra%'")
        assert mark.encode() in ledger.read_bytes()
        copy(ledger, tmp_path / "copy.db")
        assert mark.encode() not in (tmp_path / "copy.db").read_bytes()

    def test_no_more_people_may_read_it(self, ledger: Path, tmp_path: Path) -> None:
        ledger.chmod(0o600)
        copy(ledger, tmp_path / "copy.db")
        assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600

    def test_it_tells_how_far_it_is(self, ledger: Path, tmp_path: Path) -> None:
        with closing(open_store(ledger)) as store:
            store.append(*(signal(f"more{number}") for number in range(20_000))).durable()
        told: list[tuple[int, int]] = []
        copy(ledger, tmp_path / "copy.db", lambda done, of: told.append((done, of)))
        assert len(told) > 2
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1] >= (tmp_path / "copy.db").stat().st_size

    def test_what_is_there_stays(self, ledger: Path, tmp_path: Path) -> None:
        (tmp_path / "copy.db").write_text("mine")
        with pytest.raises(InputError, match="is there already, and stays"):
            copy(ledger, tmp_path / "copy.db")
        with pytest.raises(InputError, match="there is no folder"):
            copy(ledger, tmp_path / "nowhere/copy.db")
        assert (tmp_path / "copy.db").read_text() == "mine"

    @pytest.mark.parametrize("harm", ["damaged", "tampered"])
    def test_nothing_has_the_name_of_a_copy_that_is_not_whole(
        self, ledger: Path, tmp_path: Path, harm: str
    ) -> None:
        _damage(ledger) if harm == "damaged" else _tamper(ledger)
        before = set(tmp_path.iterdir())
        with pytest.raises(LedgerError, match="damaged" if harm == "damaged" else "was edited"):
            copy(ledger, tmp_path / "copy.db")
        assert set(tmp_path.iterdir()) - before <= {Path(f"{ledger}{one}") for one in ("-wal", "-shm")}

    def test_a_target_that_cannot_be_written(self, ledger: Path) -> None:
        with pytest.raises(LedgerError, match=r"could not be copied to|cannot be written"):
            copy(ledger, Path("/proc/copy.db"))


class TestInspect:
    def test_what_it_says_of_a_copy(self, ledger: Path, tmp_path: Path) -> None:
        with closing(open_reader(ledger)) as reader:
            ((rows, links, hash_),) = reader.query("SELECT sequence, links, hash FROM head").rows
            created, number = reader.meta("created"), reader.meta("schema")
        found = copy(ledger, tmp_path / "copy.db")
        assert (found.rows, found.links, found.hash) == (rows, links, hash_)
        assert (found.created, found.schema) == (float(str(created)), int(str(number)))
        assert found.bytes == (tmp_path / "copy.db").stat().st_size

    def test_an_older_schema_is_looked_into_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "old.db"
        with monkeypatch.context() as older:
            first = migrations.steps()[:1]
            older.setattr(migrations, "steps", lambda: first)
            older.setattr(migrations, "_views", lambda _: None)
            with raw(path) as connection:
                migrations.migrate(connection, "seed")
        assert (inspect(path).schema, inspect(path).links) == (1, 0)
        assert copy(path, tmp_path / "copy.db").schema == 1

    def test_a_damaged_page(self, ledger: Path) -> None:
        _damage(ledger)
        with pytest.raises(LedgerError, match="damaged"):
            inspect(ledger)

    def test_an_index_that_does_not_fit(self, ledger: Path) -> None:
        with raw(ledger) as connection:
            connection.pragma("writable_schema", 1)
            wrong = "CREATE INDEX signals_subject ON signals (name, subject)"
            connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'signals_subject'", (wrong,))
        with pytest.raises(LedgerError, match="damaged"):
            inspect(ledger)

    def test_a_text_without_its_row(self, ledger: Path) -> None:
        with raw(ledger) as connection:
            connection.execute("DELETE FROM decisions")
        with pytest.raises(LedgerError, match="of decision_texts belongs to a row of decisions that is not"):
            inspect(ledger)

    def test_a_chain_that_does_not_hold(self, ledger: Path) -> None:
        _tamper(ledger)
        with pytest.raises(TamperedLedger, match=r"ledger.db: journal \d+ was edited"):
            inspect(ledger)

    @pytest.mark.parametrize(
        ("content", "said"),
        [(None, "no such file"), (b"", "is empty"), (b"not a database, " * 100, "not a database")],
    )
    def test_no_ledger_at_all(self, tmp_path: Path, content: bytes | None, said: str) -> None:
        if content is not None:
            (tmp_path / "file").write_bytes(content)
        with pytest.raises(LedgerError, match=said):
            inspect(tmp_path / "file")

    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("PRAGMA application_id = 7", "not a ledger of autotroph"),
            ("UPDATE meta SET value = '99' WHERE name = 'schema'", "newer autotroph"),
            ("DELETE FROM meta", "does not say its schema"),
        ],
    )
    def test_a_database_that_is_not_ours_to_read(self, ledger: Path, sql: str, said: str) -> None:
        with raw(ledger) as connection:
            connection.execute(sql)
        with pytest.raises(LedgerError, match=said):
            inspect(ledger)


class TestPut:
    def test_the_old_one_is_kept_whole_with_what_was_in_its_log(self, ledger: Path, tmp_path: Path) -> None:
        fresh = _fresh(ledger, tmp_path)
        last = killed(ledger, 300)
        assert Path(f"{ledger}-wal").stat().st_size
        put(fresh, ledger, tmp_path / "aside.db")
        assert inspect(ledger).rows == 217
        assert inspect(tmp_path / "aside.db").rows >= last
        assert not [file for file in tmp_path.iterdir() if file.name.endswith(("-wal", "-shm"))]

    @pytest.mark.parametrize("step", ["link", "replace"])
    def test_a_crash_leaves_a_whole_ledger_in_the_place(
        self, ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        fresh, last = _fresh(ledger, tmp_path), killed(ledger, 300)

        def crash(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os if step == "link" else Path, step, crash)
            with pytest.raises(KeyboardInterrupt):
                put(fresh, ledger, tmp_path / "aside.db")
        assert inspect(ledger).rows >= last
        put(fresh, ledger, tmp_path / "aside2.db")
        assert (inspect(ledger).rows, inspect(tmp_path / "aside2.db").rows >= last) == (217, True)

    def test_a_damaged_one_is_kept_with_its_log(self, ledger: Path, tmp_path: Path) -> None:
        fresh = _fresh(ledger, tmp_path)
        log = b"what was acknowledged last"
        ledger.write_bytes(b"x" * 4096)
        Path(f"{ledger}-wal").write_bytes(log)
        put(fresh, ledger, tmp_path / "aside.db")
        assert inspect(ledger).rows == 217
        assert (tmp_path / "aside.db").read_bytes() == b"x" * 4096
        assert (tmp_path / "aside.db-wal").read_bytes() == log
        assert not Path(f"{ledger}-wal").exists()

    def test_where_a_file_cannot_have_two_names_it_is_copied(
        self, ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        fresh = _fresh(ledger, tmp_path)
        monkeypatch.setattr(os, "link", refused)
        put(fresh, ledger, tmp_path / "aside.db")
        assert inspect(tmp_path / "aside.db").rows == inspect(ledger).rows == 217

    def test_nobody_may_have_it_open(self, ledger: Path, tmp_path: Path) -> None:
        fresh = _fresh(ledger, tmp_path)
        with closing(open_reader(ledger)) as reader:
            assert reader.get(Entry)
            with pytest.raises(LedgerError, match="somebody has it open"):
                put(fresh, ledger, tmp_path / "aside.db")
        assert fresh.exists()
        assert not (tmp_path / "aside.db").exists()

    def test_another_programs_database_stays(self, ledger: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.db"
        with raw(other) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        before = other.read_bytes()
        with pytest.raises(LedgerError, match="another program's"):
            put(_fresh(ledger, tmp_path), other, tmp_path / "aside.db")
        assert other.read_bytes() == before

    def test_an_empty_place_is_filled(self, ledger: Path, tmp_path: Path) -> None:
        put(_fresh(ledger, tmp_path), tmp_path / "new.db", tmp_path / "aside.db")
        assert inspect(tmp_path / "new.db").rows == 217
        assert not (tmp_path / "aside.db").exists()


def _fresh(ledger: Path, folder: Path) -> Path:
    copy(ledger, folder / "fresh.db")
    return folder / "fresh.db"


def _damage(path: Path) -> None:
    body = bytearray(path.read_bytes())
    for at in range(8192, len(body), 4096):
        body[at : at + 64] = b"\xff" * 64
    path.write_bytes(bytes(body))


def _tamper(path: Path) -> None:
    with raw(path) as connection:
        connection.execute("DROP TRIGGER journal_keep; UPDATE journal SET subject = 'y' WHERE subject = 'x7'")
