"""Tree to SQL: one scalar expression for DuckDB, SQLite or Spark, with the meaning of `evaluation.py`.

Each engine has its own way with what is not a finite number, so a result that may be infinite or NaN is
written *loose*: until it is looked at, not being finite means NULL. Infinity stays not finite through + - *
and as a dividend, so most expressions are looked at once, at the end. Where a loose value meets what
would hide it (a comparison, a divisor, LEAST, COALESCE), it becomes NULL there, in a form that mentions it
once, because mentioning it twice at each of a hundred levels is 2^100.

Names are not written here: `column` says how a column is read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from autotroph.spec.evaluation import evaluator
from autotroph.spec.tree import Apply, Case, Column, Node, Null, Number, Text

Dialect = Literal["duckdb", "sqlite", "spark"]
Form = Literal["number", "loose", "truth", "text", "null"]

PLAIN = re.compile(r"[A-Za-z0-9 _.,:-]*", re.ASCII)
"""What stands as it is between quotes; everything else is written in hexadecimal. So neither a quote nor a
backslash nor `${...}`, which Spark replaces inside of texts too, ever stands in the SQL."""
MENTIONED_TWICE = 400
"""Up to how many characters DuckDB may read an expression twice, which is faster than a list of one."""
ARGUMENTS = 500
"""How many arguments one call may have in SQLite (1,000) with room to spare."""


class Piece(NamedTuple):
    """SQL and what it yields: a finite number or NULL, a loose one, a BOOLEAN, a text, or only ever NULL."""

    sql: str
    form: Form


class Engine(NamedTuple):
    """How one engine writes what engines write differently."""

    number: str
    truth: str
    text: str
    hexadecimal: str
    null: str
    no_text: str
    divide: str
    equal: str
    of_texts: Mapping[str, str]
    finite: Callable[[str], str]


def emit(node: Node, dialect: Dialect, column: Callable[[Column], str]) -> str:
    """One SQL scalar expression of type double (or text) that yields what `evaluator` yields.

    Args:
        node: the tree.
        dialect: the engine; `prepare` makes a connection to it ready.
        column: how a column is written: an expression of type DOUBLE (booleans as 0 and 1) or VARCHAR, NULL
            where it is unknown; what can stand anywhere, such as a name, a call, or something in parentheses.

    >>> tree = Apply("/", (Column("gain", "number"), Column("cost", "number")))
    >>> emit(tree, "sqlite", lambda column: f"row.{column.name}")
    'nullif(nullif((row.gain / nullif(nullif(row.cost, 9e999), -9e999)), 9e999), -9e999)'
    """
    return _Writer(dialect, column).written(node)


def prepare(connection: Any, dialect: Dialect) -> None:
    """Make a connection ready for what is emitted: functions that the engine lacks, settings that it needs.

    Args:
        connection: of apsw, of DuckDB (once per database, because functions are the database's), or a session
            of Spark.
        dialect: which of them it is.
    """
    if dialect == "spark":
        for name, value in SPARK_SETTINGS.items():
            connection.conf.set(name, value)
    for name, (function, arguments) in functions(dialect).items():
        if dialect == "sqlite":
            connection.create_scalar_function(name, function, arguments, deterministic=True)
        else:
            connection.create_function(name, function, ["VARCHAR"] * arguments, "DOUBLE")


def functions(dialect: Dialect) -> dict[str, tuple[Callable[..., float | None], int]]:
    """What emitted SQL calls and the engine lacks, with how many texts each takes: the reference's own.

    DuckDB's own levenshtein counts bytes, and SQLite's length ends at a NUL.
    """
    measures = {"autotroph_distance": (_distance(), 2), "autotroph_length": (_length(), 1)}
    return {name: measures[name] for name in CALLED[dialect]}


CALLED: dict[Dialect, tuple[str, ...]] = {
    "duckdb": ("autotroph_distance",),
    "sqlite": ("autotroph_distance", "autotroph_length"),
    "spark": (),
}


def _distance() -> Callable[..., float | None]:
    evaluate = evaluator(Apply("distance", (Column("written", "text"), Column("output", "text"))))

    def distance(written: str | None, output: str | None) -> float | None:
        found: float | None = evaluate({"written": written, "output": output})
        return found

    return distance


def _length() -> Callable[..., float | None]:
    evaluate = evaluator(Apply("length", (Column("text", "text"),)))

    def length(text: str | None) -> float | None:
        found: float | None = evaluate({"text": text})
        return found

    return length


SPARK_SETTINGS = {
    "spark.sql.subexpressionElimination.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
}
"""Spark's search for common sub-expressions takes 2^n steps for n nested CASE or COALESCE, and in the code of
whole stages it runs even where it is switched off (seen in 4.3.0). Fifteen levels take a second with it."""


def _finite_duckdb(sql: str) -> str:
    if len(sql) <= MENTIONED_TWICE:
        return f"CASE WHEN isfinite({sql}) THEN {sql} END"
    return f"list_transform([{sql}], lambda v: CASE WHEN isfinite(v) THEN v END)[1]"


def _finite_sqlite(sql: str) -> str:
    return f"nullif(nullif({sql}, 9e999), -9e999)"


def _finite_spark(sql: str) -> str:
    """What is left of infinity by infinity is NaN, and of a finite number it is the number."""
    return f"nanvl({sql} % double('Infinity'), CAST(NULL AS DOUBLE))"


ENGINES: dict[Dialect, Engine] = {
    "duckdb": Engine(
        number="{}",
        truth="CAST({} AS DOUBLE)",
        text="CAST('{}' AS VARCHAR)",
        hexadecimal="decode(unhex('{}'))",
        null="CAST(NULL AS DOUBLE)",
        no_text="CAST(NULL AS VARCHAR)",
        divide="({} / {})",
        equal="({} COLLATE C {} {} COLLATE C)",
        of_texts={
            "length": "CAST(length({}) AS DOUBLE)",
            "kept": "(CAST(starts_with({0}, {1}) AS DOUBLE) * length({1}))",
            "distance": "autotroph_distance({}, {})",
        },
        finite=_finite_duckdb,
    ),
    "sqlite": Engine(
        number="{}",
        truth="CAST({} AS REAL)",
        text="'{}'",
        hexadecimal="CAST(X'{}' AS TEXT)",
        null="CAST(NULL AS REAL)",
        no_text="CAST(NULL AS TEXT)",
        divide="({} / {})",
        equal="({} COLLATE BINARY {} {} COLLATE BINARY)",
        of_texts={
            "length": "autotroph_length({})",
            "kept": "((instr({0}, {1}) = 1) * autotroph_length({1}))",
            "distance": "autotroph_distance({}, {})",
        },
        finite=_finite_sqlite,
    ),
    "spark": Engine(
        number="{}D",
        truth="CAST({} AS DOUBLE)",
        text="'{}'",
        hexadecimal="CAST(X'{}' AS STRING)",
        null="CAST(NULL AS DOUBLE)",
        no_text="CAST(NULL AS STRING)",
        divide="try_divide({}, {})",
        equal="({} COLLATE UTF8_BINARY {} {} COLLATE UTF8_BINARY)",
        of_texts={
            "length": "CAST(length({}) AS DOUBLE)",
            "kept": "(CAST(startswith({0} COLLATE UTF8_BINARY, {1} COLLATE UTF8_BINARY) AS DOUBLE)"
            " * length({1}))",
            "distance": "CAST(levenshtein({} COLLATE UTF8_BINARY, {} COLLATE UTF8_BINARY) AS DOUBLE)",
        },
        finite=_finite_spark,
    ),
}


class _Writer:
    """Writes trees for one engine."""

    def __init__(self, dialect: Dialect, column: Callable[[Column], str]) -> None:
        self.dialect = dialect
        self.engine = ENGINES[dialect]
        self.column = column

    def written(self, node: Node) -> str:
        """The whole: a number that is finite or NULL, or a text."""
        piece = self.piece(node)
        return piece.sql if piece.form == "text" else self.strict(piece)

    def piece(self, node: Node) -> Piece:
        match node:
            case Number(value=value):
                return Piece(self.number(value), "number")
            case Text(value=words):
                return Piece(self.text(words), "text")
            case Null():
                return Piece(self.engine.null, "null")
            case Column(type=type_):
                return Piece(self.column(node), "text" if type_ == "text" else "loose")
            case Apply(op=op, arguments=arguments):
                return self.call(op, [self.piece(argument) for argument in arguments])
            case Case():
                return self.case(node)

    def number(self, value: float) -> str:
        """Seventeen digits at most, always with an exponent, or DuckDB reads a decimal."""
        digits = repr(value)
        written = self.engine.number.format(digits if "e" in digits else f"{digits}e0")
        return f"({written})" if written.startswith("-") else written

    def text(self, words: str) -> str:
        if PLAIN.fullmatch(words):
            return self.engine.text.format(words)
        return self.engine.hexadecimal.format(words.encode().hex().upper())

    def loose(self, piece: Piece) -> str:
        """A number that may be not finite."""
        return self.engine.truth.format(piece.sql) if piece.form == "truth" else piece.sql

    def strict(self, piece: Piece) -> str:
        """A number that is finite or NULL."""
        return self.engine.finite(piece.sql) if piece.form == "loose" else self.loose(piece)

    def truth(self, piece: Piece) -> str:
        return piece.sql if piece.form == "truth" else f"({self.strict(piece)} <> {self.number(0.0)})"

    def words(self, piece: Piece) -> str:
        return self.engine.no_text if piece.form == "null" else piece.sql

    def call(self, op: str, pieces: list[Piece]) -> Piece:
        if op in {"+", "-", "*", "/", "neg", "abs", "sqrt", "ln", "exp"}:
            return Piece(self.arithmetic(op, pieces), "loose")
        if op in {"and", "or", "not", "is null", "=", "<>", "<", "<=", ">", ">="}:
            return Piece(self.predicate(op, pieces), "truth")
        if op in {"least", "greatest"}:
            return self.extreme(op, pieces)
        if op == "coalesce":
            return self.coalesce(pieces)
        written = self.engine.of_texts[op].format(*(self.words(piece) for piece in pieces))
        return Piece(written, "number")

    def arithmetic(self, op: str, pieces: list[Piece]) -> str:
        first = self.loose(pieces[0])
        if op == "/":
            return self.engine.divide.format(first, self.strict(pieces[1]))
        if op == "neg":
            return f"(- {first})"
        if op == "exp":
            return f"exp({self.strict(pieces[0])})"
        if len(pieces) == 1:
            return f"{op}({first})"
        return f"({first} {op} {self.loose(pieces[1])})"

    def predicate(self, op: str, pieces: list[Piece]) -> str:
        texts = any(piece.form == "text" for piece in pieces)
        if op == "not":
            return f"(NOT {self.truth(pieces[0])})"
        if op == "is null":
            return f"({pieces[0].sql if texts else self.strict(pieces[0])} IS NULL)"
        if op in {"and", "or"}:
            return f"({self.truth(pieces[0])} {op.upper()} {self.truth(pieces[1])})"
        if texts:
            left, right = map(self.words, pieces)
            return self.engine.equal.format(left, op, right)
        left, right = map(self.strict, pieces)
        return f"({left} {op} {right})"

    def extreme(self, op: str, pieces: list[Piece]) -> Piece:
        """The least of what is not NULL where the engine skips NULL: an infinity stands for NULL there."""
        numbers = [self.strict(piece) for piece in pieces]
        if len(numbers) == 1:
            return Piece(numbers[0], "number")
        if self.dialect == "sqlite":
            return Piece(_nested("min" if op == "least" else "max", numbers), "number")
        sign = "-" if op == "least" else ""
        unknown = f"CAST('{sign}Infinity' AS DOUBLE)"
        return Piece(_call(op, [f"coalesce({number}, {unknown})" for number in numbers]), "loose")

    def coalesce(self, pieces: list[Piece]) -> Piece:
        known = [piece for piece in pieces if piece.form != "null"]
        if not known:
            return pieces[0]
        text = known[0].form == "text"
        values = [piece.sql if text else self.strict(piece) for piece in known]
        written = values[0] if len(values) == 1 else _nested("coalesce", values)
        return Piece(written, "text" if text else "number")

    def case(self, node: Case) -> Piece:
        conditions = [self.truth(self.piece(condition)) for condition, _ in node.branches]
        values = [self.piece(value) for _, value in node.branches]
        otherwise = self.piece(node.otherwise)
        forms = {piece.form for piece in [*values, otherwise]}
        if forms == {"null"}:
            return otherwise
        write = self.words if "text" in forms else self.loose
        branches = [
            f"WHEN {condition} THEN {write(value)}"
            for condition, value in zip(conditions, values, strict=True)
        ]
        written = f"CASE {' '.join(branches)} ELSE {write(otherwise)} END"
        return Piece(written, "text" if "text" in forms else "loose" if "loose" in forms else "number")


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def _nested(name: str, arguments: list[str]) -> str:
    """A call whose arguments are taken together from the left where they are too many for one."""
    while len(arguments) > ARGUMENTS:
        arguments = [_call(name, arguments[:ARGUMENTS]), *arguments[ARGUMENTS:]]
    return _call(name, arguments)
