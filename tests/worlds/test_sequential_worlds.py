"""Simulated experiments with a known answer: error rates and sample sizes of the sequential tests."""

import numpy as np
import pytest
from numpy.typing import NDArray

from autotroph.stats import alpha as family
from autotroph.stats import betting, drift, ratio
from autotroph.stats.confidence import asymptotic_interval, mean_interval, ratio_interval

ALPHA = 0.05
BASE = 0.3


def paired(
    luck: np.random.Generator, control: float | NDArray[np.float64], treated: float, shape: tuple[int, int]
) -> NDArray[np.int8]:
    """Rewards of two arms on the same units, control minus treated: above 0 is harm."""
    first, second = luck.random(shape, np.float32) < control, luck.random(shape, np.float32) < treated
    return first.astype(np.int8) - second.astype(np.int8)


def peaks(steps: NDArray[np.int8]) -> NDArray[np.float64]:
    """Largest log wealth so far, after each increment of each run. Steps of −1, 0, 1 at threshold 0 only.

    The wealth then depends on nothing but how many +1 and −1 came, so one table per world serves all runs;
    `test_the_table_is_the_library` ties it to the library.
    """
    plus, minus = np.cumsum(steps == 1, axis=1), np.cumsum(steps == -1, axis=1)
    ups, downs = np.arange(plus.max() + 1)[:, None], np.arange(minus.max() + 1)[None, :]
    table = np.full((ups.size, downs.size), -np.inf)
    for c, weight in zip(betting.FRACTIONS, betting.WEIGHTS, strict=True):
        table = np.logaddexp(table, np.log(weight) + ups * np.log1p(c) + downs * np.log1p(-c))
    return np.maximum.accumulate(table[plus, minus], axis=1)


def stops(steps: NDArray[np.int8], alpha: float = ALPHA) -> NDArray[np.float64]:
    """After how many increments each run rejects, inf for never."""
    over = peaks(steps) >= -np.log(alpha)
    return np.where(over.any(axis=1), over.argmax(axis=1) + 1.0, np.inf)


def tolerated(runs: int, level: float = ALPHA) -> float:
    """The level and three standard errors of its estimate."""
    return level + 3 * float(np.sqrt(level * (1 - level) / runs))


def test_the_table_is_the_library() -> None:
    steps = paired(np.random.default_rng(1), BASE, 0.2, (20, 300))
    for row, stop in zip(steps, stops(steps), strict=True):
        path = betting.log_e_path(betting.begin(1.0), row)
        assert stop == (np.argmax(path >= -np.log(ALPHA)) + 1 if path.max() >= -np.log(ALPHA) else np.inf)


def test_a_a_looked_at_after_every_pair_stays_below_alpha_where_a_peeked_z_test_does_not() -> None:
    steps = paired(np.random.default_rng(2), BASE, BASE, (1000, 5000))
    false = float(np.isfinite(stops(steps)).mean())
    z = np.cumsum(steps, axis=1) / np.sqrt(np.maximum(np.cumsum(steps.astype(np.int32) ** 2, axis=1), 1))
    peeked = float((z[:, 30:] > 1.645).any(axis=1).mean())
    assert false <= ALPHA
    assert peeked > 4 * ALPHA, "without the protection"


@pytest.mark.parametrize(
    ("treated", "length", "most", "late"), [(0.24, 2500, 620, 1950), (0.15, 500, 105, 270)]
)
def test_one_untuned_exact_test_finds_harm_early(treated: float, length: int, most: int, late: int) -> None:
    steps = paired(np.random.default_rng(3), BASE, treated, (2000, length))
    found = stops(steps)
    assert float(np.median(found)) <= most
    assert float(np.quantile(found, 0.95)) <= late


def test_equal_shares_over_the_same_fractions_would_find_harm_much_later() -> None:
    steps = paired(np.random.default_rng(3), BASE, 0.24, (40, 2500))
    equal = betting.begin(1.0, weights=[1 / 16] * 16)
    ends = [betting.log_e_path(equal, row) >= -np.log(ALPHA) for row in steps]
    assert np.median([e.argmax() + 1 if e.any() else np.inf for e in ends]) > 1.2 * np.median(stops(steps))


def test_rare_events_lock_onto_the_worse_arm_no_more_often_than_alpha() -> None:
    steps = paired(np.random.default_rng(4), 0.05, 0.01, (2000, 2000))  # treated − control says: worse
    assert np.isfinite(stops(-steps)).mean() <= ALPHA
    assert np.isfinite(stops(steps)).mean() > 0.9, "and the better one is found"


def test_repeated_decisions_of_one_unit_are_not_evidence_of_their_own() -> None:
    luck = np.random.default_rng(5)
    taste = luck.choice([-0.5, 0.5], size=(200, 100, 1))  # 100 units a run, 20 decisions each
    decisions = np.clip(taste + luck.choice([-0.5, 0.5], size=(200, 100, 20)), -1, 1)
    per_unit = [betting.update(betting.begin(1.0), run.mean(axis=1)).rejects(ALPHA) for run in decisions]
    per_decision = [betting.update(betting.begin(1.0), run.ravel()).rejects(ALPHA) for run in decisions]
    assert np.mean(per_unit) <= tolerated(200)
    assert np.mean(per_decision) > 4 * ALPHA, "without the protection"


