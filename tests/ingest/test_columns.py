import pytest

from autotroph.errors import AutotrophError, InputError, UnknownName
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.columns import THUMBS, Columns, arrival_of, read_number, read_thumb
from autotroph.spec import parse

SPEC = parse(
    """
[product]
name = "support"
[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "cards"]
context = { text = "text", age = "number", member = "boolean" }
[signals]
accepted = { type = "boolean" }
stars = { type = "number" }
edited = { type = "text" }
"""
)
THUMB_TABLE = Columns(
    task="route",
    fields={
        "id": "conversation",
        "user": "customer",
        "inputs.text": "question",
        "inputs.age": "age",
        "output": "answer",
        "signals.accepted": "thumb",
    },
)
ROW = {
    "conversation": "c1",
    "customer": "7",
    "question": "lost",
    "age": "41",
    "answer": "cards",
    "thumb": "👎",
}


def test_a_row_of_a_thumbs_table():
    found = arrival_of(ROW, THUMB_TABLE, SPEC)
    assert found == DecisionIn(
        task="route",
        id="c1",
        user="7",
        inputs={"text": "lost", "age": 41},
        output="cards",
        signals={"accepted": False},
    )


def test_an_empty_cell_says_nothing():
    row = {**ROW, "customer": "", "thumb": None, "age": ""}
    found = arrival_of(row, THUMB_TABLE, SPEC)
    assert (found.user, found.signals, found.inputs) == ("", {}, {"text": "lost"})


NAMED = {
    "task": "route",
    "option": "cards",
    "inputs.text": "lost",
    "inputs": '{"plan":"gold"}',
    "options.cards": "0.25",
    "options.billing": ".75",
    "signals.stars": "4",
    "at": "1600000000",
    "tokens_in": "12",
    "cost_usd": "1e-3",
    "learn": "no",
    "purposes": "improve, report",
    "user": 7,
    "name": "a remark",
    "remarks": "another",
    "inputs.": "a third",
}


def test_columns_that_are_named_as_fields_need_no_flags():
    columns = Columns().over(NAMED)
    assert NAMED.keys() - columns.fields.values() == {"name", "remarks", "inputs."}
    assert arrival_of(NAMED, columns, SPEC) == DecisionIn(
        task="route",
        option="cards",
        inputs={"text": "lost", "plan": "gold"},
        options={"cards": 0.25, "billing": 0.75},
        signals={"stars": 4.0},
        at=1_600_000_000.0,
        tokens_in=12,
        cost_usd=0.001,
        learn=False,
        purposes=("improve", "report"),
        user="7",
    )


@pytest.mark.parametrize(
    ("name", "value", "read"), [("accepted", "up", True), ("stars", "3", 3.0), ("edited", "3", "3")]
)
def test_a_table_of_signals(name, value, read):
    header = ["subject", "name", "value", "at", "task_id"]
    row = dict(zip(header, ["d1", name, value, "2020-01-01T00:00:00Z", "x"], strict=True))
    found = arrival_of(row, Columns().over(header), SPEC)
    assert found == SignalIn(subject="d1", name=name, value=read, at="2020-01-01T00:00:00Z")


def test_documents_are_taken_as_they_are():
    assert arrival_of({"task": "route", "option": "cards"}, Columns(), SPEC) == DecisionIn(
        task="route", option="cards"
    )
    assert arrival_of({"option": "cards"}, Columns(task="route"), SPEC) == DecisionIn(
        task="route", option="cards"
    )
    said = {"subject": "d", "name": "stars", "value": 1}
    assert arrival_of(said, Columns(task="route"), SPEC) == SignalIn(subject="d", name="stars", value=1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"thumb": "maybe"}, "column 'thumb': 'maybe' is neither yes nor no; known: up"),
        ({"age": "forty"}, "column 'age': 'forty' is no number"),
        ({"age": "1,5"}, "column 'age': '1,5' is no number"),
        ({"answer": 1.5}, "output: expected `str`, got `float`"),
        ({"conversation": "x" * 300}, "id: expected `str` of length <= 256"),
    ],
)
def test_a_cell_that_cannot_be_is_refused_with_its_column(change, says):
    with pytest.raises(InputError, match=says):
        arrival_of({**ROW, **change}, THUMB_TABLE, SPEC)


@pytest.mark.parametrize(
    ("row", "columns", "says"),
    [
        ({"option": "cards"}, Columns(), "neither a decision"),
        ({"task": "route", "subject": "d"}, Columns(), "no field named 'subject'"),
        ({"x": "1"}, Columns(task="rout", fields={"inputs.a": "x"}), "no task named 'rout'"),
        ({"x": "1"}, Columns(task="route", fields={"signals.acepted": "x"}), "no signal named 'acepted'"),
        ({"x": "[1]"}, Columns(task="route", fields={"inputs": "x"}), "column 'x': an object was expected"),
        ({"x": "{1"}, Columns(task="route", fields={"inputs": "x"}), "column 'x': byte 1: not JSON"),
    ],
)
def test_a_row_that_cannot_be_is_refused(row, columns, says):
    with pytest.raises(AutotrophError, match=says):
        arrival_of(row, columns, SPEC)


def test_a_column_that_is_not_there_is_answered_with_the_known_ones():
    with pytest.raises(
        UnknownName, match=r"no column named 'thumb'; known: answer, thumbs\. Did you mean 'thumbs'"
    ):
        Columns(fields={"signals.accepted": "thumb"}).check(["thumbs", "answer"])


@pytest.mark.parametrize("value", [True, False])
def test_yes_and_no_in_every_spelling(value):
    for word in THUMBS[value]:
        assert [read_thumb(one) for one in (word, word.upper(), f" {word} ")] == [value] * 3
    more = {
        True: ["thumbs_up", "Thumb up", "👍🏿", "👍️", 1, 1.0, True],
        False: ["thumbs-down", "👎🏻", 0, -1, "0.0", False],
    }
    assert {read_thumb(one) for one in more[value]} == {value}


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_000", "1 000", "0x10", "١", "1e999", "--1", "."])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(InputError):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("-7", -7), ("7.0", 7.0), (".5", 0.5), ("9" * 20, 1e20)]
)
def test_a_number_is_read(text, number):
    assert (read_number(text), type(read_number(text))) == (number, type(number))
