"""Nothing advances while it is frozen or quiet; what does harm goes back; restarts change nothing."""

from datetime import UTC, datetime

import pytest

from autotroph.errors import InputError, UnknownName
from autotroph.records import Entry, Stage, Verdict
from autotroph.unattended.freezing import frozen, halted, needs
from typing_product import TOML, Typists, by, findings, opened, rounds, serving

QUIET = """
[run]
quiet = ["00:00-24:00"]
"""


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path) as product:
        yield product


def why(product, task="finish"):
    return halted(product.store, product.spec, task, product.clock.now())


def proposed(product):
    """What would be promoted within a few rounds."""
    rounds(product, 1)
    product.propose("finish", "better", policy=by("fine"))


class TestWhatItSays:
    def test_who_why_and_until_when(self, product):
        end = datetime(2024, 1, 2, 8, tzinfo=UTC).timestamp()
        product.freeze(until=end, by="Ada", reason="holidays")
        assert why(product) == "frozen by Ada until 2024-01-02 08:00 (UTC): holidays"
        (need,) = needs(product.store, product.spec, product.clock.now())
        assert (need.subject, need.way_out) == ("all tasks", "autotroph thaw")
        product.clock.advance(end)
        assert why(product) == ""
        assert list(needs(product.store, product.spec, product.clock.now())) == []

    def test_a_task_alone(self, product):
        product.freeze("finish")
        assert why(product) == "frozen by a person"
        assert why(product, "another") == ""
        assert [one.way_out for one in needs(product.store, product.spec, 0.0)] == ["autotroph thaw finish"]

    def test_a_later_freeze_takes_the_place_of_an_earlier_one(self, product):
        product.freeze(reason="first")
        product.freeze(reason="second")
        assert why(product) == "frozen by a person: second"

    def test_thawing_without_a_task_thaws_everything(self, product):
        product.freeze("finish")
        product.freeze()
        product.thaw(by="Ada")
        assert why(product) == ""
        assert product.store.get(Entry, event="thawed").actor == "Ada"

    def test_a_task_that_is_thawed_stays_frozen_with_everything(self, product):
        product.freeze("finish", reason="mine")
        product.freeze(reason="ours")
        product.thaw("finish")
        assert why(product) == "frozen by a person: ours"

    def test_what_cannot_be_is_refused(self, product):
        with pytest.raises(InputError, match="nothing is frozen"):
            product.thaw()
        with pytest.raises(UnknownName, match="Did you mean 'finish'"):
            product.freeze("finsh")
        with pytest.raises(InputError, match="that is over"):
            product.freeze(until=product.clock.now())
        product.freeze()
        with pytest.raises(InputError, match="everything is: thaw without a task"):
            product.thaw("finish")

    def test_it_outlives_a_restart(self, tmp_path):
        with opened(tmp_path) as product:
            product.freeze("finish", reason="still")
        with opened(tmp_path) as product:
            assert why(product) == "frozen by a person: still"
            assert list(frozen(product.store, product.clock.now())) == ["finish"]


class TestNothingAdvances:
    def test_at_the_gate(self, product):
        proposed(product)
        product.freeze()
        rounds(product, 4)
        assert findings(product, "better") == []
        assert [one.name for one in product.store.scan(Stage)] == ["serving", "baseline"]
        product.thaw()
        rounds(product, 6)
        assert findings(product, "better") == ["advance", "promoted"]

    def test_on_the_ladder(self, product):
        proposed(product)
        rounds(product, 2)
        before = list(product.store.scan(Stage))
        product.freeze("finish", reason="holidays")
        rounds(product, 6)
        assert list(product.store.scan(Stage)) == before
        assert serving(product) == "release 0"
        held = [one for one in product.store.scan(Verdict) if one.finding == "hold"]
        assert held
        assert "frozen by a person: holidays" in held[-1].reason
        product.thaw()
        rounds(product, 4)
        assert serving(product) == "better"

    def test_in_quiet_hours(self, tmp_path):
        with opened(tmp_path, TOML + QUIET) as product:
            proposed(product)
            rounds(product, 5)
            assert "quiet hours, 00:00-24:00 (UTC)" in why(product)
            assert findings(product, "better") == []
        with opened(tmp_path, TOML) as product:
            rounds(product, 5)
            assert serving(product) == "better"

    def test_but_what_does_harm_goes_back(self, tmp_path):
        typists = Typists()
        with opened(tmp_path, typists=typists) as product:
            proposed(product)
            rounds(product, 5)
            assert serving(product) == "better"
            product.freeze()
            typists.skill["fine"] = 0.0
            rounds(product, 4)
            assert findings(product, "better")[-1] == "rolled back"
            assert serving(product) == "release 0"
