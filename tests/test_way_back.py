"""Every way back through the real product: the next decision is by what served before, and it is told."""

import threading

import pytest

import typing_product
from autotroph.errors import InputError, UnknownName
from autotroph.records import Decision, Entry, Release, Stage, Verdict
from autotroph.store import verify
from promoted_product import TWO, answering, opened, promote
from support_product import OPTIONS, START, TOML


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        promote(product, "good")
        promote(product, "risky")
        yield product


def events(product):
    return [one.event for one in product.store.scan(Entry) if "switch" in one.event or "rolled" in one.event]


def serving(product, task="reply"):
    return product.rooms.desks[task].standing.main.release.name


class TestTheSwitch:
    def test_the_next_decision_is_by_what_the_present_release_replaced(self, product):
        assert answering(product) == {"risky"}
        product.back.switch.path.touch()
        assert answering(product) == {"good"}
        assert serving(product) == "risky"  # no row was needed

    def test_it_names_a_task_and_a_release(self, product):
        product.back.switch.path.write_text("reply release 0")
        assert answering(product) == {"release 0"}

    def test_a_candidate_is_met_by_nobody_any_more_and_nothing_is_explored(self, product):
        promote(product, "risky too", share=0.5)
        assert "risky too" in answering(product)
        product.back.switch.path.touch()
        made = [product.decide("reply", {}, user=f"v{n}", options=OPTIONS).decision for n in range(200)]
        assert {one.arm for one in made} == {"main", "holdback"}
        assert {one.p_arm for one in made if one.arm == "main"} == {0.98}
        assert {tuple(option.probability for option in one.options) for one in made} == {(1.0, 0.0)}

    def test_decisions_are_logged_as_they_were_made(self, product):
        product.back.switch.path.touch()
        made = product.decide("reply", {}, user="ann", options=OPTIONS).durable().decision
        row = product.store.get(Decision, id=made.id)
        stage = product.store.get(Stage, release=row.release, epoch=row.epoch)
        assert (row.release, row.epoch, row.policy) == (stage.release, stage.epoch, stage.policy)
        assert [one.probability for one in row.options] == [1.0, 0.0]

    def test_the_next_cycle_writes_it_down_once(self, product):
        product.back.switch.path.touch()
        product.cycle()
        assert serving(product) == "good"
        assert events(product) == ["rolled back by the kill switch", "kill switch pulled"]
        verdict = product.store.get(Verdict, judge="person")
        assert (verdict.finding, verdict.reason) == ("rolled back", "by the kill switch")
        for _ in range(3):
            product.cycle()
        assert answering(product) == {"good"}
        assert len(events(product)) == 2
        verify(product.store)

    def test_nothing_advances_while_it_is_there(self, product):
        assert product.back.halted() == ""
        product.back.switch.path.touch()
        product.decide("reply", {}, user="ann", options=OPTIONS)
        assert "is pulled" in product.back.halted()
        product.cycle()
        assert "is pulled" in product.back.halted()
        made = [product.decide("reply", {}, user=f"v{n}", options=OPTIONS).decision for n in range(200)]
        assert {one.arm for one in made} == {"main", "holdback"}
        product.back.switch.path.unlink()
        product.cycle()
        assert product.back.halted() == ""
        assert events(product)[-1] == "kill switch released"

    def test_when_it_is_gone_what_was_taken_back_stays_so(self, product):
        product.back.switch.path.touch()
        assert answering(product) == {"good"}
        product.back.switch.path.unlink()  # before any cycle has seen it
        assert answering(product) == {"good"}
        product.cycle()
        assert answering(product) == {"good"}
        assert serving(product) == "good"

    def test_pulled_again_it_goes_one_further_back(self, product):
        for name in ("good", "release 0", "release 0"):
            product.back.switch.path.touch()
            product.cycle()
            assert answering(product) == {name}
            product.back.switch.path.unlink()
            product.cycle()

    def test_it_is_the_same_pull_after_a_restart(self, tmp_path):
        with opened(tmp_path) as product:
            promote(product, "good")
            promote(product, "risky")
            product.back.switch.path.touch()
            product.cycle()
        with opened(tmp_path) as product:
            assert answering(product) == {"good"}
            product.cycle()
            assert serving(product) == "good"
            assert events(product).count("kill switch pulled") == 1
            product.back.switch.path.unlink()
        with opened(tmp_path) as product:
            product.cycle()
            assert events(product)[-1] == "kill switch released"
            product.back.switch.path.touch()
            assert answering(product) == {"release 0"}

    def test_pulled_while_nothing_runs_it_holds_from_the_first_decision(self, tmp_path):
        with opened(tmp_path) as product:
            promote(product, "good")
            path = product.back.switch.path
        path.touch()
        with opened(tmp_path) as product:
            assert answering(product) == {"release 0"}

    def test_one_task_and_then_the_other(self, tmp_path):
        with opened(tmp_path, TWO) as product:
            promote(product, "better")
            promote(product, "better", "title")
            path = product.back.switch.path
            path.write_text("reply\n")
            assert (answering(product), answering(product, "title")) == ({"release 0"}, {"better"})
            product.cycle()
            path.write_text("reply\ntitle\n")
            assert (answering(product), answering(product, "title")) == ({"release 0"}, {"release 0"})
            product.cycle()
            assert (serving(product), serving(product, "title")) == ("release 0", "release 0")

    @pytest.mark.parametrize("content", [b"replay", b"\xff\xfe\x00r", b"reply relase 0"])
    def test_what_is_misspelt_is_told_and_takes_back_whatever_it_may_mean(self, product, content):
        product.back.switch.path.write_bytes(content)
        assert answering(product) == {"good"}
        product.cycle()
        entries = [one for one in product.store.scan(Entry) if one.actor == "the kill switch"]
        faults = [*entries[-1].details["faults"], *(one.details.get("fault") for one in entries)]
        assert any(faults)

    def test_it_holds_where_the_measures_are_not_applied_and_no_cycle_runs(self, tmp_path):
        with opened(tmp_path) as product:
            promote(product, "better")
            answering(product)
            product.clock.advance(START + 8000)
            product.cycle()
            path = product.back.switch.path
        (tmp_path / "autotroph.toml").write_text(TOML.replace('"accepted"', '"1 - accepted"'), "utf-8")
        with opened(tmp_path) as product:
            path.touch()
            with pytest.raises(Exception, match="autotroph apply"):
                product.cycle()
            assert serving(product) == "release 0"

    def test_its_place_may_be_declared(self, tmp_path):
        declared = TOML.replace('name = "support"', 'name = "support"\nkillswitch = "../STOP"')
        (tmp_path / "here").mkdir()
        with opened(tmp_path / "here", declared) as product:
            promote(product, "better")
            (tmp_path / "STOP").touch()
            assert answering(product) == {"release 0"}


