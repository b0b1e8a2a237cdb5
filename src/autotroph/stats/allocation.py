"""Two arms whose shares are unequal or change: what a unit's reward says about the difference.

On a ramp from 1 % to 50 % the candidate's units are late ones, so its plain mean is compared with another
season's: where the base rate drifts, that is wrong every time. One increment a unit, weighted by the
probability p that its arm was drawn with, is right at every share:

    d = (Y − m)/p for the candidate's units, −(Y − m)/(1 − p) for the control's,     E[d | past] = V₁ − V₀

for rewards Y in [0, 1] and any centre m in [0, 1] that was known before the unit's reward. This is inverse
probability weighting, centred; with m = (1 − p)·m₁ + p·m₀ it is, term by term, augmented weighting (AIPW)
with the predictions m₁ and m₀ for the arms, so one formula does for both. A good centre makes it sharp, a bad
one never wrong. `adjustment.centres` makes them.

    d ≥ −B,     B = max(m/p, (1 − m)/(1 − p)) ≥ 1

and B is known beforehand too, so that (d − δ)/(B + δ) is never below −1 and has a mean of at most 0 as long
as V₁ − V₀ ≤ δ: the exact bet applies, and a step at 1 % does not dull the later ones, as one bound for all
would.

Sources: Horvitz & Thompson 1952; Robins, Rotnitzky & Zhao 1994, "Estimation of regression coefficients when
some regressors are not always observed" (JASA), for AIPW; Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro
2024, "Anytime-valid off-policy inference for contextual bandits", for predictable bounds and logged shares.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import FRACTIONS, WEIGHTS, log_target
from autotroph.stats.confidence import Interval

Array = NDArray[np.float64]
PRECISION = 1e-5
"""How far off the ends of an interval may be, outwards."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """n randomised units in the order of their first exposure, each in one of two arms.

    Attributes:
        shares: p, shape (n,): the probability that the unit is the candidate's, given that it is in one of
            the two arms; as it was when the unit was drawn, strictly between 0 and 1.
        treated: shape (n,), whether it is.
        rewards: Y, shape (n,), in [0, 1], one a unit.
        centres: m, shape (n,), in [0, 1], made of what was known before the unit's reward.

    Raises:
        InputError: shapes or ranges differ from this.
    """

    shares: Array
    treated: NDArray[np.bool_]
    rewards: Array
    centres: Array

    def __post_init__(self) -> None:
        columns = (self.shares, self.treated, self.rewards, self.centres)
        if any(np.shape(each) != np.shape(self.shares) or np.ndim(each) != 1 for each in columns):
            found = ", ".join(str(np.shape(each)) for each in columns)
            raise InputError(f"shares, treated, rewards and centres must be as many, one a unit; got {found}")
        if not ((self.shares > 0) & (self.shares < 1)).all():
            raise InputError("shares must be strictly between 0 and 1: who had no choice compares nothing")
        for name, values in (("rewards", self.rewards), ("centres", self.centres)):
            if not ((values >= 0) & (values <= 1)).all():
                raise InputError(f"{name} must be between 0 and 1; scale the reward's declared range first")


def increments(split: Split) -> Array:
    """What each unit says the candidate is ahead by, shape (n,), in expectation V₁ − V₀.

    >>> quarter = np.full(4, 0.25)
    >>> split = Split(quarter, np.array([True, False, False, False]), np.array([1.0, 1, 0, 1]), quarter * 2)
    >>> increments(split).round(2).tolist()
    [2.0, -0.67, 0.67, -0.67]
    """
    centred = split.rewards - split.centres
    ahead: Array = np.where(split.treated, centred / split.shares, -centred / (1 - split.shares))
    return ahead


def bounds(split: Split) -> Array:
    """B of each unit, shape (n,), known before its arm and its reward: no increment is below −B."""
    lowest: Array = np.maximum(split.centres / split.shares, (1 - split.centres) / (1 - split.shares))
    return lowest


def stakes(split: Split, threshold: float = 0.0) -> Array:
    """Increments of a bet against V₁ − V₀ ≤ threshold, for `betting.begin(1.0, ceiling=inf)`; none below −1.

    >>> import math
    >>> from autotroph.stats import betting
    >>> luck = np.random.default_rng(0)
    >>> shares = np.repeat([0.01, 0.1, 0.5], 2000)              # a ramp, over which everything gets better
    >>> treated, base = luck.random(6000) < shares, np.linspace(0.2, 0.4, 6000)
    >>> rewards = (luck.random(6000) < base + 0.1 * treated).astype(float)
    >>> split = Split(shares, treated, rewards, np.full(6000, 0.3))
    >>> test = betting.update(betting.begin(1.0, ceiling=math.inf), stakes(split))
    >>> test.rejects(0.05), f"{increments(split)[-2000:].mean():.2f}"
    (True, '0.10')

    Args:
        split: the units; more of them may follow in a later update.
        threshold: δ, strictly between −1 and 1; −margin tests "no worse than −margin".

    Raises:
        InputError: the threshold is outside of that.
    """
    if not -1 < threshold < 1:
        raise InputError(f"a threshold of {threshold} cannot be tested; it must be strictly between −1 and 1")
    scaled: Array = (increments(split) - threshold) / (bounds(split) + threshold)
    return scaled


def swapped(split: Split) -> Split:
    """The same units with the arms' names exchanged, so that "ahead" reads "behind": for the harm test."""
    return replace(split, shares=1 - split.shares, treated=~split.treated)


def effect_lower(split: Split, alpha: float) -> float:
    """Lower bound of V₁ − V₀: P(ever above it) ≤ alpha, over all n together. Exact, at any shares.

    The smallest difference that the bet against it has not ruled out; for a difference that stays the same.

    Raises:
        InputError: alpha is not strictly between 0 and 1.
    """
    target = log_target(alpha)
    ahead, lowest = increments(split), bounds(split)
    low, high = -1.0, 1.0
    while high - low > PRECISION:
        middle = (low + high) / 2
        ruled_out = _log_wealth((ahead - middle) / (lowest + middle)) >= target
        low, high = (middle, high) if ruled_out else (low, middle)
    return low


def effect_interval(split: Split, alpha: float) -> Interval:
    """Exact two-sided confidence sequence for V₁ − V₀, at the time of its last unit, at any shares.

    Its mean weighs each unit by 1/B, as the bet does: a unit at 1 % says little.

    >>> luck = np.random.default_rng(0)
    >>> shares = np.repeat([0.05, 0.5], [1000, 3000])
    >>> treated = luck.random(4000) < shares
    >>> rewards = (luck.random(4000) < 0.3 + 0.1 * treated).astype(float)
    >>> found = effect_interval(Split(shares, treated, rewards, np.full(4000, 0.3)), alpha=0.05)
    >>> f"{found.mean:.2f} in [{found.low:.2f}, {found.high:.2f}]"
    '0.12 in [0.07, 0.18]'

    Raises:
        InputError: alpha is not strictly between 0 and 1.
    """
    low = effect_lower(split, alpha / 2)
    high = -effect_lower(swapped(split), alpha / 2)
    if not split.shares.size:
        return Interval(float("nan"), low, high, 0)
    return Interval(
        float(np.average(increments(split), weights=1 / bounds(split))), low, high, split.shares.size
    )


def _log_wealth(scaled: Array) -> float:
    logs = [float(np.log1p(c * scaled).sum()) for c in FRACTIONS]
    return float(np.logaddexp.reduce(np.asarray(logs) + np.log(WEIGHTS)))
