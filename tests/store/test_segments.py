"""Segments hold what the ledger holds, are written once, and survive crashes, damage, other histories."""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segmented import KINDS, assert_same, copied, deleted, dicts, records

from autotroph.errors import LedgerError, UnknownName
from autotroph.records import Completion, Decision, Option, Proposal, Record, Reward, Signal
from autotroph.store import open_store
from autotroph.store.segments import Segments, copying, tables
from autotroph.testing.stores import decision, entry, examples, signal

DYING = Path(__file__).with_name("dying.py")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def append(ledger: Path, *rows: Record) -> None:
    with closing(open_store(ledger)) as store:
        store.append(*rows).durable()


def segmented(ledger: Path, rows: int = copying.ROWS, what: str = "sync") -> Segments:
    copied(what, ledger, ledger.parent / "segments", rows)
    return Segments.open(ledger)


def many(first: int, last: int) -> list[Record]:
    """Interactions of one user each, with every table that has texts."""
    rows: list[Record] = []
    for number in range(first, last):
        said = f"d{number}"
        rows += [
            decision(said, user=f"u{number}", key=f"k{number}"),
            Completion(decision=said, output=f"out {number}" if number % 3 else "", at=float(number)),
            signal(f"s{number}", subject=said, value=f"text {number}" if number % 2 else True),
            Reward(decision=said, name="kept", version="v", value=None, final=True, at=float(number)),
        ]
    return rows


class TestEquality:
    def test_every_kind_of_row_comes_back_as_it_was(self, ledger):
        append(ledger, *examples())
        found = segmented(ledger)
        assert_same(ledger, found)
        assert found.through == len(examples())
        assert {kind for kind in KINDS if records(found, kind)} >= {Decision, Signal, Completion, Reward}

    def test_times_are_numbers_booleans_booleans_and_options_a_list(self, ledger):
        append(ledger, *examples())
        (row,) = dicts(segmented(ledger).paths("decisions"))
        assert row["at"] == 1_700_000_000.123456
        assert (row["served"], row["learn"]) == (False, False)
        assert row["options"] == [
            {"id": "cards", "probability": 1 / 3},
            {"id": "fraud", "probability": 2 / 3},
        ]
        assert row["purposes"] == ["improve", "report"]

    @settings(max_examples=8)
    @given(data=st.data())
    def test_whatever_a_ledger_can_keep(self, data, tmp_path_factory):
        ledger = tmp_path_factory.mktemp("any") / "ledger.db"
        rows = data.draw(st.lists(any_row(), min_size=1, max_size=12))
        append(ledger, *(_numbered(row, number) for number, row in enumerate(rows)))
        assert_same(ledger, segmented(ledger, rows=5))

    def test_a_table_without_rows_has_the_same_columns(self, ledger):
        append(ledger)
        empty = {table: described(segmented(ledger), table) for table in tables()}
        append(ledger, *examples(), *many(10, 12))
        found = segmented(ledger)
        assert {table: described(found, table) for table in tables()} == empty
        for table, layer in tables().items():
            wanted = [(column.name, column.type) for column in layer.columns]
            assert [(name, of.replace('"', "")) for name, of in empty[table]] == wanted

    def test_long_texts_fill_a_segment_sooner(self, ledger, monkeypatch):
        monkeypatch.setattr(copying, "BYTES", 1000)
        inputs = {"text": "x" * 400}
        append(ledger, *(decision(f"d{number}", inputs=inputs, proposals=()) for number in range(7)))
        found = segmented(ledger)
        assert [one.rows for one in found.tables["decision_texts"]] == [3, 3, 1]
        assert [one.rows for one in found.tables["decisions"]] == [7]
        assert_same(ledger, found)

    def test_one_text_longer_than_a_segment_is_one_of_its_own(self, ledger, monkeypatch):
        monkeypatch.setattr(copying, "BYTES", 1000)
        append(ledger, *(decision(f"d{number}", inputs={"text": "x" * 4000}) for number in range(3)))
        found = segmented(ledger)
        assert [one.rows for one in found.tables["decision_texts"]] == [1, 1, 1]
        assert_same(ledger, found)

    def test_an_unknown_table_is_answered_with_the_known_ones(self, ledger):
        append(ledger)
        with pytest.raises(UnknownName, match="Did you mean 'decisions'"):
            segmented(ledger).paths("decision")

    def test_what_was_never_written_is_said(self, ledger):
        append(ledger)
        with pytest.raises(LedgerError, match="there are no segments here; `autotroph segments`"):
            Segments.open(ledger)


