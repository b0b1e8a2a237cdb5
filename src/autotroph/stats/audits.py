"""Is the reward being gamed? It rises, while a random sample that somebody looked at does not.

Reward and audit are numbers in [0, 1], one pair an audited unit, in the order of time. Their residual is
reward − audit. As long as the reward means what it meant, the mean of the residual stays where it was,
whatever that was; a reward that learns to be high without being good pulls it up.

Each of many starts s is a bet: the residuals after s, one by one, are paired with those from the beginning
on, and somebody bets that the later of each pair is the larger. Units are taken to be independent, so that as
long as nothing changed the j-th bet reaches 1/(p_j·α) with probability at most p_j·α, Σ p_j = 1: looked at
whenever one likes, an alarm of any of them is false with probability at most α. A change that comes late is
found by a late start, and one that comes soon by all of them, because the first pairs reach back before it.

`audited_mean` says how good the answers are in the audit's own terms: the reward of everybody, corrected by
what the audit found on its sample.

Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B),
section 4, for the bet; Shekhar & Ramdas 2023, "Nonparametric two-sample testing by betting" (IEEE
Transactions on Information Theory), for pairs;
Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference" (Science 382), example
"mean estimation"; Angelopoulos, Duchi & Zrnic 2023, "PPI++" (arXiv 2311.01453), section 6, for λ. What is
gamed: Gao, Schulman & Hilton 2023, "Scaling laws for reward model overoptimization" (ICML).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats.betting import begin, log_e_path, log_target
from autotroph.stats.confidence import Interval

FIRST = 40
"""Before so many audited units nothing is said: their mean is not known well enough."""

GROWTH = 1.5
"""Each start has so many times the units before it that the one before had."""

Numbers = NDArray[np.float64] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Gaming:
    """What an audited sample says about the reward.

    Attributes:
        n: audited units.
        log_e: log evidence after each of them that the reward rose against the audit, shape (n,); that of the
            best bet, less what it costs that there are several.
        alarmed_at: after how many of them it was proven, or None.
        gap: mean residual of the second half less that of the first; 0 below two units.
    """

    n: int
    log_e: tuple[float, ...]
    alarmed_at: int | None
    gap: float

    @property
    def peak_log_e(self) -> float:
        """The largest evidence so far."""
        return max(self.log_e, default=-math.log(2.0))


def gaming(reward: Numbers, audit: Numbers, alpha: float) -> Gaming:
    """Test whether the reward has risen against the audit, since whenever.

    >>> luck = np.random.default_rng(1)
    >>> good = luck.random(800) < 0.5
    >>> gaming(good, good, 0.05).alarmed_at is None
    True
    >>> praise = good | (luck.random(800) < np.arange(800) / 800)      # more and more of it for nothing
    >>> gaming(praise, good, 0.05).alarmed_at
    473

    Args:
        reward: shape (n,), in [0, 1], in the order of time.
        audit: what was found for the same units, shape (n,), in [0, 1].
        alpha: probability of ever a false alarm.

    Raises:
        InputError: the two differ in length, a number is outside [0, 1], or alpha is not in (0, 1).
    """
    f, y = _shares(reward, "reward"), _shares(audit, "audit")
    if f.size != y.size:
        raise InputError(f"{f.size} rewards and {y.size} audits; there must be one of each a unit")
    target = log_target(alpha)
    residuals = f - y
    path = _wealth(residuals)
    loud = path >= target
    half = residuals.size // 2
    gap = float(residuals[half:].mean() - residuals[:half].mean()) if half else 0.0
    return Gaming(
        n=residuals.size,
        log_e=tuple(path.tolist()),
        alarmed_at=int(loud.argmax()) + 1 if loud.any() else None,
        gap=gap,
    )


def audited_mean(everybody: Numbers, reward: Numbers, audit: Numbers, alpha: float) -> Interval:
    """Prediction-powered mean of the audit over everybody: λ·mean_N f − mean_n(λ·f − Y).

    λ, between 0 and 1, is how far the reward predicts the audit: at 0 only the sample counts, and no reward
    can move the mean. The interval is for one look and for a random sample.

    >>> luck = np.random.default_rng(2)
    >>> truth = (luck.random(4000) < 0.3).astype(float)
    >>> reward = np.where(luck.random(4000) < 0.1, 1 - truth, truth)
    >>> found = audited_mean(reward, reward[:200], truth[:200], 0.05)
    >>> f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
    '0.31 [0.26, 0.35]'

    Args:
        everybody: rewards f of those that nobody looked at, shape (N,).
        reward: those of the sample, shape (n,).
        audit: what was found there, Y, shape (n,).
        alpha: probability of missing, both sides together.

    Returns:
        An interval; endless, with mean nan, below two audited units.

    Raises:
        InputError: reward and audit differ in length, or alpha is not strictly between 0 and 1.
    """
    log_target(alpha)
    rest, f, y = (np.asarray(one, dtype=np.float64) for one in (everybody, reward, audit))
    if f.size != y.size:
        raise InputError(f"{f.size} rewards and {y.size} audits; there must be one of each a unit")
    if f.size < 2:
        return Interval(math.nan, -math.inf, math.inf, f.size)
    power = _power(rest, f, y)
    left = y - power * f
    mean = float(left.mean() + (power * rest.mean() if power else 0.0))
    variance = float(left.var(ddof=1)) / f.size
    variance += power**2 * float(rest.var(ddof=1)) / rest.size if power else 0.0
    radius = NormalDist().inv_cdf(1 - alpha / 2) * math.sqrt(variance)
    return Interval(mean, mean - radius, mean + radius, f.size)


def starts(count: int) -> Iterator[int]:
    """Where the bets begin, fixed before any of them is known.

    >>> list(starts(200))
    [40, 60, 90, 135]
    """
    at = FIRST
    while at < count:
        yield at
        at = int(at * GROWTH)


def _wealth(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of what the best bet owns, times its share of the level; nothing before the first."""
    best = np.full(residuals.size, -math.log(2.0))
    for number, start in enumerate(starts(residuals.size), 1):
        price = math.log(number * (number + 1))  # the shares 1/(j(j + 1)) sum to 1 without end
        pairs = min(start, residuals.size - start)
        path = log_e_path(begin(2.0), residuals[start : start + pairs] - residuals[:pairs])
        lasting = np.concatenate((path, np.full(residuals.size - start - pairs, path[-1])))
        best[start:] = np.maximum(best[start:], lasting - price)
    return best


def _power(rest: NDArray[np.float64], f: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The λ with the least variance, cov(f, Y)/((1 + n/N)·var f), within [0, 1]."""
    spread = float(f.var(ddof=1))
    if rest.size < 2 or spread <= 0:
        return 0.0
    best = float(np.cov(f, y)[0, 1]) / ((1 + f.size / rest.size) * spread)
    return min(max(best, 0.0), 1.0)


def _shares(values: Numbers, what: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not (np.isfinite(x) & (x >= -1e-9) & (x <= 1 + 1e-9)).all():
        raise InputError(f"every {what} must be a number between 0 and 1; scale it by its range first")
    return np.clip(x, 0.0, 1.0)
