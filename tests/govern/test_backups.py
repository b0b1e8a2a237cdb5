"""Going back to a backup: what was, without whoever was erased since, and always a ledger in the place."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from autotroph.errors import Erased, InputError, LedgerError, TamperedLedger
from autotroph.faces.library import Product
from autotroph.govern.backups import backup, restore
from autotroph.records import Decision, Entry, Erasure
from autotroph.store import open_reader, verify
from autotroph.store.copying import inspect
from support_product import OPTIONS, START, ask, opened, pass_time

NOW = START + 50_000.0


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Of a product that three people used."""
    with opened(tmp_path) as product:
        for user in ("ann", "bob", "cem"):
            product.signal(ask(product, user, f"the secret of {user}"), "accepted", True)
        pass_time(product)
    return tmp_path / ".autotroph/ledger.db"


@pytest.fixture
def saved(ledger: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    backup(ledger, tmp_path / "saved.db")
    return tmp_path / "saved.db"


def users(ledger: Path) -> list[str]:
    with closing(open_reader(ledger)) as reader:
        return sorted({one.user for one in reader.scan(Decision)})


def everything(folder: Path) -> bytes:
    """All bytes of all files, read by another process, which cannot drop the locks of this one."""
    files = [str(path) for path in folder.rglob("*") if path.is_file()]
    return subprocess.run(["cat", *files], capture_output=True, check=True).stdout


class TestBackup:
    def test_while_the_product_goes_on(self, tmp_path: Path) -> None:
        with opened(tmp_path) as product:
            ask(product, "ann")
            made = backup("sqlite:///" + str(product.store.path), tmp_path / "saved.db")
            assert made.rows == product.store.last()
            ask(product, "bob")
        assert users(tmp_path / "saved.db") == ["ann"]

    def test_of_what_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="does not name an SQLite file"):
            backup("postgresql://elsewhere/ledger", tmp_path / "saved.db")


class TestRestore:
    def test_what_was_is_again_and_what_came_since_is_put_aside(
        self, tmp_path: Path, ledger: Path, saved: Path
    ) -> None:
        with opened(tmp_path) as product:
            before = product.store.last()
            ask(product, "dan", key="later")
            rows = product.store.last() - before
        done = restore(saved, ledger, NOW, by="owner")
        assert (done.lost, done.erased, done.gap) == (rows, 0, "")
        assert done.aside == f"{ledger}.before-20231115T120640Z"
        assert users(ledger) == ["ann", "bob", "cem"]
        assert users(Path(done.aside)) == ["ann", "bob", "cem", "dan"]
        with opened(tmp_path) as product:
            entry = product.store.get(Entry, event="restored")
            assert entry is not None
            assert (entry.actor, entry.details["backup"], entry.details["lost"]) == (
                "owner",
                "saved.db",
                rows,
            )
            assert entry.details["hash"] == done.snapshot.hash
            assert verify(product.store) == done.snapshot.links + 1
            ask(product, "eve", key="last")
            pass_time(product)
        assert users(ledger)[-1] == "eve"

    def test_only_the_ledger_and_what_was_put_aside_are_left(self, ledger: Path, saved: Path) -> None:
        ledger.chmod(0o600)
        done = restore(saved, ledger, NOW)
        beside = {"ledger.db.lock", "autotroph.last-good.toml"}
        assert {file.name for file in ledger.parent.iterdir()} - beside == {
            "ledger.db",
            Path(done.aside).name,
        }
        assert ledger.stat().st_mode & 0o777 == 0o600

    def test_segments_are_those_of_another_history(self, ledger: Path, saved: Path) -> None:
        folder = ledger.with_name("segments") / "decisions"
        folder.mkdir(parents=True)
        (folder / "1-9.parquet").write_bytes(b"rows")
        restore(saved, ledger, NOW)
        assert not folder.parent.exists()

    def test_a_backup_of_an_older_ledger_that_went_another_way(
        self, ledger: Path, saved: Path, tmp_path: Path
    ) -> None:
        restore(saved, ledger, NOW)
        with opened(tmp_path) as product:
            ask(product, "dan", key="later")
        backup(ledger, tmp_path / "other.db")
        restore(saved, ledger, NOW + 1)
        assert restore(tmp_path / "other.db", ledger, NOW + 2).lost is None
        assert "dan" in users(ledger)
        assert len(list(ledger.parent.glob("*.before-*"))) == 3

    def test_twice_in_one_second(self, ledger: Path, saved: Path) -> None:
        assert restore(saved, ledger, NOW).aside != restore(saved, ledger, NOW).aside


