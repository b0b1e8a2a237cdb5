"""What each contestant answered, fetched once, and the lines and bands that follow from it."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.stats.confidence import BURN_IN, Interval, ratio_interval
from autotroph.store import Reader

LEVEL = 0.05
_ANSWERS = """
SELECT asked, release_name, served, session, shown, accepted, kept, remaining FROM kept
WHERE task = 'complete' AND signal = 'written' AND release <> '' AND arm <> 'holdback'
  AND (served = 1 OR release_name IN ('naive', 'release 0')) ORDER BY asked"""

Floats = NDArray[np.float64]
Point = dict[str, Any]


class Answers(msgspec.Struct, frozen=True):
    """One contestant's answers in the order of the cursors; arrays of shape (n,).

    Attributes:
        place: number of the cursor, from 1.
        asked: ledger sequence of the served decision.
        commit: number of the commit, for clustering.
        shown, accepted, kept, remaining: what came of it; characters in the last two.
    """

    place: NDArray[np.int64]
    asked: NDArray[np.int64]
    commit: NDArray[np.int64]
    shown: Floats
    accepted: Floats
    kept: Floats
    remaining: Floats

    def between(self, first: int, last: int) -> "Answers":
        """Those of the cursors first < place ≤ last."""
        inside = (self.place > first) & (self.place <= last)
        return Answers(*(getattr(self, name)[inside] for name in self.__struct_fields__))


def answers(reader: Reader) -> dict[str, Answers]:
    """What naive, release 0 and the loop answered, over all live cursors but the holdback's."""
    rows = reader.query(_ANSWERS).rows
    asked = np.array([cast("int", row[0]) for row in rows], dtype=np.int64)
    _, place = np.unique(asked, return_inverse=True)
    _, commit = np.unique(np.array([str(row[3]) for row in rows], dtype=object), return_inverse=True)
    figures = np.array([row[4:8] for row in rows], dtype=np.float64).reshape(len(rows), 4)
    who = {
        "naive": [row[1] == "naive" for row in rows],
        "release 0": [row[1] == "release 0" for row in rows],
        "loop": [row[2] == 1 for row in rows],
    }
    return {
        name: Answers(place[mine] + 1, asked[mine], commit[mine], *(figures[mine, c] for c in range(4)))
        for name, mine in ((name, np.array(chosen, dtype=bool)) for name, chosen in who.items())
    }


class Window(msgspec.Struct, frozen=True):
    """How many cursors a point of a line looks back over, and how far points are apart."""

    back: int
    step: int


def over_time(found: Mapping[str, Answers], measure: tuple[str, str], window: Window) -> list[Point]:
    """A share in running windows, with the confidence sequence of each, clustered by commit.

    Args:
        found: by contestant.
        measure: names of numerator and denominator; "" is one a cursor.
        window: what a point looks back over.
    """
    total = max((int(one.place[-1]) for one in found.values() if one.place.size), default=0)
    back, step = window.back, window.step
    places = range(-(-back // step) * step, total + 1, step)
    return [
        {"who": who, "x": end, **_share(one.between(end - back, end), measure)}
        for who, one in found.items()
        for end in places
    ]


def _share(part: Answers, measure: tuple[str, str]) -> Point:
    above, below = (_sums(part, name) for name in measure)
    found = ratio_interval(above, below, LEVEL)
    if found.mean != found.mean:
        return {"value": None, "low": None, "high": None}
    share = Interval(found.mean + 1, found.low + 1, found.high + 1, found.n)
    known = share.n >= BURN_IN
    low, high = (min(max(end, 0.0), 1.0) for end in (share.low, share.high))
    return {"value": share.mean, "low": low if known else None, "high": high if known else None}


def _sums(part: Answers, name: str) -> Floats:
    """Sums a commit, in the order in which the commits came."""
    values = getattr(part, name) if name else np.ones(part.place.size)
    _, first, code = np.unique(part.commit, return_index=True, return_inverse=True)
    sums: Floats = np.bincount(code, weights=values, minlength=first.size).astype(np.float64)
    return sums[np.argsort(first, kind="stable")]


def gain_so_far(found: Mapping[str, Answers], since: int) -> list[Point]:
    """Kept characters relative to release 0, after so many measured cursors; it ends at the headline."""
    ours, theirs = (_after(found[name], since) for name in ("loop", "release 0"))
    if not ours.place.size or ours.place.size != theirs.place.size:
        return []
    a, b, cursors = _sums(ours, "kept"), _sums(theirs, "kept"), np.cumsum(_sums(ours, ""))
    first = min(a.size, max(BURN_IN, a.size // 10))
    points: list[Point] = []
    for n in np.unique(np.linspace(first, a.size, 60).astype(int)):
        gain = ratio_interval(a[:n], b[:n], LEVEL, planned=a.size)
        known = bool(np.isfinite(gain.low)) and gain.mean == gain.mean
        low, high = (gain.low, gain.high) if known else (None, None)
        value = gain.mean if gain.mean == gain.mean else None
        points.append({"x": int(cursors[n - 1]), "value": value, "low": low, "high": high})
    return points


def _after(one: Answers, since: int) -> Answers:
    inside = one.asked > since
    return Answers(*(getattr(one, name)[inside] for name in one.__struct_fields__))
