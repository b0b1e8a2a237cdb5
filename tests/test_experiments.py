"""Experiments by hand on a real product with a real ledger: who is in one, what it shows, how it ends."""

from collections import Counter

import pytest

from autotroph.clock import draw
from autotroph.errors import InputError, UnknownName
from autotroph.faces.tried import in_ledger
from autotroph.records import Decision, Entry, Measurement, Release, Stage, Verdict
from autotroph.spec import Longest
from autotroph.store import open_reader, verify
from trying_product import TOML, days, opened, turn, visits

EXPLORING = TOML.replace("explore = 0.0", "explore = 0.2")
ANY = TOML.replace('reward = "liked"', 'reward = "liked"\npolicy = { kind = "uniform" }')


@pytest.fixture
def laddered(tmp_path):
    """With a candidate in front of half of the people."""
    with opened(tmp_path, ANY) as product:
        product.propose("greet", "warm one", policy=Longest(variant="warm"))
        days(product, 120, 2)
        assert product.rooms.desks["greet"].standing.canary is not None
        yield product


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        yield product


def shown(product, name="tone"):
    return next(one for one in product.experiments() if one.experiment.name == name)


def arms(product):
    product.store.append().durable()
    return {one.unit: (one.arm, one.release) for one in product.store.scan(Decision, served=True)}


class TestWhoIsInOne:
    def test_declaring_it_starts_nothing(self, product):
        visits(product, range(50))
        assert not product.experiments()
        assert {one.arm for one in product.store.scan(Decision)} == {"main", "holdback"}

    def test_its_share_is_taken_outside_the_holdback_and_in_equal_parts(self, product):
        experiment = product.experiment("tone", by="Ada")
        visits(product, range(2000))
        counts = Counter(arms(product).values())
        held = sum(count for (arm, _), count in counts.items() if arm == "holdback")
        assert held == sum(draw(product.rooms.salt, "holdback", f"u{n}") < 0.1 for n in range(2000))
        for release in experiment.arms.values():
            assert counts["experiment", release] / 2000 == pytest.approx(0.9 * 0.25, abs=0.03)
        assert counts["main", product.rooms.desks["greet"].standing.main.release.id] > 800

    def test_assignment_is_sticky_and_can_be_told_from_the_ids_alone(self, product):
        experiment = product.experiment("tone")
        visits(product, range(400))
        first = arms(product)
        visits(product, range(400))
        assert arms(product) == first
        for unit, (arm, release) in first.items():
            if arm != "holdback":
                place = draw(experiment.id, unit) / 0.5
                told = list(experiment.arms.values())[int(place * 2)] if place < 1 else None
                assert told == (release if arm == "experiment" else None)

    def test_a_decision_says_what_was_drawn_and_nothing_is_explored(self, tmp_path):
        with opened(tmp_path, EXPLORING) as product:
            experiment = product.experiment("tone")
            visits(product, range(300))
            product.store.append().durable()
            rows = [one for one in product.store.scan(Decision) if one.arm == "experiment"]
        warm = [one for one in rows if one.release == experiment.arms["warm"]]
        assert {one.p_arm for one in rows} == {0.9 * 0.5 / 2}
        assert {tuple((o.id, o.probability) for o in one.options) for one in warm} == {
            (("plain", 0.0), ("warm", 1.0))
        }

    def test_the_ladder_draws_among_the_others_and_neither_hash_knows_the_other(self, laddered):
        product = laddered
        experiment = product.experiment("tone")
        visits(product, range(1000, 4000))
        found = {unit: arm for unit, (arm, _) in arms(product).items() if int(unit[1:]) >= 1000}
        counts = Counter(found.values())
        candidate = product.rooms.desks["greet"].standing.canary.release.candidate
        assert counts["candidate"] == pytest.approx(counts["control"], abs=120)
        ours = [unit for unit, arm in found.items() if arm == "experiment"]
        would = sum(draw(candidate, unit) < 0.5 for unit in ours) / len(ours)
        assert would == pytest.approx(0.5, abs=0.05)
        rows = [
            one
            for one in product.store.scan(Decision)
            if one.arm == "candidate" and one.sequence > experiment.since
        ]
        assert {one.p_arm for one in rows} == {0.9 * 0.5 * 0.5}


