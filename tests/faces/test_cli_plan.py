"""`autotroph plan` and `apply`: what they say before anything happens, and that they do just that."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from commanding import answer, refused, run
from pages import browsed, chromium
from products import opened, used

from autotroph.records import Verdict
from autotroph.store import open_reader

LEDGER = Path(".autotroph/ledger.db")
VALUES = "SELECT count(*), count(value), avg(value) FROM measures_by_decision WHERE version = ?"


def change(before: str, after: str) -> None:
    path = Path("autotroph.toml")
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


@pytest.fixture
def changed(here: Path) -> Path:
    """A product whose reward is turned round, with a candidate in front of people and one at the gate."""
    used(here)
    change('"resolved - 20 * cost_usd"', '"0.5 - resolved / 4"')
    change("[ladder]", '[run]\nevery = "2m"\n[ladder]\nminimum = 40')
    return here


@pytest.mark.usefixtures("changed")
def test_a_plan_says_what_would_happen_and_does_nothing() -> None:
    with closing(open_reader(LEDGER)) as reader:
        before = reader.last()
    shown = run("plan")
    assert shown.exit_code == 0, shown.output
    for part in (
        "value again resolved_fast, reward of task route",
        "resolved - 20 * cost_usd → 0.5 - resolved / 4",
        "400 answers",
        "refuse cards first, at canary of task route",
        "refuse any, at gate of task route",
        "hold to what is declared now (ladder)",
        "by itself run",
        "`autotroph apply` runs these steps",
    ):
        assert part in shown.stdout
    assert "█" in shown.stdout
    with closing(open_reader(LEDGER)) as reader:
        assert reader.last() == before


def test_what_applies_by_itself_says_when(here: Path) -> None:
    used(here)
    run("apply", "--yes")
    change("[ladder]", '[run]\nevery = "2m"\n[ladder]')
    shown = run("plan").stdout
    assert "by itself run" in shown
    assert "no `autotroph apply` is needed: start `autotroph serve`" in shown


@pytest.mark.usefixtures("changed")
def test_a_plan_for_scripts() -> None:
    found = answer("plan")
    assert found["changed"] is True
    assert [step["type"] for step in found["steps"]] == ["revalue", "demand", "dismiss", "dismiss", "note"]
    (effect,) = found["effects"]
    moved = effect["moved"]
    for when in ("before", "after"):
        known = moved[when]["final"] - moved[when]["unknown"]
        assert sum(one[when] for one in moved["bins"]) == known == 400
    means = {one["name"]: one["mean"] for one in effect["ranks"][0]["after"]}
    assert all(0.25 <= mean <= 0.5 for mean in means.values())
    assert {one["answer"] for one in effect["verdicts"]} <= {"same", "other", "cannot be told"}


def test_without_a_change_there_is_nothing_to_do(here: Path) -> None:
    used(here)
    assert "nothing to do" in run("plan").stdout
    assert answer("plan")["steps"] == []
    assert answer("apply")["rows"] == 0


def test_of_a_product_that_was_never_opened_there_is_no_plan() -> None:
    run("init")
    assert "never opened" in run("plan").stdout
    assert not LEDGER.exists()


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_prompt_that_is_none_is_refused_before_anything_was_opened(command: str, here: Path) -> None:
    declared = (
        '[product]\nname = "p"\n[models.m]\nkind = "openai"\nbase_url = "https://llm.example.com/v1"\n'
        '[tasks.answer]\nkind = "chat"\nreward = "good"\npolicy = { kind = "first" }\n'
        '[tasks.answer.variants]\nonly = { model = "m", prompt = "p.md" }\n'
        '[signals]\nsolved = { type = "boolean" }\n[rewards.good]\nvalue = "solved"\n'
    )
    (here / "autotroph.toml").write_text(declared, "utf-8")
    (here / "p.md").write_text("{{ question", "utf-8")
    assert "p.md:1: no section" in refused(command)


@pytest.mark.usefixtures("changed")
def test_cycle_status_and_doctor_name_the_way_out() -> None:
    assert "resolved_fast (reward) is declared otherwise" in refused("cycle")
    for name in ("status", "doctor"):
        shown = run(name).stdout
        assert "resolved_fast (reward) is declared otherwise" in shown
        assert "`autotroph plan` shows what that would do" in shown


@pytest.mark.usefixtures("changed")
def test_apply_refuses_while_people_meet_a_candidate() -> None:
    result = run("apply", "--yes")
    assert result.exit_code == 2
    assert "people meet 'cards first' (task route)" in result.stderr
    assert "--yes-with-candidates" in result.stderr
    assert "is declared otherwise" in refused("cycle")


def test_apply_asks_and_takes_no_for_an_answer(here: Path) -> None:
    used_without_candidates(here)
    assert run("apply", typed="n\n").exit_code == 1
    assert "is declared otherwise" in refused("cycle")
    result = run("apply", typed="y\n")
    assert result.exit_code == 0, result.output
    assert "applied:" in result.stdout
    assert run("cycle").exit_code == 0


def used_without_candidates(here: Path) -> None:
    used(here)
    assert run("rollback", "--yes").exit_code == 0
    change('"resolved - 20 * cost_usd"', '"0.5 - resolved / 4"')


def test_apply_beside_a_server_names_the_way_out(changed: Path) -> None:
    with opened(changed):
        told = run("apply", "--yes-with-candidates")
    assert told.exit_code == 1
    assert "stop it, apply, and start it again" in told.stderr


def test_apply_does_what_the_plan_said(changed: Path) -> None:
    planned = answer("plan")["effects"][0]["moved"]["after"]
    done = answer("apply", "--yes-with-candidates")
    assert done["rows"] > planned["final"]
    with closing(open_reader(LEDGER)) as reader:
        version = done["effects"][0]["change"]["version"]
        rows = reader.query(VALUES, (version,)).rows
        assert rows[0][:2] == (planned["final"], planned["final"] - planned["unknown"])
        assert rows[0][2] == pytest.approx(planned["mean"])
        refused_ = {row.candidate: row for row in reader.scan(Verdict) if row.finding == "refused"}
        assert len(refused_) == 2
        assert all("resolved_fast (reward) is declared otherwise" in row.reason for row in refused_.values())
    assert answer("plan")["steps"] == []
    with opened(changed) as product:
        assert product.rooms.desks["route"].standing.open == ()
    assert run("cycle").exit_code == 0


def test_the_page_is_drawn_by_a_real_browser(changed: Path) -> None:
    page = changed / "plan.html"
    assert json.loads(run("plan", "--json", "--html", str(page)).stdout)["html"] == str(page)
    with chromium() as browser:
        for width, dark in ((1100, False), (400, True)):
            with browsed(browser, page, width=width, dark=dark) as (tab, seen):
                assert seen.complaints == []
                assert tab.locator("figure svg").count() >= 2
                assert "resolved_fast" in tab.inner_text("main")
                wide = tab.evaluate("document.documentElement.scrollWidth")
                assert wide <= width
