"""Quiet hours as people write them: 22:00-07:00, Sat 00:00-24:00, Fri-Sun 18:00-08:00.

They are hours of a clock on a wall: where that clock is put back or forward, so are they.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MIDNIGHT = 24 * 60
_DAY = "|".join(DAYS)
_SHAPE = re.compile(
    rf"(?:({_DAY})(?:-({_DAY}))? )?([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)",
    re.ASCII,
)


class Span(NamedTuple):
    """A stretch of some days, in minutes after midnight; one that ends before it begins ends a day later."""

    days: frozenset[int]
    begin: int
    end: int

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether a minute of a day (Monday is 0) lies in it."""
        if self.begin < self.end:
            return weekday in self.days and self.begin <= minute < self.end
        late = weekday in self.days and minute >= self.begin
        return late or ((weekday - 1) % 7 in self.days and minute < self.end)


@cache
def span(text: str) -> Span:
    """What a text means; raises ValueError, whose message names the way to write one.

    >>> span("22:00-07:00").holds(0, 6 * 60), span("Sat-Sun 00:00-24:00").holds(4, 0)
    (True, False)
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise ValueError('expected hours such as "22:00-07:00", "Sat 00:00-24:00" or "Mon-Fri 18:00-08:00"')
    first, last, *times = shape.groups()
    hour, minute, to_hour, to_minute = (None if one is None else int(one) for one in times)
    begin = (hour or 0) * 60 + (minute or 0)
    end = MIDNIGHT if to_hour is None else to_hour * 60 + (to_minute or 0)
    if begin == end:
        raise ValueError('it ends when it begins; a whole day is "00:00-24:00"')
    return Span(_days(first, last), begin, end)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    begin = DAYS.index(first)
    length = (DAYS.index(last or first) - begin) % 7
    return frozenset((begin + day) % 7 for day in range(length + 1))


def zone_fault(name: str) -> str:
    """Why there is no such time zone; empty where there is."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        near = get_close_matches(name, sorted(available_timezones()), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " Is the package tzdata installed?"
        return f'no time zone named {name!r}; one such as "Europe/Berlin", or "UTC".{hint}'
    return ""


def quiet(hours: Iterable[str], zone: str, now: float) -> str:
    """The hours in which `now`, seconds since the epoch, lies; empty where it lies in none.

    >>> quiet(["22:00-07:00"], "UTC", 23 * 3600.0)
    '22:00-07:00'
    """
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return next((one for one in hours if span(one).holds(local.weekday(), minute)), "")
