"""What every store promises, as checks: run `ALL_CHECKS` on yours.

Each check takes a function that opens the *same* ledger each time it is called, empty the first time, and
raises AssertionError when the promise is broken. A check is named after the bug it catches.

    @pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, tmp_path):
        check(lambda: MyStore(tmp_path / "ledger"))
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Thread
from typing import TypeVar

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.errors import AutotrophError, Conflict, InputError, TamperedLedger, UnknownName
from autotroph.records import (
    ROWS,
    Completion,
    Cycle,
    Decision,
    Entry,
    Erasure,
    Measurement,
    Option,
    Reward,
    Signal,
    Stage,
)
from autotroph.store.chain import verify
from autotroph.store.protocols import Reader, Store, Table
from autotroph.testing.rows import AWKWARD, completion, decision, entry, examples, signal
from autotroph.testing.tampered import Rows, Tampered, swapped, until, without

__all__ = ["ALL_CHECKS", "Check", "Opener", "completion", "decision", "entry", "examples", "signal"]

Opener = Callable[[], Store]
E = TypeVar("E", bound=AutotrophError)
Check = Callable[[Opener], None]


def check_round_trip_changes_nothing(open_store: Opener) -> None:
    """A float rounded, a boolean that comes back as 1, a text cut at a NUL."""
    records = examples()
    assert {type(each) for each in records} == set(ROWS), "examples() covers every kind of row"
    with closing(open_store()) as store:
        sequences = store.append(*records).durable()
        for record, sequence in zip(records, sequences, strict=True):
            found = store.get(type(record), sequence=sequence)
            assert found == replace(record, sequence=sequence)
            assert repr(found) == repr(replace(record, sequence=sequence)), "types come back too"


def check_sequences_only_grow(open_store: Opener) -> None:
    """A number used twice, by two threads, by two tables, or after the ledger was opened again."""
    found: list[int] = []
    with closing(open_store()) as store:

        def run(worker: int) -> None:
            for number in range(20):
                found.extend(store.append(signal(f"{worker}-{number}"), entry(number)).durable())

        threads = [Thread(target=run, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == list(range(1, 161))
        assert store.last() == 160
    with closing(open_store()) as store:
        assert store.append(entry()).durable() == (161,)


def check_same_key_is_stored_once(open_store: Opener) -> None:
    """A retry that counts twice: alone, in one append, and after the ledger was opened again."""
    first, vote = decision("d1", key="k", at=1.0), signal("s1", key="k")
    again = replace(first, id="d2", at=2.0, release="release_2", option="fraud")
    with closing(open_store()) as store:
        assert store.append(first, vote, again).durable() == (1, 2, 1)
        assert store.append(again, replace(vote, id="s2", at=9.0)).durable() == (1, 2)
    with closing(open_store()) as store:
        assert store.append(again).durable() == (1,)
        assert [each.id for each in store.scan(Decision)] == ["d1"]
        assert [each.id for each in store.scan(Signal)] == ["s1"]


def check_identical_record_is_stored_once(open_store: Opener) -> None:
    """A step that ran again after a crash and wrote its rows a second time."""
    records = [each for each in examples() if not isinstance(each, Reward | Measurement | Stage | Entry)]
    with closing(open_store()) as store:
        assert store.append(*records).durable() == store.append(*records).durable()
        assert store.last() == len(records)
        verify(store)


def check_same_key_with_other_body_conflicts(open_store: Opener) -> None:
    """A second body that overwrites the first, or vanishes without a word."""
    with closing(open_store()) as store:
        store.append(decision("d1", key="k"), signal("s1", key="k")).durable()
        for other in (decision("d2", key="k", inputs={}), signal("s2", key="k", value=False)):
            with _raises(Conflict) as told:
                store.append(entry(), other).durable()
            assert f"{other.id[0]}1" in str(told[0]), "the message names the first one"
        with _raises(Conflict):
            store.append(signal("s3", key="new"), signal("s4", key="new", value="x")).durable()
        assert store.last() == 2


def check_conflict_shows_the_first(open_store: Opener) -> None:
    """A caller who is told that there is another one, and not which."""
    first = decision("d1", key="k")
    with closing(open_store()) as store:
        store.append(first, signal("s1"), completion(1.0)).durable()
        for other, said, shown in (
            (decision("d2", key="k", task="answer"), {"id": "d1", "task": "route"}, "'route', now 'answer'"),
            (signal("s1", value="no"), {"id": "s1", "value": True, "user": "u2"}, "True, now 'no'"),
            (completion(2.0), {"decision": "d1", "at": 1.0, "output": AWKWARD}, "1.0, now 2.0"),
        ):
            with _raises(Conflict) as told:
                store.append(other).durable()
            assert said.items() <= told[0].first.items()
            assert f"was {shown}" in str(told[0])


def check_import_with_other_probabilities_conflicts(open_store: Opener) -> None:
    """History that is brought a second time, and says something else about what could have been chosen."""
    first = decision("d1", key="k", provenance="import", options=(Option("cards", 1.0),))
    with closing(open_store()) as store:
        store.append(first).durable()
        assert store.append(replace(first, id="d2", release="other", fold="tracks")).durable() == (1,)
        for changed in ({"options": (Option("cards", 0.5),)}, {"options": ()}, {"option": "fraud"}):
            with _raises(Conflict):
                store.append(replace(first, **changed)).durable()
        assert store.last() == 1


def check_an_unknown_cost_is_not_nothing(open_store: Opener) -> None:
    """An answer whose price nobody knows, which makes all of them look cheap."""
    known = replace(completion(1.0), decision="d2", cost_usd=0.25)
    with closing(open_store()) as store:
        store.append(decision("d1"), decision("d2"), completion(1.0), known).durable()
        asked = "SELECT count(*) AS n, count(cost_usd) AS known, avg(cost_usd) AS usd FROM answers"
        (found,) = store.query(asked).dicts()
        assert found == {"n": 2, "known": 1, "usd": 0.25}


def check_removed_rows_are_gone(open_store: Opener) -> None:
    """A row whose texts stay, a link that can be taken out, an erasure without its mark."""
    mark = Erasure(digest=digest("u1"), about="user", at=1.0)
    with closing(open_store()) as store:
        store.append(decision("d1", key="k"), signal("s1", value="long"), completion(1.0), entry()).durable()
        store.remove({Decision: [1], Signal: [2], Completion: [3]}, [mark]).durable()
        assert not any(list(store.scan(kind)) for kind in (Decision, Signal, Completion))
        assert [each.digest for each in store.scan(Erasure)] == [mark.digest]
        assert store.append(decision("d1", key="k", inputs={})).durable() == (6,), "nothing of it is left"
        with _raises(InputError):
            store.remove({Entry: [4]})
        assert verify(store) == 1


def check_same_id_with_other_fields_conflicts(open_store: Opener) -> None:
    """An id that means two things; a verdict that is rewritten by appending it again."""
    records = [each for each in examples() if hasattr(each, "id")]
    with closing(open_store()) as store:
        store.append(*records).durable()
        for record in records:
            with _raises(Conflict):
                store.append(replace(record, at=0.0)).durable()
            assert store.get(type(record), id=record.id) is not None
        assert store.last() == len(records)


def check_append_is_all_or_nothing(open_store: Opener) -> None:
    """Half an append, or a refused one that takes its neighbours with it or burns their numbers."""
    with closing(open_store()) as store:
        store.append(decision("d1")).durable()
        receipts = [
            store.append(entry(1)),
            store.append(entry(2), signal("s1"), decision("d1", at=0.0)),
            store.append(signal("s1"), entry(3)),
        ]
        assert receipts[0].durable() == (2,)
        with _raises(Conflict):
            receipts[1].durable()
        assert receipts[2].durable() == (3, 4)
        assert [each.subject for each in store.scan(Entry)] == ["x1", "x3"]
        assert verify(store) == 2


def check_who_is_in_no_hurry_keeps_its_place(open_store: Opener) -> None:
    """An append that may wait and is overtaken, or is left out of a receipt for everything before it."""
    with closing(open_store()) as store:
        sent = [store.append(entry(number), leisurely=number % 2 == 0) for number in range(9)]
        store.append().durable()
        assert [each.durable(0.0) for each in sent] == [(number,) for number in range(1, 10)]


def check_not_a_number_is_refused(open_store: Opener) -> None:
    """NaN that comes back as NULL, infinities that JSON turns into nothing, integers cut to 64 bits."""
    nan, endless = float("nan"), float("inf")
    wrong = [
        signal(value=nan),
        signal(value=-endless),
        decision(at=nan),
        decision(epoch=2**63),
        decision(inputs={"x": [nan]}),
        decision(inputs={"x": "\ud800"}),
        Cycle(number=1, through=1, at=endless, counts={"x": endless}),  # type: ignore[dict-item]
        replace(entry(), at=endless),
        replace(entry(), details={"x": endless}),
    ]
    with closing(open_store()) as store:
        for record in wrong:
            with _raises(InputError):
                store.append(entry(), record)
        assert store.append().durable() == ()
        assert store.last() == 0


def check_reader_cannot_write(open_store: Opener) -> None:
    """A planner, a track or somebody's SQL that changes the ledger."""
    with closing(open_store()) as store, closing(store.reader()) as reader:
        store.append(entry()).durable()
        assert isinstance(reader, Reader)
        assert not hasattr(reader, "append")
        assert not hasattr(reader, "set_meta")
        for either in (reader, store):
            for sql in ("DELETE FROM journal", "UPDATE head SET sequence = 0", "DROP TABLE journal", "x", ""):
                with _raises(InputError):
                    either.query(sql)
            with _raises(InputError):
                either.query("SELECT 1; DELETE FROM journal")
        assert reader.last() == store.last() == 1


