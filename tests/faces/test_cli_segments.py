"""`autotroph segments` on a real ledger."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from products import opened, use

from autotroph.faces.cli.refusals import Polite
from autotroph.faces.cli.segments import segments

COMMAND = Polite(name="autotroph", commands=[segments])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(COMMAND, ["segments", *arguments])


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def test_it_writes_what_is_new_while_the_product_goes_on(here: Path) -> None:
    with opened(here) as product:
        use(product, range(20))
        product.store.append().durable()
        first = answer()
        assert first["through"] == product.store.last()
        use(product, range(20, 30))
        product.store.append().durable()
        second = answer()
    assert (first["tables"]["decisions"]["rows"], second["tables"]["decisions"]["rows"]) == (20, 30)
    assert second["written"]["files"] < first["written"]["files"]
    with duckdb.connect() as duck:
        files = second["tables"]["decisions"]["files"]
        asked = 'SELECT count(*), count(DISTINCT "user"), any_value(len(options)) FROM read_parquet(?)'
        assert duck.execute(asked, [files]).fetchall() == [(30, 30, 3)]
    assert answer()["written"]["files"] == 0


def test_it_shows_what_there_is(here: Path) -> None:
    with opened(here) as product:
        use(product, range(20))
    shown = run().stdout
    assert "all rows up to" in shown
    assert any(line.split()[:3] == ["decisions", "20", "1"] for line in shown.splitlines())


def test_it_verifies_and_forgets(here: Path) -> None:
    with opened(here) as product:
        use(product, range(20))
    path = Path(answer()["tables"]["decisions"]["files"][0])
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert answer()["written"]["files"] == 0
    assert answer("--verify")["written"]["files"] == 1
    assert answer("--forget")["written"]["files"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 1, "there is no ledger here"),
        (("--verify", "--forget"), 2, "choose one"),
        (("--config", "no.toml"), 2, "no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: tuple[str, ...], code: int, said: str, here: Path
) -> None:
    (here / "autotroph.toml").write_text("[product]\nname = 'p'\n")
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert not (here / ".autotroph").exists()
