"""`autotroph keys`: the secret alone on stdout, once; the rest for people or as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autotroph.clock import SystemClock
from autotroph.faces.cli.init import init
from autotroph.faces.cli.keys import keys
from autotroph.faces.cli.refusals import Polite
from autotroph.govern.keys import GRANTS, Keys

FILE = Path(".autotroph/ledger.db.keys")


@pytest.fixture(autouse=True)
def declared(here: Path) -> Path:
    assert CliRunner().invoke(init, ["--name", "shop"]).exit_code == 0
    return here


def run(*arguments: str) -> Result:
    return CliRunner().invoke(Polite(commands=[keys]), ["keys", *arguments])


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def refused(*arguments: str, code: int = 2) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def kept() -> Keys:
    return Keys(FILE, SystemClock(""))


def test_create_prints_the_secret_alone() -> None:
    result = run("create", "backend", "--scope", "decide", "--scope", "read")
    assert result.exit_code == 0
    (secret,) = result.stdout.splitlines()
    key = kept().find(secret)
    assert key is not None
    assert (key.name, key.granted) == ("backend", ("decide", "read"))
    assert "may decide, read, signals; put it away, it is not shown again" in result.stderr
    assert secret not in result.stderr


def test_create_as_json() -> None:
    made = answer(
        "create", "page", "--scope", "signals", "--origin", "https://shop.example", "--expires", "90d"
    )
    key = kept().find(made["secret"])
    assert key is not None
    assert key.expires == pytest.approx(key.created + 90 * 86400)
    assert made["id"] == key.id
    assert made["origins"] == ["https://shop.example"]
    assert (made["state"], made["revoked"]) == ("open", None)
    assert made["expires"] > made["created"]


def test_list_never_shows_a_secret_or_its_digest() -> None:
    made = answer("create", "page", "--scope", "signals")
    answer("create", "other", "--scope", "read")
    shown = run("list").stdout
    assert "page" in shown
    assert "open" in shown
    (first, second) = answer("list")["keys"]
    assert (first["name"], second["name"]) == ("page", "other")
    assert "secret" not in first
    drawn = made["secret"].rpartition(made["id"])[2].strip("_")
    for printed in (shown, json.dumps([first, second])):
        assert drawn not in printed
        assert kept().list()[0].digest not in printed


def test_list_of_none_says_how_to_make_one() -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "keys create NAME --scope signals" in result.stderr
    assert answer("list") == {"keys": []}
    assert not FILE.exists()


def test_revoke() -> None:
    made = answer("create", "page", "--scope", "signals")
    assert run("revoke", made["id"]).stdout == f"key {made['id']} (page) opens nothing more\n"
    assert kept().find(made["secret"]) is None
    assert answer("revoke", made["id"])["state"] == "revoked"
    assert [key["state"] for key in answer("list")["keys"]] == ["revoked"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["revoke", "nobody"], "no key named 'nobody'; known: none"),
        (["create", "a"], "Missing option '--scope'"),
        (["create", "a", "--scope", "al"], "no scope named 'al'; known: decide, operate, read, signals"),
        (["create", "a", "--scope", "signals", "--origin", "*"], "is no origin"),
        (["create", "a", "--scope", "read", "--origin", "https://a.example"], "only have the scope signals"),
        (["create", "a", "--scope", "read", "--expires", "soon"], "expected a duration such as"),
        (["create", "a", "--scope", "read", "--expires", "0s"], "never open anything"),
        (["crate", "a"], "Did you mean 'create'?"),
    ],
)
def test_what_is_refused(arguments: list[str], error: str) -> None:
    assert error in refused(*arguments)
    assert not FILE.exists()


def test_a_broken_file_is_said_in_one_line() -> None:
    answer("create", "a", "--scope", "read")
    FILE.write_text("{")
    for arguments in (["list"], ["create", "b", "--scope", "read"], ["revoke", "x"]):
        said = refused(*arguments, code=1)
        assert len(said.splitlines()) == 1
        assert "ledger.db.keys: the keys cannot be read" in said


def test_keys_to_a_ledger_elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_DATABASE_URL", f"sqlite:///{here}/other.db")
    made = answer("create", "a", "--scope", "read")
    assert Keys(here / "other.db.keys", SystemClock("")).find(made["secret"]) is not None
    assert not FILE.exists()


def test_help_names_every_scope() -> None:
    told = run("create", "--help").stdout
    assert all(scope in told for scope in GRANTS)
