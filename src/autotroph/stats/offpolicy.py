"""What would another policy have earned, judged from the log of the one that served?

With w = π(a|x)/h(a|x) for the new policy π and the logged one h, reward r in [0, 1] and a reward model q
(fitted on *earlier* rows only):

- IPS mean(w r); SNIPS Σwr/Σw; DR mean(E_π q + w(r − q)): point estimates.
- A lower bound for π's value, valid at any time, by betting on φ = w(r − q̃) + E_π q̃ ≥ −k, q̃ = min(q, k/w).
- The gate's test of V(π) − V(h) ≤ δ, by betting on d = (w − 1)(r − q̃) + E_π q̃ − E_h q̃ ≥ −(max(k, 1) + 1).
  Testing the difference itself needs a fraction of what two separate intervals need.

A small cap k tames heavy weights, a large one lets the reward model help; the average of the wealths for
k = 1 and k = 3 is itself a wealth. Exact for any weights and any q, good or bad; a good q makes it quick.

Sources: Horvitz & Thompson 1952 (IPS); Swaminathan & Joachims 2015 (SNIPS); Dudík, Langford & Li 2011 (DR);
Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro 2024, "Anytime-valid off-policy inference for contextual
bandits" (ACM/IMS Journal of Data Science).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from autotroph.errors import InputError
from autotroph.stats import betting, evalues
from autotroph.stats.betting import Wealth
from autotroph.stats.confidence import mean_lower

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """n logged decisions over up to K options, with another policy's probabilities over the same options.

    Where a decision had fewer than K options, fill up with probability 0 in both.

    Attributes:
        new: π, shape (n, K), rows sum to 1.
        old: h, shape (n, K), the probabilities that the options were served with; rows sum to 1.
        taken: shape (n,), index of the served option.
        reward: shape (n,), in [0, 1].
        predicted: q, shape (n, K), in [0, 1]; from a model that had not seen the row. Zeros if there is none.

    Raises:
        InputError: shapes or ranges differ from this, or `new` may choose what `old` never could.
    """

    new: Array
    old: Array
    taken: NDArray[np.int64]
    reward: Array
    predicted: Array

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)


@dataclass(frozen=True, slots=True)
class DifferenceTest:
    """The gate's running test; `begin`, then `update`. Its wealth is the mean of one wealth per cap.

    Attributes:
        caps: k of each wealth.
        wealths: one bet per cap.
        peak_log_e: the largest log of the *mean* wealth so far, reached after `peak_n` increments.
    """

    caps: tuple[float, ...]
    wealths: tuple[Wealth, ...]
    peak_log_e: float = 0.0
    peak_n: int = 0

    @property
    def n(self) -> int:
        """How many increments were counted."""
        return self.wealths[0].n

    @property
    def log_e(self) -> float:
        """Log of the mean wealth now."""
        return float(evalues.mean([w.log_e for w in self.wealths]))

    def rejects(self, alpha: float) -> bool:
        """Whether "no better by more than δ" is refuted at level `alpha`, now or earlier.

        Raises:
            InputError: alpha is not strictly between 0 and 1.
        """
        return self.peak_log_e >= betting.log_target(alpha)


def ips(log: Log) -> float:
    """Inverse propensity score: unbiased, any scale of error under heavy weights; nan without rows.

    >>> even, all_b = np.full((4, 2), 0.5), np.tile([0.0, 1.0], (4, 1))
    >>> log = Log(all_b, even, np.array([0, 1, 1, 1]), np.array([0.0, 1.0, 1.0, 0.0]), np.zeros((4, 2)))
    >>> ips(log), round(snips(log), 3), dr(log)
    (1.0, 0.667, 1.0)
    """
    return _mean(weights(log) * log.reward)


def snips(log: Log) -> float:
    """Self-normalised IPS: stays within the rewards' range; biased of order 1/n; nan if no weight at all."""
    w = weights(log)
    return float((w * log.reward).sum() / w.sum()) if w.sum() > 0 else math.nan


def dr(log: Log) -> float:
    """Doubly robust: IPS on what the model leaves over; unbiased for any model, sharper with a good one."""
    return _mean(value_increments(log, cap=math.inf))


def weights(log: Log) -> Array:
    """Importance weight w = π/h of the option taken, shape (n,)."""
    chosen: Array = _taken(log, log.new) / _taken(log, log.old)
    return chosen


def value_increments(log: Log, cap: float = 1.0) -> Array:
    """φ = w(r − q̃) + E_π q̃, shape (n,): mean V(π), never below −cap."""
    q = _capped(log, cap)
    increments: Array = weights(log) * (log.reward - _taken(log, q)) + (log.new * q).sum(axis=1)
    return increments


def value_lower(log: Log, alpha: float, cap: float = 1.0) -> float:
    """Lower bound of the new policy's value: P(ever above it) ≤ alpha, however often one looks. Exact.

    For one increment a decision, drawn afresh; where units repeat, bound the unit means of
    `value_increments` with `confidence.mean_lower`.

    >>> even = np.full((400, 2), 0.5)
    >>> mostly_b, taken = np.tile([0.1, 0.9], (400, 1)), np.arange(400) % 2
    >>> log = Log(mostly_b, even, taken, taken * 0.8, np.zeros((400, 2)))         # b is worth .8, a nothing
    >>> f"{ips(log):.2f}, surely above {value_lower(log, 0.05):.2f}"
    '0.72, surely above 0.62'

    Raises:
        InputError: cap is not a number above 0, or alpha is not strictly between 0 and 1.
    """
    difference_bound(cap)
    return max(0.0, mean_lower(value_increments(log, cap), alpha, -cap, 1.0))


