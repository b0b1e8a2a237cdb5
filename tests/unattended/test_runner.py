"""The loop turned when it is due; what fails is told, journalled and tried again."""

import threading

import pytest

from autotroph.clock import ReplayClock
from autotroph.errors import LedgerError, SpecError
from autotroph.records import Cycle, Entry, Reward
from autotroph.spec import Duration, RunSpec
from autotroph.unattended.background import Background, paced
from autotroph.unattended.runner import LOOK, Chore, Runner
from autotroph.unattended.schedule import Waiting
from autotroph.unattended.telling import Failed, Turned, line
from support_product import START, ask, opened

HOUR = 3600.0
RUN = RunSpec(every=Duration(60.0), evidence=3, idle=Duration(900.0))


class Stopped(ReplayClock):
    """A clock on which nothing takes any time."""

    def elapsed(self) -> float:
        return self.now()


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        product.clock = product.rooms.clock = Stopped("seven", at=START)
        product.cycle()
        yield product


def cycles(product):
    return product.store.get(Cycle).number


def later(product, seconds):
    product.clock.advance(product.clock.now() + seconds)


class TestWhenItIsDue:
    def test_nothing_to_do_makes_no_rows(self, product):
        runner, before = Runner(product, RUN), product.store.last()
        for _ in range(899):
            assert runner.look() <= LOOK
            later(product, 1.0)
        assert product.store.last() == before
        later(product, 1.0)
        runner.look()
        assert cycles(product) == 2

    def test_a_decision_is_news_a_minute_later(self, product):
        runner = Runner(product, RUN)
        ask(product, "u1")
        runner.look()
        assert cycles(product) == 1
        later(product, 60.0)
        runner.look()
        assert cycles(product) == 2
        later(product, 60.0)
        runner.look()
        assert cycles(product) == 2

    def test_enough_horizons_that_have_passed_do_not_wait(self, product):
        runner = Runner(product, RUN)
        ids = [ask(product, f"u{n}") for n in range(3)]
        later(product, 60.0)
        runner.look()
        assert cycles(product) == 2
        later(product, HOUR - 61.0)
        runner.look()
        assert cycles(product) == 3  # nothing came in for a quarter of an hour
        later(product, 1.0)
        assert product.waiting(9) == Waiting(ripe=3)
        runner.look()
        assert cycles(product) == 4
        assert all(product.store.get(Reward, decision=one) for one in ids)

    def test_what_no_cycle_has_seen_yet_is_counted_too(self, product):
        for number in range(5):
            ask(product, f"u{number}")
        assert product.waiting(9) == Waiting(news=True, ripe=0)
        later(product, HOUR)
        assert product.waiting(9) == Waiting(news=True, ripe=5)
        assert product.waiting(3) == Waiting(news=True, ripe=3)

    def test_a_thaw_is_news(self, product):
        product.freeze()
        assert not product.waiting().news
        product.thaw()
        assert product.waiting().news

    def test_a_server_may_be_told_another_pace_or_none(self):
        assert paced(RUN, "declared") is RUN
        assert paced(RUN, None) is None
        assert paced(RUN, 5.0).idle == paced(RUN, 5.0).every == 5.0


class TestWhatFails:
    @pytest.fixture
    def failing(self, product, monkeypatch):
        def planted():
            raise LedgerError("planted: the name of a person")

        monkeypatch.setattr(product, "cycle", planted)
        ask(product, "u1")
        later(product, 60.0)
        return product

    def test_is_tried_again_later_and_later(self, failing):
        told: list[Turned | Failed] = []
        runner = Runner(failing, RUN, told.append)
        for _ in range(64):
            assert 0.0 < runner.look() <= LOOK
            later(failing, 1.0)
        assert [one.again for one in told] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
        assert runner.turning.failed == 7
        assert runner.turning.error == "LedgerError: planted: the name of a person"

    def test_is_on_record_by_its_kind(self, failing):
        runner = Runner(failing, RUN)
        runner.look()
        entry = failing.store.get(Entry, event="cycle failed")
        assert entry.details == {"failed": 1, "error": "LedgerError"}

    def test_when_it_works_again_the_journal_says_so(self, failing, monkeypatch):
        runner = Runner(failing, RUN)
        runner.look()
        monkeypatch.undo()
        later(failing, 1.0)
        runner.look()
        assert cycles(failing) == 2
        assert failing.store.get(Entry, event="cycles go on").details == {"failed": 1}
        assert (runner.turning.failed, runner.turning.error) == (0, "")

    def test_what_only_a_person_can_mend_ends_it(self, product, monkeypatch):
        def planted():
            raise SpecError("planted")

        monkeypatch.setattr(product, "heed", planted)
        with pytest.raises(SpecError):
            Runner(product, RUN, fatal=(SpecError,)).look()
        assert Runner(product, RUN).look() == LOOK

    def test_a_chore_that_fails_stops_no_cycle(self, product):
        done = []

        def do():
            done.append(product.clock.now())
            raise LedgerError("planted")

        runner = Runner(product, RUN, chores=[Chore("segments", 300.0, do)])
        ask(product, "u1")
        for _ in range(10):
            later(product, 60.0)
            runner.look()
        assert done == [START + 60.0, START + 360.0]
        assert len(list(product.store.scan(Entry, event="segments failed"))) == 2
        assert cycles(product) == 2
        assert runner.turning.failed == 0


class TestTheEnd:
    def test_no_step_begins_after_it(self, product, monkeypatch):
        runner = Runner(product, RUN)
        monkeypatch.setattr(product, "retain", lambda _: pytest.fail("another step"))
        ask(product, "u1")
        later(product, 60.0)
        runner._fresh = False
        cycle = product.cycle
        monkeypatch.setattr(product, "cycle", lambda: (runner.end(), cycle())[1])
        runner.run()
        assert cycles(product) == 2

    def test_a_thread_turns_it_and_ends(self, tmp_path):
        with opened(tmp_path) as product:
            turned = threading.Event()
            cycle = product.cycle
            product.cycle = lambda: (cycle(), turned.set())[0]
            with Background(product, 0.05) as background:
                product.clock.advance(START + 1.0)
                assert turned.wait(20)
            assert background.turning.error == ""
            assert not any(one.name == "cycles" for one in threading.enumerate())

    def test_one_that_is_never_to_turn_does_not(self, product):
        with Background(product, None) as background:
            assert background.turning.every is None
        assert cycles(product) == 1


def test_a_line_says_what_moved():
    verdict = {"task": "route", "candidate": "learn", "finding": "promoted"}
    turned = Turned(number=3, decisions=1200, shadows=0, rewards=9, candidates=[], verdicts=[verdict])
    assert line(turned, START) == (
        "2023-11-14 22:13:20 UTC  cycle 3: 1,200 decisions · 0 shadows · 9 rewards; route: learn promoted"
    )
