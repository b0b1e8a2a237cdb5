import os
import threading
import time
from contextlib import closing, contextmanager
from random import Random

import apsw
import pytest
from recovering import cuts, in_memory, put

from autotroph.errors import InputError, LedgerError, TamperedLedger, UnknownName
from autotroph.records import CHAINED, ROWS, Decision, Signal
from autotroph.store import migrations, open_reader, open_store, verify
from autotroph.store.codec import TABLES, layout
from autotroph.store.migrations import Step
from autotroph.store.protocols import Table
from autotroph.store.sqlite import SqliteStore
from autotroph.testing.disks import Disk
from autotroph.testing.stores import decision, entry, examples, signal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@contextmanager
def raw(path):
    """The file behind the ledger's back, by the same SQLite library."""
    with closing(apsw.Connection(str(path))) as connection:
        yield connection


class TestOpening:
    def test_a_relative_url_is_relative(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with closing(open_store("sqlite:///some/folder/ledger.db")):
            assert (tmp_path / "some/folder/ledger.db").is_file()

    def test_the_names_of_new_folders_are_synced(self, tmp_path, monkeypatch):
        synced = []
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_ino), real(file)))
        open_store(tmp_path / "some/folder/ledger.db").close()
        assert synced == [(tmp_path / name).stat().st_ino for name in (".", "some")]

    def test_a_file_that_a_power_cut_left_with_its_journal_is_opened(self, path):
        with Disk().mounted() as disk:
            SqliteStore(path, vfs=disk.name).close()
            with in_memory() as folder:
                opened = 0
                for _, files in cuts(disk.log[:9], [str(seed) for seed in range(20)]):
                    SqliteStore(put(files, folder, Random(0))).close()
                    opened += f"{path}-journal" in files and bool(files.get(str(path)))
        assert opened > 10

    @pytest.mark.parametrize("url", ["sqlite://ledger.db", "sqlite:///"])
    def test_a_malformed_url_is_refused(self, url):
        with pytest.raises(InputError, match="sqlite:///relative"):
            open_store(url)

    def test_an_unknown_store_is_answered_with_the_known_ones(self):
        with pytest.raises(UnknownName, match="Did you mean 'sqlite'"):
            open_store("sqlit:///x.db")

    def test_a_file_that_is_no_database_stays_as_it_is(self, tmp_path):
        other = tmp_path / "notes.txt"
        other.write_text("not a database, " * 100)
        with pytest.raises(LedgerError, match=r"notes.txt: this is not a database"):
            open_store(other)
        assert list(tmp_path.iterdir()) == [other]
        assert other.read_text() == "not a database, " * 100

    def test_another_programs_database_stays_as_it_is(self, path):
        with raw(path) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        before = path.read_bytes()
        with pytest.raises(LedgerError, match="not a ledger of autotroph"):
            open_store(path)
        assert path.read_bytes() == before

    def test_a_newer_schema_is_refused(self, path):
        open_store(path).close()
        with raw(path) as connection:
            connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
        for opener in (open_store, open_reader):
            with pytest.raises(LedgerError, match="schema 99"):
                opener(path)

    def test_a_reader_of_nothing_says_so_and_makes_nothing(self, path):
        with pytest.raises(LedgerError, match="there is no ledger here"):
            open_reader(path)
        assert not path.exists()

    def test_a_folder_is_no_ledger(self, tmp_path):
        with pytest.raises(LedgerError, match=r"check that the file"):
            open_store(tmp_path)

    def test_it_is_as_durable_as_declared(self, path):
        with closing(SqliteStore(path)) as store:
            asked = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
            assert {name: store._writer._connection.pragma(name) for name in asked} == asked

    def test_a_reader_sees_a_ledger_that_was_closed(self, path):
        with closing(open_store(path)) as store:
            store.append(entry())
        with closing(open_reader(path)) as reader:
            assert reader.last() == 1

    def test_a_store_that_nobody_closed_is_written_all_the_same(self, path):
        store = open_store(path)
        store.append(entry())
        del store
        with closing(open_reader(path)) as reader:
            assert reader.last() == 1


