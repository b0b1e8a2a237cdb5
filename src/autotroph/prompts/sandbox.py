"""What a template may do: put in inputs, ask whether, go over lists. Nothing leads out, or takes long.

Jinja's own sandbox keeps templates from Python's insides. This one also bounds them: values are data without
methods, nothing is called, nothing is set (what is doubled forty times fills any memory), and what loops,
joins or repeats is counted before it is made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import msgspec
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from autotroph.clock import SystemClock
from autotroph.errors import suggest

LONGEST = 4_000_000
"""Characters that a filled-in section has at most."""

STEPS = 100_000
"""How often the loops of a section go round at most, all of them together."""

SECONDS = 1.0
"""For which they go round at most."""

DEEPEST = 40
"""Columns that `indent` moves at most."""

_PLAIN = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last"),
    *("length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select"),
    *("selectattr", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper", "wordcount"),
)
"""The filters that are Jinja's own: none of them makes more than it is given."""

_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For),
    *(nodes.Name, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.CondExpr),
    *(nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
UNFIT = (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError, AssertionError)
"""What Jinja and its filters raise for values that are not what a template takes them for."""

_CLOCK = SystemClock("")


class _Budget:
    """How often loops may still go round."""

    def __init__(self) -> None:
        self._left, self._until = STEPS, _CLOCK.elapsed() + SECONDS

    def step(self) -> None:
        self._left -= 1
        if self._left < 0 or _CLOCK.elapsed() > self._until:
            raise SecurityError(f"its loops go round more than {STEPS:,} times, or for over {SECONDS:g} s")


_BUDGET: ContextVar[_Budget] = ContextVar("prompts")


class _Sandbox(ImmutableSandboxedEnvironment):
    """Values are what JSON has: their keys and places can be read, and they have no methods."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a table has by a name."""
        return (
            super().getattr(obj, attribute) if isinstance(obj, LoopContext) else self.getitem(obj, attribute)
        )

    def getitem(self, obj: Any, argument: Any) -> Any:
        """What a table has by a name, or a list or a text at a place."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call_binop(self, _: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers are counted with; texts and lists are only put together."""
        if isinstance(left, int | float) and isinstance(right, int | float):
            found = self.binop_table[operator](left, right)
            if isinstance(found, int) and abs(found) > 2**63:
                raise SecurityError("a number of more than 64 bits")
            return found
        if operator == "+":
            return _fits(len(left) + len(right), lambda: left + right)
        raise SecurityError(f"{operator} is for numbers")


def _fits(size: int, make: Callable[[], Any]) -> Any:
    """Makes what is not too long."""
    if size > LONGEST:
        raise SecurityError(f"it would have more than {LONGEST:,} characters")
    return make()


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    budget = _BUDGET.get()
    for item in items:
        budget.step()
        yield item


def _join(items: Iterable[Any], between: str = "") -> str:
    parts = [str(item) for item in items]
    size = sum(map(len, parts)) + len(parts) * len(between)
    return str(_fits(size, lambda: between.join(parts)))


def _replace(text: object, old: str, new: str) -> str:
    whole = str(text)
    return str(_fits(len(whole) + whole.count(old) * len(new), lambda: whole.replace(old, new)))


def _indent(text: object, width: int = 4) -> str:
    if not 0 <= width <= DEEPEST:
        raise SecurityError(f"indent takes 0 to {DEEPEST}")
    return _replace(text, "\n", "\n" + " " * width)


def _tojson(value: object) -> str:
    return msgspec.json.encode(value).decode()


_OURS: Mapping[str, Callable[..., Any]] = {
    "join": _join,
    "replace": _replace,
    "indent": _indent,
    "tojson": _tojson,
}
_COUNTED = " counted"
"""A filter that no template can name."""


def _made() -> _Sandbox:
    made = _Sandbox(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, optimized=False
    )
    made.globals.clear()
    made.filters.clear()
    made.filters.update({name: FILTERS[name] for name in _PLAIN})
    made.filters.update({**_OURS, _COUNTED: _counted})
    return made


_ENVIRONMENT = _made()


def parsed(text: str) -> nodes.Template:
    """The tree of a template.

    Raises:
        TemplateSyntaxError: it is none, or does what it may not; with the line.
    """
    tree = _ENVIRONMENT.parse(text)
    for node in _all(tree):
        _check(node)
    return tree


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for each in node.iter_child_nodes():
        yield from _all(each)


def _check(node: nodes.Node) -> None:
    if not isinstance(node, _NODES) or (isinstance(node, nodes.For) and node.recursive):
        raise TemplateSyntaxError(f"{_word(node)}; {_WAY_OUT}", node.lineno)
    if isinstance(node, nodes.Name) and node.name == "self":
        raise TemplateSyntaxError(f"self is the template; {_WAY_OUT}", node.lineno)
    if isinstance(node, nodes.Filter):
        _known("filter", node.name, [name for name in _ENVIRONMENT.filters if name[0] != " "], node)
    if isinstance(node, nodes.Test):
        _known("test", node.name, _ENVIRONMENT.tests, node)


_WAY_OUT = "a prompt puts in inputs, and knows if, for and filters"


def _word(node: nodes.Node) -> str:
    words = {
        "Call": "nothing can be called",
        "Assign": "nothing can be set",
        "Pow": "no powers",
        "Concat": "no ~ (there is +)",
    }
    return words.get(type(node).__name__, f"no {type(node).__name__.lower()}")


def _known(noun: str, name: str, known: Iterable[str], node: nodes.Node) -> None:
    if name not in (names := list(known)):
        raise TemplateSyntaxError(f"no {noun} is called {name!r}; {suggest(name, names)}", node.lineno)


def compiled(tree: nodes.Template) -> Template:
    """A template that can be filled in. Its loops are counted: the tree is another one afterwards."""
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
    tree.set_environment(_ENVIRONMENT)
    return Template.from_code(_ENVIRONMENT, _ENVIRONMENT.compile(tree), {})


def filled(template: Template, values: Mapping[str, Any]) -> str:
    """The text of a template with its values.

    Raises:
        UNFIT: they do not fit, or it becomes too long.
    """
    mark = _BUDGET.set(_Budget())
    try:
        parts, size = [], 0
        for part in template.generate(values):
            size += len(part)
            parts.append(part)
            if size > LONGEST:
                _fits(size, str)
        return "".join(parts)
    finally:
        _BUDGET.reset(mark)
