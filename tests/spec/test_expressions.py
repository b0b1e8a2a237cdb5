"""Reward expressions: what they mean, what they refuse, and that SQLite agrees where its meaning is ours."""

import math
import string
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import SpecError
from autotroph.spec import ANSWER_COLUMNS, compile_expression
from autotroph.spec.sql import FUNCTIONS
from autotroph.spec.tree import ColumnType

COLUMNS: dict[str, ColumnType] = {
    **ANSWER_COLUMNS,
    "accepted": "boolean",
    "stars": "number",
    "written": "text",
    "note": "text",
    "inputs.plan": "text",
    "inputs.size": "number",
}
Row = dict[str, float | str | None]
ROW: Row = {"accepted": 1.0, "stars": 4.0, "written": "hello world", "output": "hello", "inputs.plan": "gold"}


def value(text: str, row: Row = ROW) -> float | None:
    return compile_expression(text, COLUMNS).evaluate(row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 / 2", 3.5),
        ("1 / 0", None),
        ("0.75 * accepted", 0.75),
        ("TRUE + TRUE", 2.0),
        ("2 + 3 * 4 - -1", 15.0),
        ("stars > 3", 1.0),
        ("stars BETWEEN 4 AND 5", 1.0),
        ("stars NOT BETWEEN 4 AND 5", 0.0),
        ("stars IN (1, 4)", 1.0),
        ("written IN ('a', 'b')", 0.0),
        ("stars NOT IN (1, NULL)", None),
        ("note IS NULL", 1.0),
        ("written IS NOT NULL", 1.0),
        ("NULL AND FALSE", 0.0),
        ("NULL AND TRUE", None),
        ("NULL OR TRUE", 1.0),
        ("NOT NULL", None),
        ("NULL = NULL", None),
        ("LEAST(1, 2, NULL)", None),
        ("greatest(1, 3, 2)", 3.0),
        ("coalesce(note, written) = 'hello world'", 1.0),
        ("coalesce(NULL, 1 / 0, 5)", 5.0),
        ("CASE WHEN stars > 4 THEN 1 WHEN stars > 3 THEN 2 END", 2.0),
        ("CASE WHEN NULL THEN 1 END", None),
        ("CASE stars WHEN 4 THEN 10 ELSE 20 END", 10.0),
        ("CASE WHEN FALSE THEN 1 / 0 ELSE 3 END", 3.0),
        ("abs(-3) + sqrt(16) + exp(0) + ln(1)", 8.0),
        ("ln(0)", None),
        ("sqrt(-1)", None),
        ("exp(1000)", None),
        ("1e308 * 10", None),
        ("coalesce(1e308 + 1e308, -1)", -1.0),
        ("length(written)", 11.0),
        ("length('')", 0.0),
        ("kept(written)", 5.0),
        ("kept(note)", None),
        ("kept(note) + 1", None),
        ('"stars"', 4.0),
        ("distance(written)", 6.0),
        ("DISTANCE(output)", 0.0),
        ("distance(note)", None),
        ("inputs.plan = 'gold'", 1.0),
        ('inputs."plan" <> "inputs".plan', 0.0),
        ("inputs.size", None),
        ("stars BETWEEN 1 AND 5 AND stars NOT BETWEEN 5 AND 9", 1.0),
    ],
)
def test_meaning(text: str, expected: float | None) -> None:
    assert value(text) == expected


def test_kept_is_nothing_where_the_person_wrote_something_else() -> None:
    assert value("kept(written)", {"output": "help", "written": "hello"}) == 0.0
    assert value("kept(written)", {"output": "", "written": "hello"}) == 0.0
    assert value("kept(written)", {"written": "hello"}) is None


@pytest.mark.parametrize(
    ("written", "output", "expected"),
    [
        ("日本語", "日本", 1.0),
        ("é", "e\u0301", 2.0),
        ("", "abc", 3.0),
        ("a\0b", "a\0c", 1.0),
        ("ab" * 600, "ba" * 600, 2.0),
    ],
)
def test_distance_counts_code_points(written: str, output: str, expected: float) -> None:
    assert value("distance(written)", {"written": written, "output": output}) == expected
    assert value("distance(written)", {"output": output}) is None
    assert value("distance(written)", {"written": written}) is None


