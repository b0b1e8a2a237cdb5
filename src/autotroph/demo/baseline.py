"""Release 0, the honest baseline: what a good static product would ship.

The first part of the history is replayed with a model that learns as it goes; of all confidence thresholds
the one with the best reward is kept. From then on model and threshold stand still.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from autotroph.demo.cursors import Cursor
from autotroph.demo.declaration import CLIP, COST
from autotroph.records import Proposal

THRESHOLDS = tuple(
    float(t) for t in np.log(np.concatenate(([0.005, 0.01, 0.02, 0.03], np.arange(0.05, 0.99, 0.025))))
)
"""Log confidences that are tried."""


class Tried(msgspec.Struct, frozen=True):
    """A cursor of the first part, and what the learning model proposed there."""

    cursor: Cursor
    at: float
    proposals: tuple[Proposal, ...]


def worth(output: str, left: str) -> float:
    """The declared reward of an answer, in characters."""
    if not output:
        return 0.0
    return float(min(len(output), CLIP)) if left.startswith(output) else -float(COST)


def longest(proposals: Iterable[Proposal], threshold: float) -> str:
    """The longest n-gram cut that is confident enough; empty if none is."""
    confident = [
        one.output
        for one in proposals
        if one.option.startswith("ngram:") and one.features["log_confidence"] >= threshold
    ]
    return max(confident, key=len, default="")


def tuned(tried: Sequence[Tried]) -> float:
    """The threshold with the largest reward; the higher one of equals."""
    return max(THRESHOLDS, key=lambda threshold: (_total(tried, threshold), threshold))


def _total(tried: Sequence[Tried], threshold: float) -> float:
    return sum(worth(longest(one.proposals, threshold), one.cursor.left) for one in tried)
