"""What the finders share: where a finding is, and the signs that people write between digits."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

Span = tuple[int, int]
"""Where a finding begins, and where what follows it does."""


class Finder(NamedTuple):
    """Where a kind of finding is in a text, and how many digits a text has at least that has one."""

    kind: str
    digits: int
    find: Callable[[str], Iterator[Span]]


BLANKS = " \u00a0\u2007\u2009\u202f"
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
BLANK, DASH = f"[{BLANKS}]", f"[{DASHES}]"
