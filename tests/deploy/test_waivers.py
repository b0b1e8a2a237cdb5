"""What is on record about waivers: for one version, until their end, and closed where it cannot be read."""

import math

import pytest
from msgspec.structs import replace

from autotroph.deploy.waivers import Waiver, due, ended, folded, waived
from autotroph.records import Entry

DAY = 86_400.0
LONGEST = 90 * DAY
BY_HAND = Waiver(reward="r", version="v1", until=100 * DAY, reason="a trial", by="Ada", since=50 * DAY)


def journal(*rows):
    return [replace(row, sequence=number) for number, row in enumerate(rows, 1)]


def lived(*moments, longest=LONGEST):
    """The journal of a task of which a cycle looked at each (day, version)."""
    rows = []
    for day, version in moments:
        rows += due(folded(journal(*rows)), "t", ("r", version), longest, day * DAY)
    return rows


def leave(rows, day, version="v1", longest=LONGEST):
    return folded(journal(*rows)).leave(version, day * DAY, longest)


def events(rows):
    return [(row.event, row.at / DAY) for row in rows]


# by itself -----------------------------------------------------------------------------------------------


def test_a_newcomer_has_one_from_its_first_cycle_until_its_end():
    rows = lived((10, "v1"), (11, "v1"), (99.9, "v1"), (100, "v1"), (101, "v1"), (300, "v1"))
    assert events(rows) == [("reward waived", 10), ("waiver ended", 100)]
    assert (rows[0].actor, rows[0].subject, rows[0].details["until"]) == ("loop", "t", 100 * DAY)
    assert leave(rows[:1], 99.99).waiver.newcomer
    assert leave(rows[:1], 100).waiver is None
    assert "ran out on 1970-04-11" in leave(rows, 300).why


def test_none_is_none():
    assert lived((10, "v1"), (20, "v1"), longest=0.0) == []
    assert leave([], 10).waiver is None


def test_a_changed_reward_has_what_is_left_of_the_newcomers_and_no_more():
    rows = lived((0, "v1"), (60, "v2"), (89, "v3"), (95, "v4"), (400, "v5"))
    begun = [row for row in rows if row.event == "reward waived"]
    assert [(row.details["version"], row.details["until"] / DAY) for row in begun] == [
        ("v1", 90), ("v2", 90), ("v3", 90)
    ]  # fmt: skip
    assert leave(rows[:2], 61, "v2").waiver.until == 90 * DAY
    assert leave(rows, 95, "v4").waiver is None


def test_one_that_was_ended_by_hand_does_not_come_back_with_another_version():
    rows = lived((0, "v1"))
    first = folded(journal(*rows)).newest["v1"]
    rows.append(ended("t", first, "Ada", "", 5 * DAY))
    assert "was ended by Ada" in leave(rows, 6).why
    assert list(due(folded(journal(*rows)), "t", ("r", "v2"), LONGEST, 7 * DAY)) == []


def test_one_that_is_declared_shorter_is_shorter_and_longer_is_no_longer():
    rows = lived((0, "v1"))
    assert leave(rows, 30, longest=29 * DAY).waiver is None
    assert leave(rows, 28, longest=29 * DAY).waiver.until == 29 * DAY
    assert leave(rows, 91, longest=365 * DAY).waiver is None


# by hand -------------------------------------------------------------------------------------------------


def test_one_by_hand_is_for_its_version_and_until_its_end():
    rows = [waived("t", BY_HAND)]
    assert leave(rows, 99.9).waiver.by == "Ada"
    assert leave(rows, 100).waiver is None
    assert leave(rows, 60, "v2").waiver is None
    assert (
        leave(rows, 99.9, longest=0.0).waiver.says == "a waiver by Ada until 1970-04-11 00:00 (UTC) (a trial)"
    )


def test_a_later_one_takes_the_place_of_an_earlier_one_and_opens_an_ended_one():
    rows = [waived("t", BY_HAND), ended("t", BY_HAND, "Bob", "", 60 * DAY)]
    assert leave(rows, 61).waiver is None
    rows.append(waived("t", replace(BY_HAND, until=70 * DAY, since=62 * DAY)))
    assert leave(rows, 63).waiver.until == 70 * DAY
    assert leave(rows, 71).waiver is None


def test_who_waived_by_hand_first_is_no_newcomer():
    assert list(due(folded(journal(waived("t", BY_HAND))), "t", ("r", "v2"), LONGEST, 60 * DAY)) == []


# what cannot be read -------------------------------------------------------------------------------------


def broken(**details):
    whole = waived("t", BY_HAND)
    return replace(whole, details={**whole.details, **details})


@pytest.mark.parametrize(
    "row",
    [
        broken(until="for ever"),
        broken(until=None),
        broken(until=math.inf),
        broken(until=math.nan),
        broken(until=1e30),
        broken(until=49 * DAY),
        broken(version=1),
        broken(despite="yes"),
        replace(broken(), details={}),
        replace(broken(), event="waiver ended", details={"version": None}),
    ],
)
def test_a_row_that_cannot_be_read_closes_until_one_that_can(row: Entry):
    rows = [waived("t", BY_HAND), row]
    found = leave(rows, 60)
    assert found.waiver is None
    assert "row 2 of the journal cannot be read" in found.why
    assert "a gate fails closed" in found.why
    assert list(due(folded(journal(*rows)), "t", ("r", "v2"), LONGEST, 60 * DAY)) == []
    rows.append(waived("t", replace(BY_HAND, since=61 * DAY)))
    assert leave(rows, 62).waiver is not None
