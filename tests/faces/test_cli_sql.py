"""`autotroph sql` beyond a screenful: files for other programs, and results too long for a terminal."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from products import used

from autotroph.errors import InputError
from autotroph.faces.cli import cli, parquet
from autotroph.store import open_store

TYPED = """
SELECT 1 AS whole, 1.5 AS real, 'a' AS [a "text"], x'00ff' AS bytes, 1 AS number, NULL AS no, 1 AS mixed
UNION ALL SELECT NULL, NULL, NULL, NULL, 2.5, NULL, 'b'
UNION ALL SELECT 9223372036854775807, 1e999, char(0) || '✓', x'', -3, NULL, x'c0'
"""
TYPES = {
    "whole": "BIGINT",
    "real": "DOUBLE",
    'a "text"': "VARCHAR",
    "bytes": "BLOB",
    "number": "DOUBLE",
    "no": "VARCHAR",
    "mixed": "VARCHAR",
}
ROWS = [
    (1, 1.5, "a", b"\0\xff", 1.0, None, "1"),
    (None, None, None, None, 2.5, None, "b"),
    (2**63 - 1, float("inf"), "\0✓", b"", -3.0, None, "c0"),
]
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i FROM n"


@pytest.fixture(autouse=True)
def _ledger(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    with closing(open_store(here / "ledger.db")) as store:
        store.append().durable()
    monkeypatch.setenv("AUTOTROPH_DATABASE_URL", "sqlite:///ledger.db")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sql", *arguments])


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr


def read(file: str) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    with duckdb.connect() as duck:
        described = duck.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
        return {name: of for name, of, *_ in described}, duck.execute(f"SELECT * FROM '{file}'").fetchall()


@pytest.mark.parametrize("chunk", [1, 2, 50_000])
def test_parquet_has_the_type_that_all_values_of_a_column_have(chunk, monkeypatch):
    monkeypatch.setattr(parquet, "CHUNK", chunk)
    result = run(TYPED, "--parquet", "out.parquet", "--json")
    assert json.loads(result.stdout) == {"file": "out.parquet", "rows": 3, "types": TYPES}
    assert read("out.parquet") == (TYPES, ROWS)


def test_parquet_of_many_rows_keeps_their_order(monkeypatch):
    monkeypatch.setattr(parquet, "CHUNK", 1000)
    assert (
        run(NUMBERS.format(12_345), "--parquet", "n.parquet").stdout == "n.parquet is written: 12,345 rows\n"
    )
    assert read("n.parquet")[1] == [(number,) for number in range(1, 12_346)]


def test_parquet_of_a_column_that_begins_with_thousands_of_nulls():
    run(f"SELECT iif(i > 5000, 'late', NULL) AS t FROM ({NUMBERS.format(5001)})", "--parquet", "n.parquet")
    assert read("n.parquet")[1][-2:] == [(None,), ("late",)]


def test_parquet_of_nothing_has_its_columns():
    assert run("SELECT 1 AS a, 2 AS b WHERE 0", "--parquet", "none.parquet").exit_code == 0
    assert read("none.parquet") == ({"a": "VARCHAR", "b": "VARCHAR"}, [])


def test_parquet_of_the_views(here, monkeypatch):
    monkeypatch.delenv("AUTOTROPH_DATABASE_URL")
    used(here)
    assert run("SELECT * FROM answers", "--parquet", "answers.parquet").exit_code == 0
    with duckdb.connect() as duck:
        asked = "SELECT count(*), sum(probability) > 100, min(typeof(\"at\")) FROM 'answers.parquet'"
        assert duck.execute(asked).fetchall() == [(400, True, "DOUBLE")]


def test_parquet_overwrites_only_parquet_and_only_when_told():
    assert run("SELECT 1 AS a", "--parquet", "a.parquet").exit_code == 0
    assert "--force overwrites it" in refused("SELECT 2 AS a", "--parquet", "a.parquet")
    assert run("SELECT 2 AS a", "--parquet", "a.parquet", "--force").exit_code == 0
    assert read("a.parquet")[1] == [(2,)]
    before = Path("ledger.db").read_bytes()
    assert "is no Parquet file" in refused("SELECT 2 AS a", "--parquet", "ledger.db", "--force")
    assert Path("ledger.db").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("SELECT 1", "--parquet", "-"), "written to a file, not to stdout"),
        (("SELECT 1", "--parquet", "x.parquet", "--csv"), "choose one"),
        (("SELECT 1 AS a, 2 AS A", "--parquet", "x.parquet"), "two columns are named 'a'"),
        (("SELECT 1", "--parquet", "no/x.parquet"), "cannot be written"),
        (("DELETE FROM decisions", "--parquet", "x.parquet"), "nothing that writes"),
    ],
)
def test_parquet_that_cannot_be(arguments, said):
    assert said in refused(*arguments)
    assert not Path("x.parquet").exists()


def test_a_parquet_file_that_fails_leaves_what_was_there():
    run("SELECT 1 AS a", "--parquet", "a.parquet")

    def broken():
        yield (1,)
        raise InputError("stopped after 10 s")

    with pytest.raises(InputError, match="stopped"):
        parquet.write(["a"], broken(), Path("a.parquet"))
    assert read("a.parquet")[1] == [(1,)]
    assert sorted(path.name for path in Path().glob("*a.parquet*")) == ["a.parquet"]


def test_a_long_table_shows_its_beginning_and_says_so():
    result = run(NUMBERS.format(5000))
    assert len(result.stdout.splitlines()) == 1001
    assert "the first 1,000 rows are shown; --max-rows 0 shows all" in result.stderr
    assert len(run(NUMBERS.format(5000), "--max-rows", "0").stdout.splitlines()) == 5001


@pytest.mark.parametrize("rows", [999, 1000])
def test_a_table_that_is_shown_whole_says_nothing(rows):
    assert run(NUMBERS.format(rows)).stderr == ""


def test_json_and_csv_are_whole():
    assert len(json.loads(run(NUMBERS.format(3000), "--json").stdout)["rows"]) == 3000
    assert len(run(NUMBERS.format(3000), "--csv").stdout.splitlines()) == 3001
    assert json.loads(run("SELECT 1 AS a WHERE 0", "--json").stdout) == {"columns": ["a"], "rows": []}


def test_bytes_in_csv_are_hex_digits():
    assert run("SELECT x'00ff' AS b, NULL AS n, 'a,\"b' AS t", "--csv").stdout == 'b,n,t\n00ff,,"a,""b"\n'
