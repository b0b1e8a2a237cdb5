"""`autotroph experiment` from start to stop, alone and while the product runs; its part of the report."""

import json
import threading
from pathlib import Path

import pytest
from commanding import answer, refused, run

from autotroph.faces.report import figures, write_report
from autotroph.spec import load
from autotroph.store import open_reader
from autotroph.unattended.background import Background
from trying_product import days, opened


@pytest.fixture
def config(tmp_path: Path) -> str:
    with opened(tmp_path) as product:
        days(product, 20, 1)
    return str(tmp_path / "autotroph.toml")


def use(config: str, **rates: float) -> None:
    with opened(Path(config).parent) as product:
        product.clock.advance(product.rooms.last.at)
        days(product, 250, 2, first=100, **rates)


def test_from_start_to_stop(config):
    assert answer("experiment", "list", "-c", config)["not_started"] == ["tone"]
    assert answer("experiment", "start", "tone", "--by", "Ada", "-c", config)["taken"] is True
    use(config, plain=0.2, warm=0.9)
    found = answer("experiment", "status", "tone", "-c", config)
    assert (found["state"], found["may_be_proposed"]) == ("under way", ["warm"])
    contrast = found["results"]["contrasts"][0]
    assert 0 < contrast["low"] < 0.7 < contrast["high"]

    shown = run("experiment", "status", "tone", "-c", config).output
    assert "liked of greet, 50% of the people" in shown
    assert f"{contrast['units']} pairs of units: better" in shown
    assert 'autotroph experiment stop tone --decision "…" --propose warm' in shown

    said = ("--decision", "warm it is", "--propose", "warm", "--by", "Ada", "-c", config)
    stopped = answer("experiment", "stop", "tone", *said)
    assert stopped["record"]["results"] == found["results"]
    assert stopped["record"]["state"].startswith("ended by Ada on ")
    (kept,) = answer("experiment", "list", "-c", config)["experiments"]
    assert kept == stopped["record"]
    assert [one["name"] for one in answer("releases", "-c", config)["candidates"]] == ["tone: warm"]
    assert "no experiment under way named 'tone'" in refused("experiment", "stop", "tone", *said)


def test_one_that_options_declare(config):
    policy = json.dumps({"kind": "uniform"})
    arms = ("--arm", "now=main", "--arm", f"any={policy}", "--arm", "warm=warm")
    said = ("--task", "greet", *arms, "--share", "0.3", "--margin", "0.05", "--goes-on", "-c", config)
    assert answer("experiment", "start", "quick", *said)["taken"] is True
    found = answer("experiment", "status", "quick", "-c", config)["experiment"]
    assert [*found["arms"]] == ["now", "any", "warm"]
    assert (found["share"], found["margin"], found["stops"]) == (0.3, 0.05, False)
    assert (found["metric"], found["guardrails"], found["same"]) == ("liked", ["angry"], ["now"])
    assert run("experiment", "list", "-c", config).exit_code == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("tune",), "no experiment named 'tune'; known: tone"),
        (("tone", "--share", "0.3"), "start it as it is declared there"),
        (("other", "--task", "greet", "--arm", "a=main", "--arm", "b"), "expected NAME=WHAT"),
        (("other", "--task", "greet", "--arm", "a=main", "--arm", "b={"), "not JSON"),
        (("other", "--task", "greet", "--arm", "a=main"), "two arms or more"),
        (("other", "--arm", "a=main", "--arm", "b=warm"), "task: missing"),
    ],
)
def test_what_is_refused_is_refused_before_anything_starts(config, said, why):
    assert why in refused("experiment", "start", *said, "-c", config)
    assert answer("experiment", "list", "-c", config)["experiments"] == []


def test_it_works_while_the_product_runs(config):
    with opened(Path(config).parent) as product, Background(product):
        found = {}

        def ask() -> None:
            found["start"] = answer("experiment", "start", "tone", "--by", "Ada", "-c", config)
            said = ("--decision", "enough", "--by", "Ada", "-c", config)
            found["stop"] = answer("experiment", "stop", "tone", *said)

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(60)
        (one,) = product.experiments()
    assert found["start"]["taken"] is True
    assert found["stop"]["record"]["ended"]["decision"] == "enough"
    assert (one.ended.by, one.ended.decision) == ("Ada", "enough")


def test_a_rollback_by_the_command_takes_everybody_out(config):
    answer("experiment", "start", "tone", "-c", config)
    answer("rollback", "greet", "--yes", "--by", "Ada", "-c", config)
    found = answer("experiment", "status", "tone", "-c", config)
    assert found["state"].startswith("ended by Ada on ")
    assert found["results"] is None


def test_the_report_shows_the_interval_as_it_ran_and_the_decision(config):
    answer("experiment", "start", "tone", "-c", config)
    use(config, plain=0.2, warm=0.9)
    answer("experiment", "stop", "tone", "--decision", "<b>warm</b>", "--by", "Ada", "-c", config)
    folder, spec = Path(config).parent, load(config)
    reader = open_reader(folder / ".autotroph" / "ledger.db")
    last = answer("sql", "SELECT * FROM measurements WHERE name = 'experiment tone: warm'", "-c", config)
    write_report(reader, spec, folder / "report.html", 0.0)
    reader.close()
    page = (folder / "report.html").read_text("utf-8")
    assert "greet: experiments by hand" in page
    assert "&lt;b&gt;warm&lt;/b&gt;" in page
    data = json.loads(page.split('id="charts">')[1].split("</script>")[0])
    (chart,) = [spec for name, spec in data.items() if name.startswith("experiment-")]
    points = chart["layer"][1].get("data", chart["data"])["values"]
    assert len(points) == len(last["rows"])
    assert points[-1]["low"] > 0
    assert figures.formed(points[-1]["value"], "reward") in page
