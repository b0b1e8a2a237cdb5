"""Somebody who can write the file: every change of the chain is found, and what is none is not."""

import random
from contextlib import closing

import apsw
import pytest
from msgspec.structs import replace

from autotroph.errors import TamperedLedger
from autotroph.records import CHAINED, Decision, Reward, Signal
from autotroph.store import open_store, verify
from autotroph.store.chain import GENESIS, LINKING, head, link
from autotroph.store.codec import TABLES, row_digest
from autotroph.store.protocols import Table
from autotroph.testing.stores import decision, entry, examples, signal

TAMPERS = 1000
TABLES_OF_CHAIN = [TABLES[kind] for kind in CHAINED]


class Raw:
    """The ledger behind its back: a reader for `verify`, and the hand of whoever changes the file."""

    def __init__(self, connection):
        self.connection = connection

    def query(self, sql, parameters=()):
        cursor = self.connection.execute(sql, parameters)
        try:
            columns = tuple(name for name, _ in cursor.get_description())
        except apsw.ExecutionCompleteError:
            columns = ()
        return Table(columns, tuple(cursor))

    def chain(self):
        """Every link as (table, row by column), in the order of the ledger."""
        rows = [
            (table, row) for table in TABLES_OF_CHAIN for row in self.query(f"SELECT * FROM {table}").dicts()
        ]
        return sorted(rows, key=lambda found: found[1]["sequence"])

    def everything(self):
        return self.chain(), self.query("SELECT * FROM head").rows

    def update(self, table, sequence, /, **values):
        names = ", ".join(f"{name} = ?" for name in values)
        self.connection.execute(
            f"UPDATE {table} SET {names} WHERE sequence = ?", (*values.values(), sequence)
        )

    def delete(self, table, sequence):
        self.connection.execute(f"DELETE FROM {table} WHERE sequence = ?", (sequence,))

    def insert(self, table, row):
        places = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", (*row.values(),))

    def forge_head(self):
        """The head as it would be, had the chain always ended here."""
        chain = self.chain()
        hash_ = chain[-1][1]["hash"] if chain else GENESIS
        self.connection.execute("UPDATE head SET links = ?, hash = ?", (len(chain), hash_))

    def forge_links(self, start):
        """Links everything from a place of the chain on anew, so that it holds in itself."""
        chain = self.chain()
        previous = chain[start - 1][1]["hash"] if start else GENESIS
        for table, row in chain[start:]:
            forged = consistent(table, row, previous)
            self.update(table, row["sequence"], **{name: forged[name] for name in LINKING})
            previous = forged["hash"]


def consistent(table, row, previous):
    """The row with digest and hash that fit."""
    body = {name: value for name, value in row.items() if name not in LINKING}
    digest = row_digest(body)
    hash_ = link(previous, table, row["sequence"], digest)
    return {**row, "previous": previous, "body_digest": digest, "hash": hash_}


def other(luck, value):
    """Another value of the same type, near or far."""
    match value:
        case str():
            return luck.choice([f"{value} ", value[1:] or "x", value.swapcase(), luck.randbytes(32).hex()])
        case int():
            return luck.choice([value + 1, -value - 1, value ^ (1 << luck.randrange(40))])
        case float():
            return luck.choice([value + 1e-9, -value - 1.0, value * (1 + 2**-52), 0.5])
    raise TypeError(value)


def pick(luck, raw):
    return luck.choice(raw.chain())


def two_of_a_table(luck, raw):
    table = luck.choice(TABLES_OF_CHAIN)
    rows = raw.query(f"SELECT * FROM {table}").dicts()
    return table, *luck.sample(rows, 2)


def free(luck, raw):
    """A sequence between the links or behind the last one that none of them has."""
    taken = {row["sequence"] for _, row in raw.chain()}
    return luck.choice([n for n in range(1, max(taken) + 20) if n not in taken])


def edit_a_column(luck, raw):
    table, row = pick(luck, raw)
    column = luck.choice([name for name in row if name not in LINKING])
    raw.update(table, row["sequence"], **{column: other(luck, row[column])})


def edit_a_linking_column(luck, raw):
    table, row = pick(luck, raw)
    column = luck.choice(["previous", "body_digest", "hash"])
    raw.update(table, row["sequence"], **{column: other(luck, row[column])})


def edit_the_head(luck, raw):
    column = luck.choice(["links", "hash"])
    ((value,),) = raw.query(f"SELECT {column} FROM head").rows
    raw.connection.execute(f"UPDATE head SET {column} = ?", (other(luck, value),))


def delete_rows(luck, raw):
    for table, row in luck.sample(raw.chain(), luck.choice([1, 1, 2, 5])):
        raw.delete(table, row["sequence"])


def truncate_the_tail(luck, raw):
    chain = raw.chain()
    for table, row in chain[luck.randrange(len(chain)) :]:
        raw.delete(table, row["sequence"])


def add_a_copy(luck, raw):
    table, row = pick(luck, raw)
    changed = {"sequence": free(luck, raw), "hash": luck.randbytes(32).hex()}
    raw.insert(table, {**row, **changed, **({"id": luck.randbytes(4).hex()} if "id" in row else {})})


def add_a_consistent_row(luck, raw):
    table, row = pick(luck, raw)
    row = {**row, "sequence": free(luck, raw), **({"id": luck.randbytes(4).hex()} if "id" in row else {})}
    before = [each["hash"] for _, each in raw.chain() if each["sequence"] < row["sequence"]]
    raw.insert(table, consistent(table, row, before[-1] if before else GENESIS))


