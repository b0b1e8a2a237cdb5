"""A file of history taken in, batch by batch: what becomes of each row, and where to go on after a stop.

Exactly-once comes from the keys of the arrivals. The place that is kept only saves doing again what is done.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from autotroph.clock import digest
from autotroph.errors import AutotrophError, SourceError
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.files import History, Refused, Row
from autotroph.ingest.intake import Outcome

Arrival = SignalIn | DecisionIn
Read = Callable[[Mapping[str, Any]], Arrival]
Take = Callable[[Sequence[Arrival]], Sequence[Outcome]]

BATCH = 500
"""Rows that are taken at a time, and acknowledged together."""

HEAVY = 8 << 20
"""Bytes of a batch beyond which it is taken before it is full."""

BEGINNING = 1 << 16
"""Bytes by which a file is recognised."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows: every one was stored, known from before, or refused.

    `decisions` and `signals` are what the stored rows held.
    """

    rows: int = 0
    stored: int = 0
    known: int = 0
    refused: int = 0
    decisions: int = 0
    signals: int = 0

    def plus(self, **more: int) -> Self:
        """These and so many more."""
        return msgspec.structs.replace(self, **{name: getattr(self, name) + more[name] for name in more})


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come.

    Attributes:
        mark: digest of what is imported, and how; another file begins anew.
        row: the last row that was dealt with.
        sequence: the last of the ledger that was acknowledged.
        written: bytes of the file of refused rows.
        counts: of the rows so far.
    """

    mark: str = ""
    row: int = 0
    sequence: int = 0
    written: int = 0
    counts: Counts = Counts()


def import_rows(
    history: History, read: Read, take: Take, refusals: "Refusals", place: Place
) -> Iterator[Place]:
    """Take the rows after a place; after each batch the next place, to be kept.

    Args:
        history: an open file.
        read: a row as an arrival; raises an AutotrophError where it is none.
        take: stores arrivals, and returns when they are on disk.
        refusals: where rows that are refused go.
        place: the last one that was kept, or one with the mark alone.
    """
    for batch in _batches(history.rows(after=place.row), read):
        good = [(number, arrival) for number, arrival in batch if not isinstance(arrival, Refused)]
        outcomes = take([arrival for _, arrival in good])
        counts = place.counts.plus(rows=len(batch))
        found = {number: outcome for (number, _), outcome in zip(good, outcomes, strict=True)}
        for number, arrival in batch:
            refusal = arrival if isinstance(arrival, Refused) else _refusal(arrival, found[number])
            if refusal is not None:
                refusals.add(number, refusal)
            counts = counts.plus(**_counted(arrival, found.get(number)))
        place = Place(
            mark=place.mark,
            row=batch[-1][0],
            sequence=max([place.sequence, *(outcome.sequence for outcome in outcomes)]),
            written=refusals.flush(),
            counts=counts,
        )
        yield place


Numbered = tuple[int, Arrival | Refused]


def _batches(rows: Iterable[Row], read: Read) -> Iterator[list[Numbered]]:
    batch, weight = list[Numbered](), 0
    for number, row in rows:
        arrival = row if isinstance(row, Refused) else _read(row, read)
        batch.append((number, arrival))
        weight += len(msgspec.json.encode(arrival))
        if len(batch) == BATCH or weight > HEAVY:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _read(row: dict[str, Any], read: Read) -> Arrival | Refused:
    try:
        return read(row)
    except AutotrophError as error:
        return Refused(str(error), row)


def _refusal(arrival: Arrival, outcome: Outcome) -> Refused | None:
    return Refused(outcome.reason, arrival) if outcome.status == "refused" else None


def _counted(arrival: Arrival | Refused, outcome: Outcome | None) -> dict[str, int]:
    if outcome is None or isinstance(arrival, Refused):
        return {"refused": 1}
    if outcome.status != "stored":
        return {outcome.status: 1}
    if isinstance(arrival, SignalIn):
        return {"stored": 1, "signals": 1}
    return {"stored": 1, "decisions": 1, "signals": len(arrival.signals)}


class Refusals:
    """The rows that were refused, one JSON object each: `row`, `reason`, and what was `said`.

    Args:
        path: of the file, made with the first of them.
        written: bytes of it that belong to the place where the import goes on; the rest is cut off.
    """

    def __init__(self, path: Path, written: int = 0) -> None:
        self.path, self._written = path, written
        self._waiting = list[bytes]()
        if not written:
            path.unlink(missing_ok=True)
        elif path.exists() and path.stat().st_size > written:
            os.truncate(path, written)

    def add(self, row: int, refusal: Refused) -> None:
        """One more."""
        line = {"row": row, "reason": refusal.reason, "said": refusal.said}
        self._waiting.append(msgspec.json.encode(line) + b"\n")

    def flush(self) -> int:
        """Write what was added; how many bytes there are now."""
        if self._waiting:
            body = b"".join(self._waiting)
            with self.path.open("ab") as file:
                file.write(body)
            self._written += len(body)
            self._waiting.clear()
        return self._written


class Bookmark:
    """The place in a file, kept beside it while it is imported."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, mark: str, last: int) -> Place:
        """Where to go on: the place that was kept, if it is of this import and this ledger.

        Args:
            mark: of what is imported now.
            last: the last sequence of the ledger.
        """
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=Place)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return Place(mark=mark)
        return kept if kept.mark == mark and kept.sequence <= last else Place(mark=mark)

    def keep(self, place: Place) -> None:
        """Keep a place, whole or not at all."""
        new = self.path.with_name(self.path.name + ".new")
        new.write_bytes(msgspec.json.encode(place))
        new.replace(self.path)

    def remove(self) -> None:
        """Nothing is left to do."""
        self.path.unlink(missing_ok=True)


def mark_of(path: Path, *how: str) -> str:
    """What is imported, and how: the beginning of the file, and whatever decides what its rows mean.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return digest(file.read(BEGINNING), *how)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
