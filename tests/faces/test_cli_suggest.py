"""`autotroph rewards suggest` and `autotroph opportunities`, on histories in which the truth was planted."""

import pytest
from commanding import answer, refused, run

from autotroph.spec import load
from autotroph.store import open_store
from observe import planted_signals as planted


@pytest.fixture
def product(here):
    (here / "autotroph.toml").write_text(planted.TOML, "utf-8")
    store = open_store(here / ".autotroph" / "ledger.db")
    planted.live(store, users=200)
    store.close()
    return here


def test_suggest_ranks_and_shows_what_to_paste(product):
    shown = run("rewards", "suggest", "reply")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == "reply  600 decisions of 200 units against retained"
    assert lines[2].split()[:3] == ["✓", "helped", "100%"]
    assert "left (implicit)" in shown.stdout
    assert "left is found, not sent; of what people say it goes most with helped" in shown.stdout
    first = shown.stdout.index("[rewards.more_helped]")
    path = product / "autotroph.toml"
    path.write_text(planted.TOML + shown.stdout[first:], "utf-8")
    assert load(path).rewards["more_helped"].value == "helped"


def test_what_to_declare_is_shown_with_its_brackets(product):
    path = product / "autotroph.toml"
    path.write_text(planted.TOML.replace("[outcomes.retained]", "[rewards.retained]"), "utf-8")
    shown = run("rewards", "suggest", "reply")
    assert shown.exit_code == 0, shown.output
    assert "[outcomes." in "".join(shown.stdout.split())


@pytest.mark.usefixtures("product")
def test_suggest_as_json_is_the_same():
    (found,) = answer("rewards", "suggest", "reply")["tasks"]
    assert (found["task"], found["outcome"], found["units"]) == ("reply", "retained", 200)
    ranked = {one["signal"]: one for one in found["ranked"]}
    assert next(iter(ranked)) == "helped"
    assert ranked["praised"]["finding"] == "gamed"
    assert ranked["never"]["delay"] is None
    assert ranked["helped"]["agreement"]["low"] > 0.5


@pytest.mark.usefixtures("product")
def test_suggest_looks_at_every_task_and_refuses_what_is_not_declared():
    assert [one["task"] for one in answer("rewards", "suggest")["tasks"]] == ["reply"]
    assert "Did you mean 'reply'?" in refused("rewards", "suggest", "replay")
    assert "Did you mean 'retained'?" in refused("rewards", "suggest", "--outcome", "retaned")


def test_suggest_has_nothing_to_say_of_an_empty_ledger(here):
    (here / "autotroph.toml").write_text(planted.TOML, "utf-8")
    open_store(here / ".autotroph" / "ledger.db").close()
    assert "nothing to look at" in run("rewards", "suggest").stdout


@pytest.mark.usefixtures("product")
def test_opportunities_says_why():
    shown = run("opportunities")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[1].startswith("✗  reply")
    assert "the reward is known of 0.0% of the decisions only" in shown.stdout
    (found,) = answer("opportunities")["tasks"]
    assert (found["task"], found["finding"], found["headroom"]) == ("reply", "not worth it", None)


def test_opportunities_of_a_product_without_tasks(here):
    (here / "autotroph.toml").write_text("[product]\nname = 'p'\n", "utf-8")
    open_store(here / ".autotroph" / "ledger.db").close()
    assert run("opportunities").stdout == "no task is declared; add [tasks.NAME]\n"
