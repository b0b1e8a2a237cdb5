"""`autotroph export` and `autotroph erase`, as one types them."""

import json
from pathlib import Path

from commanding import answer, refused, run
from products import opened, used

LEDGER = Path(".autotroph/ledger.db")


def count(user: str) -> int:
    (row,) = answer("sql", f"SELECT count(*) AS n FROM decisions WHERE user = '{user}'")["rows"]
    return int(row["n"])


# export --------------------------------------------------------------------------------------------------


def test_an_export_is_a_document_a_line(here: Path) -> None:
    used(here)
    result = run("export", "u7")
    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one["kind"] for one in documents] == ["decision", "signal", "completion", "reward"]
    assert {one["user"] for one in documents if one["kind"] == "decision"} == {"u7"}
    assert "1 of kind decision" in result.stderr


def test_an_export_into_a_file_for_oneself_alone(here: Path) -> None:
    used(here)
    found = answer("export", "u7", "--out", "u7.ndjson")
    assert found == {
        "user": "u7",
        "out": "u7.ndjson",
        "rows": 4,
        "kinds": {"decision": 1, "signal": 1, "completion": 1, "reward": 1},
    }
    path = Path("u7.ndjson")
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().splitlines()) == 4
    assert "is there already, and stays" in refused("export", "u8", "--out", "u7.ndjson")
    assert "cannot be written" in refused("export", "u8", "--out", "nowhere/u8.ndjson")
    assert run("export", "u8", "--json").exit_code == 2


def test_an_export_of_nobody_while_the_product_runs(here: Path) -> None:
    used(here)
    with opened(here):
        result = run("export", "nobody")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing about 'nobody' is in the ledger" in result.stderr


# erase ---------------------------------------------------------------------------------------------------


def test_erased_for_good(here: Path) -> None:
    used(here)
    assert answer("erase", "u7", "u8", "--yes", "--by", "owner") == {
        "users": 2,
        "decisions": 2,
        "signals": 1,
        "rows": 7,
    }
    assert (count("u7"), count("u8"), count("u9")) == (0, 0, 1)
    journal = answer("sql", "SELECT actor FROM journal WHERE event = 'erased'")["rows"]
    assert journal == [{"actor": "owner"}]
    assert run("erase", "u9", "--yes").stdout.startswith(
        "erased: users 1, decisions 1, signals 1, rows in all 4;"
    )


def test_it_says_what_would_go_and_asks(here: Path) -> None:
    used(here)
    result = run("erase", "u7", typed="n\n")
    assert result.exit_code == 1
    assert "Erase for good: users 1, decisions 1, signals 1, rows in all 4?" in result.stderr
    assert count("u7") == 1
    assert run("erase", "u7", typed="y\n").exit_code == 0
    assert count("u7") == 0


def test_ids_from_a_file_and_from_stdin(here: Path) -> None:
    used(here)
    Path("ids").write_text("u1\nu2\n\nu1\r\n")
    assert answer("erase", "u3", "--from-file", "ids", "--yes")["users"] == 3
    assert run("erase", "--from-file", "-", "--yes", typed="u4\n").exit_code == 0
    assert [count(f"u{number}") for number in range(1, 6)] == [0, 0, 0, 0, 1]


def test_nobody_named(here: Path) -> None:
    used(here)
    Path("ids").write_text("\n")
    assert "name the users to erase" in refused("erase", "--from-file", "ids", "--yes")


def test_where_another_process_writes_it_says_what_to_call_there(here: Path) -> None:
    used(here)
    with opened(here):
        said = refused("erase", "u7", "--yes", code=1)
    assert "product.erase(…), or DELETE /v1/users/{user} of the running server" in said
    assert count("u7") == 1


def test_ledgers_that_were_put_aside_still_hold_them_and_it_says_so(here: Path) -> None:
    used(here)
    answer("backup", "saved.db")
    answer("restore", "saved.db", "--yes")
    (aside,) = LEDGER.parent.glob("*.before-*")
    assert f"rm {aside.absolute()}" in run("erase", "u7", "--yes").stderr
