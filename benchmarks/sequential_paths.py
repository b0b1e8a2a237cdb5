"""Many runs of a test at once: after how many units does each decide?

The library counts one run; here are thousands, looked at after every unit, with the library's fractions,
weights and levels. tests/worlds/test_benchmark_worlds.py ties the rest to it.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from autotroph.stats.betting import FRACTIONS, WEIGHTS, log_target
from autotroph.stats.confidence import BURN_IN, radius_of

Array = NDArray[np.float64]
Steps = NDArray[np.int8]

ALPHA = 0.05
CHUNK = 250


def coins(luck: np.random.Generator, rate: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Rewards of 0 or 1."""
    found: NDArray[np.bool_] = luck.random(shape, dtype=np.float32) < rate
    return found


def differences(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Steps:
    """What the first is ahead by, pair by pair: −1, 0 or 1."""
    return first.astype(np.int8) - second.astype(np.int8)


@cache
def frontier(longest: int, alpha: float = ALPHA) -> NDArray[np.int32]:
    """How many +1 the shipped bet needs beside 0, 1, … −1 to reject "no better" at alpha."""
    ups, needed = np.arange(longest + 1), np.empty(longest + 1, dtype=np.int32)
    starts, gains = np.log(WEIGHTS), np.log1p(np.asarray(FRACTIONS))
    losses, target = np.log1p(-np.asarray(FRACTIONS)), log_target(alpha)
    for downs in range(longest + 1):
        # The wealth grows with every +1, so the first of them that suffices is found by bisection.
        low, high = 0, ups.size
        while low < high:
            middle = (low + high) // 2
            wealth = np.logaddexp.reduce(starts + middle * gains + downs * losses)
            low, high = (low, middle) if wealth >= target else (middle + 1, high)
        needed[downs] = low
    return needed


def bet(steps: Steps, alpha: float = ALPHA) -> Array:
    """After how many pairs each run's exact bet rejects "no better"; inf for never. Steps −1, 0, 1."""
    plus = np.cumsum(steps == 1, axis=1, dtype=np.int32)
    minus = np.cumsum(steps == -1, axis=1, dtype=np.int32)
    needed = frontier(1 << int(max(minus.max(), plus.max())).bit_length(), alpha)
    return first(plus >= needed[minus])


def peaks(steps: Steps) -> Array:
    """The largest log wealth that each run ever had; steps −1, 0, 1."""
    plus = np.cumsum(steps == 1, axis=1, dtype=np.int32)
    minus = np.cumsum(steps == -1, axis=1, dtype=np.int32)
    return (_table(int(plus.max()), int(minus.max()))[plus, minus]).max(axis=1)


def _table(ups: int, downs: int) -> Array:
    table = np.full((ups + 1, downs + 1), -np.inf)
    for c, weight in zip(FRACTIONS, WEIGHTS, strict=True):
        rows, columns = np.arange(ups + 1) * np.log1p(c), np.arange(downs + 1) * np.log1p(-c)
        np.logaddexp(table, np.log(weight) + rows[:, None] + columns[None, :], out=table)
    return table


def general(steps: Array, alpha: float = ALPHA) -> Array:
    """As `bet`, for any increments of at least −1."""
    found = []
    for begin in range(0, len(steps), CHUNK):
        part = steps[begin : begin + CHUNK]
        wealth = np.full(part.shape, -np.inf)
        for c, weight in zip(FRACTIONS, WEIGHTS, strict=True):
            np.logaddexp(wealth, np.log(weight) + np.cumsum(np.log1p(c * part), axis=1), out=wealth)
        found.append(first(wealth >= log_target(alpha)))
    return np.concatenate(found)


def first(over: NDArray[np.bool_]) -> Array:
    """Number of the first unit at which it is so, in each run; inf for never."""
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf)


def peeked(steps: Steps, start: int = 30) -> Array:
    """A one-sided z-test, looked at after every pair from the 31st on."""
    total, squares = _sums(steps)
    n = np.arange(1, steps.shape[1] + 1)
    over = total > 1.645 * np.sqrt(np.maximum(squares - total**2 / n, 1e-12))
    over[:, :start] = False
    return first(over)


def asymptotic(steps: Steps, planned: int, alpha: float = ALPHA) -> Array:
    """The asymptotic confidence sequence, one-sided, narrowest at `planned`."""
    total, squares = _sums(steps)
    n = np.arange(1, steps.shape[1] + 1)
    radius = np.asarray([radius_of(int(each), alpha, planned, "lower") for each in n])
    spread = np.sqrt(np.maximum(squares - total**2 / n, 0) / np.maximum(n - 1, 1))
    over = total / n > spread * radius
    over[:, : BURN_IN - 1] = False
    return first(over)


def _sums(steps: Steps) -> tuple[Array, Array]:
    total = np.cumsum(steps, axis=1, dtype=np.int32).astype(np.float64)
    return total, np.cumsum(steps != 0, axis=1, dtype=np.int32).astype(np.float64)


def decided(stops: Array) -> float:
    """The share of runs that decide at all."""
    return float(np.isfinite(stops).mean())


def tolerated(runs: int, level: float = ALPHA) -> float:
    """The level and three standard errors of its estimate."""
    return level + 3 * float(np.sqrt(level * (1 - level) / runs))
