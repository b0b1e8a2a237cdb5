"""Proposals to numbers: the same code when a policy is trained, when it serves, and when it is judged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autotroph.records import Proposal

Matrix = NDArray[np.float64]


def matrix(proposals: Sequence[Proposal], names: Sequence[str]) -> Matrix:
    """The proposals' features, one row each, in the order of `names`; what a proposal lacks is 0.

    >>> matrix([Proposal("a", features={"chars": 3.0}), Proposal("silence")], ["chars", "tokens"])
    array([[3., 0.],
           [0., 0.]])
    """
    rows = [[proposal.features.get(name, 0.0) for name in names] for proposal in proposals]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(names))


def names(proposals: Sequence[Proposal]) -> tuple[str, ...]:
    """Every feature's name, sorted."""
    return tuple(sorted({name for proposal in proposals for name in proposal.features}))