def difference_increments(log: Log, cap: float) -> Array:
    """What the new policy is ahead by, decision by decision, shape (n,), in expectation V(π) − V(h).

    (w − 1)(r − q̃) + E_π q̃ − E_h q̃, never below −difference_bound(cap).
    """
    q = _capped(log, cap)
    expected = ((log.new - log.old) * q).sum(axis=1)
    increments: Array = (weights(log) - 1) * (log.reward - _taken(log, q)) + expected
    return increments


def difference_bound(cap: float) -> float:
    """B = max(k, 1) + 1: no increment of the difference is below −B.

    Raises:
        InputError: cap is not a finite number above 0.
    """
    if not 0 < cap < math.inf:
        raise InputError(f"cap is {cap}; it must be a finite number above 0, usually 1 or 3")
    return max(cap, 1.0) + 1


def begin(threshold: float = 0.0, caps: Sequence[float] = (1.0, 3.0)) -> DifferenceTest:
    """Start the gate's test of H0: V(new) − V(old) ≤ threshold (−margin gives non-inferiority).

    >>> even = np.full((400, 2), 0.5)
    >>> mostly_b, taken = np.tile([0.1, 0.9], (400, 1)), np.arange(400) % 2
    >>> log = Log(mostly_b, even, taken, taken * 0.8, np.zeros((400, 2)))          # worth .72 against .40
    >>> test = update(begin(), log)
    >>> test.rejects(0.05), test.n
    (True, 400)

    Raises:
        InputError: no cap, a cap that is not above 0, or a threshold that cannot be tested.
    """
    if not caps:
        raise InputError("a difference test needs at least one cap, usually (1, 3)")
    bets = tuple(betting.begin(difference_bound(k), threshold, ceiling=math.inf) for k in caps)
    return DifferenceTest(tuple(caps), bets)


def update(test: DifferenceTest, log: Log, units: Sequence[object] | None = None) -> DifferenceTest:
    """Count more logged decisions, in their order.

    Args:
        test: where the test stands.
        log: decisions that no earlier update has seen.
        units: n unit ids; the decisions of one unit are averaged into one increment, placed at its first
            decision. A unit must not return in a later update. None where every decision is drawn afresh.

    Raises:
        InputError: `units` is not one per decision; nothing was counted.
    """
    steps = [_by_unit(difference_increments(log, k), units) for k in test.caps]
    bets = tuple(betting.update(w, d) for w, d in zip(test.wealths, steps, strict=True))
    if not steps[0].size:
        return test
    paths = [betting.log_e_path(w, d) for w, d in zip(test.wealths, steps, strict=True)]
    path = evalues.mean(np.asarray(paths))
    best = int(path.argmax())
    if path[best] <= test.peak_log_e:
        return replace(test, wealths=bets)
    return replace(test, wealths=bets, peak_log_e=float(path[best]), peak_n=test.n + best + 1)


def _check_shapes(log: Log) -> None:
    shape = np.shape(log.old)
    wide = {"new": log.new, "old": log.old, "predicted": log.predicted}
    if len(shape) != 2 or any(np.shape(a) != shape for a in wide.values()):
        found = ", ".join(f"{name} {np.shape(a)}" for name, a in wide.items())
        raise InputError(f"new, old and predicted must share one shape (decisions, options); got {found}")
    if np.shape(log.taken) != shape[:1] or np.shape(log.reward) != shape[:1]:
        raise InputError(f"taken and reward must have one entry for each of the {shape[0]} decisions")


def _check_values(log: Log) -> None:
    for name, table in (("new", log.new), ("old", log.old)):
        if not ((table >= 0).all() and np.allclose(table.sum(axis=1), 1, atol=1e-6)):
            raise InputError(f"every row of {name} must be probabilities that sum to 1")
    for name, values in (("reward", log.reward), ("predicted", log.predicted)):
        if not ((values >= 0) & (values <= 1)).all():
            raise InputError(f"{name} must be between 0 and 1; scale the reward's declared range first")
    if ((log.new > 0) & (log.old <= 0)).any():
        raise InputError(
            "the new policy may choose an option that was never served; judge it in shadow instead"
        )
    options = log.old.shape[1]
    if ((log.taken < 0) | (log.taken >= options)).any() or (_taken(log, log.old) <= 0).any():
        raise InputError("an option was taken that its logged probabilities rule out")


def _taken(log: Log, table: Array) -> Array:
    chosen: Array = np.take_along_axis(table, log.taken[:, None], axis=1)[:, 0]
    return chosen


def _capped(log: Log, cap: float) -> Array:
    # q̃ = min(q, cap/w) for every option, not just the one taken: one function in all terms.
    if math.isinf(cap):
        return log.predicted
    limit = np.full_like(log.predicted, np.inf)
    np.divide(cap * log.old, log.new, out=limit, where=log.new > 0)
    return np.minimum(log.predicted, limit)


def _by_unit(increments: Array, units: Sequence[object] | None) -> Array:
    if units is None:
        return increments
    if len(units) != increments.size:
        raise InputError(f"{len(units)} units for {increments.size} decisions; they must be one each")
    places: dict[object, int] = {}
    group = [places.setdefault(unit, len(places)) for unit in units]
    sums = np.bincount(group, weights=increments, minlength=len(places))
    return sums / np.bincount(group, minlength=len(places)) if places else increments


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else math.nan
