"""What the arithmetic promises whatever the luck: refusals, batches, edges."""

import math

import numpy as np
import pytest

from autotroph.errors import InputError
from autotroph.stats import alpha, betting, certificate, confidence, drift, offpolicy, ratio


@pytest.mark.parametrize("wrong", [[math.nan], [math.inf], [0.2, -1.5], [1.5], [[0.1]]])
def test_an_increment_that_cannot_be_is_refused(wrong: list[float]) -> None:
    with pytest.raises(InputError, match="nothing was counted"):
        betting.update(betting.begin(1.0), wrong)


@pytest.mark.parametrize(("bound", "threshold"), [(0.0, 0.0), (math.nan, 0.0), (1.0, 1.0), (1.0, -1.0)])
def test_a_threshold_that_cannot_be_tested_is_refused(bound: float, threshold: float) -> None:
    with pytest.raises(InputError, match="cannot be tested"):
        betting.begin(bound, threshold)


def test_batches_do_not_matter_and_an_empty_one_changes_nothing() -> None:
    steps = np.random.default_rng(0).uniform(-1, 1, 500) + 0.0
    whole, single = betting.update(betting.begin(1.0, -0.1), steps), betting.begin(1.0, -0.1)
    for step in steps:
        single = betting.update(single, [step])
    assert single == whole == betting.update(whole, [])


def test_the_peak_is_kept_after_the_wealth_is_lost() -> None:
    up = betting.update(betting.begin(1.0), [1.0] * 20)
    down = betting.update(up, [-1.0] * 200)
    assert (down.peak_log_e, down.peak_n) == (up.log_e, 20)
    assert down.log_e < 0 < up.log_e
    assert down.rejects(0.05)


def test_the_worst_increments_lose_wealth_but_never_break_it() -> None:
    lost = betting.update(betting.begin(1.0), [-1.0] * 100_000)
    assert math.isfinite(lost.log_e)
    assert lost.e_value == pytest.approx(0)
    assert betting.update(betting.begin(1.0), [1.0] * 100_000).e_value > 1e300


def test_a_forecast_comes_true_when_the_effect_stays() -> None:
    pattern = [1, 0, 0, -1, 1, 0, 0, 0, 1, -1]
    now = betting.update(betting.begin(1.0), pattern * 8)
    more = betting.forecast(now, 0.05)
    assert more is not None
    assert betting.update(now, (pattern * 100)[: more + 10]).rejects(0.05)
    assert betting.forecast(betting.begin(1.0), 0.05) is None
    assert betting.forecast(betting.update(now, [1.0] * 100), 0.05) == 0


def test_intervals_contain_the_mean_and_respect_scale_and_bounds() -> None:
    x = np.random.default_rng(1).random(300) ** 3
    plain, scaled = confidence.mean_interval(x, 0.05), confidence.mean_interval(x * 12 - 4, 0.05, (-4, 8))
    assert 0 <= plain.low < plain.mean < plain.high <= 1
    assert scaled.low == pytest.approx(plain.low * 12 - 4, abs=1e-3)
    assert confidence.mean_interval([], 0.05, (-4, 8)).high == 8
    assert confidence.mean_interval([0.0] * 50, 0.05).low == 0
    with pytest.raises(InputError):
        confidence.mean_interval([1.2], 0.05)


def test_asymptotic_intervals_say_nothing_early_or_without_a_denominator() -> None:
    assert confidence.asymptotic_interval([1.0] * 29, 0.05, 100).high == math.inf
    assert confidence.ratio_interval([1.0] * 50, [0.0] * 50, 0.05).low == -math.inf
    assert confidence.asymptotic_interval([1.0, 2.0] * 50, 0.05, 100, "lower").high == math.inf
    with pytest.raises(InputError):
        confidence.ratio_interval([1.0], [1.0, 2.0], 0.05)


def test_one_sided_is_tighter_than_two_sided() -> None:
    x = np.random.default_rng(2).normal(size=200)
    one, two = (confidence.asymptotic_interval(x, 0.05, 200, side).low for side in ("lower", "both"))
    assert one > two


