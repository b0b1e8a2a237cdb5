"""The ring, closed: what happens to candidates when people use a product, on a real ledger."""

import pytest
from msgspec.structs import replace

from autotroph.demo.scoreboard import trace
from autotroph.observe.deserving import named
from autotroph.records import (
    Cycle,
    Decision,
    Entry,
    Measurement,
    Release,
    Reward,
    Signal,
    Stage,
    Variant,
    Verdict,
)
from autotroph.store import verify
from typing_product import (
    TOML,
    Disk,
    Pupil,
    Typists,
    board,
    by,
    findings,
    opened,
    rounds,
    serving,
    use,
    word,
)


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        yield product


def stages(product, name):
    """The stages that the release of a candidate went through, epochs aside."""
    releases = {one.id for one in product.store.scan(Release, name=name)}
    found = [(one.name, one.share) for one in product.store.scan(Stage) if one.release in releases]
    return [one for place, one in enumerate(found) if place == 0 or found[place - 1] != one]


def peeking(product):
    main = product.rooms.desks["finish"].standing.main.release.body
    return replace(main, variants={**main.variants, "peek": Variant(model="disk")})


class TestWhatBecomesOfACandidate:
    def test_better_is_promoted_by_way_of_shadow_and_canary(self, product):
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 5)
        assert findings(product, "better") == ["advance", "promoted"]
        assert stages(product, "better") == [("shadow", 0.0), ("canary", 0.5), ("serving", 1.0)]
        assert serving(product) == "better"
        assert stages(product, "release 0") == [("serving", 1.0), ("replaced", 0.0)]

    def test_worse_is_refused_on_the_fold_before_anybody_meets_it(self, product):
        rounds(product, 1)
        product.propose("finish", "worse", policy=by("poor"))
        rounds(product, 3)
        assert findings(product, "worse") == ["refused"]
        assert stages(product, "worse") == []
        assert serving(product) == "release 0"

    def test_brilliant_in_shadow_and_useless_live_is_rolled_back(self, tmp_path):
        disk = Disk()
        with opened(tmp_path, disk=disk) as product:
            rounds(product, 1, disk=disk)
            product.propose("finish", "skewed", policy=by("peek"), body=peeking(product))
            rounds(product, 6, disk=disk)
            assert findings(product, "skewed") == ["advance", "rolled back"]
            assert stages(product, "skewed") == [("shadow", 0.0), ("canary", 0.5), ("withdrawn", 0.0)]
            assert serving(product) == "release 0"

    def test_every_verdict_carries_evidence_and_its_alpha(self, product):
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 6)
        verdicts = list(product.store.scan(Verdict))
        assert all(one.evidence["units"] >= 10 and one.alpha > 0 for one in verdicts)
        assert {entry.event for entry in product.store.scan(Entry)} >= {"declaration", "promoted"}
        assert verify(product.store) > 0

    def test_the_moment_the_loop_closed_is_journalled_once(self, product):
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 5)
        product.propose("finish", "best", policy=by("best"))
        rounds(product, 6)
        assert findings(product, "best")[-1] == "promoted"
        (closed,) = product.store.scan(Entry, event="loop closed")
        assert closed.subject == "finish"
        assert closed.details["seconds"] > 0

    def test_what_was_measured_against_a_replaced_release_begins_again(self, product):
        rounds(product, 1)
        product.propose("finish", "best", policy=by("best"))
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 6)
        assert findings(product, "best") == ["advance", "promoted"]
        assert findings(product, "better")[-1] == "refused"
        last = [one for one in product.store.scan(Verdict) if one.finding == "refused"][-1]
        assert "what serves has changed" in last.reason

    def test_one_candidate_at_a_time_is_in_front_of_people(self, tmp_path):
        steady = TOML.replace('floor = "2m"', 'floor = "1h"')
        with opened(tmp_path, steady) as product:
            rounds(product, 1)
            product.propose("finish", "best", policy=by("best"))
            product.propose("finish", "better", policy=by("fine"))
            for _ in range(6):
                rounds(product, 1)
                names = [live.stage.name for live in product.rooms.desks["finish"].standing.open]
                assert names.count("canary") <= 1
            assert sorted(names) == ["canary", "shadow"]