class TestWhatItShows:
    def test_a_real_difference_excludes_0_at_some_point_and_the_interval_holds_the_truth(self, product):
        product.experiment("tone", by="Ada")
        for day in range(8):
            days(product, 250, 1, first=250 * day, plain=0.4, warm=0.7)
            if shown(product).may_be_proposed:
                break
        (contrast,) = shown(product).results.contrasts
        assert (contrast.arm, contrast.against, contrast.finding) == ("warm", "now", "better")
        assert 0 < contrast.low < 0.3 < contrast.high
        assert shown(product).ended is None

    def test_only_final_values_count_and_one_a_unit(self, product):
        product.experiment("tone")
        visits(product, range(400))
        visits(product, range(400))
        product.cycle()
        assert shown(product).results.contrasts[0].units == 0
        turn(product)
        found = shown(product).results
        (now, warm) = found.groups
        assert (now.counted, warm.counted) == (now.exposed, warm.exposed)
        assert now.exposed + warm.exposed == pytest.approx(180, abs=25)
        assert found.contrasts[0].units == min(now.counted, warm.counted)

    def test_a_product_opened_again_and_a_reader_say_the_same(self, product, tmp_path):
        product.experiment("tone", by="Ada")
        days(product, 150, 2, plain=0.4, warm=0.6)
        before, spec = product.experiments(), product.spec
        reader = open_reader(tmp_path / ".autotroph" / "ledger.db")
        assert in_ledger(reader, spec) == before
        reader.close()
        stands = product.rooms.desks["greet"].standing
        product.close()
        with opened(tmp_path) as again:
            assert again.experiments() == before
            assert again.rooms.desks["greet"].standing.experiments == stands.experiments

    def test_the_running_interval_is_measured_as_it_grows(self, product):
        experiment = product.experiment("tone")
        days(product, 100, 4, plain=0.4, warm=0.6)
        turn(product)
        rows = list(product.store.scan(Measurement, name="experiment tone: warm"))
        assert len(rows) == 4
        assert [one.n for one in rows] == sorted(one.n for one in rows)
        assert {one.since for one in rows} == {experiment.since}
        assert rows[-1].high - rows[-1].low < rows[0].high - rows[0].low

    def test_an_outcome_can_be_what_is_compared(self, product):
        product.experiment(
            "spending", task="greet", arms={"a": "main", "b": "warm"}, metric="spent", share=0.8
        )
        for number in range(300):
            made = product.decide("greet", {}, user=f"u{number}")
            product.signal(
                made.id, "paid", 30.0 + 10 * draw("pays", str(number)) + 20 * (made.option == "warm")
            )
        turn(product)
        (contrast,) = shown(product, "spending").results.contrasts
        assert contrast.finding == "better"
        assert contrast.low < 20 < contrast.high

    def test_an_arm_of_which_one_hears_later_is_not_compared(self, product):
        product.experiment("tone")
        for number in range(600):
            made = product.decide("greet", {}, user=f"u{number}")
            if draw("likes", str(number)) < 0.6:
                late = 90.0 if made.option == "warm" and draw("late", str(number)) < 0.7 else 5.0
                product.signal(made.id, "good", True, at=product.clock.now() + late)
        turn(product)
        found = shown(product)
        assert "in the warm arm only" in found.results.late
        assert found.results.contrasts[0].high < 0
        assert found.results.contrasts[0].finding == "undecided"
        assert found.ended is None


class TestTogetherWithTheLadder:
    def test_both_find_what_is_true_and_neither_counts_the_others_people(self, laddered):
        product = laddered
        experiment = product.experiment("quiet", task="greet", arms={"a": "main", "b": "plain"}, share=0.4)
        days(product, 400, 4, first=1000, plain=0.5, warm=0.5, angry_plain=0.05, angry_warm=0.5)
        verdict = product.store.get(Verdict, finding="rolled back")
        assert "'angry'" in verdict.reason
        (contrast,) = shown(product, "quiet").results.contrasts
        assert contrast.finding == "undecided"
        assert contrast.low < 0 < contrast.high
        assert shown(product, "quiet").ended is None
        ladder = {one.release for one in product.rooms.desks["greet"].comparisons.served()}
        assert not ladder & {*experiment.arms.values()}

    def test_evidence_of_the_ladder_is_the_same_as_without_those_units(self, laddered):
        product = laddered
        product.experiment("odd", task="greet", arms={"a": "warm", "b": "warm"}, share=0.5, stops=False)
        days(product, 500, 1, first=1000, plain=0.5, warm=0.5)
        desk = product.rooms.desks["greet"]
        units = {one.unit for one in desk.comparisons.served() if one.arm in ("candidate", "control")}
        tried = {one.unit for one in desk.comparisons.tried()}
        assert units
        assert tried
        assert not units & tried
        fold = {one.decision.unit for one in product.rooms.digestions["greet"].fold}
        assert fold
        assert not fold & tried


