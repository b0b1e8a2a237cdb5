"""Emitted SQL means what the reference means, on every engine, and no text gets out of its quotes."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from alike import ENGINES, NAMES, Ask, Row, asked, column, compiled, differences, filled, same
from drawn import COLUMNS, TEXTS, Drawn
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from autotroph.spec.emission import Dialect, emit, functions, prepare
from autotroph.spec.evaluation import evaluator
from autotroph.spec.expressions import compile_expression
from autotroph.spec.tree import DEEPEST, Apply, Case, Column, Node, Null, Number, Text

SEEDS = st.integers(min_value=0, max_value=2**32)
DIALECTS: tuple[Dialect, ...] = ("duckdb", "sqlite", "spark")
EMBEDDED: tuple[Dialect, ...] = ("duckdb", "sqlite")
BATCH = 100
ROWS = 20


def agree(seed: int) -> None:
    """A hundred drawn expressions, over rows drawn from the same seed, on the engines of this process."""
    drawn = Drawn(seed)
    rows, expressions = [drawn.row() for _ in range(ROWS)], compiled(drawn, BATCH)
    assert len(expressions) > BATCH / 2, "most of what is drawn is valid"
    for dialect in EMBEDDED:
        with ENGINES[dialect](rows) as ask:
            assert differences(ask, dialect, expressions, rows) == []


@pytest.mark.parametrize("seed", range(3))
def test_engines_agree(seed: int) -> None:
    agree(seed)


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=100, database=None, phases=[Phase.generate])
def test_engines_agree_on_ten_thousand_expressions(seed: int) -> None:
    agree(seed)


def test_a_difference_would_be_found() -> None:
    rows: list[Row] = [dict.fromkeys(COLUMNS, 1.0)]
    with ENGINES["sqlite"](rows) as ask:
        expressions = [compile_expression("a", COLUMNS)]
        (found,) = differences(
            lambda some: ask([f"{each} + 1e-6" for each in some]), "sqlite", expressions, rows
        )
    assert "1.0 here, 1.000001 on sqlite" in found


# --- deep expressions --------------------------------------------------------------------------------

A, ONE = Column("a", "number"), Number(1.0)
STEPS: dict[str, Callable[[Node], Node]] = {
    "dividend": lambda node: Apply("/", (node, A)),
    "divisor": lambda node: Apply("/", (ONE, Apply("+", (node, ONE)))),
    "sum": lambda node: Apply("+", (node, A)),
    "condition": lambda node: Case(((node, ONE),), A),
    "otherwise": lambda node: Case(((Apply(">", (A, Number(3.0))), ONE),), node),
    "least": lambda node: Apply("least", (node, A)),
    "coalesce": lambda node: Apply("coalesce", (node, A)),
    "comparison": lambda node: Apply("<", (node, A)),
    "exp": lambda node: Apply("exp", (Apply("neg", (node,)),)),
    "and": lambda node: Apply("and", (node, A)),
    "is null": lambda node: Apply("is null", (Apply("/", (node, A)),)),
}


def nested(step: Callable[[Node], Node], levels: int = DEEPEST) -> Node:
    node: Node = A
    per_step = 2 if step in {STEPS["divisor"], STEPS["exp"], STEPS["is null"]} else 1
    for _ in range((levels - 1) // per_step):
        node = step(node)
    return node


@pytest.mark.parametrize("levels", [20, pytest.param(DEEPEST, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", STEPS)
def test_deep_expressions_stay_small_and_mean_the_same(name: str, levels: int) -> None:
    node, row = nested(STEPS[name], levels), {each: 2.0 if each == "a" else None for each in COLUMNS}
    for dialect in EMBEDDED:
        with ENGINES[dialect]([row]) as ask:
            ((value,),) = ask([emit(node, dialect, column)])
            assert same(evaluator(node)(row), value)


def test_what_is_emitted_grows_with_the_depth_and_no_faster() -> None:
    for step in STEPS.values():
        assert all(len(emit(nested(step), dialect, column)) < 300 * DEEPEST for dialect in DIALECTS)


def test_a_call_may_have_more_arguments_than_sqlite_takes() -> None:
    rows: list[Row] = [dict.fromkeys(COLUMNS, 3.0)]
    long = [f"least({'5,' * 1200}a)", f"greatest({'1,' * 1200}a)", f"coalesce({'NULL,' * 700}a)"]
    expressions = [compile_expression(text, COLUMNS) for text in long]
    with ENGINES["sqlite"](rows) as ask:
        assert ask([emit(each.tree, "sqlite", column) for each in expressions]) == [(3.0, 3.0, 3.0)]


# --- texts -------------------------------------------------------------------------------------------

WRITTEN = {
    "duckdb": r"CAST\('[\w .,:-]*' AS VARCHAR\)|decode\(unhex\('[0-9A-F]*'\)\)",
    "sqlite": r"'[\w .,:-]*'|CAST\(X'[0-9A-F]*' AS TEXT\)",
    "spark": r"'[\w .,:-]*'|CAST\(X'[0-9A-F]*' AS STRING\)",
}
ANY_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30) | st.sampled_from(TEXTS)
HOSTILE = st.lists(
    st.sampled_from(
        ["'", "''", '"', "\\", "\\'", "\0", "\n", ";", "--", "/*", "${", "}", "$$", "`", "é", "\u2019", "a"]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(words=ANY_TEXT | HOSTILE)
def test_no_text_gets_out_of_its_quotes(dialect: Dialect, words: str) -> None:
    assert re.fullmatch(WRITTEN[dialect], emit(Text(words), dialect, column), re.ASCII)


@pytest.fixture(scope="module", params=EMBEDDED)
def nowhere(request: pytest.FixtureRequest) -> Iterator[tuple[Dialect, Ask]]:
    """An engine over a single row without a value."""
    with ENGINES[request.param]([dict.fromkeys(COLUMNS)]) as ask:
        yield request.param, ask


@given(words=ANY_TEXT | HOSTILE, other=ANY_TEXT | HOSTILE)
def test_texts_arrive_as_they_are(nowhere: tuple[Dialect, Ask], words: str, other: str) -> None:
    dialect, ask = nowhere
    trees: list[Node] = [Text(words), Apply("length", (Text(words),)), Apply("=", (Text(words), Text(other)))]
    ((said, length, equal),) = ask([emit(tree, dialect, column) for tree in trees])
    assert (said, length, equal) == (words, len(words), words == other)


ATTEMPTS = (
    "s = ''' OR 1=1 --'",
    "s = '\\'",
    "s = '\\'' OR TRUE --'",
    "s IN ('''); DROP TABLE rows; --', 'x')",
    "length('${spark.app.name}') + length('$${x}')",
    "s = '\\u0027 OR 1=1'",
    "s = '\u02bc OR 1=1' OR s = '\uff07 OR 1=1'",
    "coalesce(s, '\0'' OR 1=1') = 'x'",
    "length('/*') + length('*/') + length('--\n')",
    "CASE 'a''b' WHEN 'a''''b' THEN 1 ELSE 2 END",
)


@pytest.mark.parametrize("text", ATTEMPTS)
def test_attempts_to_break_out_of_a_text(text: str) -> None:
    rows: list[Row] = [{**dict.fromkeys(COLUMNS), "s": words} for words in (*TEXTS, "' OR 1=1 --", None)]
    expression = compile_expression(text, COLUMNS)
    for dialect in EMBEDDED:
        with ENGINES[dialect](rows) as ask:
            assert differences(ask, dialect, [expression], rows) == []
            assert len(ask(["1"])) == len(rows), "the table is still there"


OURS = frozenset(
    {
        "cast",
        "null",
        "as",
        "double",
        "real",
        "varchar",
        "text",
        "string",
        "case",
        "when",
        "then",
        "else",
        "end",
    }
    | {"is", "and", "or", "not", "collate", "c", "binary", "utf8_binary", "lambda", "v", "isfinite", "nullif"}
    | {"list_transform", "nanvl", "try_divide", "decode", "unhex", "x", "length", "autotroph_length", "instr"}
    | {
        "starts_with",
        "startswith",
        "levenshtein",
        "autotroph_distance",
        "coalesce",
        "abs",
        "ln",
        "exp",
        "sqrt",
    }
    | {"least", "greatest", "min", "max", *(column(Column(name, "text")) for name in COLUMNS)}
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_is_emitted_but_words_of_ours(dialect: Dialect) -> None:
    for expression in compiled(Drawn(7), BATCH):
        bare = re.sub(r"'[^']*'", "", emit(expression.tree, dialect, column))
        words = re.findall(r"[A-Za-z_]\w*", re.sub(r"\b\d[\d.]*(e[+-]?\d+)?D?\b", "", bare))
        assert {word.lower() for word in words} <= OURS, expression.text
        assert not re.search(r"--|/\*|[;\"`\\$]", bare), expression.text


# --- what is not read from a text ----------------------------------------------------------------------


@pytest.mark.parametrize("dialect", EMBEDDED)
def test_columns_that_are_not_finite_and_collations_do_not_matter(dialect: Dialect) -> None:
    row: Row = {**dict.fromkeys(COLUMNS, 1.0), "a": float("inf"), "b": float("-inf"), "s": "x", "t": "X"}
    texts = [
        "a",
        "coalesce(b, 7)",
        "a IS NULL",
        "1 / a",
        "s = t",
        "a > b",
        "exp(b)",
        "least(a, 1)",
        "a - a",
        "s IN ('X')",
    ]
    expressions = [compile_expression(text, COLUMNS) for text in texts]
    with ENGINES[dialect]([row]) as ask:
        assert differences(ask, dialect, expressions, [row]) == []


def test_duckdb_compares_by_code_points_whatever_its_default() -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("PRAGMA default_collation = NOCASE")
    tree = Apply("=", (Column("s", "text"), Text("A")))
    (found,) = connection.execute(
        f"SELECT {emit(tree, 'duckdb', lambda _: 's')} FROM (SELECT 'a' AS s)"
    ).fetchall()
    connection.close()
    assert found == (0.0,)


def test_what_is_never_known_has_a_type() -> None:
    assert emit(Null(), "duckdb", column) == "CAST(NULL AS DOUBLE)"
    assert emit(Apply("length", (Null(),)), "spark", column) == "CAST(length(CAST(NULL AS STRING)) AS DOUBLE)"
    assert emit(Number(-2.5), "spark", column) == "(-2.5e0D)"


def test_functions_are_the_references_own() -> None:
    distance, arguments = functions("duckdb")["autotroph_distance"]
    assert (distance("日本", "日"), distance(None, "x"), arguments) == (1.0, None, 2)
    assert functions("sqlite")["autotroph_length"][0]("a\0b") == 3.0
    assert functions("spark") == {}


# --- Spark ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip(
        "pyspark.sql", reason="pip install pyspark (4 or newer, with Java 17 or newer) to compare Spark"
    )
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        session = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        prepare(session, "spark")
        yield session
        session.stop()


@contextmanager
def spark_over(session: Any, rows: list[Row]) -> Iterator[Ask]:
    types = {name: "STRING" if type_ == "text" else "DOUBLE" for name, type_ in COLUMNS.items()}
    schema = ", ".join(["number INT", *(f"{NAMES[name]} {types[name]}" for name in COLUMNS)])
    session.createDataFrame(filled(rows), schema).createOrReplaceTempView("rows")
    yield lambda expressions: [tuple(row) for row in session.sql(asked(expressions)).collect()]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ansi", ["true", "false"])
@pytest.mark.parametrize("seed", range(2))
def test_spark_agrees(spark: Any, seed: int, ansi: str) -> None:
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    drawn = Drawn(seed, transcendental=False)
    rows, expressions = [drawn.row() for _ in range(ROWS)], compiled(drawn, BATCH)
    with spark_over(spark, rows) as ask:
        assert differences(ask, "spark", expressions, rows) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_spark_agrees_about_texts_logarithms_and_deep_expressions(spark: Any) -> None:
    drawn = Drawn(11)
    rows = [drawn.row() for _ in range(ROWS)]
    expressions = [
        compile_expression(text, COLUMNS) for text in ("ln(a)", "exp(b)", "exp(ln(abs(c)))", *ATTEMPTS)
    ]
    trees: list[Node] = [Apply("=", (Text(words), Column("s", "text"))) for words in TEXTS]
    trees += [nested(step) for step in STEPS.values()]
    with spark_over(spark, rows) as ask:
        assert differences(ask, "spark", expressions, rows) == []
        for tree in trees:
            answers = ask([emit(tree, "spark", column)])
            expected = [evaluator(tree)(row) for row in rows]
            assert all(same(one, said) for one, (said,) in zip(expected, answers, strict=True)), tree
