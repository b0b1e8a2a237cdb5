"""The numbers of the demonstration, each from one SQL statement over the ledger that anybody can rerun."""

import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from autotroph.records import CHAINED, Decision, Measurement, Record, canonical
from autotroph.stats.confidence import ratio_interval
from autotroph.store import Reader

MEASURED = 0.4
"""The last part of all cursors, on which everybody is compared."""

LEVEL = 0.05

FAR = 1e9
"""Where an end of an interval stands in the ledger that nothing is known about."""

SINCE = """
SELECT sequence FROM decisions WHERE task = 'complete' AND served = 1 ORDER BY sequence
LIMIT 1 OFFSET (SELECT max(cast(count(*) * 0.6 AS INTEGER) - 1, 0) FROM decisions
                WHERE task = 'complete' AND served = 1)"""

SHARES = """
SELECT count(*) AS cursors, avg(shown) AS shown,
       coalesce(sum(accepted) * 1.0 / nullif(sum(shown), 0), 0) AS accepted,
       sum(kept) * 1.0 / sum(remaining) AS kept
FROM kept WHERE signal = 'written' AND asked > {since} AND arm <> 'holdback' AND {who}"""

BY_COMMIT = """
SELECT session, sum(kept) FILTER (WHERE served = 1) AS loop,
       sum(kept) FILTER (WHERE release_name = 'release 0') AS zero
FROM kept WHERE signal = 'written' AND asked > {since} AND arm <> 'holdback'
GROUP BY session ORDER BY min(asked)"""

CANDIDATES = """
SELECT c.name, coalesce(v.finding, 'undecided') AS verdict, coalesce(v.reason, 'not judged yet') AS reason
FROM candidates AS c
LEFT JOIN verdicts AS v ON v.sequence = (SELECT max(sequence) FROM verdicts WHERE candidate = c.id)
ORDER BY c.sequence"""

ROLLBACKS = "SELECT count(*) AS rollbacks FROM verdicts WHERE finding = 'rolled back'"

GAIN = """
SELECT value AS mean, low, high FROM measurements WHERE name = 'kept gain' ORDER BY sequence DESC LIMIT 1"""

WHO = {
    "naive": "release_name = 'naive'",
    "holdback": "release_name = 'release 0'",
    "loop": "served = 1",
}
"""Whose answers a row is about. Release 0 answers every decision: shown in the holdback, else in shadow."""


class Shares(msgspec.Struct, frozen=True):
    """How often something was shown, how often that was accepted whole, and the share of characters kept."""

    shown: float
    accepted: float
    kept: float


class Gain(msgspec.Struct, frozen=True):
    """Kept characters relative to release 0, with an asymptotic confidence sequence, clustered by commit."""

    mean: float
    low: float | None
    high: float | None


class Judged(msgspec.Struct, frozen=True):
    """A candidate and the last word about it."""

    name: str
    verdict: str
    reason: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `autotroph demo --json` prints."""

    cursors: int
    seconds: float
    naive: Shares
    holdback: Shares
    loop: Shares
    kept_gain: Gain
    candidates: tuple[Judged, ...]
    rollbacks: int
    trace: str


def since(reader: Reader) -> int:
    """The ledger sequence after which cursors are measured."""
    rows = reader.query(SINCE).rows
    return int(rows[0][0] or 0) if rows else 0


def shares(reader: Reader, who: str, after: int) -> Shares:
    """One contestant's shares over the measured cursors."""
    row = reader.query(SHARES.format(since=after, who=WHO[who])).dicts()[0]
    return Shares(*(float(row[name] or 0.0) for name in ("shown", "accepted", "kept")))


def by_commit(reader: Reader) -> list[tuple[float, float]]:
    """Kept characters of the loop and of release 0, commit by commit, over the measured cursors."""
    rows = reader.query(BY_COMMIT.format(since=since(reader))).dicts()
    return [(float(row["loop"] or 0), float(row["zero"] or 0)) for row in rows]


def kept_gain(reader: Reader, now: float) -> Measurement:
    """The paired gain in kept characters, to be written into the ledger."""
    pairs = by_commit(reader)
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    found = ratio_interval(ours, theirs, LEVEL)
    return Measurement(
        name="kept gain",
        task="complete",
        value=_finite(found.mean),
        low=_finite(found.low),
        high=_finite(found.high),
        n=found.n,
        alpha=LEVEL,
        since=since(reader),
        until=reader.last(),
        at=now,
    )


def summary(reader: Reader, seconds: float) -> Summary:
    """Read everything back from the ledger."""
    after = since(reader)
    gain = reader.query(GAIN).dicts()
    return Summary(
        cursors=_count(reader, "SELECT count(*) FROM decisions WHERE task = 'complete' AND served = 1"),
        seconds=round(seconds, 1),
        naive=shares(reader, "naive", after),
        holdback=shares(reader, "holdback", after),
        loop=shares(reader, "loop", after),
        kept_gain=_known(msgspec.convert(gain[0], Gain)) if gain else Gain(0.0, None, None),
        candidates=tuple(msgspec.convert(row, Judged) for row in reader.query(CANDIDATES).dicts()),
        rollbacks=_count(reader, ROLLBACKS),
        trace=trace(reader),
    )


def trace(reader: Reader) -> str:
    """One hash over decisions, candidates, releases, stages, verdicts and the journal; no latency in it."""
    hasher = hashlib.sha256()
    kinds: tuple[type[Record], ...] = (Decision, *CHAINED)
    for kind in kinds:
        for row in reader.scan(kind, texts=False):
            hasher.update(canonical(replace(row, sequence=0)))
    return hasher.hexdigest()


def _count(reader: Reader, query: str) -> int:
    value: Any = reader.query(query).rows[0][0]
    return int(value)


def _known(gain: Gain) -> Gain:
    """An end that nothing is known about is none."""
    low, high = (None if end is None or abs(end) >= FAR else end for end in (gain.low, gain.high))
    return Gain(gain.mean, low, high)


def _finite(value: float, limit: float = FAR) -> float:
    """A ledger keeps finite numbers: an end that nothing is known about is very far away."""
    return 0.0 if value != value else min(max(value, -limit), limit)
