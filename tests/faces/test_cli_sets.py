"""`autotroph evaluate --sets`: how what serves does on the frozen sets."""

import json
from pathlib import Path

import pytest
from commanding import answer, refused, run

import autotroph
from autotroph.clock import ReplayClock

TOML = """
[product]
name = "post"
[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "fraud"]
reward = "right"
[signals]
label = { type = "text", scores = "any" }
[rewards.right]
value = "output = label"
scores = "any"
[sets.letters]
task = "route"
file = "letters.jsonl"
floor = FLOOR
slices = { thefts = 0.0 }
"""


@pytest.fixture
def post(here: Path):
    def make(floor: float) -> None:
        cases = [
            {"id": "a", "inputs": {}, "signals": {"label": "billing"}},
            {"id": "b", "inputs": {}, "signals": {"label": "fraud"}, "slice": "thefts"},
        ]
        (here / "letters.jsonl").write_text("\n".join(map(json.dumps, cases)), "utf-8")
        (here / "autotroph.toml").write_text(TOML.replace("FLOOR", str(floor)), "utf-8")
        with autotroph.open("autotroph.toml", clock=ReplayClock("post", at=1e9)) as product:
            product.cycle()

    return make


def test_slices_beside_their_floors(post) -> None:
    post(0.5)
    shown = run("evaluate", "--sets")
    assert shown.exit_code == 0, shown.output
    assert "letters, by right" in shown.stdout
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["✓", "all", "2", "0.5000", "0.5000"] in lines
    assert ["✓", "thefts", "1", "0.0000", "0.0000"] in lines


def test_for_scripts_and_a_floor_that_does_not_hold(post) -> None:
    post(0.6)
    (found,) = answer("evaluate", "route", "--sets", code=1)["sets"]
    assert found["name"] == "letters"
    assert found["parts"]["thefts"] == {"cases": 1, "mean": 0.0, "serving": None, "floor": 0.0}


def test_what_cannot_be_asked(post) -> None:
    post(0.5)
    assert "no task with a set named 'rout'" in refused("evaluate", "rout", "--sets")
    assert "--aa N" in run("evaluate", "--sets", "--aa", "5").stderr
    Path("letters.jsonl").unlink()
    assert "letters.jsonl:1: no such file" in refused("evaluate", "--sets")