class TestTheWayBack:
    def promoted(self, folder, typists):
        product = opened(folder, typists=typists)
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 5)
        assert serving(product) == "better"
        return product

    def test_what_turns_bad_after_promotion_goes_back_by_itself(self, tmp_path):
        typists = Typists()
        with self.promoted(tmp_path, typists) as product:
            typists.skill["fine"] = 0.0
            rounds(product, 4)
            assert findings(product, "better") == ["advance", "promoted", "rolled back"]
            assert serving(product) == "release 0"
            assert stages(product, "better")[-1] == ("withdrawn", 0.0)

    def test_a_person_takes_it_back_with_the_next_decision(self, tmp_path):
        with self.promoted(tmp_path, Typists()) as product:
            before = product.decide("finish", {"number": 60000}, key="before")
            product.rollback("finish", by="Ada")
            after = product.decide("finish", {"number": 60000}, key="after")
            zero = product.rooms.desks["finish"].standing.zero.release.id
            assert before.decision.release != zero
            assert after.decision.release == zero
            assert stages(product, "better")[-1] == ("withdrawn", 0.0)
            (entry,) = product.store.scan(Entry, event="rolled back by hand")
            assert (entry.actor, entry.details["name"]) == ("Ada", "release 0")

    def test_the_loop_goes_on_after_a_rollback(self, tmp_path):
        with self.promoted(tmp_path, Typists()) as product:
            product.rollback("finish", by="Ada")
            rounds(product, 1)
            product.propose("finish", "best", policy=by("best"))
            rounds(product, 5)
            assert serving(product) == "best"


class TestOneCycle:
    def test_with_nothing_new_it_changes_nothing(self, product):
        rounds(product, 2)
        before = product.store.last()
        product.cycle()
        assert product.store.last() == before + 1
        assert product.store.get(Cycle).counts["decisions"] == 0

    def test_a_signal_sent_twice_or_late_counts_once(self, product):
        late = product.decide("finish", {"number": 1}, session="a")
        product.cycle()
        at = product.clock.now() + 1.0
        for _ in range(3):
            product.signal(late.id, "written", word(1), at=at)
        product.clock.advance(at + 600)
        product.cycle()
        assert len(list(product.store.scan(Signal))) == 1
        assert len(list(product.store.scan(Reward, decision=late.id))) == 1

    def test_rewards_are_final_once_and_only_after_the_horizon(self, product):
        answer = product.decide("finish", {"number": 1}, session="a")
        product.clock.advance(product.clock.now() + 59)
        product.cycle()
        assert product.store.get(Reward, decision=answer.id) is None
        product.clock.advance(product.clock.now() + 1)
        product.cycle()
        product.cycle()
        assert len(list(product.store.scan(Reward, decision=answer.id))) == 1

    def test_everybody_in_the_holdback_gets_release_0_for_good(self, product):
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 6)
        zero = product.rooms.desks["finish"].standing.zero.release.id
        held = list(product.store.scan(Decision, arm="holdback", served=True))
        assert len(held) > 20
        assert {one.release for one in held} == {zero}

    def test_the_lift_is_measured_against_release_0(self, product):
        rounds(product, 1)
        product.propose("finish", "best", policy=by("best"))
        rounds(product, 8)
        lift = product.store.get(Measurement, name="lift over release 0")
        assert 0.0 < lift.low < lift.value < lift.high
        assert lift.value < 0.53  # what the best typist is better by, if it had served from the beginning


class TestReopening:
    """All that is kept in memory is a fold of the ledger."""

    def end(self, folder, closing):
        disk = Disk()
        product = opened(folder, disk=disk)
        for number in range(8):
            if number in closing:
                product.close()
                product = opened(folder, disk=disk)
            if number == 1:
                product.propose("finish", "best", policy=by("best"))
                product.propose("finish", "worse", policy=by("poor"))
                product.propose("finish", "skewed", policy=by("peek"), body=peeking(product))
            rounds(product, 1, 40, disk)
        with product:
            assert findings(product, "best") == ["advance", "promoted"]
            standing = product.rooms.desks["finish"].standing
            return trace(product.store), standing, product.store.last(), board(product).alpha

    @pytest.mark.parametrize("closing", [{3}, {1, 2, 3, 4, 5, 6, 7}], ids=str)
    def test_at_any_point_is_as_if_it_had_never_been_closed(self, tmp_path, closing):
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        assert self.end(tmp_path / "a", set()) == self.end(tmp_path / "b", closing)


