"""Waivers on a product that runs: what is promoted under one, what waits after it, and what goes back."""

import pytest

from autotroph.errors import InputError, SpecError, UnknownName
from autotroph.observe.deserving import named
from autotroph.records import Entry, Measurement, Stage, Verdict
from autotroph.unattended.asking import answer, folder_of, put
from autotroph.unattended.waiving import Unwaive, Waive, needs, unjudged
from typing_product import START, TOML, Typists, by, findings, opened, rounds, serving

MINUTE, DAY = 60.0, 86_400.0


def declared(waiver, more=""):
    return TOML.replace("minimum = 10\n", f'minimum = 10\nwaiver = "{waiver}"\n{more}')


@pytest.fixture
def product(tmp_path):
    with opened(tmp_path, declared("0s")) as product:
        yield product


def found(product, low, high):
    """A finding about the reward, as digestion would write it: its answer is known here."""
    row = Measurement(
        name=named("kept", product.rooms.versions("finish")["kept"]), task="finish", value=(low + high) / 2,
        low=low, high=high, n=12, alpha=0.05, since=0, until=product.store.last(), at=product.clock.now(),
    )  # fmt: skip
    product.store.append(row).durable()


def verdicts(product, finding):
    return [one for one in product.store.scan(Verdict) if one.finding == finding]


def journal(product):
    events = ("reward waived", "waiver ended")
    return [(one.event, one.actor) for one in product.store.scan(Entry) if one.event in events]


def climb(product):
    """Go on until people meet the candidate."""
    for _ in range(6):
        rounds(product, 1)
        if product.rooms.desks["finish"].standing.canary:
            return
    raise AssertionError("nobody meets it")


def told(product, **given):
    return list(needs(product.store, product.spec, product.clock.now(), **given))


def test_a_reward_that_nobody_knows_is_promoted_until_its_waiver_runs_out_and_never_after(tmp_path):
    with opened(tmp_path, declared("60m")) as product:
        rounds(product, 1)
        end = START + 63 * MINUTE
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 5)
        assert serving(product) == "better"
        let = [one for one in product.store.scan(Verdict) if one.finding in ("advance", "promoted")]
        waivers = [one.evidence["worthwhile"]["waiver"] for one in (let[0], let[-1])]
        assert [(one["by"], one["until"]) for one in waivers] == [("loop", end)] * 2
        assert [one.subject for one in told(product)] == ["finish"]
        assert told(product, soon=MINUTE) == []

        product.propose("finish", "best", policy=by("best"))
        climb(product)
        assert product.clock.now() < end
        product.clock.advance(end)
        rounds(product, 3)
        assert serving(product) == "better", "what is on the ladder waits before the last step"
        assert "its waiver ran out on" in verdicts(product, "hold")[-1].reason
        assert journal(product) == [("reward waived", "loop"), ("waiver ended", "loop")]
        assert "nothing is promoted" in told(product)[0].what

        found(product, 1.0, 1.0)
        rounds(product, 1)
        assert serving(product) == "best", "trust was earned"
        assert told(product) == []


def test_what_does_harm_goes_back_all_the_same(tmp_path):
    typists = Typists()
    with opened(tmp_path, declared("30d"), typists=typists) as product:
        rounds(product, 1)
        product.propose("finish", "better", policy=by("fine"))
        climb(product)
        product.unwaive("finish")
        typists.skill["fine"] = 0.0
        rounds(product, 4)
        assert findings(product, "better")[-1] == "rolled back"


def test_at_the_gate_it_waits_until_somebody_waives_it(product):
    rounds(product, 1)
    product.propose("finish", "better", policy=by("fine"))
    rounds(product, 3)
    assert findings(product, "better") == []
    assert {one.name for one in product.store.scan(Stage)} == {"serving", "baseline"}
    held = verdicts(product, "hold")
    assert held
    assert "autotroph rewards waive finish" in held[0].reason
    product.waive("finish", until=product.clock.now() + DAY, by="Ada", reason="a trial")
    rounds(product, 5)
    assert serving(product) == "better"
    said = verdicts(product, "promoted")[0].evidence["worthwhile"]
    assert (said["waiver"]["by"], said["waiver"]["reason"]) == ("Ada", "a trial")
    assert journal(product) == [("reward waived", "Ada")]