def check_query_answers_with_columns_and_rows(open_store: Opener) -> None:
    """Columns that are missing where there are no rows; parameters that are pasted into the SQL."""
    with closing(open_store()) as store:
        store.append(entry(1), entry(2)).durable()
        none = store.query("SELECT subject, at FROM journal WHERE subject = ?", ("' OR 1 = 1 --",))
        assert none == Table(("subject", "at"), ())
        one = store.query("SELECT subject, at FROM journal WHERE at > :at", {"at": 1})
        assert one == Table(("subject", "at"), (("x2", 2.0),))


def check_a_stream_is_what_the_query_answers(open_store: Opener) -> None:
    """A stream that writes, runs two statements, blocks its reader, or cannot be left half-read."""
    with closing(open_store()) as store:
        store.append(*(entry(number) for number in range(100))).durable()
        with store.stream("SELECT subject FROM journal WHERE at >= ?", (10,)) as found:
            assert found.columns == ("subject",)
            first = next(found.rows)
            assert store.append(entry(100)).durable() == (101,)
            rest = tuple(found.rows)
        assert (first, *rest) == store.query("SELECT subject FROM journal WHERE at BETWEEN 10 AND 99").rows
        with store.stream("SELECT subject FROM journal") as found:
            next(found.rows)
        for sql in ("DELETE FROM journal", "SELECT 1; DELETE FROM journal", ""):
            with _raises(InputError), store.stream(sql) as found:
                tuple(found.rows)
        assert store.last() == 101


