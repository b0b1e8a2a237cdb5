"""Simulated logs with a known value of every policy: error rates and sample sizes of off-policy evidence."""

from dataclasses import replace

import numpy as np
import pytest

from autotroph.stats import betting, offpolicy
from autotroph.stats.offpolicy import Log

ALPHA, OPTIONS = 0.05, 5
GAIN = 0.174  # of `pays`: .4 for the right option, moved there by .435


def world(luck: np.random.Generator, n: int, right: float, *, pays: bool, model: float = 0.3) -> Log:
    """The new policy takes the right option with .435 more than the old one, which took it with `right`."""
    best, rows = luck.integers(0, OPTIONS, n), np.arange(n)
    old, new = np.full((n, OPTIONS), (1 - right) / 4), np.full((n, OPTIONS), (1 - right - 0.435) / 4)
    old[rows, best], new[rows, best] = right, right + 0.435
    taken = np.where(luck.random(n) < right, best, (best + luck.integers(1, OPTIONS, n)) % OPTIONS)
    worth = np.full((n, OPTIONS), 0.3)
    worth[rows, best] = 0.7 if pays else 0.3
    reward = (luck.random(n) < worth[rows, taken]).astype(float)
    return Log(new, old, taken, reward, np.full((n, OPTIONS), model))


def certified_after(log: Log, caps: tuple[float, ...] = (1.0, 3.0)) -> float:
    """After how many events the gate's test rejects at ALPHA, looking after each; inf for never."""
    test = offpolicy.update(offpolicy.begin(caps=caps), log)
    if not test.rejects(ALPHA):
        return np.inf
    low, high = 0, test.peak_n
    while high - low > 1:
        middle = (low + high) // 2
        part = Log(*(table[:middle] for table in (log.new, log.old, log.taken, log.reward, log.predicted)))
        reached = offpolicy.update(offpolicy.begin(caps=caps), part).rejects(ALPHA)
        low, high = (low, middle) if reached else (middle, high)
    return high


def peeked_z(increments: np.ndarray) -> bool:
    """Whether a one-sided z-test, looked at after every event from the 30th on, ever rejects."""
    n = np.arange(1, increments.size + 1)
    mean = np.cumsum(increments) / n
    spread = np.sqrt(np.maximum(np.cumsum(increments**2) / n - mean**2, 1e-12) / n)
    return bool((mean[30:] > 1.645 * spread[30:]).any())


def test_where_no_option_matters_the_gate_certifies_at_most_alpha_and_a_peeked_z_test_far_more() -> None:
    luck, runs = np.random.default_rng(1), 300
    logs = [world(luck, 1500, 0.1, pays=False) for _ in range(runs)]
    false = np.mean([offpolicy.update(offpolicy.begin(), log).rejects(ALPHA) for log in logs])
    peeked = np.mean([peeked_z(offpolicy.difference_increments(log, 3.0)) for log in logs])
    assert false <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)
    assert peeked > 2 * ALPHA, "without the protection"


@pytest.mark.parametrize(("right", "most"), [(0.1, 200), (0.05, 280), (0.02, 740)])
def test_a_gain_is_certified_within_hundreds_of_events(right: float, most: int) -> None:
    luck = np.random.default_rng(2)
    found = [certified_after(world(luck, 3000, right, pays=True)) for _ in range(40)]
    assert np.median(found) <= most, f"weights up to {(right + 0.435) / right:.0f}"


def interval(log: Log) -> tuple[float, float]:
    """Exact two-sided interval of the new policy's value: the upper end is 1 − the bound of what is lost."""
    lost = replace(log, reward=1 - log.reward, predicted=1 - log.predicted)
    return offpolicy.value_lower(log, ALPHA / 2), 1 - offpolicy.value_lower(lost, ALPHA / 2)


def test_on_the_same_logs_two_separate_intervals_certify_far_less() -> None:
    luck = np.random.default_rng(3)
    logs = [world(luck, 250, 0.1, pays=True) for _ in range(30)]
    gated = np.mean([offpolicy.update(offpolicy.begin(), log).rejects(ALPHA) for log in logs])
    apart = np.mean([interval(log)[0] > interval(replace(log, new=log.old))[1] for log in logs])
    assert gated > 0.6
    assert apart < gated / 3


@pytest.mark.parametrize("model", [0.0, 0.3, 1.0])
def test_increments_are_unbiased_and_bounded_for_any_reward_model(model: float) -> None:
    log = world(np.random.default_rng(4), 60_000, 0.1, pays=True, model=model)
    for cap in (1.0, 3.0):
        d = offpolicy.difference_increments(log, cap)
        assert d.min() >= -offpolicy.difference_bound(cap)
        assert abs(d.mean() - GAIN) < 4 * d.std() / np.sqrt(d.size)
    assert abs(offpolicy.dr(log) - (0.3 + 0.4 * 0.535)) < 0.02


def test_the_value_interval_covers_under_heavy_weights_where_a_normal_one_does_not() -> None:
    luck, runs, truth = np.random.default_rng(5), 200, 0.3 + 0.4 * 0.445
    exact, normal = 0, 0
    for _ in range(runs):
        log = world(luck, 200, 0.01, pays=True)
        low, high = interval(log)
        exact += not low <= truth <= high
        scores = offpolicy.weights(log) * log.reward
        normal += abs(scores.mean() - truth) > 1.96 * scores.std() / np.sqrt(scores.size)
    assert exact / runs <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)
    assert normal / runs > 2 * ALPHA, "without the protection"


def test_decisions_of_one_unit_count_once() -> None:
    log = world(np.random.default_rng(6), 900, 0.1, pays=True)
    units = [i // 3 for i in range(900)]
    test = offpolicy.update(offpolicy.begin(), log, units)
    direct = betting.update(
        betting.begin(2.0, ceiling=np.inf),
        offpolicy.difference_increments(log, 1.0).reshape(300, 3).mean(axis=1),
    )
    assert test.n == 300
    assert test.wealths[0].log_e == pytest.approx(direct.log_e)


@pytest.mark.slow
def test_the_sizes_that_docs_quote() -> None:
    luck = np.random.default_rng(7)
    heavy = [certified_after(world(luck, 5000, 0.0135, pays=True)) for _ in range(200)]
    assert np.median(heavy) <= 1000, "weights up to 33"
