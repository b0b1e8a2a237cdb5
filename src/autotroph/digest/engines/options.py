"""How a history is measured, and by which means."""

import msgspec

from autotroph.errors import UnknownName

GROUPED = ("release", "arm", "option", "variant", "policy", "fold", "provenance")
"""Columns of a decision that its measurements can be grouped by."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a history is measured, and what that may take of the machine.

    Attributes:
        by: columns of a decision to group by, of `narrow.GROUPED`.
        rows: a Parquet file to write, with a row for each decision and measure; none if empty.
        memory: as DuckDB writes it; what does not fit goes to a temporary folder.
        threads: 0 for as many as there are cores.
        alpha: probability that an interval ever misses, in the limit.
        planned: the number of clusters at which intervals shall be narrowest.
    """

    by: tuple[str, ...] = ("release", "arm", "option")
    rows: str = ""
    memory: str = "1GB"
    threads: int = 0
    alpha: float = 0.05
    planned: int = 1000


def checked(options: Options | None) -> Options:
    """Options that can be followed; the usual ones if there are none."""
    found = options or Options()
    for name in found.by:
        if name not in GROUPED:
            raise UnknownName("column to group by", name, GROUPED)
    return found