class TestIncrements:
    def test_many_small_ones_are_one_large_one(self, ledger, tmp_path):
        for number in range(8):
            append(ledger, *many(4 * number, 4 * number + 4))
            small = segmented(ledger, rows=7)
        copied("sync", ledger, tmp_path / "whole", rows=7)
        whole = Segments.open(ledger, tmp_path / "whole")
        assert small.tables == whole.tables
        assert_same(ledger, small)

    def test_a_full_segment_is_never_written_again(self, ledger):
        append(ledger, *many(0, 10))
        before = segmented(ledger, rows=4)
        kept = {
            path: (Path(path).stat().st_ino, Path(path).stat().st_mtime_ns)
            for path in before.paths("decisions")[:2]
        }
        append(ledger, *many(10, 15))
        after = segmented(ledger, rows=4)
        assert after.paths("decisions")[:2] == before.paths("decisions")[:2]
        assert kept == {path: (Path(path).stat().st_ino, Path(path).stat().st_mtime_ns) for path in kept}
        assert [one.rows for one in after.tables["decisions"]] == [4, 4, 4, 3]

    def test_nothing_new_writes_nothing(self, ledger):
        append(ledger, *many(0, 5))
        segmented(ledger)
        assert copied("sync", ledger, ledger.parent / "segments") == {"files": 0, "rows": 0, "bytes": 0}

    def test_a_replaced_segment_stays_for_its_readers_until_the_next_time(self, ledger):
        append(ledger, *many(0, 5))
        (before,) = segmented(ledger).paths("decisions")
        append(ledger, *many(5, 6))
        segmented(ledger)
        assert len(dicts([before])) == 5
        segmented(ledger)
        assert not Path(before).exists()

    def test_no_row_of_a_ledger_with_holes_is_missed(self, ledger):
        append(ledger, *many(0, 3), *map(entry, range(20)), *many(3, 6))
        assert_same(ledger, segmented(ledger, rows=2))


class TestOtherHistories:
    def test_a_restored_ledger_that_went_another_way(self, ledger, tmp_path):
        append(ledger, *many(0, 4))
        backup = shutil.copy(ledger, tmp_path / "backup.db")
        append(ledger, *many(4, 9))
        segmented(ledger, rows=3)
        shutil.copy(backup, ledger)
        append(ledger, *many(20, 30))
        assert_same(ledger, segmented(ledger, rows=3))

    def test_a_restored_ledger_that_went_nowhere(self, ledger, tmp_path):
        append(ledger, *many(0, 4))
        backup = shutil.copy(ledger, tmp_path / "backup.db")
        append(ledger, *many(4, 9))
        segmented(ledger)
        shutil.copy(backup, ledger)
        assert_same(ledger, segmented(ledger))

    def test_another_ledger_in_its_place(self, ledger):
        append(ledger, *many(0, 9))
        segmented(ledger)
        ledger.unlink()
        append(ledger, *many(0, 9), entry())
        assert_same(ledger, segmented(ledger))

    def test_another_schema_is_written_anew(self, ledger, monkeypatch):
        append(ledger, *many(0, 9))
        before = segmented(ledger, rows=4)
        with monkeypatch.context() as patch:
            layer = tables()["rewards"]
            patch.setitem(tables(), "rewards", type(layer)("rewards", layer.columns[:-1]))
            found = segmented(ledger, rows=4)
            assert "decision_mark" not in dicts(found.paths("rewards"))[0]
            assert found.paths("signals") == before.paths("signals")
        assert_same(ledger, segmented(ledger, rows=4))


class TestDamage:
    def test_a_changed_byte_is_found_by_the_checksum_and_written_again(self, ledger):
        append(ledger, *many(0, 9))
        path = Path(segmented(ledger, rows=4).paths("signals")[1])
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
        copied("sync", ledger, ledger.parent / "segments", rows=4)
        with pytest.raises((AssertionError, duckdb.Error)):
            assert_same(ledger, Segments.open(ledger))
        assert copied("verify", ledger, ledger.parent / "segments", rows=4)["files"] == 1
        assert_same(ledger, Segments.open(ledger))

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1")])
    def test_a_missing_or_cut_file_is_noticed_and_written_again(self, damage, ledger):
        append(ledger, *many(0, 9))
        damage(Path(segmented(ledger, rows=4).paths("signals")[1]))
        with pytest.raises(LedgerError, match="is not what was written"):
            Segments.open(ledger)
        assert_same(ledger, segmented(ledger, rows=4))

    @pytest.mark.parametrize("body", [b"", b"{", b'{"format": 99}', b'{"format": 1, "tables": 7}'])
    def test_a_manifest_that_cannot_be_read_is_none(self, body, ledger):
        append(ledger, *many(0, 9))
        segmented(ledger)
        (ledger.parent / "segments/manifest.json").write_bytes(body)
        with pytest.raises(LedgerError, match="there are no segments here"):
            Segments.open(ledger)
        assert_same(ledger, segmented(ledger))


