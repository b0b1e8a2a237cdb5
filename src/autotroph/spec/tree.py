"""The typed tree of a reward expression: ours, small and frozen, with one meaning on every engine.

Booleans are the numbers 0 and 1 and every number is a double, so there are two kinds of value, number and
text, and NULL, which fits both.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from autotroph.errors import SpecError

Kind = Literal["number", "text", "null"]
ColumnType = Literal["number", "boolean", "text"]


class Number(msgspec.Struct, frozen=True, tag_field="node", tag="number"):
    """A literal double; TRUE and FALSE are 1 and 0."""

    value: float


class Text(msgspec.Struct, frozen=True, tag_field="node", tag="text"):
    """A literal text."""

    value: str


class Null(msgspec.Struct, frozen=True, tag_field="node", tag="null"):
    """NULL: unknown."""


class Column(msgspec.Struct, frozen=True, tag_field="node", tag="column"):
    """A signal, a column of the answer, or `inputs.NAME`, what the caller said."""

    name: str
    type: ColumnType


class Apply(msgspec.Struct, frozen=True, tag_field="node", tag="apply"):
    """An operator or a function, and what it is applied to."""

    op: str
    arguments: tuple["Node", ...]


class Case(msgspec.Struct, frozen=True, tag_field="node", tag="case"):
    """The first branch whose condition is true (neither 0 nor NULL), or else `otherwise`."""

    branches: tuple[tuple["Node", "Node"], ...]
    otherwise: "Node"


Node = Number | Text | Null | Column | Apply | Case

NUMERIC = frozenset(
    {"+", "-", "*", "/", "neg", "<", "<=", ">", ">=", "and", "or", "not"}
    | {"abs", "ln", "exp", "sqrt", "least", "greatest"}
)
TEXTUAL = frozenset({"length", "kept", "distance"})
DEEPEST = 100
"""How many levels an expression may have."""
MOST = 5000
"""How many nodes it may have, counted as often as they are evaluated."""


def kind(node: Node) -> Kind:
    """Number, text or null; raises SpecError where text and number are mixed.

    >>> kind(Apply("+", (Number(1.0), Text("a"))))
    Traceback (most recent call last):
    ...
    autotroph.errors.SpecError: + takes numbers, not text
    """
    match node:
        case Number():
            return "number"
        case Text():
            return "text"
        case Null():
            return "null"
        case Column(type=type_):
            return "text" if type_ == "text" else "number"
        case Apply(op=op, arguments=arguments):
            return _kind_of_call(op, [kind(argument) for argument in arguments])
        case Case():
            return _kind_of_case(node)


def _kind_of_call(op: str, kinds: list[Kind]) -> Kind:
    if op in NUMERIC:
        _expect(op, kinds, "number")
    elif op in TEXTUAL:
        _expect(op, kinds, "text")
    elif op == "coalesce":
        return _same(op, kinds)
    elif op in {"=", "<>"}:
        _same(op, kinds)
    return "number"


def _kind_of_case(node: Case) -> Kind:
    _expect("WHEN", [kind(condition) for condition, _ in node.branches], "number")
    return _same("CASE", [kind(value) for _, value in node.branches] + [kind(node.otherwise)])


def _expect(op: str, kinds: list[Kind], wanted: Kind) -> None:
    for found in kinds:
        if found not in {wanted, "null"}:
            raise SpecError(f"{op} takes {_plural(wanted)}, not {_plural(found)}")


def _same(op: str, kinds: list[Kind]) -> Kind:
    kinds_known = sorted(set(kinds) - {"null"})
    if len(kinds_known) > 1:
        raise SpecError(f"{op} cannot mix numbers and text")
    return kinds_known[0] if kinds_known else "null"


def _plural(kind_: Kind) -> str:
    return "numbers" if kind_ == "number" else "text"


def children(node: Node) -> Iterator[Node]:
    """What stands directly below a node."""
    match node:
        case Apply(arguments=arguments):
            yield from arguments
        case Case(branches=branches, otherwise=otherwise):
            for condition, value in branches:
                yield condition
                yield value
            yield otherwise
        case _:
            return


def refuse_excess(node: Node) -> None:
    """Raises SpecError for a tree that is too deep or too large.

    BETWEEN, IN and what rewards say of each other mention one sub-tree several times, so that a short text
    can stand for a tree of astronomical size; here each sub-tree is looked at once.
    """
    levels, nodes = _extent(node, {})
    if levels > DEEPEST:
        raise SpecError(f"nested too deeply; at most {DEEPEST} levels")
    if nodes > MOST:
        raise SpecError(
            f"too large: {nodes:.6g} steps when written out, at most {MOST}; what stands in BETWEEN, in IN "
            "or in another reward counts each time it is mentioned"
        )


def _extent(node: Node, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Levels and nodes of a tree; `known` by identity, because sub-trees are shared."""
    if id(node) not in known:
        below = [_extent(child, known) for child in children(node)]
        levels = 1 + max((levels for levels, _ in below), default=0)
        known[id(node)] = levels, 1 + sum(nodes for _, nodes in below)
    return known[id(node)]


def columns(node: Node) -> Iterator[str]:
    """The names that a tree reads, repeated as often as it reads them."""
    if isinstance(node, Column):
        yield node.name
    for child in children(node):
        yield from columns(child)
