"""What is safe to try again, and when: nothing of the answer had come, and another attempt may go well."""

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from autotroph.errors import UpstreamFault

SAFE = frozenset({429, 500, 502, 503, 504, 529})
"""Statuses with which an upstream says that it did not do it; 529 is Anthropic's for too much to do."""


def is_safe(fault: UpstreamFault, *, silent: bool, repeats: bool) -> bool:
    """Whether to ask the same once more.

    Args:
        fault: why there is no answer.
        silent: whether not a byte of an answer had come.
        repeats: whether it does no harm if the first attempt was done all the same.
    """
    if fault.kind == "connect" or fault.status == 429:
        return fault.kind in ("connect", "status")
    if fault.kind == "status":
        return repeats and fault.status in SAFE
    return repeats and fault.kind == "cut" and silent


def is_broken(fault: UpstreamFault) -> bool:
    """Whether it tells against the upstream's health; one that limits or refuses a call is healthy."""
    if fault.kind == "status":
        return fault.status >= 500
    return fault.kind not in ("open", "address", "key")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait as an answer asks for them, in any of the three ways that are in use.

    >>> retry_after({"retry-after": "7"}, 0.0), retry_after({"retry-after-ms": "250"}, 0.0)
    (7.0, 0.25)
    >>> retry_after({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 50.0)
    10.0
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, "")) / scale
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
