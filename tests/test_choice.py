"""A choice learns from its users: what `autotroph init` declares, day after day, to a promotion."""

from itertools import pairwise
from math import log

import pytest

import autotroph
from autotroph.clock import ReplayClock, draw
from autotroph.records import Decision, Stage, Verdict
from autotroph.spec import template

DAY = 86_400.0
TOPICS = {
    "billing": "charged invoice refund money",
    "cards": "card lost pin blocked",
    "fraud": "stolen thief scam hacked",
}


def ask(product, number: int) -> tuple[str, str]:
    """A user writes, and is helped four times in five by whoever the message is for, else once in five."""
    topic = list(TOPICS)[int(draw("topic", str(number)) * 3)]
    words = TOPICS[topic].split()
    text = " ".join(["my", *(words[int(draw(which, str(number)) * 4)] for which in "ab"), "please"])
    answer = product.decide("route", {"text": text, "plan": "free"}, user=f"u{number}")
    if draw("helped", str(number)) < (0.8 if answer.option == topic else 0.2):
        product.signal(answer.id, "resolved", True)
    return topic, answer.option


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Two hundred users a day until a learned policy serves, with the product opened anew every other day."""
    path = tmp_path_factory.mktemp("choice") / "autotroph.toml"
    path.write_text(template("support"), encoding="utf-8")
    clock = ReplayClock("choice", at=1_700_000_000.0)
    product = autotroph.open(path, clock=clock)
    for day in range(20):
        for number in range(200 * day, 200 * day + 200):
            ask(product, number)
        clock.advance(clock.now() + DAY + 1)
        product.cycle()
        if product.rooms.desks["route"].standing.main.release.name == "learn":
            break
        if day % 2:
            product.close()
            product = autotroph.open(path, clock=clock)
    yield product
    product.close()


def steps_of(product) -> dict[float, float]:
    """When the candidate that made it came to each share; refits on the way aside."""
    release = product.rooms.desks["route"].standing.main.release.id
    rows = list(product.store.scan(Stage, release=release))
    found: dict[float, float] = {}
    for one in rows:
        found.setdefault(one.share, one.at)
    return found


def test_what_learned_is_promoted_and_sends_people_to_the_right_place(learned):
    assert learned.rooms.desks["route"].standing.main.release.name == "learn"
    found = [ask(learned, number) for number in range(100_000, 100_200)]
    assert sum(topic == taken for topic, taken in found) / len(found) > 0.8


def test_the_gate_judged_it_off_policy_and_the_ladder_by_the_split(learned):
    verdicts = list(learned.store.scan(Verdict))
    assert {one.evidence["kind"] for one in verdicts if one.judge == "gate" and one.evidence} == {
        "off-policy"
    }
    assert {one.evidence["kind"] for one in verdicts if one.judge == "ladder"} == {"split"}


def test_it_climbed_every_step_and_was_proven_from_a_quarter_on(learned):
    assert list(steps_of(learned)) == [0.1, 0.25, 0.5, 1.0]
    promoted = learned.store.get(Verdict, finding="promoted")
    assert promoted.evidence["better"] >= -log(promoted.alpha)
    assert promoted.evidence["no_worse"] >= -log(0.05)


def test_no_step_was_shorter_than_its_floor(learned):
    assert all(after - before >= DAY for before, after in pairwise(steps_of(learned).values()))


def test_all_probabilities_of_every_decision_are_on_record(learned):
    for decision in learned.store.scan(Decision, texts=False):
        assert {one.id for one in decision.options} == set(TOPICS)
        assert sum(one.probability for one in decision.options) == pytest.approx(1.0)
        floor = 1 / 3 if decision.arm == "holdback" else 0.05 / 3
        assert all(one.probability >= floor - 1e-9 for one in decision.options)
