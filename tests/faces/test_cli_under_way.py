"""What status says about what goes on: freezes, approvals, experiments, the ladder, exploration."""

import io
import json
from functools import cache
from pathlib import Path

import pytest
from commanding import answer, run
from rich.console import Console

from autotroph.faces.cli.status import _health
from autotroph.faces.library import Product
from autotroph.faces.report import write_report
from autotroph.faces.report.figures import formed
from autotroph.faces.terminal import currently, screen
from autotroph.faces.underway import approvals, under_way
from autotroph.plan.ahead import Ahead, ahead
from autotroph.plan.traffic import DAY
from autotroph.records import Stage
from autotroph.spec import load
from autotroph.spec.policies import Longest
from autotroph.store import open_reader
from trying_product import TOML, days, opened, turn

TRYING = TOML.replace("explore = 0.0", "explore = 0.4").replace(
    "[signals]", 'policy = { kind = "first" }\n[signals]'
)
RATES = {"plain": 0.3, "warm": 0.8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product in which something of everything goes on."""
    path = tmp_path_factory.mktemp("under way")
    with opened(path, TRYING) as product:
        days(product, 100, 2, **RATES)
        product.experiment("tone")
        days(product, 130, 2, first=1000, **RATES)
    return path


def config(folder: Path) -> str:
    return str(folder / "autotroph.toml")


def test_an_experiment_has_its_interval_as_it_was_measured(folder: Path) -> None:
    (one,) = answer("status", "-c", config(folder))["under_way"]["experiments"]
    (arm,) = one["arms"]
    assert (one["name"], one["metric"], one["share"], arm["arm"], arm["against"]) == (
        "tone", "liked", 0.5, "warm", "now",
    )  # fmt: skip
    assert 0 < arm["low"] < 0.5 < arm["high"]
    assert arm["units"] > 30
    assert f"warm − now: {arm['value']:+.4f} [{arm['low']:+.4f}" in run("status", "-c", config(folder)).stdout


def test_what_trying_other_options_comes_to(folder: Path) -> None:
    found = answer("status", "-c", config(folder))["tasks"][0]["exploration"]
    assert found["expected"] == pytest.approx(0.2)
    costs = {one["measure"]: one for one in found["costs"]}
    assert costs["liked"]["low"] < -0.1 < costs["liked"]["high"]  # the other one is the better: it gains
    shown = run("status", "-c", config(folder)).stdout
    assert "decisions took another option (20.0% expected)" in shown
    assert f"cost in liked a decision {costs['liked']['value']:+.4f}" in shown
    assert "in all: a gain" in shown
    assert "what it costs in angry cannot be told yet" in shown  # nobody ever was


def test_the_report_has_its_figures_and_how_they_ran(folder: Path) -> None:
    cost = answer("status", "-c", config(folder))["tasks"][0]["exploration"]["costs"][0]
    reader = open_reader(folder / ".autotroph" / "ledger.db")
    write_report(reader, load(config(folder)), folder / "report.html", 0.0)
    reader.close()
    page = (folder / "report.html").read_text("utf-8")
    assert "greet: what trying other options cost" in page
    assert formed(cost["value"], "reward") in page
    assert page.count("unknown") >= 2  # nobody was ever angry
    data = json.loads(page.split('id="charts">')[1].split("</script>")[0])
    (chart,) = [spec for name, spec in data.items() if name.startswith("exploration-")]
    points = chart["data"]["values"]
    assert len(points) > 1
    assert (points[-1]["low"], points[-1]["high"]) == (cost["low"], cost["high"])


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal(folder: Path, width: int) -> None:
    """In a terminal of this width nothing is wider, and nothing is cut off."""
    shown = io.StringIO()
    found, now, _ = _health(Path(config(folder)))
    console = Console(file=shown, width=width, highlight=False, force_terminal=True, color_system=None)
    console.print(screen.status(found, currently.under_way(now)))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    whole = " ".join(" ".join(lines).split())
    for part in ("What goes on?", "tone of greet, with 50% of the units", "pairs of units", "a gain"):
        assert part in whole
    assert "…" not in whole.replace("…)", "")


def waiting(folder: Path, autonomy: str) -> Product:
    declared = TRYING.replace('unit = "user"', f'unit = "user"\nautonomy = "{autonomy}"')
    return opened(folder, declared)


def test_what_waits_for_a_person_is_named_with_the_way_out(tmp_path: Path) -> None:
    with waiting(tmp_path, "propose") as product:
        days(product, 60, 2, plain=0.2, warm=0.9)
        product.propose("greet", "warm first", policy=Longest(variant="warm"))
        days(product, 60, 2, first=500, plain=0.2, warm=0.9)
        found = under_way(product.store, product.spec, product.clock.now(), pulled=False)
        (one,) = found.approvals
        assert (one.name, one.stage, one.task) == ("warm first", "gate", "greet")
        (need,) = approvals(found)
        assert need.what.startswith("candidate 'warm first' waits at the gate for somebody to say")
        assert need.way_out == "autotroph approve 'warm first'"
        product.approve("warm first")
        found = under_way(product.store, product.spec, product.clock.now(), pulled=False)
        assert found.approvals == ()
        turn(product)

        @cache
        def foretell(task: str) -> Ahead:
            return ahead(product.store, product.spec, task)

        (row,) = [one for one in product.store.scan(Stage) if one.name == "canary"]
        now = row.at + 60.0
        (climbing,) = under_way(product.store, product.spec, now, pulled=False, foretell=foretell).ladder
        assert (climbing.stage, climbing.share, climbing.since) == ("canary", 0.5, row.at)
        foretold = next(one for one in foretell("greet").forecasts[0].stages if one.name == "canary")
        assert climbing.days == foretold.days
        assert climbing.left == pytest.approx(max(0.0, (foretold.days or 0.0) - 60.0 / DAY))
        silent = under_way(product.store, product.spec, now, pulled=True).ladder[0]
        assert (silent.days, silent.left) == (None, None)


def test_freezes_quiet_hours_and_the_switch(tmp_path: Path) -> None:
    quiet = TRYING + '[run]\nquiet = ["00:00-24:00"]\n'
    with opened(tmp_path, quiet) as product:
        days(product, 5, 1)
        product.freeze("greet", until=4e9, by="Ada", reason="the sale")
    (tmp_path / ".autotroph").mkdir(exist_ok=True)
    Path(answer("status", "-c", config(tmp_path))["killswitch"]).touch()
    now = answer("status", "-c", config(tmp_path))["under_way"]
    assert now["quiet"] == "00:00-24:00 (UTC)"
    assert [(one["task"], one["by"], one["reason"], one["until"]) for one in now["freezes"]] == [
        ("greet", "Ada", "the sale", 4e9)
    ]
    assert now["pulled"] is True
    shown = run("status", "-c", config(tmp_path)).stdout
    for part in (
        "quiet hours",
        "frozen by Ada until 2096-10-02 07:06 (UTC): the sale",
        "what serves was taken back",
    ):
        assert part in shown


def test_nothing_goes_on_where_nothing_does(tmp_path: Path) -> None:
    with opened(tmp_path, TRYING) as product:
        days(product, 5, 1)
    found = answer("status", "-c", config(tmp_path))
    assert {name: bool(one) for name, one in found["under_way"].items()} == dict.fromkeys(
        ("quiet", "freezes", "pulled", "budgets", "approvals", "experiments", "ladder"), False
    )
    assert "What goes on?" not in run("status", "-c", config(tmp_path)).stdout
