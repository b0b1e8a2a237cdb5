"""Who was erased from the ledger is in no file of its segments: as bytes on the disk, nor decoded."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from segmented import assert_same, copied, deleted, dicts

from autotroph.records import Completion, Erasure, Proposal, Reward
from autotroph.store import open_store
from autotroph.store.segments import Segments, forget, manifest
from autotroph.testing.stores import decision, signal

PLANTED = "zz-planted-zz"
"""What is planted in every field that is somebody's; where a field only takes ids, as part of one."""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Thirty people, the third of whom is going to be erased."""
    path = tmp_path / "ledger.db"
    with closing(open_store(path)) as store:
        for number in range(30):
            who = PLANTED if number == 3 else f"u{number}"
            said = f"d-{who}"
            store.append(
                decision(
                    said,
                    user=who,
                    unit=who,
                    cluster=who,
                    session=f"s-{who}",
                    key=f"k-{who}",
                    inputs={"text": f"I am {who}"},
                    proposals=(Proposal("a", f"{who}, I suppose"),),
                ),
                Completion(decision=said, output=f"hello {who}", at=1.0),
                signal(f"i-{who}", subject=said, user=who, value=f"not {who}!"),
                Reward(decision=said, name="kept", version="v", value=1.0, final=True, at=1.0),
            )
        store.append().durable()
    return path


THEIRS = {"decisions": 13, "completions": 14, "signals": 15, "rewards": 16}


def erase(ledger: Path) -> None:
    for table, sequence in THEIRS.items():
        deleted(ledger, table, sequence)


def found(folder: Path) -> Iterator[str]:
    """Where something planted still is."""
    for path in folder.rglob("*"):
        if path.is_file():
            if PLANTED.encode() in path.read_bytes():
                yield f"bytes of {path.name}"
            if path.suffix == ".parquet" and any(PLANTED in str(row) for row in dicts([str(path)])):
                yield f"rows of {path.parent.name}"


def segmented(ledger: Path, rows: int = 7) -> Path:
    folder = ledger.parent / "segments"
    copied("sync", ledger, folder, rows)
    return folder


def test_planted_bytes_are_found_while_they_are_there(ledger):
    hits = set(found(segmented(ledger)))
    assert {hit for hit in hits if hit.startswith("rows of")} == {
        f"rows of {table}" for table in (*THEIRS, "decision_texts", "completion_texts", "signal_texts")
    }
    assert {hit for hit in hits if hit.startswith("bytes of")}


@pytest.mark.parametrize("rows", [7, 1000])
def test_after_forgetting_they_are_nowhere(rows, ledger):
    folder = segmented(ledger, rows)
    erase(ledger)
    assert list(found(folder))
    copied("forget", ledger, folder, rows)
    assert list(found(folder)) == []
    assert_same(ledger, Segments.open(ledger))


def test_files_that_are_not_listed_are_forgotten_too(ledger):
    folder = segmented(ledger)
    (listed, *_) = Segments.open(ledger).paths("decisions")
    for left in ("000000000000009-000000000000009.parquet", ".writing.parquet"):
        (folder / "decisions" / left).write_bytes(Path(listed).read_bytes())
    (folder / ".scratch").mkdir()
    (folder / ".scratch/spilled").write_text(PLANTED)
    erase(ledger)
    copied("forget", ledger, folder, 7)
    assert list(found(folder)) == []


def test_only_what_holds_erased_rows_is_written_again(ledger):
    folder = segmented(ledger)
    before = Segments.open(ledger)
    erase(ledger)
    assert copied("forget", ledger, folder, 7)["files"] == 7
    after = Segments.open(ledger)
    changed = {
        table: [a == b for a, b in zip(before.tables[table], after.tables[table], strict=True)]
        for table in THEIRS
    }
    assert changed == {table: [False, True, True, True, True] for table in THEIRS}
    assert after.rows("decisions") == 29
    assert copied("forget", ledger, folder, 7)["files"] == 0


def test_a_segment_of_nobody_else_goes(ledger):
    folder = segmented(ledger, 1)
    erase(ledger)
    copied("forget", ledger, folder, 1)
    assert list(found(folder)) == []
    assert len(Segments.open(ledger).paths("signals")) == 29
    assert_same(ledger, Segments.open(ledger))


def test_a_table_of_nobody_else_keeps_its_schema(ledger):
    folder = segmented(ledger)
    deleted(ledger, "rewards", *range(4, 121, 4))
    copied("forget", ledger, folder, 7)
    (path,) = Segments.open(ledger).paths("rewards")
    assert dicts([path]) == []
    with closing(open_store(ledger)) as store:
        store.append(Reward(decision="d", name="n", version="v", value=1.0, final=True, at=1.0)).durable()
    segmented(ledger)
    assert_same(ledger, Segments.open(ledger))


def test_the_next_sync_follows_an_erasure_that_nobody_followed(ledger):
    folder = segmented(ledger)
    erase(ledger)
    with closing(open_store(ledger)) as store:
        store.append(Erasure(digest="0" * 64, about="user", at=2.0)).durable()
    segmented(ledger)
    assert list(found(folder)) == []
    assert_same(ledger, Segments.open(ledger))


def test_segments_of_an_older_schema_are_forgotten_whole(ledger, monkeypatch):
    from autotroph.store.segments import tables

    folder = segmented(ledger)
    erase(ledger)
    layer = tables()["decisions"]
    monkeypatch.setitem(tables(), "decisions", type(layer)("decisions", layer.columns[:-1]))
    copied("forget", ledger, folder, 7)
    assert list(found(folder)) == []


def test_where_there_are_no_segments_there_is_nothing_to_forget(ledger):
    assert forget(ledger).tables == {}
    assert not (ledger.parent / "segments").exists()


def test_segments_of_another_ledger_are_forgotten_whole(ledger, tmp_path):
    folder = segmented(ledger)
    ledger.unlink()
    open_store(ledger).close()
    copied("forget", ledger, folder, 7)
    assert list(found(folder)) == []
    copied("sync", ledger, folder, 7)
    assert_same(ledger, Segments.open(ledger, tmp_path / "segments"))


def test_a_reader_that_meets_an_erasure_looks_again(ledger, monkeypatch):
    folder = segmented(ledger)
    erase(ledger)
    stale = manifest.read(folder)
    copied("forget", ledger, folder, 7)
    read, looked = manifest.read, []
    monkeypatch.setattr(
        manifest, "read", lambda path: looked.append(path) or (read(path) if looked[1:] else stale)
    )
    assert Segments.open(ledger).rows("decisions") == 29
    assert len(looked) == 3
