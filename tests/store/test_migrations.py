"""Steps of the schema: in order, each whole or not at all, and every row with them."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from autotroph.errors import Conflict, LedgerError
from autotroph.records import CHAINED, Completion, Decision, Erasure, Reward, Signal
from autotroph.store import migrations, open_reader, open_store, verify
from autotroph.store.chain import head
from autotroph.store.codec import encode, layout
from autotroph.store.migrations import migrate, steps
from autotroph.store.pen import Pen
from autotroph.testing.rows import completion, decision, entry, examples, signal

DYING = r"""
import os, signal, sys
import apsw
from autotroph.store import migrations

def stop(*_):
    os.kill(os.getpid(), signal.SIGKILL)

steps = migrations.steps()
statements = steps[1].sql.split(";\n")
at = int(sys.argv[2])
cut = ";\n".join([*statements[:at], "SELECT stop()", ""])
migrations.steps = lambda: [steps[0], steps[1]._replace(sql=cut)]
connection = apsw.Connection(sys.argv[1])
connection.pragma("cache_size", 2)
connection.create_scalar_function("stop", stop)
migrations.migrate(connection, "seed")
"""


def old_rows():
    """What a ledger of schema 1 may hold: nobody verified, no signal from anybody, nothing erased."""
    silent = {"inputs": {}, "proposals": ()}
    unknown = {"tokens_cached": 0, "tokens_reasoning": 0, "first_token_ms": None}
    facts = [
        decision("d1", key="k1", verified=False),
        decision("d2", key="k2", verified=False, **silent),
        replace(completion(1.0), cost_usd=0.1, finish="", **unknown),
        Completion(decision="d2", output="", at=2.0),
        *(signal(f"s{n}", user="", verified=False, value=value) for n, value in enumerate(_VALUES)),
        signal("s9", user="", verified=False, key="vote", value="1"),
    ]
    others = [each for each in examples() if not isinstance(each, Decision | Completion | Signal | Erasure)]
    return [*facts, *others, entry(2)]


_VALUES = (False, True, -0.5, "long", "")
_OLD_COLUMNS = {"completions": ("output",), "signals": ("value_text",)}
_NEW_COLUMNS = {
    "decisions": ("verified",),
    "signals": ("user", "verified"),
    "rewards": ("kind",),
    "completions": ("tokens_cached", "tokens_reasoning", "first_token_ms", "finish"),
}


@pytest.fixture
def old(tmp_path, monkeypatch):
    """A ledger of schema 1 with rows of every kind that it knew, written as it was then."""
    path = tmp_path / "ledger.db"
    with monkeypatch.context() as patch, closing(apsw.Connection(str(path))) as connection:
        first = steps()[:1]
        patch.setattr(migrations, "steps", lambda: first)
        patch.setattr(migrations, "_views", _old_views)
        connection.pragma("journal_mode", "WAL")
        connection.pragma("foreign_keys", 1)
        migrate(connection, "seed")
        for sequence, row in enumerate(old_rows(), start=1):
            _write_as_then(connection, sequence, row)
    return path


def _old_views(connection):
    with connection:
        connection.execute("CREATE VIEW answers AS SELECT output FROM completions")
        connection.execute("CREATE VIEW kept AS SELECT value_text FROM signals, answers")
        connection.execute("INSERT INTO meta (name, value) VALUES ('views', 'of then')")


def _write_as_then(connection, sequence, record):
    if isinstance(record, CHAINED):
        pen = Pen(connection)
        pen.begin()
        pen.write([encode(record)])
        pen.commit()
        return
    form = layout(type(record))
    columns = [column for cell in form.cells for column in cell.encode(getattr(record, cell.field))]
    values = dict(zip(form.all_columns, columns, strict=True))
    apart = {name: values.pop(name) for name in form.wide_columns}
    for name in _NEW_COLUMNS.get(form.table, ()):
        del values[name]
    values |= {name: apart.pop(name) for name in _OLD_COLUMNS.get(form.table, ())}
    values |= {"body_digest": "of then"} if isinstance(record, Decision | Signal) else {}
    _insert(connection, form.table, {"sequence": sequence, **values})
    if apart:
        _insert(connection, form.wide_table, {"sequence": sequence, **apart})
    connection.execute("UPDATE head SET sequence = ?", (sequence,))


def _insert(connection, table, values):
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))


class TestTheSecondStep:
    def test_every_row_comes_through_and_the_chain_holds(self, old):
        with closing(open_store(old)) as store:
            rows = sorted(
                (each for kind in {type(row) for row in old_rows()} for each in store.scan(kind)),
                key=lambda each: each.sequence,
            )
            assert rows == [replace(each, sequence=at) for at, each in enumerate(old_rows(), start=1)]
            assert verify(store) == sum(isinstance(each, CHAINED) for each in old_rows())
            assert store.meta("schema") == str(len(steps()))
            assert store.append(signal("new", user="u1")).durable() == (len(rows) + 1,)

    def test_only_texts_with_something_in_them_lie_apart(self, old):
        with closing(open_store(old)) as store:
            apart = {
                table: [number for (number,) in store.query(f"SELECT sequence FROM {table}").rows]
                for table in ("decision_texts", "completion_texts", "signal_texts")
            }
        assert apart == {"decision_texts": [1], "completion_texts": [3], "signal_texts": [8, 10]}

    def test_what_is_sent_again_is_known_from_then(self, old):
        with closing(open_store(old)) as store:
            assert store.append(*old_rows()[:10]).durable() == tuple(range(1, 11))
            assert store.append(decision("again", key="k1")).durable() == (1,)
            with pytest.raises(Conflict, match="value was '1', now '2'"):
                store.append(signal("s9", user="", key="vote", value="2")).durable()
            with pytest.raises(Conflict, match="user was '', now 'u2'"):
                store.append(signal("s9", key="vote", value="1")).durable()

    @pytest.mark.parametrize("at", [0, 1, 4, 7, 12, 99])
    def test_a_crash_in_the_middle_leaves_the_first(self, old, at):
        before = _everything(old)
        died = subprocess.run([sys.executable, "-c", DYING, str(old), str(at)], check=False)
        assert died.returncode == -9
        assert _everything(old) == before
        with closing(open_store(old)) as store:
            assert verify(store) == head(store)[1]
            assert store.last() == len(old_rows())

    def test_an_old_ledger_is_not_read_before_it_was_migrated(self, old):
        with pytest.raises(LedgerError, match=f"schema 1 is older than {len(steps())}"):
            open_reader(old)

    def test_erasing_a_row_takes_what_lies_apart(self, old):
        with closing(open_store(old)) as store:
            gone = {
                kind: [row.sequence for row in store.scan(kind)] for kind in (Decision, Completion, Signal)
            }
            store.remove({**gone, Reward: [row.sequence for row in store.scan(Reward)]}).durable()
            for table in ("decision_texts", "completion_texts", "signal_texts"):
                assert store.query(f"SELECT * FROM {table}").rows == ()


def _everything(path):
    with closing(apsw.Connection(str(path))) as connection:
        schema = connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
            ).fetchall()
        ]
        return schema, {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


class TestNumbers:
    @pytest.mark.parametrize(
        ("names", "told"),
        [
            (["0001_a.sql", "0003_c.sql"], r"step 0002 is missing \(at 0003_c.sql"),
            (["0002_b.sql"], r"step 0001 is missing \(at 0002_b.sql"),
            (["0001_a.sql", "0002_b.sql", "0002_c.sql"], r"step 0002 is there twice \(at 0002_c.sql"),
        ],
    )
    def test_one_that_is_missing_or_there_twice_is_named(self, names, told, tmp_path):
        for name in names:
            (tmp_path / name).write_text("SELECT 1")
        with pytest.raises(LedgerError, match=told):
            steps(tmp_path)

    def test_they_come_in_order_with_their_names(self, tmp_path):
        for name in ("0002_second.sql", "0001_first.sql", "views.sql"):
            (tmp_path / name).write_text(name)
        assert [(step.number, step.name) for step in steps(tmp_path)] == [(1, "first"), (2, "second")]
        assert all(
            Path(migrations.__file__).with_name(f"{s.number:04}_{s.name}.sql").is_file() for s in steps()
        )
