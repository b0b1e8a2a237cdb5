"""Text to tree: sqlglot parses, and what is not on the list here is refused.

sqlglot is imported when the first expression is read, because it takes a fifth of a second.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, reduce
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
    kind,
    refuse_excess,
)

if TYPE_CHECKING:
    from sqlglot import exp

Columns = Mapping[str, ColumnType]
NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
INPUTS = "inputs."
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
FUNCTIONS = ("abs", "coalesce", "distance", "exp", "greatest", "kept", "least", "length", "ln", "sqrt")
HARMLESS = frozenset({"typed", "safe", "ignore_nulls", "is_string", "binary"})
"""Flags that sqlglot sets on its nodes and that our semantics settle."""


class Scope:
    """What the names in an expression stand for.

    Args:
        columns: the names that are columns, with their types.
        rewards: the texts of measures; the name of one stands for its expression, unless it is a column's.
    """

    def __init__(self, columns: Columns, rewards: Mapping[str, str]) -> None:
        self.columns = columns
        self.rewards = {name: text for name, text in rewards.items() if name not in columns}
        self._parsed: dict[str, exp.Expr] = {}
        self._nodes: dict[str, Node] = {}

    def node(self, name: str) -> Node:
        """The column or the expression of this name; raises SpecError with the known names."""
        if name in self.rewards:
            return self._reward(name)
        if name in self.columns:
            return Column(name, self.columns[name])
        if name.startswith(INPUTS):
            inputs = [column for column in self.columns if column.startswith(INPUTS)]
            raise SpecError(f"no context column named {name!r}; {suggest(name, inputs)}")
        raise SpecError(
            f"no signal or column named {name!r}; {suggest(name, [*self.columns, *self.rewards])}"
        )

    def refuse_circles(self, parsed: "exp.Expr", path: tuple[str, ...] = ()) -> None:
        """Raises SpecError where rewards refer to each other in a circle."""
        for name in self._mentions(parsed):
            if name in path:
                circle = path[path.index(name) :]
                first = circle.index(min(circle))
                shown = " → ".join((*circle[first:], *circle[: first + 1]))
                raise SpecError(f"rewards refer to each other in a circle: {shown}; break it at one of them")
            if name not in self._parsed:
                with _told_where(name):
                    inner = _parse(self.rewards[name])
                self.refuse_circles(inner, (*path, name))
                self._parsed[name] = inner

    def _mentions(self, parsed: "exp.Expr") -> list[str]:
        from sqlglot import exp

        names = (column.name for column in parsed.find_all(exp.Column) if not column.args.get("table"))
        return [name for name in dict.fromkeys(names) if name in self.rewards]

    def _reward(self, name: str) -> Node:
        if name not in self._nodes:
            with _told_where(name):
                self._nodes[name] = _measure(self._parsed[name], self)
        return self._nodes[name]


@contextmanager
def _told_where(name: str) -> Iterator[None]:
    try:
        yield
    except SpecError as error:
        raise SpecError(f"in {name!r}, which this refers to: {error}") from None


def read(text: str, columns: Columns, rewards: Mapping[str, str] | None = None) -> Node:
    """The tree of an expression that yields a number.

    >>> read("1 - spam", {"spam": "boolean"})
    Apply(op='-', arguments=(Number(value=1.0), Column(name='spam', type='boolean')))
    >>> read("a", {}, {"a": "b + 1", "b": "2 * a"})
    Traceback (most recent call last):
    ...
    autotroph.errors.SpecError: rewards refer to each other in a circle: a → b → a; break it at one of them
    """
    scope = Scope(columns, rewards or {})
    try:
        parsed = _parse(text)
        scope.refuse_circles(parsed)
        return _measure(parsed, scope)
    except RecursionError:
        raise SpecError(f"nested too deeply; at most {DEEPEST} levels") from None


def _measure(parsed: "exp.Expr", scope: Scope) -> Node:
    node = _lower(parsed, scope)
    refuse_excess(node)
    if kind(node) == "text":
        raise SpecError("the expression yields text, and a number is wanted")
    return node


@lru_cache(256)
def _parse(text: str) -> "exp.Expr":
    """What is declared is read several times: by who checks it, by who values by it, by each plan."""
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


def _lower(node: "exp.Expr", scope: Scope) -> Node:
    key = node.key
    if key in BINARY:
        return Apply(BINARY[key], _arguments(node, scope, "this", "expression"))
    if key in UNARY:
        return Apply(UNARY[key], _arguments(node, scope, "this"))
    if key in VARIADIC:
        return Apply(key, _arguments(node, scope, "this", "expressions"))
    if key in SPECIAL:
        return SPECIAL[key](node, scope)
    raise _refusal(node)


def _arguments(node: "exp.Expr", scope: Scope, *names: str) -> tuple[Node, ...]:
    """The arguments of these names, lowered; any other argument means something that we do not know."""
    return tuple(_lower(argument, scope) for argument in _parts(node, *names))


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


def _paren(node: "exp.Expr", scope: Scope) -> Node:
    return _arguments(node, scope, "this")[0]


def _literal(node: "exp.Expr", _scope: Scope) -> Node:
    if node.args["is_string"]:
        return Text(node.this)
    if not NUMBER.fullmatch(node.this):
        raise SpecError(f"{node.this[:20]!r} is not a number; write it as in 20, 0.5 or 1e-3")
    value = float(node.this)
    if math.isinf(value):
        raise SpecError(f"{node.this[:20]} is too large for a double")
    return Number(value)


def _boolean(node: "exp.Expr", _scope: Scope) -> Node:
    return Number(1.0 if node.this else 0.0)


def _null(_node: "exp.Expr", _scope: Scope) -> Node:
    return Null()


def _column(node: "exp.Expr", scope: Scope) -> Node:
    """A name, or `inputs.NAME`; a quoted name with a dot in it is not the same."""
    from sqlglot import exp

    table = node.args.get("table")
    if table is None:
        (name,) = _parts(node, "this")
        if name.name.startswith(INPUTS):
            raise SpecError(f"no signal or column named {name.name!r}; write inputs.NAME without quotes")
        return scope.node(name.name)
    name, _ = _parts(node, "this", "table")
    if table.name != "inputs" or not isinstance(name, exp.Identifier):
        raise _refusal(node)
    return scope.node(f"{INPUTS}{name.name}")


def _anonymous(node: "exp.Expr", scope: Scope) -> Node:
    name = str(node.this).lower()
    if name not in {"kept", "distance"}:
        raise SpecError(f"no function named {name!r}; {suggest(name, FUNCTIONS)}")
    arguments = tuple(_lower(argument, scope) for argument in node.expressions)
    if len(arguments) != 1 or not isinstance(arguments[0], Column):
        raise SpecError(f"{name} takes the name of one text signal, as in {name}(written)")
    if "output" not in scope.columns:
        raise SpecError(f"{name} compares a signal with an answer, and there is no answer here")
    return Apply(name, (arguments[0], Column("output", "text")))


def _between(node: "exp.Expr", scope: Scope) -> Node:
    value, low, high = _arguments(node, scope, "this", "low", "high")
    return Apply("and", (Apply(">=", (value, low)), Apply("<=", (value, high))))


def _in(node: "exp.Expr", scope: Scope) -> Node:
    value, *choices = _arguments(node, scope, "this", "expressions")
    if not choices:
        raise _refusal(node)
    equal: list[Node] = [Apply("=", (value, choice)) for choice in choices]
    return reduce(lambda left, right: Apply("or", (left, right)), equal)


def _is(node: "exp.Expr", scope: Scope) -> Node:
    value, wanted = _arguments(node, scope, "this", "expression")
    if not isinstance(wanted, Null):
        raise _refusal(node)
    return Apply("is null", (value,))


def _case(node: "exp.Expr", scope: Scope) -> Node:
    parts = {name: part for name, part in node.args.items() if part}
    subject = _lower(parts["this"], scope) if "this" in parts else None
    branches = []
    for branch in parts["ifs"]:
        condition, value = _arguments(branch, scope, "this", "true")
        branches.append((condition if subject is None else Apply("=", (subject, condition)), value))
    otherwise = _lower(parts["default"], scope) if "default" in parts else Null()
    return Case(tuple(branches), otherwise)


SPECIAL: dict[str, Callable[["exp.Expr", Scope], Node]] = {
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
