"""What could be chased is ranked as it was planted: drivers, then noise, what is late, what is gamed."""

import pytest
from msgspec.structs import replace

from autotroph.errors import UnknownName
from autotroph.observe.suggestions import suggest
from autotroph.records import Signal
from autotroph.spec import parse
from autotroph.store import open_store
from observe.planted_signals import TOML, live, spec


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    store = open_store(tmp_path_factory.mktemp("planted") / "ledger.db")
    live(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def found(ledger):
    return suggest(ledger, spec(), "reply")


def one(found, signal):
    (chased,) = [each for each in found.ranked if each.signal == signal]
    return chased


def test_the_ranking_is_as_planted(found):
    assert {each.signal: each.finding for each in found.ranked} == {
        "helped": "chase", "left": "chase", "copies": "chase", "thumb": "chase", "never": "unknown",
        "rare": "unknown", "coin": "noise", "survey": "late", "written": "gamed", "praised": "gamed",
        "returned": "outcome",
    }  # fmt: skip
    assert [each.signal for each in found.ranked][:4] == ["helped", "left", "copies", "thumb"]
    assert (found.outcome, found.decisions, found.units) == ("retained", 1200, 400)


def test_what_is_said_of_a_signal_is_what_was_planted(found):
    helped, copies, left = one(found, "helped"), one(found, "copies"), one(found, "left")
    assert helped.agreement.low > 0.6
    assert helped.area.low > 0.8
    assert helped.coverage.mean == 1.0
    assert copies.coverage.low < 0.5 < copies.coverage.high
    assert (helped.delay, helped.late) == (pytest.approx(83.0, rel=0.15), pytest.approx(360.0, rel=0.15))
    assert left.agreement.high < -0.4
    assert (one(found, "returned").by_user, helped.by_user, left.by_user) == (0.0, 1.0, 0.0)


def test_who_gave_it_is_told(found):
    assert one(found, "helped").busiest == pytest.approx(4 / 400)
    assert one(found, "rare").busiest == pytest.approx(1 / 5)


def test_what_is_found_by_sql_is_held_against_what_people_say(found):
    trust = one(found, "left").trust
    assert trust["helped"].high < -0.6
    assert abs(trust["coin"].mean) < 0.2
    assert one(found, "helped").trust == {}


def test_what_is_gamed_says_by_what(found):
    praised = one(found, "praised")
    assert "characters" in praised.reason
    (trait,) = [each for each in praised.traits if each.name == "characters"]
    assert trait.reward.low > 0.7
    assert abs(trait.outcome.mean) < 0.2


def test_silence_is_the_other_value_where_only_one_is_ever_said(found):
    assert "silent = { thumb = false }" in one(found, "thumb").block
    assert "silent" not in one(found, "helped").block


def test_what_is_to_be_pasted_is_a_declaration(found):
    blocks = [each.block for each in found.ranked if each.block]
    assert len(blocks) == len(found.ranked) - 1  # nothing ever came of one
    declared = parse("\n".join([TOML, *blocks]))
    assert {"more_helped", "fewer_left", "more_copies", "more_thumb"} < declared.rewards.keys()
    assert declared.rewards["fewer_left"].value == "1 - left"
    assert declared.rewards["more_helped"].horizon == 600.0
    again = suggest_names(declared)
    assert again.isdisjoint(declared.rewards)


def suggest_names(declared):
    from autotroph.observe.suggestions import _free

    return {_free(declared, name) for name in declared.rewards}


def test_a_horizon_covers_nearly_all_delays(found):
    for each in found.ranked:
        if each.horizon and each.signal != "never":
            assert parse(f"{TOML}{each.block}").rewards.popitem()[1].horizon > each.late


def test_without_an_outcome_nothing_is_known_to_be_worth_it(ledger):
    alone = parse(TOML.split("[outcomes")[0])
    found = suggest(ledger, alone, "reply")
    assert {each.finding for each in found.ranked} == {"unknown"}
    assert one(found, "helped").coverage.mean == 1.0


def test_an_empty_ledger_is_not_known_either(tmp_path):
    store = open_store(tmp_path / "ledger.db")
    assert suggest(store, spec(), "reply").ranked == ()
    with pytest.raises(UnknownName, match="Did you mean 'reply'"):
        suggest(store, spec(), "replay")
    store.close()


def test_of_a_signal_found_by_sql_the_newest_row_is_what_it_is(tmp_path):
    store = open_store(tmp_path / "ledger.db")
    live(store, users=60)
    rows = list(store.scan(Signal, name="left"))
    again = [replace(row, sequence=0, id=f"again {row.id}", value="", at=row.at - 100.0) for row in rows]
    store.append(*again).durable()
    assert one(suggest(store, spec(), "reply"), "left").reason == "nothing came yet"
    store.close()
