"""What the gate makes of the newest finding about a reward."""

import math

import pytest

from autotroph.deploy.worthwhile import worthwhile
from autotroph.records import Measurement


def row(name="deserves/r/v1", value=1.0, low=1.0, high=1.0, n=12, task="t"):
    return Measurement(
        name=name, task=task, value=value, low=low, high=high, n=n, alpha=0.05, since=0, until=9, at=1.0,
        sequence=4,
    )  # fmt: skip


def test_a_reward_that_deserves_it_passes_without_a_word():
    found = worthwhile("t", "r", row())
    assert (found.open, found.reason, found.row, found.evidence) == (True, "", 4, {})


def test_one_that_does_not_is_refused_with_numbers():
    slope = row("deserves/r/v1/slope/retained", -0.5, -0.8, -0.2)
    signs = row("deserves/r/v1/signs/retained", 0.25, 0.1, 0.5)
    found = worthwhile("t", "r", row(value=0.0, low=0.0, high=0.0), [slope, signs])
    assert not found.open
    assert found.reason == (
        "'r' does not deserve to be chased, by 12 past experiments: slope on retained -0.500 [-0.8, -0.2]; "
        "`autotroph rewards check r` shows it"
    )
    assert found.evidence == {"worthwhile": {"open": False, "reason": found.reason, "row": 4}}


@pytest.mark.parametrize("found", [None, row(value=0.5, low=0.0, high=1.0, n=3)])
def test_an_unknown_one_passes_with_a_warning(found):
    passage = worthwhile("t", "r", found)
    assert passage.open
    assert "autotroph rewards check r" in passage.reason
    assert passage.evidence["worthwhile"]["open"]


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
def test_a_row_that_says_none_of_it_closes_the_gate(broken):
    found = worthwhile("t", "r", broken)
    assert not found.open
    assert "a gate fails closed" in found.reason
