"""What is counted against what is declared: a budget or a limit, of a task or a key, in stretches of time.

Money is whole pico-dollars here, so that sums are exact whatever their order.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from autotroph.errors import Exhausted
from autotroph.spec import BudgetSpec, LimitSpec, Spec

What = Literal["usd", "requests", "tokens"]

PICO = 12
"""Digits after the point of a dollar."""

AGAIN = 1.0
"""Seconds after which to ask again where others, who are under way, may give something back."""


class Meter(msgspec.Struct, frozen=True):
    """One thing that is counted, and how much of it there may be in a stretch of time.

    Attributes:
        subject: whose it is, such as `task answer` or `key phone`.
        most: pico-dollars, requests or tokens.
        every: seconds; stretches begin at multiples of it since 1970.
    """

    subject: str
    what: What
    most: int
    every: float

    def nth(self, at: float) -> int:
        """Which stretch a time is in."""
        return int(at // self.every)

    def ends(self, at: float) -> float:
        """When the stretch that a time is in is over."""
        return (self.nth(at) + 1) * self.every


class Amount(NamedTuple):
    """What one request takes, at most or in fact; what nobody knows is None."""

    pico: int | None = 0
    tokens: int | None = 0

    def of(self, what: str) -> int | None:
        """What a meter counts of it: dollars, tokens, or that it is one request."""
        return 1 if what == "requests" else self.tokens if what == "tokens" else self.pico


class Taken(NamedTuple):
    """What is counted in a stretch: used for good, and set aside for what is under way."""

    used: int
    held: int


def meters(spec: Spec, task: str, *keys: str) -> tuple[Meter, ...]:
    """All that a request is counted against.

    Args:
        spec: the declaration.
        task: that is asked.
        keys: what the key that asks is called: its id and its name.
    """
    found: list[Meter] = []
    if task in spec.tasks:
        declared = spec.tasks[task]
        found += _meters(f"task {task}", declared.budget, declared.limit)
    for key in dict.fromkeys(one for one in keys if one in spec.keys):
        found += _meters(f"key {key}", spec.keys[key].budget, spec.keys[key].limit)
    return tuple(found)


def _meters(subject: str, budget: BudgetSpec | None, limit: LimitSpec | None) -> Iterator[Meter]:
    if budget is not None:
        most = min(int(Decimal(repr(budget.usd)).scaleb(PICO)), 2**62)
        yield Meter(subject, "usd", most, float(budget.every))
    if limit is not None and limit.requests is not None:
        yield Meter(subject, "requests", limit.requests, float(limit.every))
    if limit is not None and limit.tokens is not None:
        yield Meter(subject, "tokens", limit.tokens, float(limit.every))


def refusal(meter: Meter, taken: Taken, wanted: int | None, now: float) -> Exhausted | None:
    """Why no more may be set aside; None where it may.

    >>> refusal(Meter("task t", "requests", 2, 60.0), Taken(1, 0), 1, 30.0)
    >>> print(refusal(Meter("task t", "requests", 2, 60.0), Taken(2, 0), 1, 30.0))
    task t: the limit of 2 requests every 60 s has no room for 1 more until 1970-01-01T00:01:00Z; 2 are taken
    """
    if wanted is not None and taken.used + taken.held + wanted <= meter.most:
        return None
    bound = f"the {'budget' if meter.what == 'usd' else 'limit'} of {_amount(meter)} every {meter.every:g} s"
    if wanted is None:
        told = "holds nothing of which nobody knows what it may take: say how many tokens it may answer"
        told += "; declare the price of its model" if meter.what == "usd" else ""
        return Exhausted(f"{meter.subject}: {bound} {told}", math.inf, math.inf)
    if wanted > meter.most:
        told = f"never has room for {_figure(meter, wanted)}; ask for fewer tokens, or raise it"
        return Exhausted(f"{meter.subject}: {bound} {told}", math.inf, math.inf)
    until = meter.ends(now)
    if taken.used + wanted <= meter.most:  # only what is under way is in the way
        until = min(until, now + AGAIN)
    full = f"{_figure(meter, taken.used + taken.held)} are taken"
    told = f"has no room for {_figure(meter, wanted)} more until {_moment(until)}; {full}"
    return Exhausted(f"{meter.subject}: {bound} {told}", until, until - now)


def _amount(meter: Meter) -> str:
    figure = _figure(meter, meter.most)
    return figure if meter.what == "usd" else f"{figure} {meter.what}"


def _figure(meter: Meter, amount: int) -> str:
    return f"${Decimal(amount).scaleb(-PICO).normalize():f}" if meter.what == "usd" else f"{amount:,}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
