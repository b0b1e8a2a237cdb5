"""A bet against "no better": the exact sequential test behind the gate, the ladder and the harm watch.

H0: the mean of every next increment d, given the past, is at most a threshold δ. A gambler starts with 1
and stakes a fixed fraction of what is left on d > δ, again and again. If H0 holds, her expected wealth never
grows, so she ever owns 1/α with probability at most α (Ville), no matter how often one looks or when one
stops. Several gamblers with different fractions share the starting 1; their sum is still such a wealth.

    W_n = Σ_j p_j Π_i (1 + c_j/(B+δ) · (d_i − δ)),      d_i ≥ −B,   0 < c_j < 1,   Σ p_j = 1

Exact for any n and any bounded increments, rare events included. One increment per randomised unit: many
increments of one unit are not evidence of their own.

Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting" (JRSS B);
Shafer 2021, "Testing by betting" (JRSS A); Ville 1939.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError

FRACTIONS: tuple[float, ...] = tuple(float(c) for c in np.geomspace(0.002, 0.9, 16))
"""Stakes from tiny effects (.002: tens of thousands of units) to large ones (.9: a dozen)."""


def _prior(fractions: Sequence[float]) -> tuple[float, ...]:
    # A wide bell in log c with heavy tails, for effects of any size, and two narrow ones: at .12 for middling
    # effects and for those that look smaller than they are for long, which make the late 5 % late, and at .36
    # for gross ones. Equal shares waste two thirds of the starting wealth on effects below 2 points; measured
    # in tests/worlds/test_sequential_worlds.py.
    wide = _normed([(1 + (math.log(c / 0.23) / 0.8) ** 2) ** -1.5 for c in fractions])
    middling = _normed([math.exp(-((math.log(c / 0.12) / 0.3) ** 2) / 2) for c in fractions])
    gross = _normed([math.exp(-((math.log(c / 0.36) / 0.25) ** 2) / 2) for c in fractions])
    return tuple(0.45 * w + 0.36 * m + 0.19 * g for w, m, g in zip(wide, middling, gross, strict=True))


def _normed(heights: Sequence[float]) -> list[float]:
    return [h / math.fsum(heights) for h in heights]


WEIGHTS: tuple[float, ...] = _prior(FRACTIONS)
"""How the starting wealth is shared among FRACTIONS; sums to 1."""


@dataclass(frozen=True, slots=True)
class Wealth:
    """What the gamblers own after `n` increments. Make one with `begin`, get the next with `update`.

    Attributes:
        bound: B > 0, no increment is below −B.
        threshold: δ of H0: mean ≤ δ.
        ceiling: no increment is above it (B unless said otherwise; `inf` for importance-weighted ones).
        fractions: the stakes c_j; `weights`: their shares p_j of the starting wealth.
        logs: log wealth per fraction, per unit of its own start.
        n: how many increments were counted; `total`: their sum.
        peak_log_e: the largest log wealth so far, reached after `peak_n` increments. A wealth process may be
            stopped at any time, so a decision uses this one.
    """

    bound: float
    threshold: float
    ceiling: float
    fractions: tuple[float, ...]
    weights: tuple[float, ...]
    logs: tuple[float, ...]
    n: int = 0
    total: float = 0.0
    peak_log_e: float = 0.0
    peak_n: int = 0

    @property
    def log_e(self) -> float:
        """Natural logarithm of the wealth now."""
        return float(np.logaddexp.reduce(np.log(self.weights) + np.asarray(self.logs)))

    @property
    def e_value(self) -> float:
        """The wealth now: evidence against H0, 1 at the start (capped where a float ends)."""
        return math.exp(min(self.log_e, 700.0))

    @property
    def mean(self) -> float:
        """Plain mean of the increments so far; 0 before the first."""
        return self.total / self.n if self.n else 0.0

    def rejects(self, alpha: float) -> bool:
        """Whether H0 is refuted at level `alpha`: the wealth once reached 1/alpha.

        Raises:
            InputError: `alpha` is not strictly between 0 and 1.
        """
        return self.peak_log_e >= log_target(alpha)


def begin(
    bound: float,
    threshold: float = 0.0,
    *,
    ceiling: float | None = None,
    fractions: Sequence[float] = FRACTIONS,
    weights: Sequence[float] | None = None,
) -> Wealth:
    """Start a test of H0: E[d | past] ≤ threshold, for increments in [−bound, ceiling].

    >>> test = begin(1.0)                             # paired differences of rewards in [0, 1]
    >>> test = update(test, [1, 0, 1, 0, 0, 1] * 20)  # 60 of 120 better, none worse
    >>> test.n, test.rejects(0.05), test.peak_n
    (120, True, 120)
    >>> update(begin(1.0), [1, -1] * 500).rejects(0.05)
    False

    Args:
        bound: B > 0. For differences of rewards in [0, 1] it is 1.
        threshold: δ, strictly between −bound and ceiling; −margin tests "no worse than −margin".
        ceiling: largest possible increment; `bound` by default. The test never needs it, it catches mistakes.
        fractions: stakes, each strictly between 0 and 1.
        weights: their shares, summing to 1; equal shares for fractions of your own.

    Raises:
        InputError: an argument is outside what is described here.
    """
    top = bound if ceiling is None else ceiling
    shares = _shares(tuple(fractions), weights)
    if not (math.isfinite(bound) and bound > 0 and -bound < threshold < top):
        raise InputError(
            f"a bound of {bound} and a threshold of {threshold} cannot be tested: the bound must be above 0 "
            f"and the threshold strictly between {-bound} and {top}"
        )
    start = (0.0,) * len(shares)
    return Wealth(float(bound), float(threshold), float(top), tuple(fractions), shares, start)


def update(wealth: Wealth, increments: NDArray[np.float64] | Sequence[float]) -> Wealth:
    """Count more increments, in their order; the result does not depend on how they were cut into batches.

    >>> steps = [0.5, -0.25, 1.0, 0.0]
    >>> update(begin(1.0), steps) == update(update(begin(1.0), steps[:1]), steps[1:])
    True

    Args:
        wealth: where the test stands.
        increments: shape (m,), one per randomised unit; may be empty.

    Raises:
        InputError: an increment is not finite or outside [−bound, ceiling]; nothing was counted.
    """
    steps = _checked(wealth, increments)
    if not steps.size:
        return wealth
    logs = _log_paths(wealth, steps)
    path = _mix(wealth, logs)
    best = int(path.argmax())
    rises = float(path[best]) > wealth.peak_log_e
    return replace(
        wealth,
        logs=tuple(logs[-1].tolist()),
        n=wealth.n + steps.size,
        total=float(np.add.accumulate(np.concatenate(([wealth.total], steps)))[-1]),
        peak_log_e=float(path[best]) if rises else wealth.peak_log_e,
        peak_n=wealth.n + best + 1 if rises else wealth.peak_n,
    )


def log_e_path(wealth: Wealth, increments: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float64]:
    """Log wealth after each of further increments, shape (m,); for pictures and for mixing tests.

    >>> [round(float(v), 2) for v in log_e_path(begin(1.0, fractions=[0.5]), [1, 1, -1])]
    [0.41, 0.81, 0.12]

    Raises:
        InputError: as `update`.
    """
    steps = _checked(wealth, increments)
    return _mix(wealth, _log_paths(wealth, steps))


def forecast(wealth: Wealth, alpha: float) -> int | None:
    """About how many more increments until 1/alpha is reached, if the effect stays what it looks like now.

    An extrapolation for the message "undecided, about N more", not a promise: each fraction's wealth grows on
    at the mean rate it had so far.

    >>> so_far = update(begin(1.0), [1, 0, 0, -1, 1, 0, 0, 0, 1, -1] * 8)    # mean .1 over 80
    >>> forecast(so_far, 0.05)
    295
    >>> forecast(update(begin(1.0), [-1, 0, 0, 0]), 0.05) is None             # points the wrong way
    True

    Returns:
        0 where the test has already rejected, None where the present effect never gets there.

    Raises:
        InputError: `alpha` is not strictly between 0 and 1.
    """
    target = log_target(alpha)
    if wealth.peak_log_e >= target:
        return 0
    if not wealth.n or wealth.mean <= wealth.threshold:
        return None
    rates = np.asarray(wealth.logs) / wealth.n
    starts = np.log(wealth.weights)
    growing = rates > 0
    if not growing.any():
        return None
    late = math.ceil(float(((target - starts[growing]) / rates[growing]).min()))
    return _first_at(starts, rates, target, (wealth.n, max(late, wealth.n + 1))) - wealth.n


def log_target(alpha: float) -> float:
    """The log wealth that rejects at level `alpha`: log(1/alpha).

    Raises:
        InputError: `alpha` is not strictly between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha}; it must be strictly between 0 and 1, for example 0.05")
    return -math.log(alpha)


