"""Text to tree: sqlglot parses, and what is not on the list here is refused.

sqlglot is imported when the first expression is read, because it takes a fifth of a second.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING

from autotroph.errors import SpecError, suggest
from autotroph.spec.tree import (
    DEEPEST,
    Apply,
    Case,
    Column,
    ColumnType,
    Node,
    Null,
    Number,
    Text,
    children,
    kind,
)

if TYPE_CHECKING:
    from sqlglot import exp

Columns = Mapping[str, ColumnType]
NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
LONGEST = 4000
"""How many characters an expression may have."""

BINARY = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "and": "and",
    "or": "or",
    "eq": "=",
    "neq": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
}
UNARY = {
    "neg": "neg",
    "not": "not",
    "abs": "abs",
    "ln": "ln",
    "exp": "exp",
    "sqrt": "sqrt",
    "length": "length",
}
VARIADIC = ("least", "greatest", "coalesce")
FUNCTIONS = ("abs", "coalesce", "exp", "greatest", "kept", "least", "length", "ln", "sqrt")
HARMLESS = frozenset({"typed", "safe", "ignore_nulls", "is_string", "binary"})
"""Flags that sqlglot sets on its nodes and that our semantics settle."""


def read(text: str, columns: Columns) -> Node:
    """The tree of an expression that yields a number.

    >>> read("1 - spam", {"spam": "boolean"})
    Apply(op='-', arguments=(Number(value=1.0), Column(name='spam', type='boolean')))
    """
    try:
        node = _lower(_parsed(text), columns)
        if kind(node) == "text":
            raise SpecError("the expression yields text, and a number is wanted")
    except RecursionError:
        raise SpecError(f"nested too deeply; at most {DEEPEST} levels") from None
    _refuse_depth(node)
    return node


def _parsed(text: str) -> "exp.Expr":
    from sqlglot import exp, parse_one, tokenize
    from sqlglot.errors import SqlglotError

    if len(text) > LONGEST:
        raise SpecError(f"longer than {LONGEST} characters")
    try:
        tokens = tokenize(text)
        _refuse_tokens([(token.text, token.comments) for token in tokens])
        return parse_one(text, into=exp.Condition)
    except SqlglotError as error:
        raise SpecError(f"not a SQL expression: {_reason(error)}") from None


def _refuse_tokens(tokens: list[tuple[str, list[str]]]) -> None:
    if not tokens:
        raise SpecError("empty; write an expression such as accepted - 20 * cost_usd")
    for text, comments in tokens:
        if text == ";":
            raise SpecError("one expression, without a semicolon")
        if comments:
            raise SpecError("no comments inside an expression; write them after a # in the file")


def _reason(error: Exception) -> str:
    """The first thing that sqlglot says, without its terminal colours."""
    first = str(error).split("\n", 1)[0].split(" Line ", 1)[0].split(" into <class", 1)[0]
    return first.encode("ascii", "replace").decode().replace("\x1b[4m", "").replace("\x1b[0m", "")[:200]


def _refuse_depth(node: Node) -> None:
    level: list[Node] = [node]
    for _ in range(DEEPEST):
        level = [child for parent in level for child in children(parent)]
        if not level:
            return
    raise SpecError(f"nested too deeply; at most {DEEPEST} levels")


def _lower(node: "exp.Expr", columns: Columns) -> Node:
    key = node.key
    if key in BINARY:
        return Apply(BINARY[key], _arguments(node, columns, "this", "expression"))
    if key in UNARY:
        return Apply(UNARY[key], _arguments(node, columns, "this"))
    if key in VARIADIC:
        return Apply(key, _arguments(node, columns, "this", "expressions"))
    if key in SPECIAL:
        return SPECIAL[key](node, columns)
    raise _refusal(node)


def _arguments(node: "exp.Expr", columns: Columns, *names: str) -> tuple[Node, ...]:
    """The arguments of these names, lowered; any other argument means something that we do not know."""
    return tuple(_lower(argument, columns) for argument in _parts(node, *names))


def _parts(node: "exp.Expr", *names: str) -> Iterator["exp.Expr"]:
    from sqlglot import exp

    for name, value in node.args.items():
        if name not in names and name not in HARMLESS and value:
            raise _refusal(node)
    for name in names:
        value = node.args.get(name)
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, exp.Expr):
                raise _refusal(node)
            yield part


def _refusal(node: "exp.Expr") -> SpecError:
    written = node.sql()
    shown = written if len(written) <= 60 else f"{written[:57]}..."
    return SpecError(
        f"{shown!r} is not allowed here; allowed: + - * /, = <> < <= > >=, AND OR NOT, BETWEEN, IN (...), "
        f"IS NULL, CASE WHEN, and the functions {', '.join(FUNCTIONS)}"
    )


def _paren(node: "exp.Expr", columns: Columns) -> Node:
    return _arguments(node, columns, "this")[0]


def _literal(node: "exp.Expr", _columns: Columns) -> Node:
    if node.args["is_string"]:
        return Text(node.this)
    if not NUMBER.fullmatch(node.this):
        raise SpecError(f"{node.this[:20]!r} is not a number; write it as in 20, 0.5 or 1e-3")
    value = float(node.this)
    if math.isinf(value):
        raise SpecError(f"{node.this[:20]} is too large for a double")
    return Number(value)


def _boolean(node: "exp.Expr", _columns: Columns) -> Node:
    return Number(1.0 if node.this else 0.0)


def _null(_node: "exp.Expr", _columns: Columns) -> Node:
    return Null()


def _column(node: "exp.Expr", columns: Columns) -> Node:
    identifiers = list(_parts(node, "this"))
    name = identifiers[0].name
    if name not in columns:
        raise SpecError(f"no signal or column named {name!r}; {suggest(name, columns)}")
    return Column(name, columns[name])


def _anonymous(node: "exp.Expr", columns: Columns) -> Node:
    name = str(node.this).lower()
    arguments = tuple(_lower(argument, columns) for argument in node.expressions)
    if name != "kept":
        raise SpecError(f"no function named {name!r}; {suggest(name, FUNCTIONS)}")
    if len(arguments) != 1 or not isinstance(arguments[0], Column):
        raise SpecError("kept takes the name of one text signal, as in kept(written)")
    if "output" not in columns:
        raise SpecError("kept compares a signal with an answer, and there is no answer here")
    return Apply("kept", (arguments[0], Column("output", "text")))


def _between(node: "exp.Expr", columns: Columns) -> Node:
    value, low, high = _arguments(node, columns, "this", "low", "high")
    return Apply("and", (Apply(">=", (value, low)), Apply("<=", (value, high))))


def _in(node: "exp.Expr", columns: Columns) -> Node:
    value, *choices = _arguments(node, columns, "this", "expressions")
    if not choices:
        raise _refusal(node)
    equal: list[Node] = [Apply("=", (value, choice)) for choice in choices]
    return reduce(lambda left, right: Apply("or", (left, right)), equal)


def _is(node: "exp.Expr", columns: Columns) -> Node:
    value, wanted = _arguments(node, columns, "this", "expression")
    if not isinstance(wanted, Null):
        raise _refusal(node)
    return Apply("is null", (value,))


def _case(node: "exp.Expr", columns: Columns) -> Node:
    parts = {name: part for name, part in node.args.items() if part}
    subject = _lower(parts["this"], columns) if "this" in parts else None
    branches = []
    for branch in parts["ifs"]:
        condition, value = _arguments(branch, columns, "this", "true")
        branches.append((condition if subject is None else Apply("=", (subject, condition)), value))
    otherwise = _lower(parts["default"], columns) if "default" in parts else Null()
    return Case(tuple(branches), otherwise)


SPECIAL: dict[str, Callable[["exp.Expr", Columns], Node]] = {
    "paren": _paren,
    "literal": _literal,
    "boolean": _boolean,
    "null": _null,
    "column": _column,
    "anonymous": _anonymous,
    "between": _between,
    "in": _in,
    "is": _is,
    "case": _case,
}
