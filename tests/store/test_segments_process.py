"""The process that copies: beside a writer, in odd places, and where it cannot do its work."""

import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from segmented import assert_same, copied, deleted

from autotroph.clock import digest
from autotroph.errors import LedgerError
from autotroph.store import open_store
from autotroph.store.segments import Progress, Segments, forget, source, sync, syncing
from autotroph.testing.stores import decision, examples, signal


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(open_store(path)) as store:
        store.append(*examples()).durable()
    return path


def test_it_tells_how_it_goes_and_what_it_wrote(ledger):
    heard: list[Progress] = []
    found = sync(ledger, progress=heard.append)
    assert found.written.files == len(heard) == len(found.tables)
    assert found.written.rows == heard[-1].rows >= len(examples()) - 1
    assert {one.table for one in heard} == set(found.tables)
    assert found.written.bytes > 0
    assert found.written.seconds > 0
    assert sync(ledger).written.files == 0
    assert_same(ledger, found)


def test_the_ledger_stays_as_it_is_byte_for_byte(ledger):
    before = ledger.read_bytes()
    sync(ledger)
    deleted(ledger, "signals", 3)
    after = ledger.read_bytes()
    forget(ledger)
    assert before != after == ledger.read_bytes()
    assert {path.name for path in ledger.parent.iterdir()} <= {
        *("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "segments")
    }


def test_it_copies_while_another_writes(ledger):
    stop, written = threading.Event(), []

    def write() -> None:
        with closing(open_store(ledger)) as store:
            while not stop.is_set():
                said = f"w{len(written)}"
                written.append(store.append(decision(said), signal(said, subject=said)).durable())

    thread = threading.Thread(target=write)
    thread.start()
    try:
        through = [sync(ledger).through for _ in range(3)]
    finally:
        stop.set()
        thread.join()
    assert 0 < through[0] < through[1] < through[2] <= written[-1][-1]
    with closing(open_store(ledger)) as store:
        assert store.last() == written[-1][-1]
    assert_same(ledger, sync(ledger))


def test_two_at_a_time_take_turns(ledger):
    found: list[Segments] = []
    threads = [threading.Thread(target=lambda: found.append(sync(ledger))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(one.written.files) for one in found) == [False, False, True]
    assert_same(ledger, found[0])


def test_who_waits_too_long_is_told(ledger, monkeypatch):
    monkeypatch.setattr(source, "PATIENCE", 0.0)
    folder = ledger.parent / "segments"
    folder.mkdir()
    with source.alone(folder), pytest.raises(LedgerError, match="somebody else has been writing segments"):
        copied("sync", ledger, folder)


@pytest.mark.parametrize("name", ["a b", "we'ird", "*", "[ab]", "q?", "#1", "100%25", "naïve ✓"])
def test_a_folder_of_any_name(name, tmp_path):
    ledger = tmp_path / name / "led'ger #1.db"
    with closing(open_store(ledger)) as store:
        store.append(*examples()).durable()
    copied("sync", ledger, ledger.parent / "segments")
    assert_same(ledger, Segments.open(ledger))


def test_segments_are_no_more_readable_than_their_ledger(ledger):
    ledger.chmod(0o600)
    found = sync(ledger)
    modes = {Path(path).stat().st_mode & 0o777 for table in found.tables for path in found.paths(table)}
    assert modes == {0o600}


def test_no_ledger_is_said_and_nothing_is_made(tmp_path):
    with pytest.raises(LedgerError, match="there is no ledger here"):
        sync(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["file", "file/segments", "no/such/segments"])
def test_where_no_folder_can_be_is_said(folder, ledger, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LedgerError, match=rf"{folder}: the segments could not be written: .*{folder}"):
        sync(ledger, tmp_path / folder)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(
    not Path("/sys/kernel").is_dir(), reason="this system has no folder that root cannot write"
)
def test_a_folder_that_takes_no_files_is_said(ledger):
    with pytest.raises(LedgerError, match=r"the segments could not be written: .*Permission denied"):
        sync(ledger, Path("/sys/kernel"))


def test_a_disk_that_takes_no_more_leaves_what_was_there(ledger, tmp_path, monkeypatch):
    before = sync(ledger)
    with closing(open_store(ledger)) as store:
        noise = [{"text": digest(str(number))} for number in range(2000)]
        store.append(*(decision(f"x{n}", inputs=one) for n, one in enumerate(noise))).durable()
    with monkeypatch.context() as patch:
        limited = script(tmp_path, f'ulimit -f 64; exec "{sys.executable}" "$@"')
        patch.setattr(syncing.sys, "executable", limited)
        with pytest.raises(LedgerError, match="see to it, and run `autotroph segments`") as raised:
            sync(ledger)
    assert "File too large" in str(raised.value)
    left = Segments.open(ledger)
    assert left.tables["decision_texts"] == before.tables["decision_texts"]
    assert not list((tmp_path / "segments").glob("*/.*"))
    assert_same(ledger, sync(ledger))


def test_a_process_that_is_killed_is_said(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(syncing.sys, "executable", script(tmp_path, "kill -9 $$"))
    with pytest.raises(LedgerError, match="killed by signal 9"):
        sync(ledger)


def test_a_process_that_fails_in_another_way_is_said_with_its_last_words(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(syncing.sys, "executable", script(tmp_path, "echo oh >&2; echo dear >&2; exit 3"))
    with pytest.raises(LedgerError, match="dear; a bug in autotroph"):
        sync(ledger)


def test_a_caller_that_gives_up_leaves_what_can_be_read(ledger):
    def tired(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(ledger, progress=tired)
    assert_same(ledger, sync(ledger))


def script(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
