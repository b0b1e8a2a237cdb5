"""Reward, guardrails and outcomes of a product: apart, final at their own time, moved by what is late."""

import pytest
from msgspec.structs import replace

from autotroph.errors import SpecError
from autotroph.ingest.arrivals import SignalIn
from autotroph.records import Completion, Cycle, Decision, Reward
from autotroph.spec import parse
from autotroph.testing.invariants import no_failed_answer_earns_a_reward
from support_product import START, TOML, ask, opened, pass_time

HOUR = 3600.0
MORE = """
[guardrails.slow]
margin = 1
value = "latency_ms / 1000"
horizon = "10m"
[guardrails.angry]
margin = 0.1
value = "1 - accepted"
silent = { accepted = true }
horizon = "2h"
[outcomes.kept]
value = "resolved"
horizon = "7d"
silent = { resolved = false }
"""
GUARDED = TOML.replace('reward = "useful"', 'reward = "useful"\nguardrails = ["slow", "angry"]') + MORE


@pytest.fixture
def product(tmp_path, monkeypatch):
    monkeypatch.setattr("support_product.TOML", GUARDED)
    with opened(tmp_path) as found:
        yield found


def values(product, decision):
    """The newest final value of each measure."""
    rows = product.store.scan(Reward, decision=decision)
    return {row.name: (row.kind, row.value) for row in rows}


def test_each_measure_is_final_at_its_own_time_and_none_is_mixed_in(product):
    one = ask(product, "u1", session="s1")
    product.signal(one, "accepted", True, at=START + 60)
    pass_time(product, 601.0)
    assert values(product, one).keys() == {"slow"}
    pass_time(product, HOUR)
    assert values(product, one)["useful"] == ("reward", 1.0)
    pass_time(product, HOUR)
    assert values(product, one)["angry"] == ("guardrail", 0.0)
    product.take([SignalIn(subject="s1", name="resolved", value=True, at=product.clock.now())])
    pass_time(product, 7 * 24 * HOUR)
    found = values(product, one)
    assert found["kept"] == ("outcome", 1.0)
    assert found["slow"][0] == "guardrail"
    assert list(product.rooms.joiner.waiting()) == []
    shown = product.store.query("SELECT reward_name, reward FROM answers WHERE decision = ?", (one,)).rows
    assert shown == (("useful", 1.0),)


def test_silence_means_what_each_measure_declares(product):
    one = ask(product, "u1", session="s1")
    pass_time(product, 8 * 24 * HOUR)
    found = {name: value for name, (_, value) in values(product, one).items() if name != "slow"}
    assert found == {"useful": None, "angry": 0.0, "kept": 0.0}


def test_a_signal_that_comes_late_moves_what_was_final_and_everybody_who_used_it(product):
    one = ask(product, "u1", session="s1")
    product.signal(one, "accepted", False, at=START + 60)
    pass_time(product, 2 * HOUR)
    comparisons = product.rooms.desks["reply"].comparisons
    release = product.rooms.desks["reply"].standing.main.release.id
    assert (values(product, one)["useful"], comparisons.value(release, one)) == (("reward", 0.0), 0.0)
    product.signal(one, "accepted", True, at=START + 120)  # said in time, heard of now
    pass_time(product, 60.0)
    assert (values(product, one)["useful"], comparisons.value(release, one)) == (("reward", 1.0), 1.0)
    assert values(product, one)["angry"] == ("guardrail", 0.0)
    product.signal(one, "accepted", False, at=START + 2 * HOUR)  # said too late
    pass_time(product, 60.0)
    assert values(product, one)["useful"] == ("reward", 1.0)
    rows = [row.value for row in product.store.scan(Reward, decision=one, name="useful")]
    assert rows == [0.0, 1.0]
    assert product.store.query(
        "SELECT value FROM measures_by_decision WHERE decision = ? AND name = 'useful'", (one,)
    ).rows == ((1.0,),)


def test_a_failed_answer_never_earns_a_reward_but_took_its_time(product):
    one = ask(product, "u1", session="s1")
    product.signal(one, "accepted", True, at=START + 60)
    product.store.append(
        replace(product.store.get(Decision, id=one), id="broken", sequence=0),
        Completion(decision="broken", output="yes", at=START, latency_ms=3000.0, error="503"),
    ).durable()
    product.signal("broken", "accepted", True, at=START + 60)
    pass_time(product, 601.0)
    assert values(product, "broken") == {"slow": ("guardrail", 3.0)}
    pass_time(product, 2 * HOUR)
    assert values(product, one)["useful"] == ("reward", 1.0)
    assert values(product, "broken")["useful"] == ("reward", 0.0)
    assert values(product, "broken")["angry"] == ("guardrail", 0.0)
    product.signal("broken", "accepted", False, at=START + 30)  # heard of late: nothing moves
    pass_time(product, 60.0)
    assert [row.value for row in product.store.scan(Reward, decision="broken", name="useful")] == [0.0]
    no_failed_answer_earns_a_reward(product.store, product.spec)


