"""What one append becomes: all rows or none, each once, and found again by an index."""

import random
from contextlib import closing

import apsw
import pytest
from msgspec.structs import replace

from autotroph.errors import Conflict, LedgerError
from autotroph.records import Decision, Entry, Signal, Terms
from autotroph.store import open_store, verify
from autotroph.store.chain import GENESIS, head
from autotroph.store.codec import encode, layout
from autotroph.store.opening import writing
from autotroph.store.pen import Pen
from autotroph.store.statements import matching, selection
from autotroph.testing.rows import completion, decision, entry, signal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def connection(path):
    with closing(writing(path, "")) as connection:
        yield connection


def write(connection, *records):
    pen = Pen(connection)
    pen.begin()
    try:
        return pen.write([encode(record) for record in records])
    finally:
        pen.commit()


class TestRowsThatAreThere:
    def test_an_append_may_hold_some_new_and_some_known_rows_in_any_order(self, connection):
        luck = random.Random(3)
        known: dict[str, int] = {}
        for turn in range(60):
            mixed = [luck.randrange(150) for _ in range(luck.randrange(1, 12))]
            rows = [_row(number) for number in mixed]
            for row, sequence in zip(rows, write(connection, *rows), strict=True):
                assert known.setdefault(_name(row), sequence) == sequence, (turn, row)
        stored = sum(
            connection.execute(f"SELECT count(*) FROM {table}").get
            for table in ("decisions", "signals", "journal")
        )
        assert sorted(known.values()) == list(range(1, stored + 1))

    def test_a_conflict_at_the_end_takes_everything_back(self, connection):
        write(connection, signal("s1", key="k"))
        with pytest.raises(Conflict):
            write(connection, decision("d1"), entry(1), signal("s2", key="k", value=False))
        assert connection.execute("SELECT sequence, links, hash FROM head").fetchone() == (1, 0, GENESIS)
        assert write(connection, entry(1), decision("d1")) == (2, 3)

    def test_the_chain_goes_on_past_rows_that_were_known(self, path):
        with closing(open_store(path)) as store:
            store.append(entry(1), signal("s1", key="k"), entry(2)).durable()
            store.append(signal("s2", key="k"), entry(3), completion(1.0), entry(4)).durable()
            assert [each.subject for each in store.scan(Entry)] == ["x1", "x2", "x3", "x4"]
            assert verify(store) == head(store)[1] == 4

    def test_a_signal_with_a_key_is_known_by_its_key_alone(self, connection):
        assert write(connection, signal("s", key="a"), signal("s", key="b"), signal("s")) == (1, 2, 3)
        assert write(connection, signal("s"), signal("t", key="b")) == (3, 2)

    def test_a_decision_without_a_key_is_known_by_its_id(self, connection):
        write(connection, decision("d1", key="k"))
        with pytest.raises(Conflict, match="key was 'k', now ''"):
            write(connection, decision("d1"))
        with pytest.raises(Conflict, match="key was 'k', now 'l'"):
            write(connection, decision("d1", key="l"))


class TestWhatAConflictSays:
    def told(self, connection, first, other):
        write(connection, first)
        with pytest.raises(Conflict) as told:
            write(connection, other)
        return told.value

    def test_the_first_by_its_fields_as_plain_values(self, connection):
        first = decision("d1", key="k", at=1.0)
        conflict = self.told(connection, first, decision("d2", key="k", inputs={"text": "x" * 500}))
        assert conflict.first == {
            "id": "d1",
            "sequence": 1,
            "task": "route",
            "user": "u1",
            "session": "s1",
            "served": False,
            "shadows": "d0",
            "provenance": "shadow",
            "terms": {
                "purposes": ("improve", "report"),
                "learn": False,
                "region": "eu",
                "retention": "short",
            },
            "inputs": first.inputs,
        }

    def test_what_differs_shortly_and_who_stands(self, connection):
        conflict = self.told(
            connection, decision("d1", key="k"), decision("d2", key="k", inputs={"t": "x" * 500})
        )
        assert "decision key 'k' came before with another body: inputs was " in str(conflict)
        assert "the first one is 'd1' (sequence 1) and stands" in str(conflict)
        assert len(str(conflict)) < 350

    def test_that_one_is_an_import(self, connection):
        first = decision("d1", key="k", provenance="import")
        conflict = self.told(connection, first, replace(first, provenance="product"))
        assert "provenance was 'import', now 'product'" in str(conflict)
        assert conflict.first["options"] == (
            {"id": "cards", "probability": 1 / 3},
            {"id": "fraud", "probability": 2 / 3},
        )

    def test_true_is_not_one(self, connection):
        assert "value was True, now 1.0" in str(self.told(connection, signal("s"), signal("s", value=1.0)))