class TestErasedSince:
    def test_they_are_erased_again_before_it_is_in_its_place(
        self, tmp_path: Path, ledger: Path, saved: Path
    ) -> None:
        with opened(tmp_path) as product:
            late = ask(product, "bob", key="later")
            product.erase("bob", "nobody")
            marks = {one.digest for one in product.store.scan(Erasure)}
        assert b"the secret of bob" in saved.read_bytes()
        done = restore(saved, ledger, NOW)
        assert (done.erased, done.lost) == (1, 1)  # the line of the journal that says so
        assert users(ledger) == ["ann", "cem"]
        raw = everything(ledger.parent)
        assert b"bob" not in raw
        assert b"the secret of ann" in raw
        with opened(tmp_path) as product:
            assert marks <= {one.digest for one in product.store.scan(Erasure)}
            assert verify(product.store)
            with pytest.raises(Erased):
                product.signal(late, "accepted", True)
            assert "erased" in ask_in_vain(product, "bob")

    def test_who_is_only_in_signals_too(self, tmp_path: Path) -> None:
        with opened(tmp_path) as product:
            product.signal("of the zebra", "happy", 5.0)
            product.signal(ask(product, "ann"), "accepted", True, user="the llama").durable()
            backup(product.store.path, tmp_path / "saved.db")
            product.erase("of the zebra", "the llama")
            ledger = Path(product.store.path)
        assert restore(tmp_path / "saved.db", ledger, NOW).erased == 2
        raw = everything(ledger.parent)
        assert b"zebra" not in raw
        assert b"llama" not in raw

    def test_who_was_erased_before_the_backup_stays_so(self, tmp_path: Path, ledger: Path) -> None:
        with opened(tmp_path) as product:
            product.erase("bob")
        backup(ledger, tmp_path / "saved.db")
        with opened(tmp_path) as product:
            product.erase("cem")
        assert restore(tmp_path / "saved.db", ledger, NOW).erased == 1
        with opened(tmp_path) as product:
            for user in ("bob", "cem"):
                assert "erased" in ask_in_vain(product, user)

    def test_a_ledger_that_cannot_be_read_cannot_say_who(
        self, tmp_path: Path, ledger: Path, saved: Path
    ) -> None:
        with opened(tmp_path) as product:
            product.erase("bob")
        ledger.write_bytes(b"x" * ledger.stat().st_size)
        done = restore(saved, ledger, NOW)
        assert "could not be read" in done.gap
        assert (done.erased, done.lost, users(ledger)) == (0, None, ["ann", "bob", "cem"])
        assert Path(done.aside).read_bytes().startswith(b"xxxx")
        with closing(open_reader(ledger)) as reader:
            entry = reader.get(Entry, event="restored")
            assert entry is not None
            assert entry.details["gap"] == done.gap

    def test_a_ledger_that_is_damaged_elsewhere_can(self, tmp_path: Path, ledger: Path, saved: Path) -> None:
        with opened(tmp_path) as product:
            product.erase("bob")
        with closing(apsw.Connection(str(ledger))) as connection:
            (page,) = connection.execute(
                "SELECT rootpage FROM sqlite_schema WHERE name = 'signals'"
            ).fetchall()[0]
        body = bytearray(ledger.read_bytes())
        body[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
        ledger.write_bytes(bytes(body))
        with pytest.raises(LedgerError, match="damaged"):
            inspect(ledger)
        assert restore(saved, ledger, NOW).erased == 1
        assert users(ledger) == ["ann", "cem"]

    def test_no_ledger_at_all_cannot_say_who_either(self, saved: Path, tmp_path: Path) -> None:
        done = restore(saved, tmp_path / "new/place/ledger.db", NOW)
        assert (done.gap, done.aside, done.lost) == ("there was no ledger in the place", "", 0)
        assert users(tmp_path / "new/place/ledger.db") == ["ann", "bob", "cem"]


class TestRefusals:
    @pytest.fixture(autouse=True)
    def unchanged(self, ledger: Path) -> Iterator[None]:
        before = ledger.read_bytes()
        yield
        assert ledger.read_bytes() == before
        assert not list(ledger.parent.glob("*before*"))
        assert not list(ledger.parent.glob(".*"))

    def test_while_somebody_writes(self, tmp_path: Path, ledger: Path, saved: Path) -> None:
        with opened(tmp_path), pytest.raises(LedgerError, match="already open for writing"):
            restore(saved, ledger, NOW)

    def test_while_somebody_reads(self, ledger: Path, saved: Path) -> None:
        with closing(open_reader(ledger)) as reader:
            assert reader.last()
            with pytest.raises(LedgerError, match="somebody has it open"):
                restore(saved, ledger, NOW)

    def test_a_backup_of_another_ledger(self, tmp_path: Path, ledger: Path) -> None:
        (tmp_path / "other").mkdir()
        with opened(tmp_path / "other") as product:
            product.store.set_meta("seed", "eight")
            ask(product, "zoe")
            backup(product.store.path, tmp_path / "other.db")
        with pytest.raises(LedgerError, match="is a backup of another ledger"):
            restore(tmp_path / "other.db", ledger, NOW)

    def test_a_backup_that_was_tampered_with(self, ledger: Path, saved: Path) -> None:
        with closing(apsw.Connection(str(saved))) as connection:
            connection.execute("DROP TRIGGER journal_keep; UPDATE journal SET actor = 'nobody'")
        with pytest.raises(TamperedLedger, match="was edited"):
            restore(saved, ledger, NOW)

    def test_the_ledger_itself(self, ledger: Path) -> None:
        with pytest.raises(InputError, match="is the ledger itself"):
            restore(ledger, ledger, NOW)


@pytest.mark.parametrize("step", ["copy", "persons.erase", "_entry", "put"])
def test_a_crash_on_the_way_changes_nothing_and_the_next_one_succeeds(
    tmp_path: Path, ledger: Path, saved: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(tmp_path) as product:
        product.erase("bob")
    before = ledger.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(f"autotroph.govern.backups.{step}", crash)
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            restore(saved, ledger, NOW)
    assert ledger.read_bytes() == before
    assert ledger.with_name(".ledger.db.restoring").is_dir()
    assert restore(saved, ledger, NOW).erased == 1
    assert not list(ledger.parent.glob(".*"))


def test_a_second_name_that_a_crash_left_on_the_ledger_is_taken_off(ledger: Path, saved: Path) -> None:
    stale = Path(f"{ledger}.before-20200101T000000Z")
    stale.hardlink_to(ledger)
    done = restore(saved, ledger, NOW)
    assert not stale.exists()
    assert Path(done.aside).exists()


def ask_in_vain(product: Product, user: str) -> str:
    """Why a decision for somebody was not recorded."""
    return product.decide("reply", {"text": "?"}, user=user, options=OPTIONS).unrecorded
