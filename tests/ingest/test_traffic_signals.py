"""What calls say by themselves: single cases, and how right it is on made-up conversations."""

import json
from typing import get_args

import pytest
from msgspec import structs

from autotroph.ingest.traffic.finding import FINDERS, noted
from autotroph.ingest.traffic.forms import reports
from autotroph.ingest.traffic.leaving import asks_back
from autotroph.ingest.traffic.quoting import edit_of
from autotroph.ingest.traffic.refusing import refuses
from autotroph.ingest.traffic.turns import Heard, Turn, hear
from autotroph.spec.traffic import WAITS, Traffic
from ingest.judging import HELD_OUT, TUNED, figures
from ingest.talking import BILL, TOOLS


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]


def turn(decision: str, at: float, *texts: str, **more: object) -> Turn:
    return Turn(
        decision=decision, chain="c", user="u", at=at, answered=at + 1, heard=hear(said(*texts)), **more
    )


def found(kind: Traffic, *turns: Turn, wait: float | None = None) -> list[tuple[str, float]]:
    return [(one.decision, one.at) for one in noted(kind, turns, WAITS[kind] if wait is None else wait)]


QUESTION = "Where is my parcel?"


def test_each_signal_that_can_be_declared_is_found_somehow():
    assert set(FINDERS) == set(get_args(Traffic)) == set(WAITS)


class TestAskedAgain:
    def test_the_same_again_is_a_regeneration(self):
        assert found("regenerate", turn("a", 0.0, QUESTION), turn("b", 30.0, QUESTION)) == [("a", 30.0)]

    @pytest.mark.parametrize(
        ("after", "more"),
        [
            (turn("b", 1.5, QUESTION), {}),  # before anybody could have read the answer
            (turn("b", 700.0, QUESTION), {}),  # too late
            (turn("b", 30.0, QUESTION), {"error": "timeout"}),  # there was no answer
            (turn("b", 30.0, QUESTION, "It is late.", QUESTION), {}),  # asked again, but with the answer
            (turn("b", 30.0, QUESTION, request={"previous_response_id": "r"}), {}),  # elsewhere
        ],
    )
    def test_what_is_none(self, after, more):
        assert found("regenerate", turn("a", 0.0, QUESTION, **more), after) == []

    @pytest.mark.parametrize("kind", ["regenerate", "abandonment"])
    def test_what_somebody_else_asks_in_the_same_session_is_none(self, kind):
        one, two = turn("a", 0.0, QUESTION), turn("b", 30.0, QUESTION)
        assert len(found(kind, one, two)) == 1
        assert found(kind, structs.replace(one, user="ann"), two) == []

    def test_the_same_again_at_another_time_of_the_system_prompt_is_a_regeneration(self):
        def told(time: str) -> Heard:
            return hear([{"role": "system", "content": f"Be brief. It is {time}."}, *said(QUESTION)])

        one, two = (structs.replace(turn("", at), heard=told(f"10:{at:02.0f}")) for at in (5.0, 30.0))
        assert len(found("regenerate", one, two)) == 1
        other = structs.replace(two, heard=hear([{"role": "system", "content": "Plan it."}, *said(QUESTION)]))
        assert found("regenerate", one, other) == []

    def test_who_greets_twice_does_not_ask_again(self):
        assert found("regenerate", turn("a", 0.0, "Hello!"), turn("b", 30.0, "Hello!")) == []

    def test_another_conversation_is_another(self):
        other = Turn(decision="b", chain="d", user="u", at=30.0, answered=31.0, heard=hear(said(QUESTION)))
        assert found("regenerate", turn("a", 0.0, QUESTION), other) == []

    @pytest.mark.parametrize(
        ("then", "so"),
        [
            ("my big parcel: where is it?", True),
            ("No, where is the big one", True),
            ("Which parcel service is it?", False),
            ("Where is my big order?", False),
            ("Thanks!", False),
        ],
    )
    def test_nearly_the_same_is_a_rephrasing(self, then, so):
        question = "Where is my big parcel?"
        turns = turn("a", 0.0, question), turn("b", 30.0, question, "Late.", then)
        assert found("rephrase", *turns) == ([("a", 30.0)] if so else [])

    def test_a_tool_that_answers_asks_nothing(self):
        loop = [*said(QUESTION, ""), {"role": "tool", "content": "late"}]
        after = Turn(decision="b", chain="c", user="u", at=30.0, answered=31.0, heard=hear(loop))
        assert found("regenerate", turn("a", 0.0, QUESTION), after) == []
        assert found("rephrase", turn("a", 0.0, QUESTION), after) == []


ANSWER = "The meeting has been moved to Thursday at ten because two of us are away."


@pytest.mark.parametrize(
    ("written", "edit"),
    [
        ("So:\n\nThe meeting is moved to Thursday at ten because two of us are away.",
         "The meeting is moved to Thursday at ten because two of us are away."),
        (f"{ANSWER}\n\nTranslate this.", ""),
        ("> The meeting has been moved to Thursday\n\nWhich one?", ""),
        ("“The meeting … two of us are away” is odd.", ""),
        ("The parcel has been sent to Basel at last because nobody was in.", ""),
        ("ok", ""),
    ],
)  # fmt: skip
def test_an_edit_is_the_answer_changed(written, edit):
    assert edit_of(ANSWER, written) == edit


def test_an_edit_has_the_text_and_the_time_at_which_it_was_sent():
    text = ANSWER.replace("ten", "eleven")
    turns = turn("a", 0.0, "Write it.", output=ANSWER), turn("b", 60.0, "Write it.", ANSWER, text)
    (one,) = noted("edit", turns, WAITS["edit"])
    assert (one.decision, one.at, one.text) == ("a", 60.0, text)