def test_what_moved_is_what_a_product_that_is_opened_again_knows(product, tmp_path):
    one = ask(product, "u1", session="s1")
    pass_time(product, 2 * HOUR)
    product.signal(one, "accepted", True, at=START + 120)
    pass_time(product, 60.0)
    before = product.rooms.digestions["reply"].fold, product.rooms.digestions["reply"].dataset("", 0)
    release = product.rooms.desks["reply"].standing.main.release.id
    product.close()
    with opened(tmp_path) as again:
        assert (
            again.rooms.digestions["reply"].fold,
            again.rooms.digestions["reply"].dataset("", 0),
        ) == before
        assert again.rooms.desks["reply"].comparisons.value(release, one) == 1.0
        assert again.store.get(Cycle).counts["rewards"] == 1


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ('[outcomes.useful]\nvalue = "1"', "each measure has a name of its own"),
        ('[guardrails.g]\nvalue = "accepted"\nhorizon = "0s"', "no signal can come within a horizon of 0"),
        ('[signals.x]\ntype = "text"\ntake = "any"', '"any" is for booleans'),
        ('[signals.x]\ntype = "text"\ntake = "votes"', "texts have no mean"),
        ('[signals.x]\ntype = "number"\ncredit = "last"', "for signals about a session"),
        ('[signals.x]\ntype = "text"\nof = "nobody"', "nobody"),
        ('[signals.x]\ntype = "text"\nof = "accepted"', "they must be alike"),
        ('[signals.x]\ntype = "text"\nof = "edited"\n[signals.y]\ntype = "text"\nof = "x"', "name that one"),
        ('[rewards.a]\nvalue = "b"\n[rewards.b]\nvalue = "1 - a"', "a → b → a"),
        (
            '[outcomes.o]\nvalue = "happy"\nsilent = { happy = { heard = 0.5 } }',
            "who answers is modelled for booleans",
        ),
        ('[outcomes.o]\nvalue = "accepted"\nsilent = { accepted = { heard = 0 } }', "silent.accepted"),
    ],
)
def test_what_cannot_be_meant_is_refused(written, complaint):
    with pytest.raises(SpecError, match=complaint.replace("{", r"\{")):
        parse(TOML + written)


def test_who_answers_stands_for_who_thought_the_same():
    """Horvitz and Thompson: of those who accept, a third says so; of those who do not, two thirds."""
    from autotroph.clock import draw
    from autotroph.digest.measures import measure_of

    spec = parse(
        TOML.replace('horizon = "1h"', "range = [0, 3]\nsilent = { accepted = { heard = 0.3333333 } }")
    )
    measure = measure_of(spec, "reply")
    naive, weighed, truth = [], [], []
    for number in range(20_000):
        liked = draw("liked", str(number)) < 0.4
        says = draw("says", str(number)) < (1 / 3 if liked else 2 / 3)
        said = {"accepted": liked} if says else {}
        truth.append(liked)
        weighed.append(measure.score({}, said, final=True).value)
        naive.append(float(liked and says))
    mean = sum(truth) / len(truth)
    assert sum(weighed) / len(weighed) == pytest.approx(mean, abs=0.02)
    assert sum(naive) / len(naive) < mean - 0.2


def test_a_reward_may_be_made_of_others_and_of_what_was_asked():
    from autotroph.digest.measures import measure_of

    spec = parse(
        TOML.replace('reward = "useful"', 'reward = "worth"\ncontext = { plan = "category" }')
        + "[rewards.worth]\nvalue = \"useful - 0.5 * (inputs.plan = 'free')\"\nrange = [-1, 1]\n"
    )
    measure = measure_of(spec, "reply")
    assert measure.score({"inputs.plan": "free"}, {"accepted": True}, final=True).value == 0.5
    assert measure.score({"inputs.plan": "gold"}, {"accepted": True}, final=True).value == 1.0
    assert measure.score({}, {"accepted": True}, final=True).value is None