def swap_two_rows(luck, raw):
    table, one, two = two_of_a_table(luck, raw)
    raw.update(table, one["sequence"], sequence=-1)
    raw.update(table, two["sequence"], sequence=one["sequence"])
    raw.update(table, -1, sequence=two["sequence"])


def swap_two_bodies(luck, raw):
    table, one, two = two_of_a_table(luck, raw)
    kept = (*LINKING, "id")
    for here, there in ((one, two), (two, one)):
        body = {name: value for name, value in there.items() if name not in kept}
        raw.update(table, here["sequence"], **body)


def change_a_sequence(luck, raw):
    table, row = pick(luck, raw)
    raw.update(table, row["sequence"], sequence=free(luck, raw))


def rewrite_a_row_consistently(luck, raw):
    chain = raw.chain()
    place = luck.randrange(len(chain))
    table, row = chain[place]
    column = luck.choice([name for name in row if name not in LINKING])
    edited = {**row, column: other(luck, row[column])}
    raw.update(table, row["sequence"], **consistent(table, edited, row["previous"]))


def truncate_and_forge_the_head(luck, raw):
    truncate_the_tail(luck, raw)
    raw.forge_head()


def rewrite_the_chain(luck, raw):
    chain = raw.chain()
    place = luck.randrange(len(chain))
    table, row = chain[place]
    raw.update(table, row["sequence"], at=other(luck, row["at"]))
    raw.forge_links(place)
    raw.forge_head()


FOUND_ALONE = [
    *(edit_a_column, edit_a_linking_column, edit_the_head, delete_rows, truncate_the_tail, add_a_copy),
    *(add_a_consistent_row, swap_two_rows, swap_two_bodies, change_a_sequence, rewrite_a_row_consistently),
]
FOUND_BY_ITS_ANCHOR = [truncate_and_forge_the_head, rewrite_the_chain]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A ledger with a chain over all five tables, and facts between its links."""
    path = tmp_path_factory.mktemp("tampering") / "ledger.db"
    with closing(open_store(path)) as store:
        for turn in range(5):
            links = [
                replace(each, at=float(turn), **({"id": f"{each.id}/{turn}"} if hasattr(each, "id") else {}))
                for each in examples()
                if isinstance(each, CHAINED)
            ]
            facts = decision(f"d{turn}"), signal(f"s{turn}", subject=f"d{turn}")
            store.append(*links[:2], *facts, *links[2:], entry(turn), _reward(turn)).durable()
    return path


@pytest.fixture
def raw(path):
    """The file without its triggers, until the test is over."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield Raw(connection)
        connection.execute("ROLLBACK")


def test_every_one_of_a_thousand_tampers_is_found(raw):
    luck = random.Random("tampers")
    _, links, hash_ = head(raw)
    tampers, missed = [*FOUND_ALONE, *FOUND_BY_ITS_ANCHOR], []
    for number in range(TAMPERS):
        tamper = tampers[number % len(tampers)]
        anchor = (links, hash_) if tamper in FOUND_BY_ITS_ANCHOR else (0, GENESIS)
        while (found := _found(raw, tamper, luck, anchor)) is None:
            pass
        if not found:
            missed.append(tamper.__name__)
    assert not missed
    assert verify(raw, (links, hash_)) == links, "untouched, it passes"


def _found(raw, tamper, luck, anchor):
    """Whether `verify` finds it; None where it changed nothing, or a constraint of the table forbids it."""
    untouched = raw.everything()
    raw.connection.execute("SAVEPOINT tamper")
    try:
        tamper(luck, raw)
        return None if raw.everything() == untouched else bool(_told(raw, anchor))
    except apsw.ConstraintError:
        return None
    finally:
        raw.connection.execute("ROLLBACK TO tamper; RELEASE tamper")


def _told(raw, anchor=(0, GENESIS)):
    try:
        verify(raw, anchor)
    except TamperedLedger as error:
        return str(error)
    return ""


@pytest.mark.parametrize("tamper", FOUND_BY_ITS_ANCHOR)
def test_a_forged_chain_holds_in_itself_and_is_found_by_who_kept_an_anchor(raw, tamper):
    anchor = head(raw)[1:]
    tamper(random.Random(7), raw)
    assert not _told(raw)
    assert _told(raw, anchor)


def test_an_anchor_of_any_time_holds_while_the_chain_goes_on(raw):
    for place, (_, row) in enumerate(raw.chain(), start=1):
        assert verify(raw, (place, row["hash"])) == len(raw.chain())
        assert "written anew" in _told(raw, (place, GENESIS))


def test_a_tamper_names_the_row(raw):
    table, row = raw.chain()[17]
    raw.update(table, row["sequence"], at=0.125)
    assert f"{table} {row['sequence']} was edited" in _told(raw)


def test_a_table_without_its_links_is_found(raw):
    raw.connection.execute("ALTER TABLE journal RENAME COLUMN previous TO earlier")
    assert "'previous'" in _told(raw)


def test_erasing_facts_leaves_the_chain_valid(tmp_path):
    with closing(open_store(tmp_path / "ledger.db")) as store:
        store.append(*examples(), decision("d2"), signal("s9"), entry(2)).durable()
        anchor = head(store)[1:]
        gone = {kind: [row.sequence for row in store.scan(kind)] for kind in (Decision, Signal, Reward)}
        store.remove(gone).durable()
        assert not any(list(store.scan(kind)) for kind in gone)
        assert verify(store, anchor) == anchor[0]


def _reward(turn):
    return Reward(decision=f"d{turn}", name="kept", version="v1", value=1.0, final=True, at=float(turn))
