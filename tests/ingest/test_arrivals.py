import json
import math

import msgspec
import pytest

from autotroph.clock import ReplayClock
from autotroph.errors import AutotrophError, InputError, UnknownName
from autotroph.ingest.arrivals import DecisionIn, SignalIn, decision_of, event_time, signal_of
from autotroph.ingest.reading import read_json, typed
from autotroph.records import Option, Terms
from autotroph.spec import parse

NOW = 1_700_000_000.0
SPEC = parse(
    """
[product]
name = "support"
[privacy]
purposes = ["improve", "report"]
region = "eu"
[retention.classes]
short = "30d"
[models.m]
kind = "local"
[tasks.reply]
kind = "text"
variants = { small = { model = "m" } }
reward = "useful"
[tasks.free]
kind = "chat"
unit = "session"
reward = "useful"
[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "cards"]
context = { plan = "category", age = "number" }
reward = "useful"
[signals]
accepted = { type = "boolean" }
stars = { type = "number" }
resolved = { type = "boolean", about = "session" }
happy = { type = "text", about = "user" }
[rewards.useful]
value = "accepted"
"""
)


def clock():
    return ReplayClock("seven", at=NOW)


def made(said=None, **given):
    said = DecisionIn(**{"task": "route", "option": "cards", **given}) if said is None else said
    return decision_of(SPEC, clock(), said, salt="salt")


def signal(**given):
    said = SignalIn(**{"subject": "d1", "name": "accepted", "value": True, **given})
    return signal_of(SPEC, clock(), said)


# signals -------------------------------------------------------------------------------------------------


def test_a_signal_is_stamped_with_what_was_said():
    found = signal(
        name="happy",
        subject="u1",
        value="very",
        key="k",
        at=NOW - 5,
        source="outcome",
        user="u1",
        region="us",
    )
    assert (found.about, found.subject, found.value, found.at) == ("user", "u1", "very", NOW - 5)
    assert (found.source, found.user, found.verified) == ("outcome", "u1", True)
    assert found.terms == Terms(purposes=("improve", "report"), region="us")


def test_what_was_not_agreed_to_in_a_call_is_as_declared():
    assert signal().terms == SPEC.privacy.terms
    assert signal(purposes=[], learn=False, retention="short").terms == Terms(
        purposes=[], learn=False, region="eu", retention="short"
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "acepted"}, "no signal named 'acepted'; known: .* Did you mean 'accepted'"),
        ({"value": 1.0}, "declared boolean; got float"),
        ({"name": "stars", "value": True}, "declared number; got bool"),
        ({"subject": ""}, "id of the decision"),
        ({"subject": "d\x00"}, "cannot be printed"),
        ({"user": "u\n"}, "cannot be printed"),
        ({"key": "k" * 257}, "key has 257 characters; at most 256"),
        ({"retention": "shrt"}, "no retention class named 'shrt'; .* Did you mean 'short'"),
        ({"region": "e\x1bu"}, "cannot be printed"),
        ({"purposes": ["a\tb"]}, "cannot be printed"),
        ({"at": "yesterday"}, "is no time"),
    ],
)
def test_a_signal_that_cannot_be_is_refused(given, says):
    with pytest.raises(AutotrophError, match=says):
        signal(**given)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None),
        (NOW, NOW),
        (1_600_000_000, 1_600_000_000.0),
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-15T00:13:20.5+02:00", NOW + 0.5),
        (" 2023-11-14 22:13:20+00:00 ", NOW),
        (NOW + 86_000, NOW + 86_000),
    ],
)
def test_a_time_is_read(said, seconds):
    assert event_time(said, NOW) == seconds


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (NOW * 1000, "send seconds, not milliseconds"),
        (NOW + 90_000, "more than a day ahead"),
        (900_000_000.0, "before the year 2000"),
        ("1999-12-31T23:59:59Z", "before the year 2000"),
        (-1.0, "before the year 2000"),
        (math.nan, "before the year 2000"),
        (math.inf, "more than a day ahead"),
        ("2023-11-14T22:13:20", "no time zone; add Z"),
        ("2023-11-14", "no time zone"),
        ("14.11.2023", "is no time"),
        ("", "is no time"),
    ],
)
def test_an_absurd_time_is_refused(said, says):
    with pytest.raises(InputError, match=says):
        event_time(said, NOW)


