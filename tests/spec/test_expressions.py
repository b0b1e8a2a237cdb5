"""Reward expressions: what they mean, what they refuse, and that SQLite agrees where its meaning is ours."""

import math
import string

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import SpecError
from autotroph.spec import ANSWER_COLUMNS, compile_expression
from autotroph.spec.tree import ColumnType

COLUMNS: dict[str, ColumnType] = {
    **ANSWER_COLUMNS,
    "accepted": "boolean",
    "stars": "number",
    "written": "text",
    "note": "text",
}
Row = dict[str, float | str | None]
ROW: Row = {"accepted": 1.0, "stars": 4.0, "written": "hello world", "output": "hello", "shown": 1.0}


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
    ],
)
def test_meaning(text: str, expected: float | None) -> None:
    assert value(text) == expected


def test_kept_is_nothing_where_the_person_wrote_something_else() -> None:
    assert value("kept(written)", {"output": "help", "written": "hello"}) == 0.0
    assert value("kept(written)", {"output": "", "written": "hello"}) == 0.0
    assert value("kept(written)", {"written": "hello"}) is None


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


def test_kept_needs_an_answer() -> None:
    with pytest.raises(SpecError, match="there is no answer here"):
        compile_expression("kept(written)", {"written": "text"})


def test_names_and_digest_tell_what_an_expression_is() -> None:
    one = compile_expression("stars-(2*accepted)", COLUMNS)
    assert one.names == {"stars", "accepted"}
    assert one.digest == compile_expression("stars - 2 * accepted", COLUMNS).digest
    assert one.digest != compile_expression("stars - 3 * accepted", COLUMNS).digest
    assert compile_expression("kept(written)", COLUMNS).names == {"written", "output"}


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
