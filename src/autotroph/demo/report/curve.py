"""What release 0's model would have done at other thresholds, over the options that were logged."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from autotroph.demo.baseline import THRESHOLDS
from autotroph.demo.report.answers import Floats, Point
from autotroph.records import Decision, Proposal, Release
from autotroph.store import Reader

FEWEST_SHOWN = 10
"""A threshold that shows less often has no acceptance to speak of."""

_WRITTEN = """
SELECT decision, about, written FROM kept
WHERE task = 'complete' AND signal = 'written' AND release_name = 'release 0' AND arm <> 'holdback'
  AND asked > ? ORDER BY asked"""


class Frontier(msgspec.Struct, frozen=True):
    """What release 0's model would have done at other thresholds, on the measured cursors.

    Attributes:
        thresholds: log confidences, shape (T,).
        shown, accepted, kept: shares at each of them, shape (T,); `accepted` of what was shown.
    """

    thresholds: Floats
    shown: Floats
    accepted: Floats
    kept: Floats

    def beats(self, accepted: float, kept: float) -> bool:
        """Whether some threshold keeps as much and is accepted as often."""
        return bool(((self.accepted >= accepted) & (self.kept >= kept)).any())

    @property
    def points(self) -> list[Point]:
        """As plain data, from showing everything to showing almost nothing."""
        columns = (self.thresholds, self.shown, self.accepted, self.kept)
        return [
            {"threshold": float(np.exp(t)), "shown": float(s), "accepted": float(a), "kept": float(k)}
            for t, s, a, k in zip(*columns, strict=True)
        ]


def frontier(reader: Reader, since: int, thresholds: Sequence[float] = THRESHOLDS) -> Frontier:
    """Replay release 0's rule at every threshold, over the options that were logged with its answers."""
    confidence, chars, fits, remaining = _options(reader, since)
    at = np.asarray(thresholds, dtype=np.float64)
    rows = np.arange(len(chars))
    shown, accepted, kept = (np.zeros(at.size) for _ in range(3))
    for i, threshold in enumerate(at):
        length = np.where(confidence >= threshold, chars, 0.0)
        taken = length.argmax(axis=1) if length.size else np.zeros(0, dtype=int)
        says = length[rows, taken] > 0
        right = says & fits[rows, taken]
        shown[i], accepted[i], kept[i] = says.sum(), right.sum(), (length[rows, taken] * right).sum()
    enough = shown >= FEWEST_SHOWN
    total = max(float(remaining.sum()), 1.0)
    return Frontier(
        at[enough], shown[enough] / max(len(rows), 1), accepted[enough] / shown[enough], kept[enough] / total
    )


def _options(reader: Reader, since: int) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    """Confidence, length and fit of each n-gram option, (cursors, options); characters left, (cursors,)."""
    written = reader.query(_WRITTEN, (since,)).rows
    proposals = _proposals(reader, since)
    offered = [_ngram(proposals.get(str(id_)) or proposals.get(str(about), ())) for id_, about, _ in written]
    widest = max((len(options) for options in offered), default=0)
    confidence = np.full((len(offered), widest), -np.inf)
    chars, fits = np.zeros(confidence.shape), np.zeros(confidence.shape, dtype=bool)
    for row, (options, (_, _, text)) in enumerate(zip(offered, written, strict=True)):
        for column, one in enumerate(options):
            confidence[row, column] = one.features["log_confidence"]
            chars[row, column] = len(one.output)
            fits[row, column] = str(text).startswith(one.output)
    return confidence, chars, fits, np.array([len(str(text)) for _, _, text in written], dtype=np.float64)


def _ngram(options: Sequence[Proposal]) -> list[Proposal]:
    return [one for one in options if one.option.startswith("ngram:") and "log_confidence" in one.features]


def _proposals(reader: Reader, since: int) -> dict[str, tuple[Proposal, ...]]:
    """What release 0 had to choose from: by decision or, where it was not stored again, by the served one."""
    zero = reader.get(Release, task="complete", name="release 0")
    if zero is None:
        return {}
    # A release that shares release 0's variants has the same options, and they are stored once.
    alike = [
        one.id
        for one in reader.scan(Release, task="complete")
        if one.body.variants_digest == zero.body.variants_digest
    ]
    found: dict[str, tuple[Proposal, ...]] = {}
    for id_ in alike:
        for one in reader.scan(Decision, after=since, release=id_):
            if one.proposals:
                found.setdefault(one.id if id_ == zero.id else one.about, one.proposals)
    return found
