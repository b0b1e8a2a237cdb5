"""The same expressions over the same rows, on an engine and in the Python reference."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import apsw
import duckdb
from drawn import COLUMNS, REWARDS, Drawn

from autotroph.errors import SpecError
from autotroph.spec.emission import Dialect, emit, prepare
from autotroph.spec.expressions import Expression, compile_expression
from autotroph.spec.tree import Column

Value = float | str | None
Row = dict[str, Value]
Ask = Callable[[list[str]], Sequence[Sequence[Value]]]
"""Evaluates expressions in one query, on the rows that the engine was opened with, in their order."""
NAMES = {name: f"c{number}" for number, name in enumerate(COLUMNS)}
TYPES = {name: "VARCHAR" if type_ == "text" else "DOUBLE" for name, type_ in COLUMNS.items()}
A_QUERY: dict[Dialect, int] = {"duckdb": 100, "sqlite": 100, "spark": 20}
"""Expressions a query; Spark takes far longer over one of a hundred than over five of twenty."""


def column(node: Column) -> str:
    return NAMES[node.name]


def asked(expressions: list[str]) -> str:
    wanted = [f"{expression} AS v{number}" for number, expression in enumerate(expressions)]
    return f"SELECT {', '.join(wanted)} FROM rows ORDER BY number"


def _table() -> str:
    return (
        f"CREATE TABLE rows (number INTEGER, {', '.join(f'{NAMES[each]} {TYPES[each]}' for each in COLUMNS)})"
    )


def filled(rows: list[Row]) -> list[tuple[Value, ...]]:
    return [(number, *row.values()) for number, row in enumerate(rows)]


@contextmanager
def duckdb_over(rows: list[Row]) -> Iterator[Ask]:
    with closing(duckdb.connect()) as connection:
        prepare(connection, "duckdb")
        connection.execute(_table())
        connection.executemany(f"INSERT INTO rows VALUES (?{', ?' * len(COLUMNS)})", filled(rows))
        yield lambda expressions: connection.execute(asked(expressions)).fetchall()


@contextmanager
def sqlite_over(rows: list[Row]) -> Iterator[Ask]:
    with closing(apsw.Connection(":memory:")) as connection:
        prepare(connection, "sqlite")
        connection.execute(_table())
        connection.executemany(f"INSERT INTO rows VALUES (?{', ?' * len(COLUMNS)})", filled(rows))
        yield lambda expressions: list(connection.execute(asked(expressions)))


ENGINES = {"duckdb": duckdb_over, "sqlite": sqlite_over}


def compiled(drawn: Drawn, count: int) -> list[Expression]:
    """Of `count` drawn expressions those that are valid; the others are refused, and nothing else happens."""
    valid = []
    for _ in range(count):
        with suppress(SpecError):
            valid.append(compile_expression(drawn.expression(), COLUMNS, REWARDS))
    return valid


def differences(ask: Ask, dialect: Dialect, expressions: list[Expression], rows: list[Row]) -> list[str]:
    """Where the engine says something else than the reference, told so that it can be tried again."""
    found = []
    for start in range(0, len(expressions), A_QUERY[dialect]):
        some = expressions[start : start + A_QUERY[dialect]]
        answers = ask([emit(each.tree, dialect, column) for each in some])
        for row, said in zip(rows, answers, strict=True):
            for expression, value in zip(some, said, strict=True):
                expected = expression.evaluate(row)
                if not same(expected, value):
                    found.append(f"{expression.text!r} on {row}: {expected!r} here, {value!r} on {dialect}")
    return found


def same(expected: Value, value: Value) -> bool:
    if isinstance(expected, float) and isinstance(value, float):
        return math.isclose(expected, value, rel_tol=1e-12)
    return expected is None and value is None