class TestWhatWasSaidBefore:
    def test_a_digest_of_another_make_makes_no_conflict(self, connection):
        write(connection, decision("d1", key="k"))
        connection.execute("UPDATE decisions SET body_digest = 'of an earlier schema'")
        assert write(connection, decision("d2", key="k")) == (1,)
        with pytest.raises(Conflict):
            write(connection, decision("d2", key="k", inputs={}))

    @pytest.mark.parametrize(
        ("changed", "conflicts"),
        [
            ({"id": "s2", "at": 9.0, "fold": "gate", "verified": False}, False),
            *(({name: "other"}, True) for name in ("name", "about", "subject", "source", "user", "value")),
            ({"terms": Terms()}, True),
        ],
    )
    def test_of_a_signal_what_was_said_counts(self, changed, conflicts, connection):
        write(connection, signal("s1", key="k"))
        if conflicts:
            with pytest.raises(Conflict):
                write(connection, signal(**{"key": "k", **changed}))
        else:
            assert write(connection, signal(**{"key": "k", "id_": changed.pop("id"), **changed})) == (1,)

    def test_a_row_that_is_there_by_no_name_says_where_to_look(self, connection):
        write(connection, completion(1.0))
        connection.execute("UPDATE head SET sequence = 0")
        with pytest.raises(LedgerError, match="autotroph doctor"):
            write(connection, replace(completion(1.0), decision="d2"))


@pytest.mark.parametrize(
    ("kind", "equal", "index"),
    [
        (Decision, {"key": "k"}, "decisions_key"),
        (Decision, {"key": "k", "body_digest": "b"}, "decisions_key"),
        (Decision, {"id": "d"}, "sqlite_autoindex_decisions_1"),
        (Decision, {"user": "u"}, "decisions_user"),
        (Decision, {"session": "s"}, "decisions_session"),
        (Decision, {"shadows": "d"}, "decisions_shadows"),
        (Signal, {"key": "k"}, "signals_key"),
        (Signal, {"id": "s", "key": ""}, "signals_id"),
        (Signal, {"subject": "d", "name": "accepted"}, "signals_subject"),
    ],
)
def test_a_row_is_found_by_an_index(kind, equal, index, connection):
    sql = f"{selection(layout(kind), texts=True)} WHERE 1{matching(layout(kind), equal)}"
    plan = str(connection.execute(f"EXPLAIN QUERY PLAN {sql}", tuple(equal.values())).fetchall())
    assert index in plan


@pytest.mark.parametrize("equal", [{"key": ""}, {"key": "", "served": 1}, {"session": ""}])
def test_being_empty_can_be_asked_for(equal, connection):
    write(connection, decision("d1", session="", served=True), decision("d2", key="k", served=False))
    sql = f"{selection(layout(Decision), texts=False)} WHERE 1{matching(layout(Decision), equal)}"
    assert [row[0] for row in connection.execute(sql, tuple(equal.values()))] == [1]


def test_an_append_of_many_kinds_keeps_the_order_in_which_it_was_given(connection):
    rows = [_row(number) for number in range(90)]
    assert write(connection, *rows) == tuple(range(1, 91))
    for row, sequence in zip(rows, range(1, 91), strict=True):
        table = layout(type(row)).table
        found = connection.execute(f"SELECT count(*) FROM {table} WHERE sequence = ?", (sequence,)).get
        assert found == 1


def test_too_big_for_a_row_is_told_and_nothing_is_stored(connection):
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, 100_000)
    with pytest.raises(Exception, match="too big for one row"):
        write(connection, entry(1), signal("s1", value="x" * 200_000))
    assert write(connection, entry(1)) == (1,)


def _row(number):
    if number % 3 == 0:
        return decision(f"d{number}", key=f"k{number}" if number % 2 else "")
    if number % 3 == 1:
        return signal(f"s{number}", key=f"k{number}", value="text" if number % 2 else True)
    return decision(f"e{number}", key=f"k{number}")


def _name(row):
    return row.key or row.id
