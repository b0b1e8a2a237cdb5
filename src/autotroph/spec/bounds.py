"""Between which numbers every value of an expression lies, by interval arithmetic; where that can be said.

Source: Moore 1966, "Interval Analysis", chapter 3. An expression that reads a number twice may get wider
bounds than it has, never narrower ones.
"""

import math
from collections.abc import Callable, Sequence

from autotroph.spec.tree import Apply, Case, Column, Node, Number

Bounds = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)
TRUTH: Bounds = (0.0, 1.0)


def bounds(tree: Node) -> Bounds | None:
    """The smallest and largest possible value of a number; None where there is no telling.

    >>> accepted, cost = Column("accepted", "boolean"), Column("cost_usd", "number")
    >>> bounds(Apply("-", (Number(1.0), accepted)))
    (0.0, 1.0)
    >>> bounds(Apply("<", (cost, Number(2.0)))), bounds(cost)
    ((0.0, 1.0), None)
    """
    low, high = _of(tree)
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _of(node: Node) -> Bounds:
    match node:
        case Number(value=value):
            return value, value
        case Column(name=name, type=type_):
            return TRUTH if type_ == "boolean" or name == "p" else ANY
        case Case(branches=branches, otherwise=otherwise):
            return _either([_of(each) for each in (*(value for _, value in branches), otherwise)])
        case Apply(op=op, arguments=arguments):
            return _RULES.get(op, _anything)([_of(each) for each in arguments])
        case _:
            return math.inf, -math.inf  # NULL and texts are no numbers


def _anything(_: Sequence[Bounds]) -> Bounds:
    return ANY


def _truth(_: Sequence[Bounds]) -> Bounds:
    return TRUTH


def _either(found: Sequence[Bounds]) -> Bounds:
    return min(low for low, _ in found), max(high for _, high in found)


def _sum(found: Sequence[Bounds]) -> Bounds:
    return sum(low for low, _ in found), sum(high for _, high in found)


def _negative(found: Sequence[Bounds]) -> Bounds:
    ((low, high),) = found
    return -high, -low


def _difference(found: Sequence[Bounds]) -> Bounds:
    (low, high), (less, more) = found
    return low - more, high - less


def _product(found: Sequence[Bounds]) -> Bounds:
    if any(math.isinf(end) for one in found for end in one):
        return ANY
    ends = [1.0]
    for one in found:
        ends = [end * other for end in ends for other in one]
    return min(ends), max(ends)


def _quotient(found: Sequence[Bounds]) -> Bounds:
    above, (low, high) = found
    return _product([above, (1 / high, 1 / low)]) if low > 0 or high < 0 else ANY


def _least(found: Sequence[Bounds]) -> Bounds:
    return min(low for low, _ in found), min(high for _, high in found)


def _greatest(found: Sequence[Bounds]) -> Bounds:
    return max(low for low, _ in found), max(high for _, high in found)


_RULES: dict[str, Callable[[Sequence[Bounds]], Bounds]] = {
    **dict.fromkeys(("<", "<=", ">", ">=", "=", "<>", "and", "or", "not", "is null"), _truth),
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
    "neg": _negative,
    "least": _least,
    "greatest": _greatest,
    "coalesce": _either,
}
