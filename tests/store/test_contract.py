import pytest

from autotroph.store import open_store
from autotroph.testing.stores import ALL_CHECKS, Check


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
def test_sqlite_keeps_the_promises_of_every_store(check: Check, tmp_path):
    check(lambda: open_store(f"sqlite:///{tmp_path}/new/folder/ledger.db"))