class TestHowItEnds:
    def test_by_a_decision_that_is_kept_with_the_numbers_and_a_candidate_if_asked_for(
        self, product, tmp_path
    ):
        experiment = product.experiment("tone", by="Ada")
        days(product, 300, 3, plain=0.3, warm=0.7)
        done = product.conclude("tone", "warm it is", by="Ada", propose="warm")
        assert done.may_be_proposed == ("warm",)
        entry = product.store.get(Entry, event="experiment stopped")
        assert (entry.actor, entry.subject, entry.details["decision"]) == ("Ada", "tone", "warm it is")
        assert entry.details["results"]["contrasts"][0]["finding"] == "better"
        assert {one.name for one in product.rooms.desks["greet"].board.waiting()} == {"tone: warm"}
        visits(product, range(5000, 5200))
        product.store.append().durable()
        assert "experiment" not in {one.arm for one in product.store.scan(Decision, after=entry.sequence)}
        for release in experiment.arms.values():
            assert product.store.get(Stage, release=release).name == "withdrawn"
        verify(product.store)
        before = product.experiments()
        product.close()
        with opened(tmp_path) as again:
            assert again.experiments() == before
            assert again.experiments()[0].ended.decision == "warm it is"

    def test_never_by_winning(self, product):
        product.experiment("tone")
        days(product, 400, 3, plain=0.2, warm=0.9)
        assert shown(product).may_be_proposed == ("warm",)
        desk = product.rooms.desks["greet"]
        assert desk.standing.main.release.name == "release 0"
        assert not desk.board.candidates

    @pytest.mark.parametrize(
        ("rates", "by"), [({"warm": 0.2}, "'liked'"), ({"warm": 0.6, "angry_warm": 0.4}, "'angry'")]
    )
    def test_by_harm_to_the_metric_or_a_guardrail(self, product, rates, by):
        product.experiment("tone")
        days(product, 500, 4, plain=0.6, **rates)
        ended = shown(product).ended
        assert ended.by == "loop"
        assert "'warm' is worse than what everybody else gets" in ended.reason
        assert by in ended.reason
        assert not product.rooms.desks["greet"].standing.experiments

    def test_not_by_harm_where_that_is_declared(self, tmp_path):
        with opened(
            tmp_path, TOML.replace("margin = 0.02\nplanned", "margin = 0.02\nstops = false\nplanned")
        ) as product:
            product.experiment("tone")
            days(product, 500, 3, plain=0.7, warm=0.1)
            assert "'warm' is worse" in shown(product).results.harm
            assert shown(product).ended is None

    def test_by_a_rollback_and_by_the_kill_switch_at_the_next_decision(self, product):
        product.experiment("tone")
        product.rollback("greet", by="Ada")
        assert shown(product).ended.by == "Ada"
        product.experiment("tone")
        product.back.switch.path.touch()
        visits(product, range(200))
        product.store.append().durable()
        began = shown(product).experiment.since
        assert "experiment" not in {one.arm for one in product.store.scan(Decision, after=began)}
        product.cycle()
        assert {one.ended.by for one in product.experiments()} == {"Ada", "the kill switch"}
        with pytest.raises(InputError, match="kill switch"):
            product.experiment("tone")

    def test_by_arms_of_the_wrong_size(self, product):
        lost = product.experiment("tone").arms["warm"]
        comparisons, serve = (
            product.rooms.desks["greet"].comparisons,
            type(product.rooms.desks["greet"].comparisons).serve,
        )
        comparisons.serve = lambda made, **how: (
            None if made.release == lost and int(made.unit[1:]) % 2 == 0 else serve(comparisons, made, **how)
        )
        days(product, 1600, 1)
        turn(product)
        ended = shown(product).ended
        assert (ended.by, "not as large as they were drawn" in ended.reason) == ("loop", True)

    def test_by_an_arm_whose_own_code_fails_which_costs_nobody_an_answer(self, product):
        experiment = product.experiment("tone")
        policies = product.rooms.desks["greet"].serving._policies
        broken = product.rooms.desks["greet"].standing.experiments[0].lives[1].stage.policy

        def failing(digest):
            if digest == broken:
                raise ValueError("no such file")
            return policies(digest)

        product.rooms.desks["greet"].serving._policies = failing
        visits(product, range(50))
        assert experiment.arms["warm"] not in {release for _, release in arms(product).values()}
        turn(product)
        assert "'warm' failed: ValueError: no such file" in shown(product).ended.reason


class TestWhatIsRefused:
    def test_a_second_one_of_the_name_and_one_that_nobody_declared(self, product):
        product.experiment("tone")
        with pytest.raises(InputError, match="under way"):
            product.experiment("tone")
        with pytest.raises(UnknownName, match="no experiment named 'tune'"):
            product.experiment("tune")
        with pytest.raises(UnknownName, match="no experiment under way named 'tune'"):
            product.conclude("tune", "nothing")
        with pytest.raises(InputError, match="in words"):
            product.conclude("tone", " ")

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"task": "gret", "arms": {"a": "main", "b": "warm"}}, "no task named 'gret'"),
            ({"task": "greet", "arms": {"a": "main"}}, "two arms or more"),
            (
                {"task": "greet", "arms": {"a": "main", "b": "cold"}},
                "no release, variant or action named 'cold'",
            ),
            ({"task": "greet", "arms": {"a": "main", "b": {"kind": "longst"}}}, "Did you mean 'longest'"),
            ({"task": "greet", "arms": {"a": "main", "b": "warm"}, "metric": "x"}, "no measure of the task"),
            ({"task": "greet", "arms": {"a": "main", "b": "warm"}, "share": 1.5}, "a share between 0 and 1"),
        ],
    )
    def test_what_does_not_hold_together(self, product, given, why):
        with pytest.raises((InputError, UnknownName), match=why):
            product.experiment("other", **given)
        assert product.store.get(Release, name="other: a") is None

    def test_while_nothing_may_advance(self, product):
        product.freeze(reason="holidays")
        with pytest.raises(InputError, match="holidays"):
            product.experiment("tone")
