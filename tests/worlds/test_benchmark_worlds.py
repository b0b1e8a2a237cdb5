"""What the benchmark of sequential tests prints is what the library does; a few of its worlds, lived through.

The whole is behind the slow marker. Each world shows the naive way failing beside what protects from it.
"""

import json

import numpy as np
import pytest
from benchmarks import sequential_peers as peers
from benchmarks import sequential_worlds as worlds
from benchmarks.sequential import FULL, ROWS, SEED, Row, as_object
from benchmarks.sequential_paths import (
    ALPHA,
    asymptotic,
    bet,
    coins,
    decided,
    differences,
    frontier,
    general,
    peaks,
    tolerated,
)

from autotroph.stats import betting
from autotroph.stats.confidence import asymptotic_interval
from autotroph.stats.delays import uneven


class TestTheBenchmarkIsTheLibrary:
    def test_after_as_many_pairs(self) -> None:
        luck = np.random.default_rng(1)
        steps = differences(coins(luck, 0.4, (20, 400)), coins(luck, 0.25, (20, 400)))
        for row, stop, wide, peak in zip(
            steps, bet(steps), general(steps.astype(float)), peaks(steps), strict=True
        ):
            path = betting.log_e_path(betting.begin(1.0), row)
            reached = np.flatnonzero(path >= -np.log(ALPHA))
            assert stop == wide == (reached[0] + 1 if reached.size else np.inf)
            assert peak == pytest.approx(path.max())
        wins = betting.log_e_path(betting.begin(1.0), [1.0] * 50)
        assert frontier(50)[0] == np.argmax(wins >= -np.log(ALPHA)) + 1

    def test_the_asymptotic_one_too(self) -> None:
        luck = np.random.default_rng(2)
        steps = differences(coins(luck, 0.5, (10, 200)), coins(luck, 0.25, (10, 200)))
        for row, stop in zip(steps, asymptotic(steps, 100), strict=True):
            says = [asymptotic_interval(row[:n], ALPHA, 100, "lower").low > 0 for n in range(1, 201)]
            assert stop == (says.index(True) + 1 if any(says) else np.inf)

    def test_every_figure_that_was_promised_has_a_key(self) -> None:
        found = as_object([Row("aa", "", 0.05, "", {"z": 0.4}), Row("ramp", "", 0.0, "", {})])
        assert found == {"aa": 0.05, "ramp": 0.0, "peers": {"aa": {"z": 0.4}}}


class TestPeers:
    def test_theirs_stops_where_nothing_was_seen_of_either(self) -> None:
        nothing = np.zeros((1, 30), dtype=bool)
        assert peers.stopping(nothing, nothing, epsilon=0.02)[0] == 10
        assert np.isinf(peers.stopping(nothing, nothing)[0])

    def test_theirs_locks_onto_the_rarer_event_where_ours_does_not(self) -> None:
        luck = np.random.default_rng(3)
        stops, winner = peers.tracked(luck, (0.01, 0.05), 0.02, 400, 3000)
        worse = differences(coins(luck, 0.01, (400, 3000)), coins(luck, 0.05, (400, 3000)))
        assert decided(bet(worse)) <= tolerated(400)
        assert np.median(stops) == 20
        assert (winner[np.isfinite(stops)] == 0).mean() > 0.5

    def test_theirs_takes_longer_and_keeps_its_level_at_common_events(self) -> None:
        luck = np.random.default_rng(4)
        control, treated = coins(luck, 0.3, (400, 700)), coins(luck, 0.15, (400, 700))
        stops, ours = peers.stopping(control, treated)
        assert 95 <= np.median(stops) <= 130
        assert ours.mean() > 0.95
        assert np.median(bet(differences(control, treated))) < np.median(stops)
        assert np.median(peers.sequences(control, treated)) > 2 * np.median(stops)


class TestTraps:
    def test_users_who_come_back(self) -> None:
        found = worlds.sticky(np.random.default_rng(5), 200, 100, 200)
        assert found["promoted"] <= tolerated(200)
        assert found["rolled back"] <= tolerated(200)
        assert found["each decision"] > 2 * ALPHA

    def test_a_season_of_many_candidates(self) -> None:
        found = worlds.seasons(np.random.default_rng(6), 150, 1000)
        assert found["wrong, ledger"] <= tolerated(150)
        assert found["wrong, e-BH"] > 0.5
        assert found["found, ledger"] > 0.3

    def test_what_is_learned_where_nothing_matters(self) -> None:
        found = worlds.learned(np.random.default_rng(7), 40)
        assert found["fresh decisions"] <= tolerated(40)
        assert found["its training log"] > 0.65

    @pytest.mark.parametrize("days", [3, 7])
    def test_a_horizon_that_cuts_off_one_arm_leaves_undecided_what_would_be_promoted(self, days: int) -> None:
        found = worlds.delay(np.random.default_rng(8), days, 6)
        assert found["covered"] == 0.0
        assert found["undecided"] == 1.0
        assert found["final"] > 0.3
        assert found["nothing yet is 0"] == 1.0

    def test_a_horizon_that_covers_both_arms_decides(self) -> None:
        luck = np.random.default_rng(9)
        quick, slow = (worlds.seen(worlds.came(luck, mean, 8000), 21) for mean in (1.0, 3.0))
        assert quick.enough
        assert slow.enough
        assert not uneven(quick, slow)
        assert worlds.delay(luck, 21, 10)["covered"] <= tolerated(10)

    def test_each_arm_is_covered_well_enough_at_seven_days_and_yet_not_evenly(self) -> None:
        luck = np.random.default_rng(10)
        quick, slow = (worlds.seen(worlds.came(luck, mean, 8000), 7) for mean in (1.0, 3.0))
        assert quick.enough
        assert slow.enough
        assert uneven(quick, slow)

    def test_a_wrong_sample_ratio(self) -> None:
        luck = np.random.default_rng(11)
        assert worlds.mismatch(luck, 0.52, 60) >= 0.8
        assert worlds.mismatch(luck, 0.5, 150) <= tolerated(150, 0.001)

    def test_liars(self) -> None:
        found = worlds.liars(np.random.default_rng(12), 30)
        assert found["held"] == 0.0
        assert found["events"] == 1.0

    @pytest.mark.parametrize("burst", [False, True])
    def test_declared_liars_in_any_order(self, burst: bool) -> None:
        found = worlds.declared(np.random.default_rng(13), 10, burst=burst)
        assert found["held"] <= tolerated(10)
        assert found["k* alone"] == (1.0 if burst else pytest.approx(0, abs=0.3))


@pytest.mark.slow
@pytest.mark.parametrize("place", range(len(ROWS)), ids=[rows.__name__ for rows in ROWS])
def test_the_whole_benchmark_holds_what_is_asked(place: int) -> None:
    for row in ROWS[place](np.random.default_rng([SEED, place]), FULL):
        if row.asked:
            limit = float(row.asked.lstrip("≤≥ ").replace(",", ""))
            within = {"≤": row.ours <= limit, "≥": row.ours >= limit}
            assert within.get(row.asked[0], row.ours == limit), json.dumps([row.trap, row.ours, row.asked])
