"""`autotroph rewards waive`, `unwaive` and `sample`: what a person types, and judgements that come back."""

import json
from pathlib import Path

import pytest
from commanding import answer, refused, run

import autotroph
from autotroph.observe.sampling import draw_of
from autotroph.records import Proposal
from autotroph.spec import load
from autotroph.store import open_reader
from chasing_product import TOML, History


@pytest.fixture
def used(here: Path) -> Path:
    """A product with a waiver and a sample of everything but a hair, which nobody has judged."""
    with History(here, "valid").opened():
        pass
    (here / "autotroph.toml").write_text(TOML.replace("audit = 0.1", "audit = 0.99"), "utf-8")
    with autotroph.open(here / "autotroph.toml") as product:
        for number in range(5):
            options = (Proposal("one", f"answer {number}"),)
            product.decide("reply", {"text": "where is it?"}, user=f"u{number}", options=options)
        product.cycle()
    return here


@pytest.mark.usefixtures("used")
def test_a_waiver_is_given_and_ended() -> None:
    told = answer("rewards", "waive", "reply", "--until", "30d", "--by", "Ada", "--reason", "a trial")
    assert (told["event"], told["task"], told["taken"]) == ("reward waived", "reply", True)
    assert answer("rewards", "unwaive", "reply", "--by", "Ada")["event"] == "waiver ended"
    assert "has no waiver: its waiver was ended by Ada" in refused("rewards", "unwaive", "reply")
    assert 'expected "8h"' in refused("rewards", "waive", "reply", "--until", "soon")
    assert "Did you mean 'reply'" in refused("rewards", "waive", "rply", "--until", "1d")


@pytest.mark.usefixtures("used")
def test_doctor_warns_before_it_runs_out_and_status_once_it_has() -> None:
    def about(words: str) -> list[str]:
        return [one["what"] for one in answer("doctor")["findings"] if words in one["what"]]

    assert about("is nearly over") == []
    answer("rewards", "waive", "reply", "--until", "13d", "--by", "Ada")
    assert "a waiver by Ada" in about("is nearly over")[0]
    answer("rewards", "unwaive", "reply", "--by", "Ada")
    assert about("nothing is promoted")
    assert any("nothing is promoted" in one["what"] for one in answer("status")["needs"])
    assert any("and nobody audits" in one["what"] for one in answer("status")["needs"])


def test_what_is_sampled_is_judged_and_taken_in_again(used: Path) -> None:
    lines = [json.loads(line) for line in run("rewards", "sample", "reply", "--json").stdout.splitlines()]
    assert lines
    assert all(one["output"].startswith("answer") and one["inputs"] for one in lines)
    assert lines[0]["decision"] in run("rewards", "sample", "reply").stdout
    assert len(run("rewards", "sample", "reply", "--json", "--limit", "1").stdout.splitlines()) == 1
    said = [
        {"subject": one["decision"], "name": "good", "value": True, "source": "annotator"} for one in lines
    ]
    Path("said.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in said), "utf-8")
    assert answer("ingest", "said.jsonl")["signals"] == len(lines)
    assert run("rewards", "sample", "reply", "--json").stdout == ""
    reader = open_reader(used / ".autotroph" / "ledger.db")
    draws = draw_of(reader, load(used / "autotroph.toml"))
    reader.close()
    assert all(draws(one["decision"]) for one in lines)
