"""`autotroph backup` and `autotroph restore`, as one types them."""

from contextlib import closing
from pathlib import Path

import pytest
from commanding import answer, refused, run
from products import opened, use, used

from autotroph.records import Decision
from autotroph.store import open_reader
from autotroph.store.copying import inspect

LEDGER = Path(".autotroph/ledger.db")


def decisions(path: Path = LEDGER) -> int:
    with closing(open_reader(path)) as reader:
        return sum(1 for _ in reader.scan(Decision, texts=False))


def test_a_backup_while_the_product_runs(here: Path) -> None:
    with opened(here) as product:
        use(product, range(10))
        product.store.append().durable()
        found = answer("backup", "saved.db")
    assert found["file"] == "saved.db"
    assert found["rows"] == inspect(Path("saved.db")).rows
    assert decisions(Path("saved.db")) == 10
    told = run("backup", "again.db").stdout
    assert told.startswith("again.db is written: up to row ")


def test_a_backup_leaves_what_is_there_alone(here: Path) -> None:
    used(here)
    Path("saved.db").write_text("mine")
    assert "is there already, and stays" in refused("backup", "saved.db")
    assert Path("saved.db").read_text() == "mine"


def test_a_backup_of_a_damaged_ledger_is_none(here: Path) -> None:
    used(here)
    body = bytearray(LEDGER.read_bytes())
    for at in range(len(body) // 2 // 4096 * 4096, len(body), 4096):
        body[at : at + 64] = b"\xff" * 64
    LEDGER.write_bytes(bytes(body))
    assert "damaged" in refused("backup", "saved.db", code=1)
    assert not list(Path().glob("saved.db*"))


def test_back_to_a_backup_and_forth_again(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    with opened(here) as product:
        product.decide("route", {"text": "one more"}, user="u1000", key="more")
    result = run("restore", "saved.db", "--yes", "--by", "owner")
    assert result.exit_code == 0, result.output
    assert "rows newer than the backup, which are only there: 2" in result.stdout
    assert decisions() == 400
    (aside,) = LEDGER.parent.glob("*.before-*")
    found = answer("restore", str(aside), "--yes")
    assert (found["lost"], found["erased"], found["gap"]) == (None, 0, "")
    assert decisions() == 401
    journal = answer("sql", "SELECT actor FROM journal WHERE event = 'restored'")["rows"]
    assert journal == [{"actor": "a person"}]


def test_restoring_asks_first(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    before = LEDGER.read_bytes()
    result = run("restore", "saved.db", typed="n\n")
    assert result.exit_code == 1
    assert f"Put saved.db (up to row {inspect(LEDGER).rows:,}) in the place of" in result.stderr
    assert LEDGER.read_bytes() == before
    LEDGER.write_bytes(b"x" * 5000)
    assert "(cannot be read), which is kept" in run("restore", "saved.db", typed="n\n").stderr
    LEDGER.unlink()
    assert "where nothing is?" in run("restore", "saved.db", typed="n\n").stderr


def test_who_was_erased_since_is_told(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    answer("erase", "u7", "--yes")
    assert "because they had been since the backup: 1" in run("restore", "saved.db", "--yes").stdout
    assert answer("sql", "SELECT count(*) AS n FROM decisions WHERE user = 'u7'")["rows"] == [{"n": 0}]


def test_a_ledger_that_cannot_be_read_is_restored_with_a_note(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    LEDGER.write_bytes(b"x" * 5000)
    result = run("restore", "saved.db", "--yes")
    assert result.exit_code == 0, result.output
    assert "erase those people again: `autotroph erase`" in result.stderr
    assert decisions() == 400


def test_not_while_the_product_runs(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    with opened(here):
        assert "already open for writing" in refused("restore", "saved.db", "--yes", code=1)


@pytest.mark.parametrize("content", ["", "a shopping list, " * 100])
def test_what_is_no_backup(here: Path, content: str) -> None:
    used(here)
    Path("list").write_text(content)
    assert "list: " in refused("restore", "list", "--yes", code=1)
    assert run("restore", "nowhere.db", "--yes").exit_code == 2
    assert decisions() == 400