# decisions -----------------------------------------------------------------------------------------------


def test_a_decision_made_elsewhere_is_marked_and_belongs_to_no_release():
    decision, completion, signals = made(
        id="order-7", user="u1", session="s1", inputs={"plan": "gold", "age": 3}, at="2023-11-14T22:00:00Z",
        tokens_in=5, cost_usd=0.5, latency_ms=3.5, signals={"accepted": True, "resolved": False},
    )  # fmt: skip
    assert (decision.provenance, decision.release, decision.epoch, decision.arm) == ("import", "", 0, "main")
    assert (decision.p_arm, decision.policy, decision.variant, decision.options) == (1.0, "", "", ())
    assert (decision.id, decision.unit, decision.cluster) == ("order-7", "order-7", "s1")
    assert decision.declaration == SPEC.digest
    assert decision.fold == SPEC.gate.fold_of("s1", "salt")
    assert [one.option for one in decision.proposals] == ["billing", "cards"]
    assert "cards age" in decision.proposals[1].features
    assert (completion.decision, completion.output, completion.at) == ("order-7", "cards", decision.at)
    assert (completion.tokens_in, completion.cost_usd, completion.latency_ms) == (5, 0.5, 3.5)
    assert [(one.name, one.subject, one.value) for one in signals] == [
        ("accepted", "order-7", True),
        ("resolved", "s1", False),
    ]
    assert {(one.at, one.user, one.verified) for one in signals} == {(decision.at, "u1", True)}


def test_whoever_is_not_vouched_for_is_so_in_every_row():
    said = DecisionIn(task="free", output="x", user="u", session="s", signals={"accepted": True})
    decision, _, signals = decision_of(SPEC, clock(), said, salt="salt", verified=False)
    assert [row.verified for row in (decision, *signals)] == [False, False]


def test_the_same_document_gives_the_same_rows():
    later = ReplayClock("seven", at=NOW + 999)
    for given in ({"id": "a"}, {"key": "k"}, {"inputs": {"plan": "x"}, "at": NOW}):
        said = DecisionIn(task="route", option="cards", signals={"accepted": True}, **given)
        at = None if said.at else NOW
        assert decision_of(SPEC, later, said, salt="salt", at=at) == made(said)


def test_ids_come_from_the_id_or_the_key_or_all_that_is_said():
    by_key = [made(key="k", inputs={"plan": plan})[0] for plan in "ab"]
    assert by_key[0].id == by_key[1].id
    by_body = [made(inputs={"plan": plan})[0] for plan in "ab"]
    assert by_body[0].id != by_body[1].id
    assert made(id="mine", key="k")[0].id == "mine"
    assert made(id="mine", key="k")[0].key == by_key[0].key != made(id="mine")[0].key


def test_new_fields_leave_the_key_of_an_old_document_alone():
    said = DecisionIn(task="route", option="cards")
    assert msgspec.json.decode(msgspec.json.encode(said)) == {"task": "route", "option": "cards"}