class TestSchema:
    @pytest.mark.parametrize("kind", ROWS)
    def test_every_field_has_its_columns(self, kind, path):
        form = layout(kind)
        with closing(open_store(path)) as store:
            columns = set(store.query(f"SELECT * FROM {form.table}").columns)
        extra = {"sequence"} | ({"body_digest"} if form.digested else set())
        extra |= {"previous", "hash"} if form.chained else set()
        assert columns == set(form.columns) | extra

    def test_a_failed_step_leaves_the_ledger_as_it_was(self, path, monkeypatch):
        with closing(open_store(path)) as store:
            store.append(entry()).durable()
        steps = migrations.steps()
        broken = Step(len(steps) + 1, "broken", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)")
        monkeypatch.setattr(migrations, "steps", lambda: [*steps, broken])
        with pytest.raises(LedgerError, match="nowhere"):
            open_store(path)
        monkeypatch.undo()
        with closing(open_store(path)) as store:
            assert store.meta("schema") == str(len(steps))
            assert store.query("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").rows == ((0,),)
            assert verify(store) == 1

    def test_steps_are_numbered_without_gaps(self):
        numbers = [step.number for step in migrations.steps()]
        assert numbers == list(range(1, len(numbers) + 1))

    def test_views_are_renewed_when_their_text_changed(self, path):
        open_store(path).close()
        with raw(path) as connection:
            connection.execute("DROP VIEW loop; UPDATE meta SET value = 'old' WHERE name = 'views'")
        with closing(open_store(path)) as store:
            assert store.query("SELECT * FROM loop").rows == ()

    def test_the_ledgers_own_facts_cannot_be_set(self, path):
        with closing(open_store(path)) as store, pytest.raises(InputError, match="schema"):
            store.set_meta("schema", "7")


class TestViews:
    def test_each_answers(self, path):
        with closing(open_store(path)) as store:
            store.append(decision("d0", shadows="", served=True, release="r1", provenance="product"))
            store.append(*examples()).durable()
            served, shadow = store.query("SELECT * FROM answers ORDER BY sequence").dicts()
            assert (served["release_name"], served["about"], served["reward"]) == ("sharper", "d0", None)
            assert (shadow["about"], shadow["probability"], shadow["reward"]) == ("d0", 1 / 3, 1 / 3)
            votes = store.query("SELECT value FROM signals_by_decision ORDER BY sequence").rows
            assert votes == ((0.0,), (1.0,), (-0.1,), ("1",))
            (cycle,) = store.query("SELECT counts ->> 'rewards' AS n, since, through FROM loop").dicts()
            assert cycle == {"n": 2, "since": 0, "through": 9}
            (verdict,) = store.query("SELECT candidate_name, finding FROM verdict_log").rows
            assert verdict == ("sharper", "advance")
            (release,) = store.query("SELECT name, stage, share FROM release_log").rows
            assert release == ("sharper", "canary", 0.1)


class TestQuery:
    def test_a_time_limit_stops_it(self, path):
        endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        with closing(open_store(path)) as store:
            with pytest.raises(InputError, match=r"stopped after 0\.05 s"):
                store.query(endless, limit_seconds=0.05)
            assert store.query("SELECT 1", limit_seconds=5).rows == ((1,),)

    @pytest.mark.parametrize(
        "sql",
        ["PRAGMA user_version = 7", "ATTACH 'x.db' AS x", "SELECT load_extension('x')", "BEGIN", "VACUUM"],
    )
    def test_no_way_around_reading(self, sql, path):
        with closing(open_store(path)) as store, pytest.raises(InputError):
            store.query(sql)

    def test_bad_sql_is_answered_with_what_sqlite_says(self, path):
        with closing(open_store(path)) as store:
            with pytest.raises(InputError, match="no such column: taks"):
                store.query("SELECT taks FROM answers")
            with pytest.raises(InputError, match="single-quotes"):
                store.query('SELECT 1 FROM answers WHERE task = "route"')
            with pytest.raises(InputError, match="bindings"):
                store.query("SELECT ?, ?", (1,))


class TestWriter:
    def test_appends_of_a_busy_moment_share_a_commit(self, path):
        with closing(SqliteStore(path)) as store:
            store.append().durable()
            commits = []
            store._writer._connection.set_commit_hook(lambda: bool(commits.append(1)))
            with _stalled(path):
                receipts = [store.append(entry(number)) for number in range(100)]
                with pytest.raises(LedgerError, match=r"not on disk after 0\.01 s"):
                    receipts[-1].durable(0.01)
            assert receipts[-1].durable() == (100,)
            assert len(commits) <= 2

    def test_room_that_becomes_free_lets_the_next_in(self, path):
        with closing(SqliteStore(path, room=1, patience=30)) as store:
            for number in range(20):
                store.append(entry(number))
            store.append().durable()
            assert store.last() == 20

    def test_a_bug_in_the_writer_reaches_the_receipt(self, path, monkeypatch):
        with closing(SqliteStore(path)) as store:
            with monkeypatch.context() as patch:
                patch.setattr("autotroph.store.pen.link", lambda *_: 1 / 0)
                with pytest.raises(LedgerError, match="ZeroDivisionError"):
                    store.append(entry(1)).durable()
            assert store.append(entry(1)).durable() == (1,)

    def test_closing_waits_for_what_is_queued(self, path):
        store = open_store(path)
        receipts = [store.append(signal(str(number))) for number in range(500)]
        store.close()
        assert receipts[-1].durable(0) == (500,)

    def test_readers_go_on_while_it_writes(self, path):
        with closing(open_store(path)) as store, closing(store.reader()) as reader:
            stop = threading.Event()
            thread = threading.Thread(target=_write_until, args=(store, stop))
            thread.start()
            seen = [sum(1 for _ in reader.scan(Signal)) for _ in range(20)]
            stop.set()
            thread.join()
            assert seen == sorted(seen)
            assert verify(reader) == 0


