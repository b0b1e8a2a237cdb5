"""What happened in a cycle, for people and scripts: what came in, what was found, what was proposed."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from autotroph.records import Cycle
from autotroph.store import Reader

COUNTS = ("decisions", "shadows", "rewards")

_VERDICTS = """
SELECT task, candidate_name AS candidate, judge, finding, reason
FROM verdict_log WHERE sequence > ? ORDER BY sequence
"""
_CANDIDATES = "SELECT task, name, track FROM candidates WHERE sequence > ? ORDER BY sequence"


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle that was turned.

    Attributes:
        number: of the cycle.
        decisions, shadows, rewards: how many of each it took in.
        candidates: what was proposed: task, name, track.
        verdicts: what was found: task, candidate, judge, finding, reason.
    """

    number: int
    decisions: int
    shadows: int
    rewards: int
    candidates: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]

    @property
    def counted(self) -> str:
        """How many of each, in words."""
        return " · ".join(f"{getattr(self, name):,} {name}" for name in COUNTS)

    @property
    def fell(self) -> bool:
        """Whether something was rolled back."""
        return any(one["finding"] == "rolled back" for one in self.verdicts)


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """What failed, how often in a row, why, and after how many seconds it is tried again."""

    what: str
    failed: int
    error: str
    again: float


def happened(reader: Reader, before: int, done: Cycle) -> Turned:
    """What a cycle did; `before` is the last sequence when it began."""
    return Turned(
        number=done.number,
        **{name: done.counts.get(name, 0) for name in COUNTS},
        candidates=reader.query(_CANDIDATES, (before,)).dicts(),
        verdicts=reader.query(_VERDICTS, (before,)).dicts(),
    )


def line(turned: Turned, at: float) -> str:
    """A cycle in one line, with what moved.

    >>> line(Turned(number=7, decisions=3, shadows=0, rewards=2, candidates=[], verdicts=[]), 0.0)
    '1970-01-01 00:00:00 UTC  cycle 7: 3 decisions · 0 shadows · 2 rewards'
    """
    parts = [turned.counted]
    parts += [f"{one['task']}: {one['candidate']} {one['finding']}" for one in turned.verdicts]
    parts += [f"{one['task']}: {one['name']} proposed by {one['track']}" for one in turned.candidates]
    return f"{_shown(at)}  cycle {turned.number}: {'; '.join(parts)}"


def _shown(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