ADAPTING = TOML.replace("[gate]", '[tracks.adapt]\nkind = "adapt"\ntask = "finish"\nevery = 10\n'
                        'parameters = { signals = ["lesson"] }\n[gate]')  # fmt: skip


class TestLearningWithinTheEnvelope:
    def learned(self, folder, closing=()):
        """A pupil that is taught every other word a round before it is asked for."""
        product = opened(folder, ADAPTING, typists=Pupil())
        for number in range(8):
            if number in closing:
                product.close()
                product = opened(folder, ADAPTING, typists=Pupil())
            for n in range(40 * number + 40, 40 * number + 80):
                product.signal(f"lesson {n}", "lesson", word(n), at=product.clock.now())
            rounds(product, 1, 40)
        return product

    def test_what_goes_on_learning_is_proven_and_served(self, tmp_path):
        with self.learned(tmp_path) as product:
            assert serving(product) == "adapt"
            epochs = [one for one in product.store.scan(Stage) if one.name == "serving"]
            assert epochs[-1].knowledge > epochs[0].knowledge
            assert all(one.verdict == epochs[-1].verdict for one in epochs[2:])

    def test_release_0_stays_what_it_was(self, tmp_path):
        with self.learned(tmp_path) as product:
            zero = product.rooms.desks["finish"].standing.zero.release.id
            (knowledge,) = {one.knowledge for one in product.store.scan(Stage, release=zero)}
            lessons = product.store.scan(Signal, name="lesson", after=knowledge)
            outputs = product.store.query("SELECT DISTINCT output FROM answers WHERE release = ?", (zero,))
            assert not {one.value for one in lessons} & {row[0] for row in outputs.rows}

    def test_the_gates_fold_is_never_learned_from(self, tmp_path):
        with self.learned(tmp_path) as product:
            live = product.rooms.desks["finish"].standing.main
            pupil = product.rooms.pool.at(live.release.body.variants["fair"], live.stage.knowledge)
            lessons = list(product.store.scan(Signal, name="lesson"))
            hidden = {one.value for one in lessons if one.fold == "gate"}
            assert len(hidden) > 30
            assert pupil.known
            assert not hidden & pupil.known

    def test_reopened_it_knows_the_same(self, tmp_path):
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        with self.learned(tmp_path / "a") as one, self.learned(tmp_path / "b", closing={3, 5, 6}) as other:
            assert trace(one.store) == trace(other.store)
            use(one, range(1000, 1010))
            use(other, range(1000, 1010))
            one.cycle()
            other.cycle()
            assert trace(one.store) == trace(other.store)


class TestARewardThatDoesNotDeserveIt:
    """The gate reads the newest finding about the reward, and works for none that should not be chased."""

    def finding(self, product, low, high):
        version = product.rooms.versions("finish")["kept"]
        row = Measurement(
            name=named("kept", version), task="finish", value=(low + high) / 2, low=low, high=high, n=12,
            alpha=0.05, since=0, until=product.store.last(), at=product.clock.now(),
        )  # fmt: skip
        product.store.append(row).durable()

    def judged(self, product):
        rounds(product, 3)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 1)
        return next(
            one for one in product.store.scan(Verdict) if one.judge == "gate" and one.finding != "undecided"
        )

    def test_is_not_chased(self, product):
        self.finding(product, 0.0, 0.0)
        verdict = self.judged(product)
        assert verdict.finding == "refused"
        assert "'kept' does not deserve to be chased, by 12 past experiments" in verdict.reason

    def test_is_chased_when_that_is_unknown_and_the_verdict_warns(self, product):
        self.finding(product, 0.0, 1.0)
        verdict = self.judged(product)
        assert verdict.finding == "advance"
        assert "is unknown" in verdict.evidence["worthwhile"]["reason"]

    def test_is_not_chased_where_the_row_says_nothing_that_can_be_read(self, product):
        self.finding(product, 0.2, 0.4)
        verdict = self.judged(product)
        assert verdict.finding == "refused"
        assert "a gate fails closed" in verdict.reason