class TestForms:
    FORM = {"type": "json_schema", "json_schema": {"name": "bill", "schema": BILL}}  # noqa: RUF012 - only read

    @pytest.mark.parametrize(
        ("output", "so"),
        [
            ('{"sum": 1.5, "due": "now"}', False),
            ('{"sum": "1.5", "due": "now"}', True),
            ('{"sum": 1.5}', True),
            ("Here it is", True),
            ('```json\n{"sum": 1.5, "due": "now"}\n```', True),
        ],
    )
    def test_of_a_schema(self, output, so):
        for request in (
            {"response_format": self.FORM},
            {"text": {"format": {"type": "json_schema", "schema": BILL}}},
        ):
            one = turn("a", 0.0, QUESTION, output=output, finish="stop", request=request)
            assert found("schema error", one) == ([("a", 1.0)] if so else [])

    @pytest.mark.parametrize("finish", ["refusal", "tool_calls", "content_filter"])
    def test_what_ended_otherwise_had_no_form(self, finish):
        request = {"response_format": self.FORM, "tools": TOOLS}
        assert (
            found("schema error", turn("a", 0.0, QUESTION, output="no", finish=finish, request=request)) == []
        )

    def test_a_schema_that_is_none_refuses_nothing(self):
        request = {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "no type"}}}}
        assert (
            found("schema error", turn("a", 0.0, QUESTION, output="{}", finish="stop", request=request)) == []
        )

    @pytest.mark.parametrize(
        ("name", "arguments", "so"),
        [
            ("find_order", '{"id": "7"}', False),
            ("find_order", '{"id": 7}', True),
            ("find_order", "{", True),
            ("buy_order", '{"id": "7"}', True),
        ],
    )
    def test_of_a_tool(self, name, arguments, so):
        calls = [{"id": "x", "type": "function", "function": {"name": name, "arguments": arguments}}]
        flat = [{"type": "function_call", "call_id": "x", "name": name, "arguments": arguments}]
        for output in (calls, flat):
            one = turn(
                "a", 0.0, QUESTION, output=json.dumps(output), finish="tool_calls", request={"tools": TOOLS}
            )
            assert found("tool error", one) == ([("a", 1.0)] if so else [])

    def test_a_list_that_was_asked_for_calls_nothing(self):
        output = '[{"name": "Ann", "arguments": 3}]'
        assert found("tool error", turn("a", 0.0, QUESTION, output=output, finish="stop")) == []

    @pytest.mark.parametrize(
        "result",
        ['{"error": {"code": 3}}', "KeyError: 'id'", "HTTP/1.1 500", '{"ok": 1, "status": "failed"}'],
    )
    def test_a_result_that_reports_an_error(self, result):
        assert reports(result)

    @pytest.mark.parametrize(
        "result", ["", "[]", '{"errors": []}', "Errors of the past, a list", '["error"]', "failing banks"]
    )
    def test_a_result_that_only_speaks_of_errors(self, result):
        assert not reports(result)


@pytest.mark.parametrize(
    "text",
    ["I'm sorry, but I can't help with that.", "**I cannot assist** with this.", "Non posso aiutarti."],
)
def test_refusals(text):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm sorry to hear that.",
        "I can't help but laugh.",
        "You can't help with that.",
        "Sorry, I misread.",
    ],
)
def test_no_refusals(text):
    assert not refuses(text)


class TestLeaving:
    ASKED = "Gladly. Which account is it about?"

    def test_what_was_asked_back_and_never_answered(self):
        assert found("abandonment", turn("a", 0.0, QUESTION, output=self.ASKED)) == [("a", 1801.0)]
        assert found("abandonment", turn("a", 0.0, QUESTION, output=self.ASKED), wait=60.0) == [("a", 61.0)]
        back = turn("b", 900.0, QUESTION, self.ASKED, "the first", output="Done.")
        assert found("abandonment", turn("a", 0.0, QUESTION, output=self.ASKED), back) == []

    def test_where_no_session_is_known_nobody_knows_who_left(self):
        alone = Turn(
            decision="a",
            chain="",
            user="u",
            at=0.0,
            answered=1.0,
            heard=hear(said(QUESTION)),
            output=self.ASKED,
        )
        assert found("abandonment", alone) == []

    def test_what_was_asked_again_and_then_left(self):
        turns = turn("a", 0.0, QUESTION, output="Late."), turn("b", 30.0, QUESTION, output="Late.")
        assert found("abandonment", *turns) == [("b", 1831.0)]

    def test_a_courtesy_asks_nothing(self):
        assert not asks_back("It was sent today. Is there anything else I can help you with?")
        assert not asks_back("It was sent today.")


FLOORS = {
    "regenerate": (0.98, 0.95),
    "rephrase": (0.95, 0.5),
    "edit": (0.95, 0.9),
    "schema error": (0.98, 0.95),
    "tool error": (0.95, 0.9),
    "refusal": (0.95, 0.9),
    "truncation": (1.0, 1.0),
    "abandonment": (0.92, 0.85),
}
"""Precision and recall that each has at least, on conversations that it was not tuned on."""


@pytest.mark.parametrize("half", [TUNED, HELD_OUT])
def test_how_right_they_are(half):
    measured = figures(half)
    assert min(one.true for one in measured.values()) >= 20
    for kind, (precision, recall) in FLOORS.items():
        one = measured[kind]
        assert one.precision >= precision, (kind, one)
        assert one.recall >= recall, (kind, one)
