"""Durations and sizes as people write them: 24h, 10m, 90s; 20GB, 500MB."""

import math
import re

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
LONGEST = 100 * 366 * 86400.0
_SHAPE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s?(ms|s|m|h|d|w)", re.ASCII)


class Duration(float):
    """A number of seconds that was written with its unit.

    >>> Duration.read("10m") == 600
    True
    """

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> "Duration":
        """The duration that a text means; raises ValueError, whose message names the way to write one."""
        shape = _SHAPE.fullmatch(text)
        seconds = float(shape[1]) * SECONDS[shape[2]] if shape else math.inf
        if seconds > LONGEST:
            raise ValueError('expected a duration such as "24h", "10m" or "90s"')
        return cls(seconds)


BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s?(KB|MB|GB|TB)", re.ASCII)


class Size(int):
    """A number of bytes that was written with its unit.

    >>> Size.read("1.5GB") == 1_500_000_000
    True
    """

    @classmethod
    def read(cls, text: str) -> "Size":
        """The size that a text means; raises ValueError, whose message names the way to write one."""
        shape = _SIZE.fullmatch(text)
        if shape is None:
            raise ValueError('expected a size such as "20GB" or "500MB"')
        return cls(float(shape[1]) * BYTES[shape[2]])