def test_a_signal_of_an_import_is_said_once_whatever_its_value():
    (one,), (other,) = (made(id="a", signals={"stars": stars})[2] for stars in (1.0, 2.0))
    assert one.key == other.key
    assert one.value != other.value


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"probability": 0.25}, (Option("cards", 0.25),)),
        ({"options": {"cards": 0.25, "billing": 0.75}}, (Option("cards", 0.25), Option("billing", 0.75))),
        ({"options": {"cards": 1, "billing": 1e-7}}, (Option("cards", 1), Option("billing", 1e-7))),
        ({}, ()),
    ],
)  # fmt: skip
def test_probabilities_are_kept_as_far_as_they_are_known(given, options):
    assert made(**given)[0].options == options


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"task": "rout"}, "no task named 'rout'; .* Did you mean 'route'"),
        ({"option": "fraud"}, "no option named 'fraud'; known: billing, cards"),
        ({"option": "", "output": "fraud"}, "no option named 'fraud'"),
        ({"option": ""}, "nothing was answered"),
        ({"options": {"cards": 0.5, "fraud": 0.5}}, "no option named 'fraud'"),
        ({"task": "reply", "option": "large", "user": "u"}, "no option named 'large'; known: silence, small"),
        ({"task": "reply", "option": "small"}, "counts by user: pass user="),
        ({"task": "free", "output": "x"}, "counts by session: pass session="),
        ({"signals": {"acepted": True}}, "no signal named 'acepted'"),
        ({"signals": {"accepted": 1.0}}, "declared boolean"),
        ({"signals": {"resolved": True}}, "about a session: pass session="),
        ({"signals": {"happy": "x"}}, "about a user: pass user="),
        ({"probability": 0.5, "options": {"cards": 1.0}}, "not both"),
        ({"options": {"cards": 0.5, "billing": 0.4}}, "sum to 0.9, not to 1"),
        ({"options": {"billing": 1.0}}, "no probability of 'cards'"),
        ({"options": {"cards": 0.0, "billing": 1.0}}, "taken with probability 0"),
        ({"options": {"cards": 1.5, "billing": -0.5}}, "lies between 0 and 1"),
        ({"probability": math.nan}, "lies between 0 and 1"),
        ({"task": "free", "option": "", "output": "x", "session": "s", "probability": 0.5}, "what was taken"),
        ({"inputs": {"age": "old"}}, "input 'age' is declared a number"),
        ({"inputs": {"x": object()}}, "must be JSON values"),
        ({"id": "a\x00"}, "cannot be printed"),
        ({"at": 5.0}, "before the year 2000"),
        ({"retention": "x"}, "no retention class"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(given, says):
    with pytest.raises(AutotrophError, match=says):
        made(**given)


@pytest.mark.parametrize("option", ["small", "small:line", "silence", ""])
def test_a_text_is_by_a_variant_or_a_part_of_one_or_by_something_else(option):
    assert made(task="reply", option=option, output="x", user="u")[0].option == option


def test_where_nothing_is_declared_options_are_free():
    decision, completion, _ = made(task="free", option="gpt", output="hello", session="s", user="u")
    assert (decision.option, completion.output, decision.proposals) == ("gpt", "hello", ())


# on the wire ---------------------------------------------------------------------------------------------


def test_what_is_on_the_wire_is_told_exactly():
    body = b'{"task":"route","option":"cards","options":{"cards":1,"billing":0},"signals":{"stars":4}}'
    found = typed(read_json(body), DecisionIn)
    assert found == DecisionIn(
        task="route", option="cards", options={"cards": 1.0, "billing": 0.0}, signals={"stars": 4.0}
    )


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"subject": "d", "name": "accepted"}, "missing required field `value`"),
        ({"subject": "d", "name": "accepted", "value": None}, "value: expected"),
        ({"subject": "d", "name": "accepted", "value": True, "sorce": "user"}, "Did you mean 'source'"),
        ({"subject": "d", "name": "accepted", "value": True, "source": "me"}, "source: invalid enum value"),
        (
            {"subject": "d" * 257, "name": "accepted", "value": True},
            "subject: expected `str` of length <= 256",
        ),
    ],
)
def test_a_signal_of_another_shape_is_refused(said, says):
    with pytest.raises(InputError, match=says):
        typed(read_json(json.dumps(said).encode()), SignalIn)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "tokens_in": -1,
        "tokens_out": 1.5,
        "cost_usd": -0.1,
        "latency_ms": 1e16,
        "learn": 1,
        "inputs": [],
    }.items(),
)
def test_an_amount_that_cannot_be_is_refused(name, value):
    with pytest.raises(InputError, match=f"{name}: expected"):
        typed({"task": "route", name: value}, DecisionIn)


def test_unknown_names_carry_the_known_ones():
    with pytest.raises(UnknownName) as caught:
        made(task="rout")
    assert caught.value.known == ["free", "reply", "route"]
