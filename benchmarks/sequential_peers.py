"""How TensorZero decides, written anew from its formulas, for many runs at once.

Source: tensorzero/tensorzero as of its last release, 2026.6.0 (Apache-2.0, Rust; read, not copied):
`experimentation/track_and_stop/{mod,check_stopping,estimate_optimal_probabilities}.rs` and
`experimentation/asymptotic_confidence_sequences.rs`. Its Python package cannot be asked for the rule alone:
it runs in the gateway, on two databases.

- **Track and stop.** By turns until both variants have 10 values, the default. From then on the one with the
  higher mean (at a tie with the smaller variance a value, then the first in the list) wins as soon as

      (gap + ε)²/(2·(v₁/n₁ + v₂/n₂)) > ln((1 + ln(n₁ + n₂))/δ),

  v the sample variances, raised to 1e-12; δ = .05; ε = 0 unless declared. Until then the next value goes to a
  variant with a probability that makes the left side grow fastest, which for two is as their standard
  deviations, at least 1e-6; a small pull to equal shares (.01/√n of the objective) is left out here.
- **Per-arm sequences**, which its interface shows: mean ± √((nvρ² + 1)/(n²ρ²)·ln((nvρ² + 1)/α²)), tuned to
  n = 100. Here a variant is the better one as soon as they do not overlap.

The gateway looks every five minutes; here it looks after every value, or pair of values.
"""

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.sequential_paths import ALPHA, Array, first

LEAST = 10
FLOOR = 1e-12
SHARE = 1e-6
TUNED = 100


def stopping(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_], epsilon: float = 0.0
) -> tuple[Array, NDArray[np.bool_]]:
    """After how many pairs track and stop decides, at equal shares, and whether for `ours`."""
    n = np.arange(1, ours.shape[1] + 1, dtype=np.float64)
    means = [np.cumsum(arm, axis=1, dtype=np.int32) / n for arm in (ours, theirs)]
    variances = [_variance(mean, n) for mean in means]
    gap = np.abs(means[0] - means[1]) + epsilon
    over = gap**2 / (2 * (variances[0] + variances[1]) / n) > np.log((1 + np.log(2 * n)) / ALPHA)
    over[:, : LEAST - 1] = False
    found = first(over)
    last = np.minimum(found, n.size).astype(int) - 1
    rows = np.arange(len(ours))
    return found, means[0][rows, last] > means[1][rows, last]


def sequences(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Array:
    """After how many pairs the two arms' sequences no longer overlap."""
    n = np.arange(1, ours.shape[1] + 1, dtype=np.float64)
    peak = -2 * math.log(ALPHA)
    rho2 = (peak + math.log(peak) + 1) / TUNED
    reach, means = np.zeros(ours.shape), []
    for arm in (ours, theirs):
        mean = np.cumsum(arm, axis=1, dtype=np.int32) / n
        scaled = n * _variance(mean, n) * rho2 + 1
        reach += np.sqrt(scaled / (n**2 * rho2) * np.log(scaled / ALPHA**2))
        means.append(mean)
    over = np.abs(means[0] - means[1]) > reach
    over[:, 0] = False  # of one value there is no variance
    return first(over)


def _variance(mean: Array, n: Array) -> Array:
    return np.maximum(mean * (1 - mean) * n / np.maximum(n - 1, 1), FLOOR)


def tracked(
    luck: np.random.Generator, rates: tuple[float, float], epsilon: float, runs: int, longest: int
) -> tuple[Array, NDArray[np.int64]]:
    """The whole rule, shares and all: after how many values it stops, and at which of the two variants."""
    counts, sums = np.zeros((runs, 2)), np.zeros((runs, 2))
    stopped, winner = np.full(runs, np.inf), np.zeros(runs, dtype=np.int64)
    for turn in range(longest):
        open_ = np.isinf(stopped)
        if not open_.any():
            break
        arm = np.full(runs, turn % 2) if turn < 2 * LEAST else _drawn(luck, counts, sums)
        rows = np.flatnonzero(open_)
        counts[rows, arm[rows]] += 1
        sums[rows, arm[rows]] += luck.random(rows.size) < np.asarray(rates)[arm[rows]]
        if turn + 1 >= 2 * LEAST:
            leader, over = _decided(counts, sums, epsilon)
            now = open_ & over
            stopped[now], winner[now] = turn + 1, leader[now]
    return stopped, winner


def _drawn(luck: np.random.Generator, counts: Array, sums: Array) -> NDArray[np.int64]:
    spread = np.sqrt(_variance(sums / counts, counts))
    share = np.clip(spread[:, 1] / spread.sum(axis=1), SHARE, 1 - SHARE)
    return (luck.random(len(counts)) < share).astype(np.int64)


def _decided(counts: Array, sums: Array, epsilon: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    means = sums / counts
    noise = _variance(means, counts) / counts
    gap = means[:, 0] - means[:, 1]
    tie = np.abs(gap) < 1e-10
    leader = np.where(tie, noise[:, 0] > noise[:, 1], gap < 0).astype(np.int64)
    over = (np.abs(gap) + epsilon) ** 2 / (2 * noise.sum(axis=1)) > np.log(
        (1 + np.log(counts.sum(axis=1))) / ALPHA
    )
    return leader, over
