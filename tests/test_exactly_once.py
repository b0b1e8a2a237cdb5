"""Whatever arrives twice, late or out of order: each thing said counts once, and the end is the same."""

import itertools
import random
from collections.abc import Iterable, Sequence

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import Conflict
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.records import Completion, Decision, Proposal, Reward, Signal
from typing_product import START

Arrival = DecisionIn | SignalIn

TOML = """
[product]
name = "support"
[tasks.reply]
kind = "text"
unit = "session"
reward = "useful"
[signals]
accepted = { type = "boolean" }
edited = { type = "text" }
resolved = { type = "boolean", about = "session" }
[rewards.useful]
value = "0.5 * accepted + 0.25 * resolved - 0.01 * length(edited)"
range = [-1.0, 1.0]
horizon = "1h"
silent = { edited = "", resolved = false }
"""


def opened(folder) -> Product:
    path = folder / "autotroph.toml"
    path.write_text(TOML, "utf-8")
    return autotroph.open(path, clock=ReplayClock("seven", at=START + 600.0))


def decision(number: int) -> DecisionIn:
    return DecisionIn(
        task="reply",
        id=f"d{number}",
        inputs={"text": f"question {number}"},
        output=f"answer {number}",
        session=f"s{number % 3}",
        user=f"u{number % 5}",
        at=START + number,
    )


def lifecycle(number: int) -> list[Arrival]:
    """A decision, what was said of it, what was said instead, and how its session ended."""
    at = START + number
    return [
        decision(number),
        SignalIn(subject=f"d{number}", name="accepted", value=True, at=at + 10),
        SignalIn(subject=f"d{number}", name="accepted", value=False, at=at + 20, key=f"changed {number}"),
        SignalIn(subject=f"d{number}", name="edited", value="x" * number, at=at + 30),
        SignalIn(subject=f"s{number % 3}", name="resolved", value=number % 2 == 0, at=at + 40),
    ]


def end_state(product: Product) -> tuple[object, ...]:
    """All that was said and what it was worth, in an order of its own."""
    product.clock.advance(START + 10_000.0)
    product.cycle()
    store = product.store
    return (
        sorted((one.id, one.cluster, one.fold, one.at) for one in store.scan(Decision)),
        sorted((one.decision, one.output) for one in store.scan(Completion)),
        sorted(
            (one.id, one.key, one.name, one.subject, str(one.value), one.at) for one in store.scan(Signal)
        ),
        sorted((one.decision, one.value, one.final) for one in store.scan(Reward)),
    )


def run(folder, batches: Iterable[Sequence[Arrival]], *, cycle: bool = False) -> tuple[object, ...]:
    folder.mkdir()
    with opened(folder) as product:
        for batch in batches:
            assert {one.status for one in product.take(batch)} <= {"stored", "known"}
            if cycle:
                product.cycle()
        return end_state(product)


def test_every_order_of_one_life_ends_the_same(tmp_path):
    """All 120 of them, half with a cycle after each arrival, half with one at the end."""
    orders = list(itertools.permutations(lifecycle(4)))
    ends = {
        repr(run(tmp_path / str(number), ([one] for one in order), cycle=number % 2 == 0))
        for number, order in enumerate(orders)
    }
    assert len(orders) == 120
    assert len(ends) == 1
    (end,) = ends
    assert "('d4', 0.21, True)" in end


def shuffles(folder, count: int) -> set[str]:
    """The ends of many histories of the same 12 lives: shuffled, split, repeated, and broken off."""
    lives = [arrival for number in range(12) for arrival in lifecycle(number)]
    ends = set()
    for seed in range(count):
        luck = random.Random(seed)
        sent = [one for one in lives for _ in range(luck.choice([1, 1, 2, 3]))]
        luck.shuffle(sent)
        ends.add(repr(_interrupted(folder / str(seed), sent, luck)))
    return ends


