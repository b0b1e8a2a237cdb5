"""`autotroph plan` says how many days each stage would take a candidate, at today's traffic."""

from pathlib import Path

import pytest
from commanding import answer, run
from products import used


def test_the_days_of_each_stage_are_printed(here: Path) -> None:
    used(here)
    shown = run("plan")
    assert shown.exit_code == 0, shown.output
    for part in (
        "ahead route, what a candidate would need",
        "400 units a day",
        "if it is better by 0.05, a tenth of the mean of resolved_fast",
        "split between people",
        "10% of the people",
        "50% of the people",
        "for better, proven",
    ):
        assert part in shown.stdout, shown.stdout


def test_for_scripts(here: Path) -> None:
    used(here)
    (task,) = answer("plan")["ahead"]
    assert (task["task"], task["kind"], task["lacks"]) == ("route", "split", "")
    declared, other = task["forecasts"]
    assert [one["share"] for one in declared["stages"]] == [0.1, 0.25, 0.5]
    assert declared["days"] > sum(one["days"] for one in declared["stages"]) / 2
    assert other["stages"][0]["name"] == "shadow"
    assert [one["effect"] for one in task["beside"]] == pytest.approx([0.025, 0.1], rel=0.1)


@pytest.mark.usefixtures("here")
def test_without_a_ledger_nothing_is_foretold() -> None:
    run("init")
    assert answer("plan")["ahead"] == []
    assert "ahead" not in run("plan").stdout
