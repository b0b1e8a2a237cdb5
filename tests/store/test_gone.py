"""A ledger whose file is taken away while it is open: nothing is acknowledged that nobody will find again."""

from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import pytest

from autotroph.errors import LedgerError
from autotroph.records import Entry
from autotroph.store import open_reader, open_store
from autotroph.testing.stores import entry


def healed(store) -> bool:
    end = monotonic() + 20.0
    while store.fault() and monotonic() < end:
        sleep(0.02)
    return not store.fault()


def test_it_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "ledger.db", tmp_path / "away.db"
    store = open_store(path)
    store.append(entry(1)).durable()
    path.rename(away)
    with pytest.raises(LedgerError, match="deleted or replaced"):
        store.append(entry(2)).durable()
    assert "deleted or replaced" in store.fault()
    sleep(1.2)  # it has looked again, and made none of its own
    assert not path.exists()
    assert "deleted or replaced" in store.fault()
    away.rename(path)
    assert healed(store)
    store.append(entry(3)).durable()
    store.close()
    with closing(open_reader(path)) as reader:
        assert {entry(1).subject, entry(3).subject} <= {one.subject for one in reader.scan(Entry)}


def test_another_file_in_its_place_is_not_it(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.db", tmp_path / "other.db"
    open_store(other).close()
    store = open_store(path)
    other.replace(path)
    with pytest.raises(LedgerError, match="deleted or replaced"):
        store.append(entry(1)).durable()
    store.close()