def check_scan_keeps_order_and_bounds(open_store: Opener) -> None:
    """A scan that skips rows between pages, follows its own writes, or forgets a bound or a filter."""
    with closing(open_store()) as store:
        store.append(*(signal(str(n), name="ab"[n % 2], value=n % 3 == 0) for n in range(2500))).durable()
        assert [each.id for each in store.scan(Signal)] == [str(n) for n in range(2500)]
        some = [each.sequence for each in store.scan(Signal, after=3, until=9, name="b")]
        assert some == [4, 6, 8]
        for each in store.scan(Signal, name="a"):
            store.append(replace(each, id=f"again {each.id}", sequence=0))
        newest = store.get(Signal, name="a")
        store.append().durable()
        assert store.last() == 3750
        assert newest is not None


def check_unknown_field_is_refused(open_store: Opener) -> None:
    """A filter that is ignored, or a nested field that never equals anything."""
    with closing(open_store()) as store:
        with _raises(UnknownName) as told:
            store.scan(Signal, nam="accepted")
        assert "'name'" in str(told[0])
        with _raises(UnknownName):
            store.get(Decision, options=())
        with _raises(InputError):
            store.get(Decision, served="yes")


def check_texts_can_be_left_out(open_store: Opener) -> None:
    """A scan of facts that pays for the wide fields."""
    with closing(open_store()) as store:
        store.append(decision()).durable()
        (found,) = store.scan(Decision, texts=False, served=False)
        assert found == decision(sequence=1, inputs={}, proposals=())
        store.append(completion(1.0), signal("s1", value="long"), signal("s2", value=0.5)).durable()
        assert list(store.scan(Completion, texts=False)) == [replace(completion(1.0), sequence=2, output="")]
        assert [each.value for each in store.scan(Signal, texts=False)] == ["", 0.5]
        assert [each.value for each in store.scan(Signal)] == ["long", 0.5]