def test_all_alpha_ever_granted_without_a_promotion_stays_below_alpha() -> None:
    assert sum(alpha.share(i) for i in range(1, 200_000)) < 1
    ledger = alpha.begin(0.05)
    for i in range(50):
        ledger, _ = alpha.grant(ledger)
        ledger = alpha.settle(ledger, i, promoted=False)
    assert sum(ledger.grants) < 0.05


def test_a_promotion_in_the_past_frees_nothing_for_candidates_under_way() -> None:
    ledger, _ = alpha.grant(alpha.begin(0.05))
    ledger, under_way = alpha.grant(ledger)
    ledger, later = alpha.grant(alpha.settle(ledger, 0, promoted=True))
    assert ledger.grants[1] == under_way
    assert later == pytest.approx(0.05 * alpha.share(3) + ledger.grants[0])
    with pytest.raises(InputError, match="settled already"):
        alpha.settle(ledger, 0, promoted=True)
    with pytest.raises(InputError, match="no candidate 7"):
        alpha.settle(ledger, 7, promoted=False)


def test_so_many_liars_are_just_survived() -> None:
    found = certificate.certificate(lower=0.1, margin=0.02, units=1000)
    assert (1 - found.share) * 0.02 + found.share == pytest.approx(0.1)
    assert certificate.certificate(math.nan, 0.02, 10).count == 0
    assert certificate.certificate(0.1, 0.02, 1000, arm_share=0.5).share == pytest.approx(found.share / 2)


def test_shares_and_counts_that_cannot_be_are_refused() -> None:
    for shares in ([1.0], [0.5, 0.6], [0.0, 1.0]):
        with pytest.raises(InputError):
            ratio.begin(shares)
    with pytest.raises(InputError):
        ratio.update(ratio.begin([0.5, 0.5]), [1, -1])


def test_a_detector_restarts_its_bets_and_keeps_its_first_alarm() -> None:
    rewards = np.random.default_rng(3).random(400) < 0.2
    whole = drift.update(drift.begin(0.3, patience=50), rewards)
    single, logs = drift.begin(0.3, patience=50), [0.0] * len(drift.FRACTIONS)
    for x in rewards:
        single = drift.update(single, [x])
        logs = [
            max(m, 0) + math.log1p(c / 0.7 * (0.3 - x)) for m, c in zip(logs, drift.FRACTIONS, strict=True)
        ]
    assert single.alarmed_at == whole.alarmed_at is not None
    assert single.logs == pytest.approx(logs)
    assert whole.logs == pytest.approx(logs)
    with pytest.raises(InputError):
        drift.update(whole, [1.5])


def test_a_log_that_cannot_be_judged_is_refused() -> None:
    even, none = np.full((2, 2), 0.5), np.zeros((2, 2))
    first, taken, reward = np.tile([1.0, 0.0], (2, 1)), np.array([0, 0]), np.array([0.0, 1.0])
    with pytest.raises(InputError, match="never served"):
        offpolicy.Log(even, first, taken, reward, none)
    with pytest.raises(InputError, match="rule out"):
        offpolicy.Log(first, first, taken + 1, reward, none)
    with pytest.raises(InputError, match="between 0 and 1"):
        offpolicy.Log(first, even, taken, reward * 2, none)
    with pytest.raises(InputError, match="sum to 1"):
        offpolicy.Log(first, even * 1.1, taken, reward, none)


@pytest.mark.parametrize(("side", "level"), [("both", 0.05), ("lower", 0.1), ("upper", 0.1)])
def test_the_asymptotic_sequence_is_as_published_and_narrowest_where_it_was_planned(side, level) -> None:
    planned, n = 600, 400
    rho = math.sqrt((-2 * math.log(level) + math.log(-2 * math.log(level) + 1)) / planned)
    scaled = n * rho**2 + 1
    reach = math.log(math.sqrt(scaled) / 0.05) if side == "both" else math.log1p(math.sqrt(scaled) / 0.1)
    published = math.sqrt(2 * scaled / (n**2 * rho**2) * reach)
    assert confidence.radius_of(n, 0.05, planned, side) == pytest.approx(published)
    others = {m: confidence.radius_of(planned, 0.05, m, side) for m in range(50, 5000, 50)}
    assert min(others.values()) == pytest.approx(confidence.radius_of(planned, 0.05, planned, side), rel=2e-3)
    assert others[50] > 1.05 * others[planned]
