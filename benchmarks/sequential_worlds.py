"""Worlds with a known answer, each with what protects against its trap, and what happens without it.

A function draws one world many times and says how often what was done to it. `aa`, `sticky`, `ramp`, `delay`
and `liars` have nothing to find: whoever finds something is wrong.
"""

import math

import numpy as np
from numpy.typing import NDArray

from autotroph.stats import alpha as family
from autotroph.stats import betting, evalues, offpolicy, ratio
from autotroph.stats.adjustment import centres
from autotroph.stats.allocation import Split, stakes
from autotroph.stats.certificate import certificate, units_needed
from autotroph.stats.confidence import mean_lower
from autotroph.stats.delays import FOLLOWED, Coverage, coverage, uneven
from benchmarks.sequential_paths import ALPHA, Array, Steps, bet, coins, decided, differences, general, peaks

BASE = 0.3
RAMP = np.repeat([0.01, 0.1, 0.25, 0.5], 1500)
DRIFT = np.linspace(0.2, 0.45, RAMP.size)
CONTEXTS, OPTIONS = 25, 5
DAY = 86_400.0

Found = dict[str, float]


def sticky(luck: np.random.Generator, users: int, times: int, runs: int) -> Found:
    """Nobody is better; users come back and each has a taste of their own, so their decisions are alike."""
    taste = luck.beta(1.2, 2.8, (2, runs, users // 2)).astype(np.float32)
    said = luck.random((2, runs, users // 2, times), dtype=np.float32) < taste[..., None]
    units = said.mean(axis=3)
    each = said.transpose(0, 1, 3, 2).reshape(2, runs, -1)
    return {
        "promoted": decided(general((units[0] - units[1]).astype(np.float64))),
        "rolled back": decided(general((units[1] - units[0]).astype(np.float64))),
        "each decision": decided(bet(differences(each[0], each[1]))),
    }


def seasons(luck: np.random.Generator, runs: int, pool: int) -> Found:
    """80 candidates better by 6 points and 80 that are not, in 20 cycles of 8 tracks, 2,500 pairs each."""
    peak = {gain: _pool(luck, gain, pool) for gain in (0.0, 0.06)}
    wrong, promoted = (
        dict.fromkeys(("ledger", "e-BH", "α each"), 0),
        dict.fromkeys(("ledger", "e-BH", "α/160"), 0),
    )
    for _ in range(runs):
        better = luck.permutation(np.repeat([True, False], 80))
        found = np.where(better, luck.choice(peak[0.06], 160), luck.choice(peak[0.0], 160))
        ranked = np.zeros(160, dtype=bool)
        ranked[evalues.ranked(found.tolist(), ALPHA)] = True
        named = {
            "ledger": ledger(found),
            "e-BH": ranked,
            "α each": found >= math.log(1 / ALPHA),
            "α/160": found >= math.log(160 / ALPHA),
        }
        for name in wrong:
            wrong[name] += bool((named[name] & ~better).any())
        for name in promoted:
            promoted[name] += int((named[name] & better).sum())
    return {f"wrong, {name}": n / runs for name, n in wrong.items()} | {
        f"found, {name}": n / runs / 80 for name, n in promoted.items()
    }


def _pool(luck: np.random.Generator, gain: float, size: int) -> Array:
    shape = (500, 2500)
    draws = (
        differences(coins(luck, BASE + gain, shape), coins(luck, BASE, shape)) for _ in range(size // 500)
    )
    return np.concatenate([peaks(steps) for steps in draws])


def ledger(found: Array) -> NDArray[np.bool_]:
    """Whom the α ledger promotes, eight a cycle, by the largest log wealth of each."""
    book, promoted = family.begin(ALPHA), np.zeros(found.size, dtype=bool)
    for cycle in range(0, found.size, 8):
        for place in range(cycle, cycle + 8):
            book, level = family.grant(book)
            promoted[place] = found[place] >= math.log(1 / level)
        for place in range(cycle, cycle + 8):
            book = family.settle(book, place, promoted=bool(promoted[place]))
    return promoted


def learned(luck: np.random.Generator, runs: int, rows: int = 2000) -> Found:
    """No option matters; a policy is learned from a log, and judged on it, or on decisions after it."""
    same = later = 0
    for _ in range(runs):
        logs = [_log(luck, rows) for _ in range(2)]
        policy = _best_of(*logs[0])
        on = [offpolicy.update(offpolicy.begin(), _judged(policy, *each)).rejects(ALPHA) for each in logs]
        same, later = same + on[0], later + on[1]
    return {"fresh decisions": later / runs, "its training log": same / runs}


def _log(luck: np.random.Generator, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    context, taken = luck.integers(0, CONTEXTS, rows), luck.integers(0, OPTIONS, rows)
    return context, taken, (luck.random(rows) < BASE).astype(np.float64)


def _best_of(context: NDArray[np.int64], taken: NDArray[np.int64], reward: Array) -> Array:
    sums, counts = np.zeros((CONTEXTS, OPTIONS)), np.zeros((CONTEXTS, OPTIONS))
    np.add.at(sums, (context, taken), reward)
    np.add.at(counts, (context, taken), 1)
    policy = np.full((CONTEXTS, OPTIONS), 0.1 / OPTIONS)
    policy[np.arange(CONTEXTS), (sums / np.maximum(counts, 1)).argmax(axis=1)] += 0.9
    return policy


def _judged(
    policy: Array, context: NDArray[np.int64], taken: NDArray[np.int64], reward: Array
) -> offpolicy.Log:
    shape = (reward.size, OPTIONS)
    return offpolicy.Log(policy[context], np.full(shape, 1 / OPTIONS), taken, reward, np.full(shape, BASE))


def ramped(luck: np.random.Generator, gain: float = 0.0, base: Array = DRIFT) -> Split:
    """A ramp from 1 % to 50 % while the base rate drifts; the candidate is better by `gain`."""
    treated = luck.random(RAMP.size) < RAMP
    rewards = (luck.random(RAMP.size) < base + gain * treated).astype(float)
    return Split(RAMP, treated, rewards, centres(RAMP, treated, rewards))


def ramp(luck: np.random.Generator, runs: int) -> Found:
    """A ramp over a drifting base: weighted increments, or the arms' plain means at its end."""
    worlds = [ramped(luck) for _ in range(runs)]
    return {
        "weighted": float(np.mean([proven(each) for each in worlds])),
        "pooled means": float(np.mean([pooled(each) for each in worlds])),
    }


def proven(split: Split, threshold: float = 0.0) -> bool:
    """Whether the exact bet proves more than the threshold."""
    test = betting.begin(1.0, ceiling=math.inf)
    return betting.update(test, stakes(split, threshold)).rejects(ALPHA)


def pooled(split: Split) -> bool:
    """Whether a z-test of the arms' plain means does."""
    ours, theirs = split.rewards[split.treated], split.rewards[~split.treated]
    spread = math.sqrt(ours.var() / ours.size + theirs.var() / theirs.size)
    return bool(ours.mean() - theirs.mean() > 1.645 * spread)


def delay(luck: np.random.Generator, horizon: float, runs: int, days: int = 40) -> Found:
    """Equal arms; what comes back takes a day on average in the candidate's and three in the other.

    Returns:
        How often is promoted what is final at a horizon of so many days; the same where it has to cover both
        arms first; how often it is undecided for that; and "nothing yet" counted as 0, looked at once a day.
    """
    each = 200
    found = dict.fromkeys(("final", "covered", "undecided", "nothing yet is 0"), 0)
    for _ in range(runs):
        arms = [came(luck, mean, days * each) for mean in (1.0, 3.0)]
        final = bool(np.isfinite(bet(differences(arms[0] < horizon, arms[1] < horizon)[None])[0]))
        ours, theirs = (seen(arm, horizon) for arm in arms)
        late = not ours.enough or not theirs.enough or uneven(ours, theirs)
        found["final"] += final
        found["covered"] += final and not late
        found["undecided"] += late
        found["nothing yet is 0"] += _impatient(arms, days, each)
    return {name: n / runs for name, n in found.items()}


def came(luck: np.random.Generator, mean: float, n: int) -> Array:
    """After how many days something came back about each of n units; inf for never."""
    return np.where(luck.random(n) < BASE, luck.exponential(mean, n), np.inf)


def seen(arm: Array, horizon: float) -> Coverage:
    """What a horizon, in days, sees of an arm's delays."""
    known = arm[arm < FOLLOWED * horizon]
    return coverage((known * DAY).tolist(), horizon * DAY)


def _impatient(arms: list[Array], days: int, each: int) -> bool:
    for day in range(1, days + 1):
        age = np.repeat(np.arange(day, 0, -1), each)
        steps = differences(arms[0][: age.size] < age, arms[1][: age.size] < age)
        if np.isfinite(bet(steps[None])[0]):
            return True
    return False


def mismatch(luck: np.random.Generator, share: float, runs: int, units: int = 20_000) -> float:
    """How often a sample ratio is held to be wrong at .001, looked at every hundred units."""
    alarms = 0
    for arrivals in luck.binomial(100, share, size=(runs, units // 100)):
        test = ratio.begin([0.5, 0.5])
        for arm in arrivals:
            test = ratio.update(test, [100 - int(arm), int(arm)])
            if test.rejects(0.001):
                alarms += 1
                break
    return alarms / runs


def liars(luck: np.random.Generator, runs: int) -> Found:
    """4,000 users, .5 % of whom vote 50 times for a candidate that is 2 points worse; 1 % are declared.

    Returns:
        How often it is promoted by one vote a user and the number of units that the declared ones cannot
        fill; by one vote a user alone; and by counting events.
    """
    population, crowd = 4000, 20
    shape = (runs, population - crowd)
    honest = differences(coins(luck, BASE - 0.02, shape), coins(luck, BASE, shape))
    votes = np.concatenate((honest, np.ones((runs, crowd * 50), dtype=np.int8)), axis=1)
    users = _shuffled(luck, np.concatenate((honest, np.ones((runs, crowd), dtype=np.int8)), axis=1))
    return {
        "held": float(np.mean([_held(run, 0.01, population) for run in users])),
        "one vote a user": decided(bet(users)),
        "events": decided(bet(_shuffled(luck, votes))),
    }


def _shuffled(luck: np.random.Generator, steps: Steps) -> Steps:
    return luck.permuted(steps, axis=1)


def declared(luck: np.random.Generator, runs: int, *, burst: bool, population: int = 20_000) -> Found:
    """2 % of the users lie, as declared, for a candidate that is no better; in any order, or all at first.

    Returns:
        How often it is promoted with the threshold alone (k* is at least 2 %), and with the number of units,
        too, that liars who come together cannot fill.
    """
    share = 0.02
    crowd, shape = int(share * population), (runs, int(population * (1 - share)))
    honest = differences(coins(luck, BASE, shape), coins(luck, BASE, shape))
    steps = np.concatenate((np.ones((runs, crowd), dtype=np.int8), honest), axis=1)
    ordered = steps if burst else _shuffled(luck, steps)
    return {
        "held": float(np.mean([_held(run, share, population) for run in ordered])),
        "k* alone": float(np.mean([_held(run, share, population, filled=False) for run in ordered])),
    }


def _held(steps: Steps, share: float, population: int, *, filled: bool = True) -> bool:
    """Whether a run is ever promoted that has to survive a share of liars, and to have units enough."""
    for n in np.geomspace(100, population, 25).astype(int):
        found = certificate(mean_lower(steps[:n].astype(np.float64), ALPHA, -1.0, 1.0), 0.0, int(n))
        needed = units_needed(share, population, found.share)
        if found.share >= share and (not filled or (needed is not None and n >= needed)):
            return True
    return False
