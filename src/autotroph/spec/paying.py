"""What answers cost, and how much of it is allowed: prices, budgets, limits."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from autotroph.spec.declared import Declared
from autotroph.spec.durations import Duration
from autotroph.spec.lines import Path
from autotroph.spec.numbers import Count, NotNegative
from autotroph.spec.shape import Fault

if TYPE_CHECKING:
    from autotroph.spec.declaration import Declaration, TaskSpec

DIGITS = 6
"""Digits after the point that a price may have: then a token costs a whole number of pico-dollars."""

MOST = 1_000_000
"""Beyond that a price is a slip of the pen, and sums of it are none that a ledger can hold."""


class PriceSpec(Declared, frozen=True, kw_only=True):
    """USD per million tokens.

    Attributes:
        cached: of input that was read from a cache; as other input if left out.
        written: of input that was written into a cache, where that is reported; as other input if left out.
        reasoning: of output that nobody sees; as other output if left out.
    """

    input: NotNegative
    output: NotNegative
    cached: NotNegative | None = None
    written: NotNegative | None = None
    reasoning: NotNegative | None = None


class BudgetSpec(Declared, frozen=True, kw_only=True):
    """What may be spent in each stretch of time. Nothing, unless it says so."""

    usd: NotNegative = 0.0
    every: Duration = Duration(86400.0)


class LimitSpec(Declared, frozen=True, kw_only=True):
    """How much may be asked in each stretch of time; what is left out has no limit."""

    requests: Count | None = None
    tokens: Count | None = None
    every: Duration = Duration(60.0)


class KeySpec(Declared, frozen=True, kw_only=True):
    """What one key may have answered, whatever the task."""

    budget: BudgetSpec | None = None
    limit: LimitSpec | None = None


def paying_faults(spec: "Declaration") -> Iterator[Fault]:
    """Every fault of prices, budgets and limits."""
    for name, model in spec.models.items():
        if model.price is not None:
            yield from _price(model.price, ("models", name, "price"))
    for name, task in spec.tasks.items():
        yield from _bounds(task.budget, task.limit, ("tasks", name))
        if task.budget is not None:
            yield from _priced(spec, task, ("tasks", name, "budget"))
    for name, key in spec.keys.items():
        yield from _bounds(key.budget, key.limit, ("keys", name))


def _price(price: PriceSpec, path: Path) -> Iterator[Fault]:
    for name in PriceSpec.__struct_fields__:
        given = getattr(price, name)
        if given is None:
            continue
        if given > MOST:
            yield Fault((*path, name), f"USD per million tokens; at most {MOST:,}, which is a dollar a token")
        elif Decimal(repr(given)).scaleb(DIGITS) % 1:
            yield Fault((*path, name), f"USD per million tokens; at most {DIGITS} digits after the point")


def _bounds(budget: BudgetSpec | None, limit: LimitSpec | None, path: Path) -> Iterator[Fault]:
    for name, declared in (("budget", budget), ("limit", limit)):
        if declared is not None and declared.every < 1:
            yield Fault((*path, name, "every"), "at least 1s")
    if limit is not None and limit.requests is None and limit.tokens is None:
        yield Fault((*path, "limit"), "requests = … or tokens = …, or both: it limits nothing")


def _priced(spec: "Declaration", task: "TaskSpec", path: Path) -> Iterator[Fault]:
    """What cannot be counted cannot be held to a budget."""
    for variant in task.variants.values():
        for name in (variant.model, *variant.cascade, *variant.fallback):
            model = spec.models.get(name)
            if model is not None and model.price is None and model.kind != "local":
                told = f"models.{name} has no price, so nobody knows what is spent"
                yield Fault(path, f"{told}; declare price = {{ input = …, output = … }} there")