class TestKilled:
    """What is left by a process that was killed can be read, and the next one completes it."""

    @pytest.mark.parametrize("every", [43, pytest.param(1, marks=pytest.mark.slow)])
    def test_the_first_time(self, every, ledger, tmp_path):
        append(ledger, *many(0, 5))
        for left in killed(ledger, tmp_path / "left", "sync", every):
            if (left / "manifest.json").exists():
                assert_partly(ledger, left)
            copied("sync", ledger, left, rows=4)
            assert_same(ledger, Segments.open(ledger, left))
            assert_tidy(left)

    @pytest.mark.parametrize("what", ["sync", "forget"])
    @pytest.mark.parametrize("every", [19, pytest.param(1, marks=pytest.mark.slow)])
    def test_with_new_rows_and_rows_that_went(self, what, every, ledger, tmp_path):
        append(ledger, *many(0, 9))
        copied("sync", ledger, tmp_path / "left", rows=4)
        append(ledger, *many(9, 12))
        deleted(ledger, "decisions", 1, 33)
        deleted(ledger, "signals", 3, 35)
        for left in killed(ledger, tmp_path / "left", what, every):
            Segments.open(ledger, left)
            copied("forget", ledger, left, rows=4)
            copied("sync", ledger, left, rows=4)
            assert_same(ledger, Segments.open(ledger, left))
            assert_tidy(left)


def killed(ledger: Path, folder: Path, what: str, every: int) -> list[Path]:
    command = [sys.executable, str(DYING), str(ledger), str(folder), what, str(every)]
    subprocess.run(command, check=True)
    left = sorted(folder.parent.glob(f"{folder.name}-*"), key=lambda path: int(path.name.split("-")[-1]))
    assert len(left) > 3
    return left


def assert_partly(ledger: Path, left: Path) -> None:
    """What is listed is there as it was written, and what is in it is in the ledger."""
    found = Segments.open(ledger, left)
    with closing(open_store(ledger)) as store:
        for table, listed in found.tables.items():
            rows = dicts(found.paths(table))
            assert len(rows) == sum(one.rows for one in listed)
            for row in rows:
                sql = f"SELECT count(*) FROM {table} WHERE sequence = ?"
                assert store.query(sql, (row["sequence"],)).rows == ((1,),)


def assert_tidy(folder: Path) -> None:
    """After the next `sync`, nothing lies there that is not listed but what that one replaced."""
    assert not list(folder.glob("*/.*"))
    assert {path.name for path in folder.iterdir() if path.is_file()} == {".lock", "manifest.json"}


def described(segments: Segments, table: str) -> list[Any]:
    with duckdb.connect() as connection:
        found = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [segments.paths(table)])
        return [row[:2] for row in found.fetchall()]


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _FINITE | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def any_row() -> st.SearchStrategy[Record]:
    """Rows of the kinds that people fill, with values at the edges of their types."""
    options = st.lists(st.builds(Option, _TEXT, _FINITE), max_size=3).map(tuple)
    features = st.dictionaries(_TEXT, _FINITE, max_size=2)
    proposals = st.lists(st.builds(Proposal, _TEXT, _TEXT, features), max_size=2).map(tuple)
    return st.one_of(
        st.builds(
            decision,
            user=_TEXT,
            epoch=st.integers(-(2**63), 2**63 - 1),
            options=options,
            proposals=proposals,
            inputs=st.dictionaries(_TEXT, _JSON, max_size=3),
        ),
        st.builds(signal, value=st.booleans() | _FINITE | _TEXT, name=_TEXT),
        st.builds(Completion, decision=_TEXT, output=_TEXT, at=_FINITE, cost_usd=_FINITE),
        st.builds(
            Reward,
            decision=_TEXT,
            name=_TEXT,
            version=_TEXT,
            value=st.none() | _FINITE,
            final=st.booleans(),
            at=_FINITE,
        ),
    )


def _numbered(row: Record, number: int) -> Record:
    """With an id of its own, so that no row is another's duplicate."""
    from msgspec.structs import replace

    match row:
        case Decision() | Signal():
            return replace(row, id=f"{row.id} {number}", key="")
        case Completion():
            return replace(row, decision=f"{row.decision} {number}")
        case _:
            return row