def _interrupted(folder, sent: Sequence[Arrival], luck: random.Random) -> tuple[object, ...]:
    folder.mkdir()
    while sent:
        with opened(folder) as product:
            for _ in range(luck.randrange(1, 6)):
                batch, sent = sent[: (size := luck.randrange(1, 40))], sent[size:]
                product.take(batch)
                if luck.random() < 0.3:
                    product.cycle()
    with opened(folder) as product:
        return end_state(product)


def test_shuffled_repeated_and_interrupted_histories_end_the_same(tmp_path):
    assert len(shuffles(tmp_path, 25)) == 1


@pytest.mark.slow
def test_a_thousand_shuffles_end_the_same(tmp_path):
    assert len(shuffles(tmp_path, 1000)) == 1


class TestTheSameKey:
    def test_another_body_is_refused_and_shows_the_first(self, tmp_path):
        with opened(tmp_path) as product:
            first = SignalIn(subject="d1", name="accepted", value=True, key="k")
            product.take([first])
            (outcome,) = product.take([SignalIn(subject="d1", name="accepted", value=False, key="k")])
            assert outcome.status == "refused"
            assert outcome.first["value"] is True
            assert outcome.first["subject"] == "d1"
            assert "stands" in outcome.reason

    def test_another_subject_is_another_body(self, tmp_path):
        with opened(tmp_path) as product:
            product.take([SignalIn(subject="d1", name="accepted", value=True, key="k")])
            (outcome,) = product.take([SignalIn(subject="d2", name="accepted", value=True, key="k")])
            assert outcome.status == "refused"

    def test_a_conflict_in_a_batch_costs_the_others_nothing(self, tmp_path):
        with opened(tmp_path) as product:
            product.take([SignalIn(subject="d1", name="accepted", value=True, key="k")])
            batch = [
                SignalIn(subject="d2", name="accepted", value=True),
                SignalIn(subject="d1", name="accepted", value=False, key="k"),
                SignalIn(subject="d3", name="acepted", value=True),
                decision(7),
            ]
            outcomes = product.take(batch)
            assert [one.status for one in outcomes] == ["stored", "refused", "refused", "stored"]
            assert "Did you mean 'accepted'" in outcomes[2].reason
            assert [one.status for one in product.take(batch)] == ["known", "refused", "refused", "known"]

    def test_of_a_decision_is_a_conflict_for_another_task_user_or_session(self, tmp_path):
        with opened(tmp_path) as product:
            given = [Proposal("a", "hello")]
            asked = {"session": "s", "user": "u", "key": "k", "options": given}
            answer = product.decide("reply", {"text": "?"}, **asked).durable()
            assert product.decide("reply", {"text": "?"}, **asked).id == answer.id
            for other in ({"session": "t"}, {"user": "v"}):
                with pytest.raises(Conflict) as raised:
                    product.decide("reply", {"text": "?"}, **{**asked, **other})
                assert raised.value.first["id"] == answer.id


def test_a_signal_before_its_decision_is_kept_counted_and_joined(tmp_path):
    with opened(tmp_path) as product:
        product.take([SignalIn(subject="d1", name="accepted", value=True, at=START + 5)])
        assert product.store.query("SELECT task FROM signals_by_decision").rows == ((None,),)
        product.take([decision(1)])
        end_state(product)
        (reward,) = product.store.scan(Reward)
        assert (reward.decision, reward.value) == ("d1", 0.5)


def test_an_import_that_says_no_time_is_stored_once(tmp_path):
    with opened(tmp_path) as product:
        said = DecisionIn(task="reply", output="hello", session="s")
        (first,) = product.take([said])
        product.clock.advance(product.clock.now() + 60.0)
        (again,) = product.take([said])
        assert (again.status, again.id, again.sequence) == ("known", first.id, first.sequence)


def test_what_comes_twice_in_one_batch_is_known_the_second_time(tmp_path):
    with opened(tmp_path) as product:
        said = DecisionIn(task="reply", output="hello", session="s")
        signal = SignalIn(subject="d1", name="accepted", value=True)
        outcomes = product.take([said, signal, said, signal])
        assert [one.status for one in outcomes] == ["stored", "stored", "known", "known"]