def _shares(fractions: tuple[float, ...], weights: Sequence[float] | None) -> tuple[float, ...]:
    if not fractions or not all(0 < c < 1 for c in fractions):
        raise InputError(f"fractions {fractions} must each be strictly between 0 and 1, and at least one")
    if weights is None:
        return WEIGHTS if fractions == FRACTIONS else (1 / len(fractions),) * len(fractions)
    shares = tuple(float(p) for p in weights)
    if len(shares) != len(fractions) or min(shares) <= 0 or abs(math.fsum(shares) - 1) > 1e-9:
        raise InputError(f"weights {shares} must be above 0, sum to 1, and be as many as the fractions")
    return shares


def _checked(wealth: Wealth, increments: NDArray[np.float64] | Sequence[float]) -> NDArray[np.float64]:
    steps = np.asarray(increments, dtype=np.float64)
    slack = 1e-9 * wealth.bound
    fits = np.isfinite(steps) & (steps >= -wealth.bound - slack) & (steps <= wealth.ceiling + slack)
    if steps.ndim != 1 or not fits.all():
        wrong = f"shape {steps.shape}" if steps.ndim != 1 else f"{steps[~fits][0]} at {int(fits.argmin())}"
        raise InputError(
            f"increments must be a flat list of finite numbers in [{-wealth.bound}, {wealth.ceiling}], "
            f"got {wrong}; nothing was counted"
        )
    return np.clip(steps, -wealth.bound, wealth.ceiling)


def _log_paths(wealth: Wealth, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    # (m, J): log wealth per fraction after each step. The start is the first row of the running sum, so
    # that cutting the steps elsewhere adds the same numbers in the same order.
    stakes = np.asarray(wealth.fractions) / (wealth.bound + wealth.threshold)
    gains = np.log1p(np.outer(steps - wealth.threshold, stakes))
    return np.add.accumulate(np.vstack((wealth.logs, gains)), axis=0)[1:]


def _mix(wealth: Wealth, logs: NDArray[np.float64]) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = np.logaddexp.reduce(logs + np.log(wealth.weights), axis=1)
    return mixed


def _first_at(
    starts: NDArray[np.float64], rates: NDArray[np.float64], target: float, span: tuple[int, int]
) -> int:
    # Smallest n in (low, high] whose extrapolated log wealth reaches the target; a convex curve, below the
    # target at `low` and above at `high`, crosses it once.
    low, high = span
    while high - low > 1:
        middle = (low + high) // 2
        if float(np.logaddexp.reduce(starts + rates * middle)) >= target:
            high = middle
        else:
            low = middle
    return high