def test_a_row_that_cannot_be_read_lets_nothing_through(tmp_path):
    with opened(tmp_path, declared("30d")) as product:
        rounds(product, 1)
        row = Entry(
            actor="Eve", event="reward waived", subject="finish", details={"until": "for ever"}, at=0.0
        )
        product.rooms.append(row)
        product.propose("finish", "better", policy=by("fine"))
        rounds(product, 3)
        assert findings(product, "better") == []
        assert "a gate fails closed" in verdicts(product, "hold")[0].reason


def test_what_does_not_deserve_it_is_waived_only_by_somebody_who_says_why(product):
    found(product, 0.0, 0.0)
    with pytest.raises(InputError, match="say why"):
        product.waive("finish", until=product.clock.now() + DAY, reason=" ")
    assert not product.rooms.passage("finish", product.clock.now()).open
    product.waive("finish", until=product.clock.now() + DAY, reason="it is cheap")
    assert product.rooms.passage("finish", product.clock.now()).open
    assert not product.rooms.passage("finish", product.clock.now() + DAY).open


def test_who_waived_what_nobody_knew_has_not_waived_what_was_found_then(product):
    product.waive("finish", until=product.clock.now() + DAY, reason="a trial")
    assert product.rooms.passage("finish", product.clock.now()).open
    found(product, 0.0, 0.0)
    assert product.rooms.passage("finish", product.clock.now()).finding == "refused"


def test_a_changed_reward_has_to_be_looked_at_again(tmp_path):
    with opened(tmp_path, declared("0s")) as product:
        product.waive("finish", until=product.clock.now() + DAY)
    with opened(tmp_path, declared("0s").replace("kept(written) / 4", "kept(written) / 5")) as product:
        assert not product.rooms.passage("finish", product.clock.now()).open


def test_it_is_ended_by_hand_and_outlives_a_restart(tmp_path):
    with opened(tmp_path, declared("30d")) as product:
        product.cycle()
        assert product.rooms.passage("finish", product.clock.now()).open
        product.unwaive("finish", by="Ada", reason="no more")
        product.cycle()
    with opened(tmp_path, declared("30d")) as product:
        assert not product.rooms.passage("finish", product.clock.now()).open
        assert journal(product) == [("reward waived", "loop"), ("waiver ended", "Ada")]
        with pytest.raises(InputError, match="has no waiver: its waiver was ended by Ada"):
            product.unwaive("finish")


def test_what_cannot_be_is_refused(product):
    now = product.clock.now()
    with pytest.raises(UnknownName, match="Did you mean 'finish'"):
        product.waive("finsh", until=now + DAY)
    for end in (now, now - 1, 1e30, float("nan")):
        with pytest.raises(InputError, match="name a time after"):
            product.waive("finish", until=end)


def test_without_a_reward_there_is_nothing_to_waive(tmp_path):
    bare = TOML + '[tasks.say]\nkind = "text"\n[tasks.say.variants.fair]\nmodel = "typists"\n'
    with opened(tmp_path, bare) as product, pytest.raises(SpecError, match="declares no reward"):
        product.waive("say", until=product.clock.now() + DAY)


def test_a_process_that_cannot_write_asks_for_it(product, tmp_path):
    beside = folder_of(tmp_path / ".autotroph" / "ledger.db")
    put(beside, "ask_1", Waive(task="finish", until=product.clock.now() + DAY, by="Ada"))
    put(beside, "ask_2", Waive(task="finish", until=0.0))
    assert product.heed() == 2
    assert answer(product.store, "ask_1").actor == "Ada"
    assert answer(product.store, "ask_2").event == "asked in vain"
    assert product.rooms.passage("finish", product.clock.now()).open
    put(beside, "ask_3", Unwaive(task="finish", by="Bob"))
    product.heed()
    assert answer(product.store, "ask_3").actor == "Bob"
    assert not product.rooms.passage("finish", product.clock.now()).open


def test_a_sample_that_nobody_judges_is_told(tmp_path):
    with opened(tmp_path, declared("30d", "audit = 0.5\n")) as product:
        rounds(product, 1)
        (need,) = unjudged(product.store, product.spec)
        assert "wait for a judgement, and nobody audits" in need.what
        assert need.way_out == "autotroph rewards sample finish"
        (row,) = product.store.scan(Entry, event="audit sample")
        assert row.details == {"share": 0.5}
