"""What the gate makes of the newest finding about a reward, and of a waiver."""

import math

import pytest

from autotroph.deploy.waivers import Leave, Waiver
from autotroph.deploy.worthwhile import worthwhile
from autotroph.records import Measurement, Verdict

WAIVED = Leave(Waiver(reward="r", version="v1", until=90.0, reason="new", by="Ada", since=0.0, row=3))
KNOWING = Leave(Waiver(reward="r", version="v1", until=90.0, reason="cheap", despite=True, by="Ada", row=3))
NONE = Leave(None, "its waiver ran out on Monday")
UNKNOWN = {"value": 0.5, "low": 0.0, "high": 1.0}
GAMED = {"value": 0.0, "low": 0.0, "high": 0.0}


def row(name="deserves/r/v1", value=1.0, low=1.0, high=1.0, n=12, task="t"):
    return Measurement(
        name=name, task=task, value=value, low=low, high=high, n=n, alpha=0.05, since=0, until=9, at=1.0,
        sequence=4,
    )  # fmt: skip


@pytest.mark.parametrize("leave", [NONE, WAIVED, KNOWING])
def test_a_reward_that_deserves_it_passes_without_a_word(leave):
    found = worthwhile("t", "r", row(), leave)
    assert (found.open, found.reason, found.row, found.evidence) == (True, "", 4, {})


@pytest.mark.parametrize("leave", [NONE, WAIVED])
def test_one_that_does_not_is_refused_with_numbers(leave):
    slope = row("deserves/r/v1/slope/retained", -0.5, -0.8, -0.2)
    signs = row("deserves/r/v1/signs/retained", 0.25, 0.1, 0.5)
    found = worthwhile("t", "r", row(**GAMED), leave, [slope, signs])
    assert (found.open, found.finding) == (False, "refused")
    assert found.reason == (
        "'r' does not deserve to be chased, by 12 past experiments: slope on retained -0.500 [-0.8, -0.2]; "
        "`autotroph rewards check r` shows what is known"
    )
    assert found.evidence == {"worthwhile": {"open": False, "reason": found.reason, "row": 4}}


def test_who_knew_that_it_does_not_and_waived_that_is_named():
    found = worthwhile("t", "r", row(**GAMED), KNOWING)
    assert found.open
    assert found.evidence["worthwhile"]["waiver"]["by"] == "Ada"
    assert "(cheap)" in found.reason


@pytest.mark.parametrize("finding", [None, row(n=3, **UNKNOWN)])
def test_an_unknown_one_passes_under_a_waiver_and_says_so(finding):
    passage = worthwhile("t", "r", finding, WAIVED)
    assert passage.open
    assert "autotroph rewards check r" in passage.reason
    said = passage.evidence["worthwhile"]
    assert said["open"]
    assert said["waiver"] == {"by": "Ada", "until": 90.0, "reason": "new", "row": 3}


@pytest.mark.parametrize("finding", [None, row(n=3, **UNKNOWN)])
def test_an_unknown_one_without_a_waiver_waits_and_says_what_to_do(finding):
    passage = worthwhile("t", "r", finding, NONE)
    assert (passage.open, passage.finding) == (False, "hold")
    assert "its waiver ran out on Monday" in passage.reason
    assert "autotroph rewards waive t --until" in passage.reason
    assert "[outcomes.NAME]" in passage.reason


def test_what_would_be_promoted_waits_and_what_may_be_says_under_what():
    would = Verdict(
        id="v", task="t", candidate="c", judge="ladder", finding="promoted", reason="better",
        evidence={"units": 7}, alpha=0.05, at=1.0,
    )  # fmt: skip
    held = worthwhile("t", "r", None, NONE).promoted(would)
    assert (held.finding, held.evidence["units"]) == ("hold", 7)
    assert held.reason.endswith("; better")
    let = worthwhile("t", "r", None, WAIVED).promoted(would)
    assert (let.finding, let.evidence["worthwhile"]["waiver"]["until"]) == ("promoted", 90.0)


@pytest.mark.parametrize("leave", [NONE, KNOWING])
@pytest.mark.parametrize(
    "broken",
    [
        row(value=1.0, low=0.0, high=1.0),
        row(value=1.0, low=1.0, high=0.0),
        row(value=0.5, low=0.5, high=0.5),
        row(value=math.nan, low=1.0, high=1.0),
        row(value=1.0, low=-math.inf, high=math.inf),
        row(n=-1),
        row(name="deserves/s/v1"),
        row(name="lift over release 0"),
        row(name="deserves/r/v1/slope/y"),
        row(task="other"),
    ],
)
def test_a_row_that_says_none_of_it_closes_the_gate(broken, leave):
    found = worthwhile("t", "r", broken, leave)
    assert not found.open
    assert "a gate fails closed" in found.reason