@pytest.mark.parametrize("odd", ["text", math.nan, math.inf, 10**400, None])
def test_a_number_that_is_none_is_unknown(odd: float) -> None:
    assert value("stars", {"stars": odd}) is None
    assert value("coalesce(stars, 0)", {"stars": odd}) == 0.0


def test_booleans_and_integers_become_doubles() -> None:
    assert repr(value("stars", {"stars": True})) == "1.0"
    assert repr(value("stars", {"stars": 3})) == "3.0"
    assert value("written = 'x'", {"written": 3.0}) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("acepted", "no signal or column named 'acepted'; known: accepted, .* Did you mean 'accepted'"),
        ("", "empty"),
        ("/* nothing */", "empty"),
        ("1 +", "not a SQL expression"),
        ("1 2", "not a SQL expression"),
        ("'unfinished", "not a SQL expression"),
        ("1; 2", "without a semicolon"),
        ("1;", "without a semicolon"),
        ("1 -- why", "no comments"),
        ("1 /* why */", "no comments"),
        ("SELECT 1", "not a SQL expression"),
        ("(SELECT 1)", "is not allowed here; allowed: "),
        ("stars IN (SELECT 1)", "is not allowed here"),
        ("stars IN stars", "is not allowed here"),
        ("EXISTS (SELECT 1)", "is not allowed here"),
        ("count(*)", "is not allowed here"),
        ("sum(stars) OVER ()", "is not allowed here"),
        ("load_extension('x')", "no function named 'load_extension'; known: abs, "),
        ("stars::int", "is not allowed here"),
        ("stars % 2", "is not allowed here"),
        ("stars BETWEEN SYMMETRIC 1 AND 2", "is not allowed here"),
        ("stars IS TRUE", "is not allowed here"),
        ("a.stars", "is not allowed here"),
        ("inputs.plam", "no context column named 'inputs.plam'; known: inputs.plan, .*mean 'inputs.plan'"),
        ('"inputs.plan"', "write inputs.NAME without quotes"),
        ("inputs.*", "is not allowed here"),
        ("a.inputs.plan", "is not allowed here"),
        ("inputs.plan.size", "is not allowed here"),
        ("inputs.f(1)", "is not allowed here"),
        ("Inputs.plan = 'x'", "is not allowed here"),
        ("inputs", "no signal or column named 'inputs'"),
        ("written LIKE 'x'", "is not allowed here"),
        ("written || 'x'", "is not allowed here"),
        ("?", "is not allowed here"),
        ("stars AS x", "not a SQL expression"),
        ("written + 1", r"\+ takes numbers, not text"),
        ("written < 'x'", "< takes numbers, not text"),
        ("written = 1", "= cannot mix numbers and text"),
        ("coalesce(written, 1)", "coalesce cannot mix"),
        ("CASE WHEN written THEN 1 END", "WHEN takes numbers"),
        ("CASE WHEN 1 THEN 1 ELSE 'x' END", "CASE cannot mix"),
        ("length(stars)", "length takes text, not numbers"),
        ("kept(stars)", "kept takes text"),
        ("kept('x')", "kept takes the name of one text signal"),
        ("kept(written, note)", "kept takes the name of one text signal"),
        ("distance(stars)", "distance takes text, not numbers"),
        ("distance('x')", r"distance takes the name of one text signal, as in distance\(written\)"),
        ("distance(coalesce(written, note))", "distance takes the name of one text signal"),
        ("distance(written, note)", "distance takes the name of one text signal"),
        ("levenshtein(written, note)", "is not allowed here"),
        ("written = 'x' OR 1=1; DROP TABLE rewards", "without a semicolon"),
        ("written = U&'\\0027' OR TRUE", "is not allowed here|no signal"),
        ("written = E'\\'' OR TRUE", "not a SQL expression"),
        ("written = N'x'", "is not allowed here"),
        ("written = 'a' 'b'", "is not allowed here"),
        ("$$ OR 1=1 $$", "not a SQL expression"),
        ('"written"" OR 1=1 --" = 1', "no signal or column named"),
        ("stars /*! + 1 */", "no comments"),
        ("${stars}", "not a SQL expression|no signal|is not allowed"),
        ("stars BETWEEN 0 AND 1" + " BETWEEN 0 AND 1" * 40, "too large: .* at most 5000|nested too deeply"),
        ("(" * 40 + "stars" + " BETWEEN 0 AND 1)" * 40, "too large: .* at most 5000"),
        ("written", "yields text"),
        ("abs(1, 2)", "not a SQL expression"),
        ("1e999", "too large for a double"),
        ("0E", "'0E' is not a number"),
        ("+".join("1" * 150), "nested too deeply"),
        ("(" * 1500 + "1" + ")" * 1500, "nested too deeply"),
        ("NOT " * 900 + "1", "nested too deeply"),
        ("1" * 5000, "longer than 4000"),
        ("'\udc80' = written", "not valid Unicode"),
    ],
)
def test_refusals_say_why(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        compile_expression(text, COLUMNS)


def test_the_reference_has_every_function_and_column() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/expressions.md").read_text("utf-8")
    assert [name for name in FUNCTIONS if f"`{name}(" not in page] == []
    assert [name for name in ANSWER_COLUMNS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("function", ["kept", "distance"])
def test_comparing_with_an_answer_needs_one(function: str) -> None:
    with pytest.raises(SpecError, match="there is no answer here"):
        compile_expression(f"{function}(written)", {"written": "text"})


def test_names_and_digest_tell_what_an_expression_is() -> None:
    one = compile_expression("stars-(2*accepted)", COLUMNS)
    assert one.names == {"stars", "accepted"}
    assert one.digest == compile_expression("stars - 2 * accepted", COLUMNS).digest
    assert one.digest != compile_expression("stars - 3 * accepted", COLUMNS).digest
    assert compile_expression("kept(written)", COLUMNS).names == {"written", "output"}
    assert compile_expression("inputs.size + distance(written)", COLUMNS).names == {
        "inputs.size",
        "written",
        "output",
    }


REWARDS = {
    "pleased": "accepted - 20 * cost_usd",
    "both": "pleased + 2 * pleased",
    "stars": "accepted",
    "selfish": "selfish + 1",
    "a": "1 - b",
    "b": "CASE WHEN c THEN 1 END",
    "c": "abs(a)",
    "outside": "2 * c",
    "wordy": "coalesce(written, note)",
    "typo": "acepted",
    "broken": "1 +",
    "above": "2 * typo",
}


def test_a_reward_may_refer_to_another() -> None:
    both = compile_expression("both / 3", COLUMNS, REWARDS)
    assert both.evaluate({"accepted": 1.0, "cost_usd": 0.01}) == pytest.approx(0.8)
    assert both.names == {"accepted", "cost_usd"}
    written_out = "((accepted - 20 * cost_usd) + 2 * (accepted - 20 * cost_usd)) / 3"
    assert both.digest == compile_expression(written_out, COLUMNS).digest
    assert compile_expression("stars", COLUMNS, REWARDS).names == {"stars"}, "a column's name is the column"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selfish", "in a circle: selfish → selfish; break it"),
        ("b + 1", "in a circle: a → b → c → a; break it"),
        ("c", "in a circle: a → b → c → a; break it"),
        ("outside", "in a circle: a → b → c → a; break it"),
        ("wordy", "in 'wordy', which this refers to: the expression yields text"),
        (
            "typo",
            "in 'typo', which this refers to: no signal or column named 'acepted'; known: .*, pleased, ",
        ),
        ("1 - above", "in 'above', which this refers to: in 'typo', .* Did you mean 'accepted'"),
        ("broken", "in 'broken', which this refers to: not a SQL expression"),
        ("plesed", "no signal or column named 'plesed'; .* Did you mean 'pleased'"),
        ("kept(pleased)", "kept takes the name of one text signal"),
    ],
)
def test_rewards_that_cannot_be_referred_to(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        compile_expression(text, COLUMNS, REWARDS)


@pytest.mark.parametrize(
    ("shape", "rewards", "message"),
    [("r{} + r{}", 40, "too large: .* at most 5000"), ("r{} + 1", 400, "nested too deeply; at most 100")],
)
def test_what_rewards_make_of_each_other_is_bounded(shape: str, rewards: int, message: str) -> None:
    texts = {"r0": "accepted"} | {f"r{i}": shape.format(i - 1, i - 1) for i in range(1, rewards)}
    with pytest.raises(SpecError, match=message):
        compile_expression(f"r{rewards - 1}", COLUMNS, texts)
    assert compile_expression("r9", COLUMNS, texts).evaluate({"accepted": 0.0}) in {0.0, 9.0}


# The same expression in our words and in SQLite's: real numbers only, so that their meanings coincide.
NUMBERS = st.sampled_from(["0.0", "1.0", "2.5", "3.0", "NULL", "a", "b", "c"])
TEXTS = st.sampled_from(["s", "t", "'x'", "NULL"])
Pair = tuple[str, str]


def _same(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Pair]:
    return texts.map(lambda text: (text, text))


def _compound(numbers: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    infix = st.sampled_from(["+", "-", "*", "/", "=", "<>", "<", "<=", ">", ">=", "AND", "OR"])
    calls = [("least", "min"), ("greatest", "max"), ("coalesce", "coalesce")]
    shapes = ["(- {})", "(NOT {})", "abs({})", "({} IS NULL)", "({} IS NOT NULL)"]
    cases = [
        "CASE WHEN {} THEN {} ELSE {} END",
        "CASE {} WHEN {} THEN {} END",
        "({} BETWEEN {} AND {})",
        "({} NOT IN ({}, {}))",
    ]
    one_of_texts = st.sampled_from(["({} = {})", "({} IN ({}, 'y'))", "length(coalesce({}, {}))"])
    return st.one_of(
        st.tuples(st.sampled_from(shapes), numbers).map(lambda p: _fill(p[0], p[1])),
        st.tuples(infix, numbers, numbers).map(lambda p: _fill("({} " + p[0] + " {})", p[1], p[2])),
        st.tuples(st.sampled_from(calls), numbers, numbers).map(
            lambda p: (f"{p[0][0]}({p[1][0]}, {p[2][0]})", f"{p[0][1]}({p[1][1]}, {p[2][1]})")
        ),
        st.tuples(st.sampled_from(cases), numbers, numbers, numbers).map(lambda p: _fill(*p)),
        st.tuples(one_of_texts, _same(TEXTS), _same(TEXTS)).map(lambda p: _fill(*p)),
    )


def _fill(shape: str, *parts: Pair) -> Pair:
    return shape.format(*(ours for ours, _ in parts)), shape.format(*(theirs for _, theirs in parts))


EXPRESSIONS = st.recursive(_same(NUMBERS), _compound, max_leaves=12)
VALUES = st.none() | st.sampled_from([0.0, 1.0, -2.0, 0.5, 3.0])
TEXT_VALUES = st.none() | st.sampled_from(["x", "y", "", "é"])


@given(EXPRESSIONS, st.tuples(VALUES, VALUES, VALUES), st.tuples(TEXT_VALUES, TEXT_VALUES))
def test_sqlite_agrees(
    expression: Pair, numbers: tuple[float | None, ...], texts: tuple[str | None, ...]
) -> None:
    ours, theirs = expression
    names: dict[str, ColumnType] = {"a": "number", "b": "number", "c": "number", "s": "text", "t": "text"}
    row: Row = dict(zip(names, (*numbers, *texts), strict=True))
    asked = f"SELECT {theirs} FROM (SELECT ? AS a, ? AS b, ? AS c, ? AS s, ? AS t)"
    (expected,) = next(iter(apsw.Connection(":memory:").execute(asked, tuple(row.values()))))
    assert compile_expression(ours, names).evaluate(row) == expected


WORDS = """
    stars written kept( least( ( ) , CASE WHEN THEN ELSE END IN NOT IS NULL AND BETWEEN SELECT FROM
    1 'x' + - / * = ; -- :: [ { @
"""
FRAGMENTS = st.sampled_from(WORDS.split())


@given(st.lists(FRAGMENTS, max_size=12).map(" ".join) | st.text(alphabet=string.printable, max_size=20))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        compiled = compile_expression(text, COLUMNS)
    except SpecError:
        return
    result = compiled.evaluate(ROW)
    assert result is None or math.isfinite(result)
