"""Tree to function: nested closures, built once, called for every answer.

NULL in gives NULL out, except where SQL says otherwise (AND, OR, COALESCE, CASE, IS NULL). What leaves the
finite doubles (overflow, x/0, ln of 0, sqrt of -1) is NULL at the step where it happens.
"""

import math
import operator
from collections.abc import Callable, Mapping
from sys import float_info
from typing import Any

from autotroph.spec.tree import Apply, Case, Column, Node, Null, Number, Text

Row = Mapping[str, float | str | None]
Evaluator = Callable[[Row], Any]
LARGEST = float_info.max


def evaluator(node: Node) -> Evaluator:
    """The function from a row to the value of a tree: a double, a text, or None for NULL.

    >>> half = evaluator(Apply("/", (Column("a", "number"), Number(2.0))))
    >>> half({"a": 3}), half({"a": None}), half({})
    (1.5, None, None)
    """
    match node:
        case Number(value=value):
            return lambda _row: value
        case Text(value=words):
            return lambda _row: words
        case Null():
            return lambda _row: None
        case Column(name=name, type=type_):
            return _text_column(name) if type_ == "text" else _number_column(name)
        case Apply(op=op, arguments=arguments):
            return BUILDERS[op](*(evaluator(argument) for argument in arguments))
        case Case():
            return _case(node)


def _text_column(name: str) -> Evaluator:
    def read(row: Row) -> str | None:
        value = row.get(name)
        return value if isinstance(value, str) else None

    return read


def _number_column(name: str) -> Evaluator:
    """A double; what is no finite number, such as a text in a number's place, is NULL."""

    def read(row: Row) -> float | None:
        value: Any = row.get(name)
        if type(value) is not float:
            if not isinstance(value, int):
                return None
            value = _double(value)
        return value if -LARGEST <= value <= LARGEST else None

    return read


def _double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _unary(function: Callable[[Any], float | None]) -> Callable[..., Evaluator]:
    def build(inner: Evaluator) -> Evaluator:
        def run(row: Row) -> float | None:
            value = inner(row)
            return None if value is None else function(value)

        return run

    return build


def _binary(function: Callable[[Any, Any], float | None]) -> Callable[..., Evaluator]:
    def build(left: Evaluator, right: Evaluator) -> Evaluator:
        def run(row: Row) -> float | None:
            a = left(row)
            if a is None:
                return None
            b = right(row)
            return None if b is None else function(a, b)

        return run

    return build


def _extreme(choose: Callable[[list[float]], float]) -> Callable[..., Evaluator]:
    def build(*inners: Evaluator) -> Evaluator:
        def run(row: Row) -> float | None:
            values = [inner(row) for inner in inners]
            return None if None in values else choose(values)

        return run

    return build


def _coalesce(*inners: Evaluator) -> Evaluator:
    def run(row: Row) -> float | str | None:
        for inner in inners:
            value: float | str | None = inner(row)
            if value is not None:
                return value
        return None

    return run


def _and(left: Evaluator, right: Evaluator) -> Evaluator:
    def run(row: Row) -> float | None:
        a = left(row)
        if a == 0:
            return 0.0
        b = right(row)
        if b == 0:
            return 0.0
        return None if a is None or b is None else 1.0

    return run


def _or(left: Evaluator, right: Evaluator) -> Evaluator:
    def run(row: Row) -> float | None:
        a = left(row)
        if a:
            return 1.0
        b = right(row)
        if b:
            return 1.0
        return None if a is None or b is None else 0.0

    return run


def _is_null(inner: Evaluator) -> Evaluator:
    return lambda row: 1.0 if inner(row) is None else 0.0


def _case(node: Case) -> Evaluator:
    branches = [(evaluator(condition), evaluator(value)) for condition, value in node.branches]
    otherwise = evaluator(node.otherwise)

    def run(row: Row) -> Any:
        for condition, value in branches:
            if condition(row):
                return value(row)
        return otherwise(row)

    return run


def _exp(value: float) -> float | None:
    try:
        return math.exp(value)
    except OverflowError:
        return None


def _kept(written: str, output: str) -> float:
    """How many characters of the answer were kept: all of them where the person's text begins with it."""
    return float(len(output)) if written.startswith(output) else 0.0


def _distance(written: Evaluator, output: Evaluator) -> Evaluator:
    """Levenshtein's distance in code points; the library is imported where an expression asks for it."""
    from rapidfuzz.distance import Levenshtein

    return _binary(lambda a, b: float(Levenshtein.distance(a, b)))(written, output)


BUILDERS: dict[str, Callable[..., Evaluator]] = {
    "+": _binary(lambda a, b: c if -LARGEST <= (c := a + b) <= LARGEST else None),
    "-": _binary(lambda a, b: c if -LARGEST <= (c := a - b) <= LARGEST else None),
    "*": _binary(lambda a, b: c if -LARGEST <= (c := a * b) <= LARGEST else None),
    "/": _binary(lambda a, b: c if b and -LARGEST <= (c := a / b) <= LARGEST else None),
    "neg": _unary(operator.neg),
    "=": _binary(lambda a, b: 1.0 if a == b else 0.0),
    "<>": _binary(lambda a, b: 1.0 if a != b else 0.0),
    "<": _binary(lambda a, b: 1.0 if a < b else 0.0),
    "<=": _binary(lambda a, b: 1.0 if a <= b else 0.0),
    ">": _binary(lambda a, b: 1.0 if a > b else 0.0),
    ">=": _binary(lambda a, b: 1.0 if a >= b else 0.0),
    "and": _and,
    "or": _or,
    "not": _unary(lambda a: 0.0 if a else 1.0),
    "is null": _is_null,
    "abs": _unary(abs),
    "ln": _unary(lambda a: math.log(a) if a > 0 else None),
    "exp": _unary(_exp),
    "sqrt": _unary(lambda a: math.sqrt(a) if a >= 0 else None),
    "length": _unary(lambda text: float(len(text))),
    "kept": _binary(_kept),
    "distance": _distance,
    "least": _extreme(min),
    "greatest": _extreme(max),
    "coalesce": _coalesce,
}
