"""The command as a process of its own: what it imports, and how it composes."""

import json
import subprocess
import sys
from pathlib import Path

from products import used

import autotroph


def run(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-W", "error", "-m", "autotroph", *arguments]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", input=typed, check=False)


def imported(*arguments: str) -> set[str]:
    """Which heavy packages a call imports."""
    code = (
        "import sys\n"
        "from autotroph.faces.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(*{'numpy', 'sqlglot', 'rich', 'msgspec'} & set(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


def test_start_up_is_light(here: Path) -> None:
    assert imported("--version") == set()
    assert imported("--help") == set()
    used(here)
    assert imported("sql", "SELECT 1") <= {"msgspec", "rich"}


def test_it_says_which_it_is() -> None:
    assert run("--version").stdout == f"autotroph, version {autotroph.__version__}\n"


def test_streams_compose(here: Path) -> None:
    used(here)
    query = run("sql", "SELECT id FROM decisions", "--json")
    assert len(json.loads(query.stdout)["rows"]) == 400
    assert query.stderr == ""
    assert run("sql", "-", "--csv", typed="SELECT max(number) AS n FROM cycles").stdout == "n\n2\n"
    assert json.loads(run("status", "--json").stdout.splitlines()[-1])["healthy"]


def test_what_is_wrong_is_one_line_and_an_exit_code(here: Path) -> None:
    (here / "autotroph.toml").write_text("[produkt]\n")
    result = run("status")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: autotroph.toml:1: produkt: unknown key")
    assert result.stderr.count("\n") == 1


def test_a_question_that_nobody_answers_changes_nothing(here: Path) -> None:
    used(here)
    assert run("rollback").returncode == 1
    stages = "SELECT count(*) AS n FROM stages"
    assert run("sql", stages, "--csv").stdout == "n\n2\n"