class TestChain:
    """Tampering with the real file; what a store-independent check can show is in the contract."""

    @pytest.mark.parametrize("kind", CHAINED)
    def test_tables_refuse_change(self, kind, path):
        with closing(open_store(path)) as store:
            store.append(*examples()).durable()
        with raw(path) as connection:
            for sql in (f"UPDATE {TABLES[kind]} SET at = 0", f"DELETE FROM {TABLES[kind]}"):
                with pytest.raises(apsw.ConstraintError, match="append-only"):
                    connection.execute(sql)

    @pytest.mark.parametrize("kind", CHAINED)
    def test_every_column_is_under_it(self, kind, path):
        table = TABLES[kind]
        with closing(open_store(path)) as store:
            store.append(*examples(), *map(entry, range(3))).durable()
            columns = store.query(f"SELECT * FROM {table}").columns
        with raw(path) as connection:
            _disarm(connection)
            for column in columns:
                edited = f"iif(typeof({column}) = 'text', {column} || '1', {column} + 1000)"
                connection.execute(f"SAVEPOINT edit; UPDATE {table} SET {column} = {edited}")
                with pytest.raises(TamperedLedger, match="rows" if column == "sequence" else table):
                    verify(_Raw(connection))
                connection.execute("ROLLBACK TO edit; RELEASE edit")
            assert verify(_Raw(connection)) == 8

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM journal WHERE sequence = 2",
            "DELETE FROM journal WHERE sequence = 5",
            "DELETE FROM journal",
            "DELETE FROM head",
            "UPDATE head SET links = 4",
            "UPDATE journal SET sequence = 9 WHERE sequence = 5",
            "INSERT INTO journal VALUES (9, 'a', 'e', 's', 0, '{}', 'p', 'b', 'h')",
        ],
    )
    def test_cuts_and_moves_are_found(self, sql, path):
        with closing(open_store(path)) as store:
            store.append(*map(entry, range(5))).durable()
        with raw(path) as connection:
            _disarm(connection)
            connection.execute(sql)
        with closing(open_reader(path)) as reader, pytest.raises(TamperedLedger):
            verify(reader)


def test_a_scan_of_facts_does_not_touch_the_wide_table(path):
    with closing(open_store(path)) as store:
        store.append(decision()).durable()
    with raw(path) as connection:
        connection.execute("DROP TABLE decision_texts")
    with closing(open_reader(path)) as reader:
        assert [each.id for each in reader.scan(Decision, texts=False)] == ["d1"]
        with pytest.raises(LedgerError, match="decision_texts"):
            reader.get(Decision, id="d1")


def test_order_of_keys_comes_back_and_makes_no_conflict(path):
    one, other = {"b": 1, "a": {"z": 1, "y": 2}}, {"a": {"y": 2, "z": 1}, "b": 1}
    with closing(open_store(path)) as store:
        first = store.append(decision("d1", key="k", inputs=one)).durable()
        assert store.append(decision("d2", key="k", inputs=other)).durable() == first
        found = store.get(Decision, key="k")
        assert found is not None
        assert list(found.inputs) == ["b", "a"]


def test_what_each_lookup_costs_is_an_index(path):
    lookups = [
        "decisions WHERE id = 'x'",
        "decisions WHERE key = 'x' AND key <> ''",
        "decisions WHERE task = 'x' AND served = 1 AND sequence > 5 ORDER BY sequence",
        "decisions WHERE shadows = 'x' AND shadows <> ''",
        "decisions WHERE session = 'x' AND session <> ''",
        "signals WHERE subject = 'x'",
        "rewards WHERE decision = 'x' AND final = 1",
        "completions WHERE decision = 'x'",
    ]
    open_store(path).close()
    with raw(path) as connection:
        for lookup in lookups:
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {lookup}").fetchall())
            assert "USING INDEX" in plan, plan
            assert "TEMP B-TREE" not in plan, plan


class _Raw:
    """A reader over any connection, as far as `verify` needs one."""

    def __init__(self, connection):
        self._connection = connection

    def query(self, sql, parameters=()):
        rows = self._connection.execute(sql, parameters)
        try:
            columns = tuple(name for name, _ in rows.get_description())
        except apsw.ExecutionCompleteError:
            columns = ()
        return Table(columns, tuple(rows))


def _disarm(connection):
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")


@contextmanager
def _stalled(path):
    """A disk that does not answer, as far as the writer can tell."""
    with raw(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def _write_until(store, stop):
    for number in range(2000):
        if stop.is_set():
            break
        store.append(signal(str(number)))
        time.sleep(0)
