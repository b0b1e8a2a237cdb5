"""`autotroph audit`, as one types it."""

import json
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner, Result
from commanding import run as run_any
from products import opened, use, used

from autotroph.faces.cli.audit import audit
from autotroph.faces.cli.refusals import Polite
from autotroph.records import CHAINED, Entry
from autotroph.store.codec import TABLES

LEDGER = Path(".autotroph/ledger.db")
CLI = Polite(name="autotroph", commands=[audit])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(CLI, ["audit", *arguments])


def edit(sql: str) -> None:
    with closing(apsw.Connection(str(LEDGER))) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(sql)


def test_a_chain_that_holds(here: Path) -> None:
    used(here)
    result = run("verify")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("the chain holds: ")
    assert "links in" in result.stdout
    assert "--anchor" in result.stderr
    found = json.loads(run("verify", "--json").stdout)
    assert (found["holds"], found["anchor"]) == (True, "")
    assert found["links"] > 4
    assert found["links_per_s"] > 0


def test_while_another_writes(here: Path) -> None:
    with opened(here) as product:
        use(product, range(10))
        product.store.append().durable()
        assert run("verify").exit_code == 0
        assert run("head").exit_code == 0


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE verdicts SET reason = 'splendid'", "was edited"),
        ("DELETE FROM journal WHERE sequence = (SELECT min(sequence) FROM journal)", "were deleted"),
        ("DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)", "rows were"),
        ("DELETE FROM head", "head is gone"),
    ],
)
def test_one_that_does_not(here: Path, sql: str, said: str) -> None:
    used(here)
    edit(sql)
    result = run("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    result = run("verify", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["holds"]) == (1, False)
    assert said in found["fault"]


def test_a_head_that_was_kept_finds_an_end_that_was_cut_off_and_forged(here: Path) -> None:
    used(here)
    kept = run("head")
    anchor = kept.stdout.strip()
    assert "keep this line" in kept.stderr
    assert json.loads(run("head", "--json").stdout)["anchor"] == anchor
    with opened(here) as product:
        product.store.append(Entry(actor="a", event="e", subject="s", details={}, at=1.0)).durable()
    assert run("verify", "--anchor", anchor).exit_code == 0
    links = " UNION ALL ".join(f"SELECT sequence, hash FROM {TABLES[kind]}" for kind in CHAINED)
    cuts = "".join(f"DELETE FROM {TABLES[kind]} WHERE sequence >= (SELECT * FROM cut);" for kind in CHAINED)
    edit(f"""
        CREATE TABLE cut AS SELECT max(sequence) FROM ({links})
         WHERE sequence < (SELECT max(sequence) FROM journal);
        {cuts}
        UPDATE head SET links = (SELECT count(*) FROM ({links})),
                        hash = (SELECT hash FROM ({links}) ORDER BY sequence DESC LIMIT 1)
    """)
    assert run("verify").exit_code == 0
    result = run("verify", "--anchor", anchor)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("anchor", ["7", "x:y", "7:abc", f"-1:{'0' * 64}", f"7:{'g' * 64}"])
def test_what_is_no_anchor(here: Path, anchor: str) -> None:
    used(here)
    result = run("verify", "--anchor", anchor)
    assert result.exit_code == 2
    assert "is not LINKS:HASH" in result.stderr


def test_an_anchor_from_before_a_restoration_is_explained(here: Path) -> None:
    used(here)
    run_any("backup", "saved.db")
    with opened(here) as product:
        product.store.append(Entry(actor="a", event="e", subject="s", details={}, at=1.0)).durable()
    anchor = run("head").stdout.strip()
    run_any("restore", "saved.db", "--yes")
    result = run("verify", "--anchor", anchor)
    assert result.exit_code == 1
    assert "the ledger was restored on" in result.stderr
    assert "from saved.db" in result.stderr


def test_no_ledger_yet(here: Path) -> None:
    run_any("init", str(here))
    assert run("verify").exit_code == run("head").exit_code == 1
