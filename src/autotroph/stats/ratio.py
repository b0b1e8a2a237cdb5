"""Sample-ratio mismatch: did the arms get the shares they were meant to get? Looked at whenever one likes.

A mismatch means that assignment, logging or filtering is broken, so it blocks every verdict. The e-process
is the Bayes factor of Dirichlet(κ·shares) against exactly the shares, averaged over a small κ (gross faults,
found within dozens of units) and a large one (a point of imbalance, found within ten thousands):

    E = Γ(κ)/Γ(κ + n) · Π_a Γ(κ s_a + n_a)/Γ(κ s_a) / s_a^{n_a}

Source: Lindon & Malek 2022, "Anytime-valid inference for multinomial count data" (NeurIPS).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autotroph.errors import InputError
from autotroph.stats.betting import log_target

CONCENTRATIONS = (10.0, 1000.0)


@dataclass(frozen=True, slots=True)
class RatioTest:
    """Units counted per arm against their intended shares; `begin`, then `update` per look.

    Attributes:
        shares: intended, above 0, summing to 1.
        counts: units per arm so far, each counted at its first exposure.
        peak_log_e: the largest log evidence at any look so far.
    """

    shares: tuple[float, ...]
    counts: tuple[int, ...]
    peak_log_e: float = 0.0

    @property
    def log_e(self) -> float:
        """Log evidence of a mismatch now; 0 at the start."""
        parts = [_log_factor(self.shares, self.counts, k) for k in CONCENTRATIONS]
        top = max(parts)
        return top + math.log(math.fsum(math.exp(p - top) for p in parts) / len(parts))

    def rejects(self, alpha: float) -> bool:
        """Whether the shares are refuted at level `alpha`, at this look or an earlier one.

        Raises:
            InputError: alpha is not strictly between 0 and 1.
        """
        return self.peak_log_e >= log_target(alpha)


def begin(shares: Sequence[float]) -> RatioTest:
    """Start a test; begin a new one whenever the intended shares change.

    >>> fair = update(begin([0.5, 0.5]), [5080, 4920])
    >>> lossy = update(begin([0.5, 0.5]), [5200, 4700])         # a tenth of one arm got lost
    >>> fair.rejects(0.001), lossy.rejects(0.001)
    (False, True)

    Raises:
        InputError: fewer than two arms, a share that is not above 0, or shares that do not sum to 1.
    """
    intended = tuple(float(s) for s in shares)
    if len(intended) < 2 or not all(s > 0 for s in intended) or abs(math.fsum(intended) - 1) > 1e-9:
        raise InputError(f"shares {intended} must be two or more numbers above 0 that sum to 1")
    return RatioTest(intended, (0,) * len(intended))


def update(test: RatioTest, counts: Sequence[int]) -> RatioTest:
    """Count new units per arm and look once.

    Raises:
        InputError: not one whole number at least 0 per arm.
    """
    if len(counts) != len(test.shares) or any(c < 0 or c != int(c) for c in counts):
        raise InputError(f"counts {list(counts)} must be {len(test.shares)} whole numbers, each at least 0")
    later = replace(test, counts=tuple(old + int(new) for old, new in zip(test.counts, counts, strict=True)))
    return replace(later, peak_log_e=max(later.peak_log_e, later.log_e))


def _log_factor(shares: tuple[float, ...], counts: tuple[int, ...], concentration: float) -> float:
    start = math.lgamma(concentration) - math.lgamma(concentration + sum(counts))
    return start + math.fsum(
        math.lgamma(concentration * s + n) - math.lgamma(concentration * s) - n * math.log(s)
        for s, n in zip(shares, counts, strict=True)
    )
