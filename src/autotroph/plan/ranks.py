"""Which of several would stand where: means with intervals, before and after; and for whom the sign turns."""

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from autotroph.stats.confidence import Interval, ratio_interval

if TYPE_CHECKING:
    import duckdb

ALPHA = 0.05
By = Literal["release", "option"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One of several, before and after: its mean, and where it stands; place 0 where nothing is known.

    Attributes:
        low, high: an interval that holds at any time, in the limit; None where it has no end.
    """

    name: str
    n: int
    mean: float | None
    low: float | None
    high: float | None
    place: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """Releases or options of a task, by their mean: `before` and `after` in the order of the places after."""

    by: By
    before: tuple[Place, ...]
    after: tuple[Place, ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """Those that change places."""
        return tuple(
            new.name for old, new in zip(self.before, self.after, strict=True) if old.place != new.place
        )


class Signs(msgspec.Struct, frozen=True):
    """Units whose difference to release 0, on the same decisions, turns its sign; of how many."""

    turned: int
    units: int


def ranked(duck: "duckdb.DuckDBPyConnection", names: dict[str, str]) -> tuple[Ranked, ...]:
    """Rank releases and options by the view `moved`; `names` is what to call releases, by id."""
    duck.execute(
        "CREATE OR REPLACE TEMP TABLE sums AS SELECT cell, cluster, sum(v0) AS s0, count(v0) AS n0,"
        " sum(v1) AS s1, count(v1) AS n1 FROM moved GROUP BY cell, cluster"
    )
    return _ranked(duck, "release", names), _ranked(duck, "option", {})


def turned(duck: "duckdb.DuckDBPyConnection", zero: str) -> Signs | None:
    """For whom what was served was better than release 0 before and is worse after, or the other way round.

    None where no two releases answered the same decision.
    """
    (shadows,) = duck.execute("SELECT bool_or(NOT served) FROM moved").fetchone() or (False,)
    if not shadows:
        return None
    found: Any = duck.execute(
        "WITH told AS (SELECT about, moved.* FROM moved JOIN made USING (sequence)),"
        " zeroes AS (SELECT about, v0, v1 FROM told"
        " SEMI JOIN (SELECT cell FROM cells WHERE by_release = ?) USING (cell)),"
        " apart AS (SELECT s.cluster, avg(s.v0 - z.v0) AS d0, avg(s.v1 - z.v1) AS d1"
        " FROM told AS s JOIN zeroes AS z USING (about)"
        " WHERE s.served AND s.cell NOT IN (SELECT cell FROM cells WHERE by_release = ?) GROUP BY s.cluster)"
        " SELECT count(*) FILTER (sign(d0) <> sign(d1)), count(*) FROM apart"
        " WHERE d0 IS NOT NULL AND d1 IS NOT NULL",
        (zero, zero),
    ).fetchone()
    return Signs(*found) if found[1] else None


def _ranked(duck: "duckdb.DuckDBPyConnection", by: By, names: dict[str, str]) -> Ranked:
    before, after = (_means(duck, by, i) for i in (0, 1))
    order = sorted(before.keys() | after.keys(), key=lambda key: _key(after.get(key), key))
    places = [_placed(found) for found in (before, after)]
    made = [
        tuple(_place(names.get(key, key), found.get(key), place.get(key, 0)) for key in order)
        for found, place in zip((before, after), places, strict=True)
    ]
    return Ranked(by=by, before=made[0], after=made[1])


def _means(duck: "duckdb.DuckDBPyConnection", by: By, i: int) -> dict[str, Interval]:
    """Clustered: a mean is a ratio of two sums over clusters, and a gain is that ratio less 1."""
    found = {}
    for name, cells in duck.execute(f"SELECT by_{by}, list(cell) FROM cells GROUP BY ALL").fetchall():
        sums = duck.execute(
            f"SELECT sum(s{i}) AS total, sum(n{i})::DOUBLE AS n FROM sums WHERE n{i} > 0 AND cell IN"
            f" ({', '.join(map(str, cells))}) GROUP BY cluster"
        ).fetchnumpy()
        if sums["n"].size:
            gain = ratio_interval(sums["total"], sums["n"], ALPHA)
            found[name] = Interval(gain.mean + 1, gain.low + 1, gain.high + 1, int(sums["n"].sum()))
    return found


def _key(found: Interval | None, name: str) -> tuple[float, str]:
    return (-found.mean if found else float("inf"), name)


def _placed(found: dict[str, Interval]) -> dict[str, int]:
    order = sorted(found, key=lambda name: _key(found[name], name))
    return {name: place for place, name in enumerate(order, 1)}


def _place(name: str, found: Interval | None, place: int) -> Place:
    if found is None:
        return Place(name=name, n=0, mean=None, low=None, high=None, place=0)
    low, high = (end if abs(end) < float("inf") else None for end in (found.low, found.high))
    return Place(name=name, n=found.n, mean=found.mean, low=low, high=high, place=place)
