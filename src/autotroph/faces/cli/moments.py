"""Moments as a person writes them."""

from __future__ import annotations

from datetime import datetime

from autotroph.clock import SystemClock
from autotroph.errors import InputError


def moment(text: str, zone: str) -> float:
    """When something is over that `--until` says: so long from now, or a time of the clocks in `zone`.

    Raises:
        InputError: it is neither.
    """
    from zoneinfo import ZoneInfo  # imported when used: start-up is felt

    from autotroph.spec.durations import Duration

    try:
        return SystemClock("").now() + Duration.read(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f'--until {text!r}: expected "8h", or a time such as "2030-01-02T08:00"') from None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()
