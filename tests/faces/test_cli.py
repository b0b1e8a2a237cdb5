"""The command on real ledgers: what it prints, what it leaves with, and what it says about bad input."""

import csv
import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from products import opened, replaced, use, used

import autotroph
from autotroph.errors import SourceError
from autotroph.faces.cli import cli
from autotroph.faces.cli.reference import commands
from autotroph.spec import template
from autotroph.store import open_reader, open_store

LEDGER = Path(".autotroph/ledger.db")


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=typed)


def answer(*arguments: str) -> Any:
    """The object on the last line of stdout of a command that went well."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def refused(*arguments: str, code: int = 2) -> str:
    """The line on stderr with which a command refuses; nothing is on stdout."""
    result = run(*arguments)
    assert result.exit_code == code, (result.exit_code, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    return result.stderr


# init ----------------------------------------------------------------------------------------------------


def test_init_writes_a_declaration_that_works() -> None:
    result = run("init", "--name", "support")
    assert result.exit_code == 0
    assert "product.signal(" in result.stdout
    with autotroph.open() as product:
        assert product.spec.product.name == "support"


def test_init_names_the_product_after_its_folder() -> None:
    assert answer("init", "shop") == {"path": "shop/autotroph.toml"}
    assert 'name = "shop"' in Path("shop/autotroph.toml").read_text()


def test_what_init_prints_for_another_file_is_what_one_has_to_type() -> None:
    printed = run("init", "my shop/other.toml").stdout
    assert 'autotroph.open("my shop/other.toml")' in printed
    assert "autotroph cycle --config 'my shop/other.toml'" in printed
    assert answer("status", "--config", "my shop/other.toml")["product"] == "my shop"


def test_init_leaves_what_is_there_alone_unless_it_is_forced() -> None:
    Path("autotroph.toml").write_text("mine")
    assert "--force overwrites it" in refused("init")
    assert Path("autotroph.toml").read_text() == "mine"
    assert run("init", "--force").exit_code == 0
    assert "[product]" in Path("autotroph.toml").read_text()


def test_init_says_why_it_cannot_write() -> None:
    Path("file").write_text("")
    assert "cannot be written" in refused("init", "file/autotroph.toml")


# status --------------------------------------------------------------------------------------------------


def test_status_before_the_first_decision() -> None:
    run("init")
    found = answer("status")
    assert found["healthy"]
    assert found["rows"] is None
    assert not LEDGER.exists()


def test_status_of_a_product_in_use(here: Path) -> None:
    used(here)
    screen = run("status").stdout
    for part in (
        "✓  deployed",
        "○  redeployed",
        "400 decisions",
        "200 signals",
        "on the ladder cards first in canary",
    ):
        assert part in screen
    found = answer("status")
    assert found["tasks"][0]["counts"]["rewards"] == 400
    assert found["cycles"] == 2


def test_status_reads_while_another_writes(here: Path) -> None:
    with opened(here) as product:
        use(product, range(10))
        product.store.append().durable()
        assert answer("status")["tasks"][0]["counts"]["decisions"] == 10


def test_status_writes_nothing(here: Path) -> None:
    used(here)
    before = LEDGER.read_bytes()
    run("status")
    assert LEDGER.read_bytes() == before


def test_status_of_a_ledger_that_was_tampered_with_leaves_with_1(here: Path) -> None:
    import apsw

    used(here)
    connection = apsw.Connection(str(LEDGER))
    connection.execute("DROP TRIGGER verdicts_keep; UPDATE verdicts SET reason = 'splendid'")
    connection.close()
    result = run("status")
    assert result.exit_code == 1
    assert "was edited" in result.stdout


# cycle ---------------------------------------------------------------------------------------------------


def test_cycle_says_what_happened(here: Path) -> None:
    (here / "autotroph.toml").write_text(template("support"), encoding="utf-8")
    with opened(here) as product:
        use(product, range(200))
    found = answer("cycle")
    assert (found["number"], found["decisions"], found["rewards"]) == (1, 200, 200)
    assert [one["name"] for one in found["candidates"]] == ["learn"]
    told = run("cycle")
    assert told.stdout.startswith("cycle 2: ")
    assert answer("sql", "SELECT count(*) AS n FROM cycles")["rows"] == [{"n": 2}]


def test_cycle_is_for_the_products_own_process_where_a_model_lives_there() -> None:
    text = template("support").replace('kind = "choice"', 'kind = "text"').replace("actions =", "# actions =")
    text = text.replace('context = { text = "text", plan = "category" }', "variants.words.model = 'mine'")
    Path("autotroph.toml").write_text(text.replace("[signals]", "[models.mine]\nkind = 'local'\n[signals]"))
    assert "call product.cycle() there" in refused("cycle")
    assert not LEDGER.exists()


def test_cycle_where_another_process_writes_names_the_way_out(here: Path) -> None:
    with opened(here):
        assert "Where the product runs, call product.cycle()" in refused("cycle", code=1)


# releases and rollback -----------------------------------------------------------------------------------


def test_releases_with_their_verdicts(here: Path) -> None:
    used(here)
    found = answer("releases", "route")
    assert [one["stage"] for one in found["releases"]] == ["serving", "canary"]
    assert [one["name"] for one in found["candidates"]] == ["any"]
    shown = run("releases").stdout
    assert "canary 10%" in shown
    assert "waiting" in shown


def test_rollback_serves_what_the_present_release_replaced(here: Path) -> None:
    zero, first = replaced(here)
    done = {"task": "route", "from": first, "to": zero, "name": "release 0"}
    assert answer("rollback", "--yes") == {**done, "recorded": True, "reason": ""}
    assert [one["stage"] for one in answer("releases")["releases"]] == ["serving", "withdrawn"]
    journal = "SELECT actor, event FROM journal ORDER BY sequence DESC LIMIT 1"
    assert answer("sql", journal)["rows"] == [{"actor": "a person", "event": "rolled back by hand"}]
    with opened(here) as product:
        assert product.decide("route", {"text": "hello"}, user="new").decision.release == zero


def test_rollback_asks_first(here: Path) -> None:
    zero, _ = replaced(here)
    result = run("rollback", "route", "--to", "release 0", typed="n\n")
    assert result.exit_code == 1
    assert f"serve release 0 ({zero}) instead of cards first" in result.stderr
    assert answer("releases")["releases"][1]["stage"] == "serving"


def test_rollback_withdraws_what_is_on_the_ladder(here: Path) -> None:
    used(here)
    assert run("rollback", "--yes").exit_code == 0
    assert [one["stage"] for one in answer("releases")["releases"]] == ["serving", "withdrawn"]
    assert "nothing is on the ladder" in refused("rollback", "--yes")


def test_rollback_serves_nothing_that_never_served(here: Path) -> None:
    used(here)
    assert "never served" in refused("rollback", "--yes", "--to", "cards first")
    assert "Did you mean 'release 0'?" in refused("rollback", "--yes", "--to", "relase 0")


def test_rollback_of_a_product_that_was_never_used(here: Path) -> None:
    run("init")
    assert "there is no ledger here" in refused("rollback", "--yes", code=1)
    with opened(here):
        pass
    assert "has no release yet" in refused("rollback", "--yes")


@pytest.mark.parametrize("command", ["releases", "rollback"])
def test_a_task_that_nobody_declared(command: str, here: Path) -> None:
    used(here)
    assert "no task named 'roue'; known: route. Did you mean 'route'?" in refused(command, "roue")


# sql -----------------------------------------------------------------------------------------------------


def test_sql_in_three_forms(here: Path) -> None:
    used(here)
    query = "SELECT task, count(*) AS n, NULL AS absent FROM answers GROUP BY task"
    assert run("sql", query).stdout.splitlines()[1].split() == ["route", "400", "·"]
    assert answer("sql", query) == {
        "columns": ["task", "n", "absent"],
        "rows": [{"task": "route", "n": 400, "absent": None}],
    }
    assert list(csv.reader(io.StringIO(run("sql", query, "--csv").stdout))) == [
        ["task", "n", "absent"],
        ["route", "400", ""],
    ]


def test_sql_from_stdin(here: Path) -> None:
    used(here)
    assert run("sql", "-", "--csv", typed="SELECT 1 AS one").stdout == "one\n1\n"


def test_sql_shows_what_looks_like_markup_as_it_is(here: Path) -> None:
    used(here)
    assert "[red]x[/red]" in run("sql", "SELECT '[red]x[/red]' AS '[bold]'").stdout


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM decisions", "nothing that writes"),
        ("PRAGMA writable_schema = 1", "nothing that writes"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM decision", "no such table"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("", "there is no statement"),
    ],
)
def test_sql_that_is_not_one_select(query: str, said: str, here: Path) -> None:
    used(here)
    assert said in refused("sql", query)


def test_sql_that_takes_too_long_is_stopped(here: Path) -> None:
    used(here)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    assert "stopped after 0.1 s" in refused("sql", endless, "--limit-seconds", "0.1")


def test_sql_with_two_columns_of_one_name_loses_none(here: Path) -> None:
    used(here)
    assert "two columns are named 'a'" in refused("sql", "SELECT 1 AS a, 2 AS a", "--json")
    assert run("sql", "SELECT 1 AS a, 2 AS a", "--csv").stdout == "a,a\n1,2\n"


def test_sql_works_while_the_declaration_is_wrong(here: Path) -> None:
    used(here)
    path = Path("autotroph.toml")
    path.write_text(path.read_text().replace('reward = "resolved_fast"', 'reward = "resolved_fsat"'))
    assert answer("sql", "SELECT count(*) AS n FROM decisions")["rows"] == [{"n": 400}]
    assert "resolved_fsat" in refused("plan")
    (need,) = [one for one in answer("status")["needs"] if one["subject"] == "declaration"]
    assert "resolved_fsat" in need["what"]


# report and demo, which have tests of their own ----------------------------------------------------------


def _stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Any) -> None:
    module = ModuleType(name)
    vars(module).update(functions)
    monkeypatch.setitem(sys.modules, name, module)


def test_report_is_written_where_it_is_asked_for(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_report(reader: Any, spec: Any, path: Path, now: float) -> None:
        path.write_text(f"{spec.product.name} {reader.last()} {now > 0}")

    _stand_in(monkeypatch, "autotroph.faces.report", write_report=write_report)
    used(here)
    assert answer("report", "--out", "page.html") == {"report": "page.html"}
    assert Path("page.html").read_text().startswith("support ")
    assert "cannot be written" in refused("report", "--out", "nowhere/page.html")


class Summary(msgspec.Struct):
    cursors: int


def test_demo_ends_with_its_summary(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def run_demo(repo: Path | None, seed: int, folder: Path, console: Any) -> Summary:
        asked.extend([repo, seed, folder])
        console.print("the loop turns")
        return Summary(cursors=3)

    _stand_in(monkeypatch, "autotroph.demo.run", run_demo=run_demo)
    monkeypatch.setenv("AUTOTROPH_HOME", str(here / "home"))
    assert answer("demo", "--seed", "7") == {"cursors": 3}
    assert asked == [None, 7, here / "home" / "demo" / "installed-7"]
    assert "the loop turns" in run("demo", "--repo", ".").stdout
    assert asked[5].name.startswith(here.name)


def test_demo_that_cannot_go_on_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_source(*_: Any) -> None:
        raise SourceError("folder: no source here")

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    _stand_in(monkeypatch, "autotroph.demo.run", run_demo=without_source)
    assert "no source here" in refused("demo", "--repo", "folder")
    _stand_in(monkeypatch, "autotroph.demo.run", run_demo=interrupted)
    stopped = run("demo")
    assert stopped.exit_code == 130
    assert "the same command again continues" in stopped.stderr


# all of them ---------------------------------------------------------------------------------------------

ON_A_PRODUCT = [
    ["status"],
    ["cycle"],
    ["releases"],
    ["rollback", "--yes"],
    ["report"],
    ["sql", "SELECT 1"],
]


@pytest.mark.parametrize("command", ON_A_PRODUCT, ids=lambda command: command[0])
def test_no_declaration(command: list[str]) -> None:
    assert "autotroph.toml:1: no such file; `autotroph init` writes one that works" in refused(*command)


@pytest.mark.parametrize("command", ON_A_PRODUCT, ids=lambda command: command[0])
@pytest.mark.parametrize("text", ["[product", "[product]\nname = 3", "product = 3", b"\xff", "store = ["])
def test_a_broken_declaration_breaks_nothing_else(command: list[str], text: str | bytes) -> None:
    Path("autotroph.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run(*command)
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("error: ")
    assert isinstance(result.exception, SystemExit)
    assert not LEDGER.exists()


@pytest.mark.parametrize("command", ["releases", "sql", "rollback", "report"])
def test_no_ledger_yet(command: str) -> None:
    run("init")
    rest = {"sql": ["SELECT 1"], "rollback": ["--yes"]}.get(command, [])
    assert "there is no ledger here" in refused(command, *rest, code=1)


def test_a_ledger_that_is_another_file() -> None:
    run("init")
    LEDGER.parent.mkdir()
    LEDGER.write_text("a shopping list, and long enough to be taken for something else" * 20)
    assert "this is not a database" in refused("status", code=1)


def test_the_environment_may_name_another_ledger(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used(here)
    other = f"sqlite:///{here / 'other.db'}"
    open_store(other).close()
    monkeypatch.setenv("AUTOTROPH_DATABASE_URL", other)
    assert answer("sql", "SELECT count(*) AS n FROM decisions")["rows"] == [{"n": 0}]
    assert answer("cycle")["number"] == 1
    assert open_reader(other).query("SELECT count(*) FROM cycles").rows == ((1,),)
    monkeypatch.setenv("AUTOTROPH_DATABASE_URL", "sqlight://x")
    assert "sqlite" in refused("sql", "SELECT 1")


def test_a_typo_in_a_command_is_answered_with_the_right_word() -> None:
    result = run("stauts")
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.stderr


@pytest.mark.parametrize("name", dict(commands()))
def test_every_command_has_json_and_help_and_a_short_line(name: str) -> None:
    command = dict(commands())[name]
    assert any("--json" in one.opts for one in command.params)
    assert all(one.help for one in command.params if isinstance(one, click.Option))
    assert run(*name.split(), "-h").exit_code == 0
    assert command.short_help