class TestByHand:
    def test_the_next_decision_is_by_the_release_that_is_named(self, product):
        done = product.rollback(to="release 0", by="Ada")
        assert answering(product) == {"release 0"}
        assert (done.task, done.name, done.unrecorded) == ("reply", "release 0", "")
        (entry,) = product.store.scan(Entry, event="rolled back by hand")
        assert (entry.actor, entry.details) == ("Ada", {"to": done.release, "name": "release 0"})

    def test_without_a_name_it_is_what_the_present_one_replaced(self, product):
        assert product.rollback().name == "good"
        assert product.rollback().name == "release 0"
        assert product.rollback().name == "release 0"

    def test_what_never_served_and_what_nobody_declared_is_refused(self, product):
        with pytest.raises(UnknownName, match="Did you mean 'good'"):
            product.rollback(to="god")
        with pytest.raises(UnknownName):
            product.rollback("replay")
        assert answering(product) == {"risky"}

    def test_of_two_of_one_name_the_id_says_which(self, product):
        first = product.rooms.desks["reply"].standing.parent.release.id
        promote(product, "good", suffix="2")
        with pytest.raises(InputError, match="by its id"):
            product.rollback(to="good")
        assert product.rollback(to=first).release == first

    def test_it_waits_for_no_cycle(self, product):
        began, over = threading.Event(), threading.Event()

        def long() -> None:
            with product._turning:
                began.set()
                assert over.wait(30)

        cycle = threading.Thread(target=long)
        cycle.start()
        assert began.wait(30)
        done = product.rollback()
        assert answering(product) == {"good"}
        assert "cycle is under way" in done.unrecorded
        assert serving(product) == "risky"
        over.set()
        cycle.join(30)
        product.cycle()
        assert serving(product) == "good"
        assert events(product) == ["rolled back by hand"]


class TestByItself:
    def test_what_does_harm_is_not_in_the_next_decision(self, tmp_path):
        typists = typing_product.Typists()
        with typing_product.opened(tmp_path, typists=typists) as product:
            typing_product.rounds(product, 1)
            product.propose("finish", "better", policy=typing_product.by("fine"))
            typing_product.rounds(product, 5)
            names = {one.id: one.name for one in product.store.scan(Release)}
            assert names[product.decide("finish", {"number": 60000}).decision.release] == "better"
            typists.skill["fine"] = 0.0
            while "rolled back" not in typing_product.findings(product, "better"):
                typing_product.rounds(product, 1)
            assert names[product.decide("finish", {"number": 60001}).decision.release] == "release 0"

    def test_a_candidate_goes_nowhere_while_the_switch_is_pulled_and_on_when_it_is_not(self, tmp_path):
        with typing_product.opened(tmp_path) as product:
            typing_product.rounds(product, 1)
            product.propose("finish", "better", policy=typing_product.by("fine"))
            product.back.switch.path.touch()
            typing_product.rounds(product, 5)
            assert typing_product.serving(product) == "release 0"
            assert not {"advance", "promoted"} & set(typing_product.findings(product, "better"))
            product.back.switch.path.unlink()
            typing_product.rounds(product, 6)
            assert typing_product.serving(product) == "better"
