"""The rooms of a product hold nothing that the ledger does not."""

import msgspec
import pytest

from autotroph.digest.digestion import Digestion
from autotroph.errors import LedgerError
from autotroph.records import Completion, Cycle, Decision, Reward, Signal
from autotroph.store.sqlite import SqliteReader
from typing_product import TOML, opened, rounds, use


def state(product):
    """All that the rooms keep in memory."""
    rooms = product.rooms
    desk, digestion = rooms.desks["finish"], rooms.digestions["finish"]
    return (
        msgspec.structs.replace(rooms.last, sequence=0),
        rooms.bench.marks,
        desk.board.standing,
        [one.id for one in desk.board.waiting()],
        list(desk.comparisons.served()),
        rooms.joiner.waiting(),
        digestion.dataset(desk.standing.main.release.body.variants_digest, 0),
        [one.decision.id for one in digestion.fold],
    )


def test_opened_again_they_are_the_same(tmp_path):
    with opened(tmp_path) as product:
        rounds(product, 3, 30)
        before = state(product)
    with opened(tmp_path) as product:
        assert state(product) == before


@pytest.fixture
def read(monkeypatch):
    """The kinds of rows that were read one after another."""
    kinds, scan = [], SqliteReader.scan

    def watched(self, kind, **rest):
        kinds.append(kind)
        return scan(self, kind, **rest)

    monkeypatch.setattr(SqliteReader, "scan", watched)
    return kinds


def test_who_decides_does_not_wait_for_the_history(tmp_path, read):
    with opened(tmp_path) as product:
        rounds(product, 2, 30)
    read.clear()
    with opened(tmp_path) as product:
        use(product, range(60, 62))
        assert not {Decision, Completion, Reward, Signal} & set(read)
        assert product.rooms.digestions["finish"].count > 0
        assert read.count(Decision) == 1
        product.rooms.joiner.waiting()
        assert read.count(Decision) == 1


def test_a_history_that_was_read_by_half_is_not_gone_on_with(tmp_path, monkeypatch):
    with opened(tmp_path) as product:
        rounds(product, 2, 30)
        before = state(product)
    with opened(tmp_path) as product:
        with monkeypatch.context() as broken:
            broken.setattr(Digestion, "keep", failing)
            with pytest.raises(LedgerError, match="the disk"):
                _ = product.rooms.joiner
        with pytest.raises(LedgerError, match="open the product again"):
            _ = product.rooms.digestions
        with pytest.raises(LedgerError, match="open the product again"):
            product.cycle()
        assert state(product) == before  # who fails in a cycle has the rooms made anew


def failing(*_):
    raise LedgerError("the disk")


def test_what_came_after_the_last_cycle_is_left_to_the_next(tmp_path):
    with opened(tmp_path) as product:
        rounds(product, 2, 30)
        use(product, range(60, 90))
        at = product.clock.now()
    with opened(tmp_path) as product:
        product.clock.advance(at)
        assert product.cycle().counts["decisions"] == 30


def test_a_task_without_a_reward_has_no_rooms(tmp_path):
    silent = TOML + '\n[tasks.other]\nkind = "choice"\nactions = ["a", "b"]\n'
    with opened(tmp_path, silent) as product:
        assert product.rooms.tasks == ("finish",)
        rounds(product, 1, 5)


def test_no_dataset_holds_a_decision_of_the_gates_fold(tmp_path):
    with opened(tmp_path) as product:
        rounds(product, 3, 40)
        body = product.rooms.desks["finish"].standing.main.release.body
        dataset = product.rooms.digestions["finish"].dataset(body.variants_digest, 0)
        folds = {one.id: one.fold for one in product.store.scan(Decision)}
        assert len(dataset.examples) > 60
        assert {folds[one.decision] for one in dataset.examples} == {"tracks"}


def test_a_cycle_that_fails_leaves_no_trace_and_the_next_does_it(tmp_path, monkeypatch):
    with opened(tmp_path) as product:
        use(product, range(30))
        product.store.append().durable()
        before = product.store.last()
        with monkeypatch.context() as patch:
            patch.setattr(type(product.rooms), "append", _full)
            with pytest.raises(LedgerError, match="disk is full"):
                product.cycle()
        assert list(product.store.scan(Cycle)) == []
        assert product.store.last() == before
        assert product.cycle().counts["rewards"] == 2 * 30
        assert len(list(product.store.scan(Reward))) == 2 * 30
        assert len(list(product.store.scan(Signal))) == 30


def _full(*_: object) -> None:
    raise LedgerError("the disk is full")