def check_opening_again_keeps_everything(open_store: Opener) -> None:
    """Rows, facts or the seed that live in a process instead of the ledger."""
    with closing(open_store()) as store:
        store.append(*examples())  # not waited for: close drains
        store.set_meta("note", AWKWARD)
        seed = store.meta("seed")
        assert seed
        assert store.meta("nothing") is None
    with closing(open_store()) as store:
        assert store.last() == len(examples())
        assert (store.meta("seed"), store.meta("note")) == (seed, AWKWARD)
        store.set_meta("seed", "mine")
        assert store.meta("seed") == "mine"
        assert verify(store) == 5


def check_second_writer_is_refused(open_store: Opener) -> None:
    """Two writers that give out the same numbers."""
    with closing(open_store()) as store:
        with _raises(AutotrophError) as told:
            open_store()
        assert "writ" in str(told[0])
        store.append(entry()).durable()
    with closing(open_store()) as store:
        assert store.last() == 1


def check_closed_store_says_so(open_store: Opener) -> None:
    """An append after the end that waits forever or is dropped."""
    store = open_store()
    store.close()
    store.close()
    with _raises(AutotrophError) as told:
        store.append(entry())
    assert "closed" in str(told[0])


def check_chain_finds_an_edit(open_store: Opener) -> None:
    """A changed row that nobody notices."""
    with closing(open_store()) as store:
        store.append(*map(entry, range(5))).durable()
        assert verify(store) == 5
        told = _tampered(
            store, lambda rows: [(*row[:3], "y", *row[4:]) if row[0] == 3 else row for row in rows]
        )
        assert "journal 3" in told


def check_chain_finds_a_deletion(open_store: Opener) -> None:
    """A row that is gone without a trace: from the beginning, the middle or the end."""
    with closing(open_store()) as store:
        store.append(*examples(), *map(entry, range(5))).durable()
        first, last = len(examples()), len(examples()) + 5
        for gone, word in ((first, "deleted"), (first + 2, "deleted"), (last, "cut off")):
            assert word in _tampered(store, partial(without, gone))
        assert "cut off" in _tampered(store, partial(until, first))


def check_chain_finds_a_reorder(open_store: Opener) -> None:
    """Two rows that changed places."""
    with closing(open_store()) as store:
        store.append(*map(entry, range(5))).durable()
        assert "journal 2" in _tampered(store, swapped)


ALL_CHECKS: tuple[Check, ...] = tuple(
    each for name, each in sorted(globals().items()) if name.startswith("check_")
)
"""Every promise of this file."""


def _tampered(store: Store, change: Callable[[Rows], Rows]) -> str:
    """What `verify` says of the ledger as if its journal had been changed."""
    with _raises(TamperedLedger) as told:
        verify(Tampered(store, change))
    assert verify(store), "it was the change that it found"
    return str(told[0])


@contextmanager
def _raises(kind: type[E]) -> Iterator[list[E]]:
    """Expects an error of ours, and hands it over; `pytest` is no dependency of the package."""
    told: list[E] = []
    try:
        yield told
    except kind as error:
        told.append(error)
        return
    raise AssertionError(f"expected {kind.__name__}, and nothing was raised")
