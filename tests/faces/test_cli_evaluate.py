"""`autotroph evaluate --aa`: the ladder rehearsed on the product's own log."""

from pathlib import Path

import pytest
from commanding import answer, refused, run
from msgspec.structs import replace
from products import used

import autotroph
from autotroph.deploy.judge import judge
from autotroph.plan import rehearsing


def test_it_shows_what_would_be_found_that_is_not_there(here: Path) -> None:
    used(here)
    shown = run("evaluate", "--aa", "40")
    assert shown.exit_code == 0, shown.output
    for part in (
        "route, by its reward resolved_fast",
        "split, two arms of the same: 196 units, looked at after every 20",
        "✓ falsely promoted",
        "✓ falsely rolled back",
        "at most 5% is allowed",
        "−50%",
    ):
        assert part in shown.stdout


def test_for_scripts(here: Path) -> None:
    used(here)
    found = answer("evaluate", "route", "--aa", "40", "--seed", "7")
    assert (found["runs"], found["seed"]) == (40, 7)
    (task,) = found["tasks"]
    assert (task["decisions"], task["wrong"]) == (395, False)
    (split,) = task["rehearsals"]
    assert split["promotions"]["runs"] == 40
    assert [one["share"] for one in split["harms"]] == [0.2, 0.5]
    assert found == answer("evaluate", "route", "--aa", "40", "--seed", "7")


def test_it_leaves_with_1_where_more_is_found_than_may_be(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(here)
    monkeypatch.setattr(rehearsing, "judge", judged)
    monkeypatch.setattr(rehearsing, "log_target", lambda _: -1.0)
    found = answer("evaluate", "--aa", "40", code=1)
    assert found["tasks"][0]["wrong"] is True


def judged(evidence, rule):
    """Whatever looks better is promoted."""
    sure = 100.0 if evidence.mean > 0 else 0.0
    return judge(replace(evidence, better=sure, no_worse=sure), rule)


@pytest.mark.usefixtures("here")
def test_too_little_is_said_with_the_counts() -> None:
    run("init")
    with autotroph.open("autotroph.toml") as product:
        product.decide("route", {"text": "lost my card", "plan": "free"}, user="anna").durable()
    shown = run("evaluate", "--aa", "10")
    assert shown.exit_code == 0, shown.output
    assert "cannot be rehearsed: 0 units have a final reward, at least 60 are needed" in shown.stdout
    assert "of 1 decisions 0 are final" in shown.stdout


def test_what_cannot_be_asked(here: Path) -> None:
    used(here)
    assert "no task with a reward named 'rout'" in refused("evaluate", "rout", "--aa", "10")
    assert "--aa" in run("evaluate").stderr
