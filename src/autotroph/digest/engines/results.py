"""What whole digestion finds out."""

from typing import Literal

import msgspec

from autotroph.clock import digest
from autotroph.records import MeasureKind

Status = Literal["pending", "provisional", "final"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of one group of decisions. Values are final ones; others are only counted.

    Attributes:
        n: final values that are known; mean, variance: of these (variance of a single one is 0).
        low, high: an asymptotic confidence sequence around the mean, clustered; None below 30 clusters.
        clusters: how many have a value.
        pending, provisional: decisions whose horizon has not passed, without and with a value so far.
        final: decisions whose horizon has passed; unknown: those of them without a value; clipped: those
            whose value had left the range.
    """

    measure: str
    kind: MeasureKind
    version: str
    n: int
    mean: float | None
    variance: float | None
    low: float | None
    high: float | None
    clusters: int
    pending: int
    provisional: int
    final: int
    unknown: int
    clipped: int


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One group of decisions. A reward stands beside the guardrails, and is never added to them.

    Attributes:
        by: what its decisions share.
        served: whether people saw the answers; otherwise they are shadows.
        figures: one a measure, the reward first.
    """

    by: dict[str, str]
    served: bool
    figures: tuple[Figure, ...]


class Block(msgspec.Struct, frozen=True):
    """A stretch of the references of a manifest: sequences first to last, and the hash of what they are."""

    first: int
    last: int
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions may be learned from and what each was worth, in ledger order, named by its content.

    A block's hash is of three columns, little-endian, 8 bytes each: the sequences, the last 8 bytes of the
    MD5 of the decisions' ids, the values. So two manifests share the blocks that did not change.
    """

    task: str
    measure: str
    version: str
    rows: int
    blocks: tuple[Block, ...]

    @property
    def digest(self) -> str:
        """The hash of which decisions, and of what they were worth."""
        return digest(self.task, self.measure, self.version, *(one.sha256 for one in self.blocks))


class Digested(msgspec.Struct, frozen=True, kw_only=True):
    """A whole history, digested.

    Attributes:
        through: the last ledger sequence that it covers.
        now: the time at which it is final, provisional or pending.
        decisions: how many have an answer.
    """

    task: str
    through: int
    now: float
    decisions: int
    cells: tuple[Cell, ...]
    manifest: Manifest