def test_a_plain_interval_misses_when_looked_at_often_and_a_betting_sequence_does_not() -> None:
    luck, looks = np.random.default_rng(6), [10, 20, 40, 60, 100, 150, 250, 400, 650, 1000]
    runs = (luck.random((150, 1000)) < BASE).astype(float)
    exact, plain = 0, 0
    for run in runs:
        found = [mean_interval(run[:n], ALPHA) for n in looks]
        exact += any(not i.low <= BASE <= i.high for i in found)
        plain += any(abs(run[:n].mean() - BASE) > 1.96 * run[:n].std() / np.sqrt(n) for n in looks)
    assert exact / 150 <= tolerated(150)
    assert plain / 150 > 2 * ALPHA, "without the protection"


def test_asymptotic_interval_covers_at_all_times() -> None:
    luck, looks = np.random.default_rng(7), range(30, 1500, 30)
    runs = luck.exponential(size=(200, 1500))
    for side in ("both", "lower", "upper"):
        missed = sum(
            any(
                not i.low <= 1 <= i.high
                for i in (asymptotic_interval(r[:n], ALPHA, 800, side) for n in looks)
            )
            for r in runs
        )
        assert missed / 200 <= tolerated(200), side


def test_relative_gain_covers_with_clusters_of_very_different_size() -> None:
    luck, looks = np.random.default_rng(8), range(60, 600, 20)
    missed = 0
    for _ in range(300):
        size = np.ceil(luck.lognormal(1.5, 1.0, 600))
        old = luck.binomial(size.astype(int) * 10, 0.3).astype(float)
        new = luck.binomial(size.astype(int) * 10, 0.36).astype(float)
        found = [ratio_interval(new[:n], old[:n], ALPHA, planned=300) for n in looks]
        missed += any(not i.low <= 0.2 <= i.high for i in found)
    assert missed / 300 <= tolerated(300)


def wrong_seasons(luck: np.random.Generator, runs: int, *, family_wise: bool) -> float:
    """Share of seasons that promote a null: 12 candidates, a third better, up to 3 in shadow at once."""
    better = luck.random((runs, 12)) < 1 / 3
    control = np.where(better.reshape(-1, 1), 0.6, BASE)
    evidence = peaks(paired(luck, control, BASE, (runs * 12, 400))).reshape(runs, 12, 400)
    played = (season(e, b, family_wise=family_wise) for e, b in zip(evidence, better, strict=True))
    return float(np.mean(list(played)))


def season(evidence: NDArray[np.float64], better: NDArray[np.bool_], *, family_wise: bool) -> bool:
    """Play one season with the library's ledger; was a candidate promoted that is not better?"""
    ledger, running, now = family.begin(ALPHA), [], 0
    for candidate, path in enumerate(evidence):
        if len(running) == 3:
            now, ended, promoted = min(running)
            running.remove((now, ended, promoted))
            ledger = family.settle(ledger, ended, promoted=promoted)
        ledger, level = family.grant(ledger)
        needed = int(np.searchsorted(path, -np.log(level if family_wise else ALPHA))) + 1
        running.append((now + min(needed, 400), candidate, needed <= 400))
        if needed <= 400 and not better[candidate]:
            return True
    return False


def test_a_season_of_overlapping_candidates_promotes_a_null_at_most_alpha_of_the_time() -> None:
    assert wrong_seasons(np.random.default_rng(9), 1500, family_wise=True) <= tolerated(1500)


def test_alpha_for_every_candidate_would_promote_nulls_in_many_seasons() -> None:
    assert wrong_seasons(np.random.default_rng(10), 300, family_wise=False) > 2 * ALPHA


def test_share_mismatch_is_not_cried_without_one_and_is_found_with_one() -> None:
    luck, runs = np.random.default_rng(11), 400

    def blocked(true_share: float) -> float:
        arrivals = luck.binomial(50, true_share, size=(runs, 100))
        return float(np.mean([mismatch(row) for row in arrivals]))

    def mismatch(row: NDArray[np.int64]) -> bool:
        test = ratio.begin([0.9, 0.1])
        for arm in row:
            test = ratio.update(test, [50 - int(arm), int(arm)])
        return test.rejects(ALPHA)

    assert blocked(0.1) <= tolerated(runs)
    assert blocked(0.13) > 0.95


def test_drift_alarms_rarely_at_the_boundary_and_soon_after_a_drop() -> None:
    luck, patience = np.random.default_rng(12), 200.0
    waits = [
        drift.update(drift.begin(BASE, patience=patience), luck.random(6000) < BASE).alarmed_at or 6000
        for _ in range(300)
    ]
    assert np.mean(waits) >= patience, "average run length"
    delays = [
        drift.update(drift.begin(BASE), luck.random(2000) < 0.15).alarmed_at or 2000 for _ in range(200)
    ]
    assert np.median(delays) <= 200


@pytest.mark.slow
def test_the_sizes_that_docs_quote() -> None:
    luck = np.random.default_rng(13)
    false = np.isfinite(stops(paired(luck, BASE, BASE, (2000, 10_000)))).mean()
    fifth = np.median(stops(paired(luck, BASE, 0.24, (6000, 3000))))
    half = np.median(stops(paired(luck, BASE, 0.15, (6000, 600))))
    twentieth = np.median(stops(paired(luck, BASE, 0.285, (300, 40_000))))
    assert false <= ALPHA
    assert fifth <= 620
    assert half <= 105
    assert twentieth <= 20_000, "tiny effects are found too; equal shares need about 14,000"
