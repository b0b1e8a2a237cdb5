"""When the next cycle is due: a function of what is declared, what waits, and the time.

Nothing of it is kept. It counts from the last cycle in the ledger, so a process that takes over goes on
where the last one ended.
"""

from typing import NamedTuple

from autotroph.spec import RunSpec

FIRST, LONGEST = 1.0, 600.0
"""Seconds between a cycle that failed and the next one: at first, and at most."""


class Waiting(NamedTuple):
    """What a cycle would have to do.

    Attributes:
        news: whether anything came in since the last one.
        ripe: rewards whose horizon has passed; counted as far as anybody asked.
    """

    news: bool = False
    ripe: int = 0


class Last(NamedTuple):
    """The last cycle: when it began, and how many seconds it took, as far as that is known."""

    at: float
    took: float = 0.0


def due(run: RunSpec, last: Last, waiting: Waiting, now: float) -> float:
    """Seconds until the next cycle; 0 if it is due.

    No more than half of the time goes into cycles. Where the clock was put back, one is due.

    >>> due(RunSpec(), Last(at=100.0), Waiting(news=True), now=130.0)
    30.0
    >>> due(RunSpec(evidence=10), Last(at=100.0), Waiting(ripe=10), now=101.0)
    0.0
    """
    since = now - last.at
    if since < 0.0:
        return 0.0
    pace = float(run.every if any(waiting) else run.idle)
    if waiting.ripe >= run.evidence:
        pace = 0.0
    return max(0.0, max(pace, 2.0 * last.took) - since)


def backoff(failed: int) -> float:
    """Seconds to leave a cycle alone that failed so many times in a row.

    >>> [backoff(failed) for failed in (1, 2, 3, 60)]
    [1.0, 2.0, 4.0, 600.0]
    """
    return min(LONGEST, FIRST * 2.0 ** min(failed - 1, 32))
