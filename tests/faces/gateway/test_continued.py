"""Responses that go on from others."""

from msgspec.structs import replace

from autotroph.deploy.upstreams.asking import Question
from autotroph.faces.gateway.asked import Asked
from autotroph.faces.gateway.continued import Continued
from autotroph.wire.said import CHAT, RESPONSES


def asked(previous, path=RESPONSES, session=""):
    document = {"model": "m", "input": "more", "previous_response_id": previous}
    return Asked(model="m", session=session, question=Question(path=path, document=document))


def test_what_they_call_it_is_asked_for_in_the_same_session():
    known = Continued()
    known.note("decision_1", "resp_1", "talk")
    found = known.of(asked("decision_1"))
    assert found.question.document["previous_response_id"] == "resp_1"
    assert found.session == "talk"
    assert known.of(asked("decision_1", session="said")).session == "said"


def test_what_is_not_known_is_passed_on_as_it_came():
    known = Continued()
    assert known.of(asked("resp_9")) == asked("resp_9")
    known.note("decision_1", "resp_1", "talk")
    other = asked("decision_1", CHAT)
    assert known.of(other) == other
    assert known.of(replace(other, question=Question(path=RESPONSES, document={}))).session == ""


def test_it_is_bounded(monkeypatch):
    monkeypatch.setattr("autotroph.faces.gateway.continued.REMEMBERED", 2)
    known = Continued()
    for number in range(3):
        known.note(f"decision_{number}", f"resp_{number}", "")
    assert known.of(asked("decision_0")).question.document["previous_response_id"] == "decision_0"
    assert known.of(asked("decision_2")).question.document["previous_response_id"] == "resp_2"
