"""`autotroph digest`: a whole history on the declared engine, and what it says where there is none."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from commanding import answer, refused, run
from products import DAY, START, declared, opened, use

NOW = str(START + DAY)
MASTERS = '"duckdb" or a master of Spark ("local[4]", "spark://HOST:7077", "yarn", "k8s://HOST:443")'


@pytest.fixture
def asked(here: Path) -> Path:
    """Thirty decisions, of which fifteen were helped."""
    with opened(here) as product:
        use(product, range(30))
        product.store.append().durable()
    return here


@pytest.mark.usefixtures("asked")
def test_a_history_in_figures() -> None:
    found = answer("digest", "route", "--by", "option", "--at", NOW)
    assert found["engine"] == "duckdb"
    (task,) = found["tasks"]
    assert (task["task"], task["decisions"]) == ("route", 30)
    figures = [figure for cell in task["cells"] for figure in cell["figures"]]
    rewards = [one for one in figures if one["measure"] == "resolved_fast"]
    assert sum(one["final"] for one in rewards) == 30
    assert sum(one["n"] * one["mean"] for one in rewards) == pytest.approx(15)
    assert len(task["manifest"]["digest"]) == 64
    assert {tuple(cell["by"]) for cell in task["cells"]} == {("option",)}


@pytest.mark.usefixtures("asked")
def test_a_history_on_a_screen() -> None:
    shown = run("digest", "--at", NOW)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("route  30 answers up to ")
    assert lines[1].split() == [
        *("release", "arm", "option", "measure", "mean", "interval"),
        *("n", "final", "unknown", "provisional", "pending", "clipped"),
    ]
    assert any("resolved_fast" in line for line in lines[2:])
    assert "digested by duckdb in" in shown.stderr


@pytest.mark.usefixtures("asked")
def test_as_of_a_time_at_which_nothing_is_final() -> None:
    (task,) = answer("digest", "--at", str(START))["tasks"]
    figures = [figure for cell in task["cells"] for figure in cell["figures"]]
    assert all((one["final"], one["mean"]) == (0, None) for one in figures)
    assert task["manifest"]["rows"] == 0


@pytest.mark.usefixtures("asked")
def test_the_ledger_gives_what_its_segments_give() -> None:
    tasks = [answer("digest", "--at", NOW, "--from", source)["tasks"][0] for source in ("segments", "ledger")]
    segments, ledger = tasks
    assert segments["manifest"] == ledger["manifest"]
    assert len(segments["cells"]) == len(ledger["cells"]) > 1


def test_what_is_new_is_digested_too(here: Path) -> None:
    with opened(here) as product:
        for users in (range(20), range(20, 30)):
            use(product, users)
            product.store.append().durable()
            assert answer("digest")["tasks"][0]["decisions"] == users.stop


@pytest.mark.usefixtures("asked")
def test_rows_are_written() -> None:
    answer("digest", "route", "--rows", "rows.parquet", "--at", NOW)
    asked = "SELECT count(DISTINCT decision), sum(value) FROM 'rows.parquet' WHERE measure = 'resolved_fast'"
    assert duckdb.sql(asked).fetchall() == [(30, pytest.approx(15))]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rout",), "no task named 'rout'; known: route. Did you mean 'route'?"),
        (("--by", "optoin"), "no column to group by named 'optoin'"),
        (("--engine", "spork"), f"--engine spork: expected {MASTERS}"),
        (("--engine", "spark://local[2]"), f"expected {MASTERS}"),
        (("--segments", "s3a://bucket/segments"), "--segments is for Spark"),
        (("--engine", "yarn", "--from", "ledger"), "Spark reads segments; --from ledger is for DuckDB"),
        (("--wait", "long"), '--wait: expected a duration such as "24h"'),
    ],
)
@pytest.mark.usefixtures("asked")
def test_what_cannot_be_asked_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = run("digest", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_rows_are_those_of_one_task(here: Path) -> None:
    text = declared()
    other = text[text.index("[tasks.route]") : text.index("[signals]")].replace("tasks.route", "tasks.other")
    (here / "autotroph.toml").write_text(text + other, "utf-8")
    assert (
        "--rows writes those of one task: name one of route, other"
        in run("digest", "--rows", "rows.parquet").stderr
    )


def test_without_a_ledger_there_is_nothing_to_digest() -> None:
    run("init")
    assert "ledger.db" in refused("digest", code=1)


@pytest.mark.usefixtures("asked")
def test_without_a_copy_of_segments_there_is_none_to_read() -> None:
    said = refused("digest", "--engine", "yarn", "--segments", "s3a://bucket/segments", code=1)
    assert "there are no segments here; `autotroph segments` writes them" in said


@pytest.mark.usefixtures("asked")
def test_the_declared_engine_is_the_one_that_is_asked(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="pip install pyspark to be refused for want of Java")
    text = (here / "autotroph.toml").read_text("utf-8")
    path = here / "autotroph.toml"
    path.write_text(text.replace("[product]", '[product]\nengine = "local[2]"'), "utf-8")
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "the engine local[2] needs Java 17 or newer, and there is none on the PATH" in refused("digest")
    monkeypatch.setenv("JAVA_HOME", str(here))
    assert f"JAVA_HOME={here} has no bin/java" in refused("digest")
    assert answer("digest", "--engine", "duckdb")["engine"] == "duckdb"


@pytest.mark.usefixtures("asked")
def test_where_pyspark_is_not_installed_the_extra_is_named() -> None:
    hidden = "import sys; sys.modules['pyspark'] = None; from autotroph.faces.cli import main; main()"
    command = [sys.executable, "-c", hidden, "digest", "--engine", "local[2]"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "autotroph[spark]", or engine = "duckdb"' in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("asked")
def test_spark_prints_what_duckdb_prints() -> None:
    pytest.importorskip("pyspark", reason="pip install pyspark (4 or newer, with Java 17 or newer)")
    mine = answer("digest", "--at", NOW)
    found = run("digest", "--at", NOW, "--engine", "local[2]", "--wait", "10m", "--json")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["engine"] == "local[2]"
    assert told["tasks"][0]["manifest"] == mine["tasks"][0]["manifest"]
    assert len(told["tasks"][0]["cells"]) == len(mine["tasks"][0]["cells"])
