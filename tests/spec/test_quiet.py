"""Quiet hours: what may be written, and when they hold."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import SpecError
from autotroph.spec import parse
from autotroph.spec.quiet import quiet, span

MINUTE = 60.0
DAY = 86_400.0


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("hours", "when", "held"),
    [
        ("22:00-07:00", "2026-11-20T21:59:59", False),
        ("22:00-07:00", "2026-11-20T22:00:00", True),
        ("22:00-07:00", "2026-11-21T06:59:59", True),
        ("22:00-07:00", "2026-11-21T07:00:00", False),
        ("Sat-Sun 00:00-24:00", "2026-11-20T23:59:59", False),  # a Friday
        ("Sat-Sun 00:00-24:00", "2026-11-22T23:59:59", True),
        ("Sat-Sun 00:00-24:00", "2026-11-23T00:00:00", False),
        ("Fri 18:00-09:00", "2026-11-21T08:00:00", True),  # the night after that day
        ("Fri 18:00-09:00", "2026-11-20T08:00:00", False),
        ("Sun-Mon 18:00-09:00", "2026-11-24T08:00:00", True),
        ("Sun-Mon 18:00-09:00", "2026-11-24T18:00:00", False),
    ],
)
def test_hours_hold_from_their_beginning_to_their_end(hours: str, when: str, held: bool) -> None:
    assert quiet([hours], "UTC", at(when)) == (hours if held else "")


def test_they_are_the_hours_of_the_clocks_there_in_summer_and_in_winter() -> None:
    hours = ["22:00-07:00"]
    for day in ("2026-07-01", "2026-12-01"):
        assert quiet(hours, "Europe/Berlin", at(f"{day}T22:00", "Europe/Berlin"))
        assert not quiet(hours, "Europe/Berlin", at(f"{day}T21:59", "Europe/Berlin"))
    assert not quiet(hours, "Europe/Berlin", at("2026-07-01T20:00", "Europe/Berlin"))
    assert not quiet(hours, "UTC", at("2026-07-01T22:00", "Europe/Berlin"))


def test_in_the_night_of_the_change_no_minute_of_the_night_is_loud() -> None:
    begin, end = at("2026-10-24T22:00", "Europe/Berlin"), at("2026-10-25T07:00", "Europe/Berlin")
    assert end - begin == 10 * 3600.0
    moments = [begin + n * MINUTE for n in range(600)]
    assert all(quiet(["22:00-07:00"], "Europe/Berlin", moment) for moment in moments)


@given(
    begin=st.integers(0, 1439),
    length=st.integers(1, 1439),
    days=st.sets(st.integers(0, 6), min_size=1, max_size=1),
)
def test_a_span_is_as_long_as_it_says(begin: int, length: int, days: set[int]) -> None:
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[min(days)]
    end = (begin + length) % 1440
    text = f"{day} {begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    found = span(text)
    assert sum(found.holds(weekday, minute) for weekday in range(7) for minute in range(1440)) == length


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('quiet = ["10pm-7am"]', "run.quiet: '10pm-7am': expected hours such as"),
        ('quiet = ["07:00-07:00"]', 'a whole day is "00:00-24:00"'),
        ('quiet = ["Someday 07:00-08:00"]', "expected hours such as"),
        ('quiet = ["24:00-07:00"]', "expected hours such as"),
        ('zone = "Europe/Berln"', "Did you mean 'Europe/Berlin'?"),
        ('zone = "/etc/passwd"', "no time zone named"),
        ('zone = "Europe"', "no time zone named"),
        ('every = "10ms"', "run.every: at least 1s"),
        ('segments = "10ms"', "run.segments: at least 1s"),
        ('every = "1h"', "run.idle: at least as long as every"),
        ("evidence = 0", "run.evidence: "),
        ('quite = ["22:00-07:00"]', "Did you mean 'quiet'?"),
    ],
)
def test_what_is_wrong_is_said(table: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(f'[product]\nname = "support"\n[run]\n{table}')
    assert said in str(caught.value)
    assert str(caught.value).startswith("autotroph.toml:")


def test_a_whole_table_is_taken() -> None:
    run = parse(
        '[product]\nname = "p"\n[run]\nevery = "2m"\nevidence = 5\nidle = "1h"\nquiet = ["22:00-07:00"]\n'
        'zone = "America/New_York"\nsegments = "1h"'
    ).run
    assert (run.every, run.evidence, run.idle, run.segments) == (120, 5, 3600, 3600)
    assert (run.quiet, run.zone) == (("22:00-07:00",), "America/New_York")
