"""What an examination finds, and what it looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from autotroph.observe.health import Health, health
from autotroph.spec import Spec
from autotroph.store import Parameters, Reader

Grade = Literal["broken", "look", "fine"]
DAY = 86400.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: what about it, and the command or the line that mends it.

    `broken` means that the ledger cannot be trusted, `look` that a person should, `fine` neither.
    """

    subject: str
    what: str
    way_out: str
    grade: Grade


class Place(msgspec.Struct, frozen=True):
    """Where an embedded ledger lies: its file, how many bytes it has, and how many are free there."""

    ledger: Path
    bytes: int
    free: int


@dataclass(frozen=True)
class Case:
    """What is examined.

    Attributes:
        reader: of the ledger, which another process may be writing.
        spec: what is declared now.
        now: seconds since the epoch.
        static_days: after how many days without a promotion a task stands still.
        place: of the file; None where the ledger is none.
    """

    reader: Reader
    spec: Spec
    now: float
    static_days: float = 30.0
    place: Place | None = None

    @cached_property
    def health(self) -> Health:
        """What `autotroph status` shows."""
        return health(self.reader, self.spec)

    def number(self, sql: str, parameters: Parameters = ()) -> float:
        """The one number that a query finds; nothing counts as 0."""
        ((found,),) = self.reader.query(sql, parameters).rows
        return msgspec.convert(found or 0, float)

    def count(self, sql: str, parameters: Parameters = ()) -> int:
        """The one count that a query finds."""
        return int(self.number(sql, parameters))


class Check(msgspec.Struct, frozen=True):
    """One thing to look at.

    Attributes:
        subject: what it is about.
        fine: what is said where nothing is the matter.
        look: finds what is.
    """

    subject: str
    fine: str
    look: Callable[[Case], Iterator[Finding]]


def broken(subject: str, what: str, way_out: str) -> Finding:
    """The ledger cannot be trusted."""
    return Finding(subject, what, way_out, "broken")


def look(subject: str, what: str, way_out: str) -> Finding:
    """A person should look."""
    return Finding(subject, what, way_out, "look")


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1200, "decision")
    ('1 row', '1,200 decisions')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
