"""What an answer cost: the tokens that its upstream reports, times the declared prices.

A price is a whole number of pico-dollars a token, so costs are added and compared without rounding. In a row
it is a float, rounded once. What nobody knows is None and never 0.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from autotroph.spec import ModelSpec, PriceSpec
from autotroph.spec.paying import DIGITS

PICO = 10**12
"""Pico-dollars of a dollar."""

MANY = 2**40
"""Tokens of one answer that nobody believes, and no ledger could add up."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer, however its upstream told them.

    Attributes:
        input: all of what was asked.
        cached, written: those of the input that were read from a cache, and written into one.
        output: all of what was answered.
        reasoning: those of the output that nobody sees.
    """

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0


class Rates(msgspec.Struct, frozen=True, gc=False):
    """Pico-dollars a token."""

    input: int
    cached: int
    written: int
    output: int
    reasoning: int


FREE = Rates(0, 0, 0, 0, 0)
"""Of what answers in this process."""


def rates(model: ModelSpec) -> Rates | None:
    """What a model's tokens cost; None where no price is declared."""
    if model.price is None:
        return FREE if model.kind == "local" else None
    return _rates(model.price)


def _rates(price: PriceSpec) -> Rates:
    asked, answered = _pico(price.input), _pico(price.output)
    return Rates(
        input=asked,
        cached=asked if price.cached is None else _pico(price.cached),
        written=asked if price.written is None else _pico(price.written),
        output=answered,
        reasoning=answered if price.reasoning is None else _pico(price.reasoning),
    )


def _pico(price: float) -> int:
    """Of USD a million tokens, as they were written: 0.15 is 150,000 pico-dollars a token."""
    return int(Decimal(repr(price)).scaleb(DIGITS))


def cost(usage: Usage | None, rates: Rates | None) -> int | None:
    """Pico-dollars; None where the tokens or their prices are not known.

    >>> cost(Usage(input=1000, cached=400, output=10), Rates(2_500_000, 1_250_000, 0, 10_000_000, 0))
    2100000000
    """
    if usage is None or rates is None:
        return None
    plain = usage.input - usage.cached - usage.written
    return (
        plain * rates.input
        + usage.cached * rates.cached
        + usage.written * rates.written
        + (usage.output - usage.reasoning) * rates.output
        + usage.reasoning * rates.reasoning
    )


def most(tokens_in: int, tokens_out: int, rates: Rates) -> int:
    """Pico-dollars that so many tokens cost at most, whatever becomes of them."""
    dearest = max(rates.input, rates.cached, rates.written)
    return tokens_in * dearest + tokens_out * max(rates.output, rates.reasoning)


def usd(pico: int | None) -> float | None:
    """Dollars, rounded once.

    >>> usd(2_100_000_000), usd(None)
    (0.0021, None)
    """
    return None if pico is None else pico / PICO


def usage(said: object) -> Usage | None:
    """The tokens that an upstream reports, as OpenAI (both interfaces) and Anthropic do; None without sense.

    OpenAI counts what was cached among the input, Anthropic beside it. Some compatible upstreams count
    reasoning beside the output: then the sum that they tell says so.

    >>> usage({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11})
    Usage(input=9, cached=0, written=0, output=2, reasoning=0)
    >>> usage({"input_tokens": 9, "cache_read_input_tokens": 90, "output_tokens": 2})
    Usage(input=99, cached=90, written=0, output=2, reasoning=0)
    """
    if not isinstance(said, dict):  # as JSON is read; asking for any mapping takes longer than the rest
        return None
    try:
        found = _openai(said) if "prompt_tokens" in said else _tokens(said)
    except ValueError:
        return None
    sense = found.cached + found.written <= found.input and found.reasoning <= found.output
    return found if sense else None


def _openai(said: Mapping[str, Any]) -> Usage:
    asked, answered = _count(said, "prompt_tokens"), _count(said, "completion_tokens")
    cached = _count(_details(said, "prompt_tokens_details"), "cached_tokens")
    hidden = _count(_details(said, "completion_tokens_details"), "reasoning_tokens")
    whole = _count(said, "total_tokens")
    beside = hidden and (whole == asked + answered + hidden or hidden > answered)
    return Usage(asked, cached, 0, answered + (hidden if beside else 0), hidden)


def _tokens(said: Mapping[str, Any]) -> Usage:
    """Of OpenAI's responses, and of Anthropic's messages."""
    if "input_tokens" not in said and "output_tokens" not in said:
        raise ValueError("no tokens")
    asked, answered = _count(said, "input_tokens"), _count(said, "output_tokens")
    read, written = (_count(said, f"cache_{what}_input_tokens") for what in ("read", "creation"))
    within = _count(_details(said, "input_tokens_details"), "cached_tokens")
    hidden = _count(_details(said, "output_tokens_details"), "reasoning_tokens")
    return Usage(asked + read + written, within + read, written, answered, hidden)


_NONE: Mapping[str, Any] = {}


def _details(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else _NONE


def _count(said: Mapping[str, Any], name: str) -> int:
    """A number of tokens; 0 where it is left out or null.

    Raises:
        ValueError: it is something else.
    """
    found = said.get(name)
    if found is None:
        return 0
    if type(found) is not int or not 0 <= found <= MANY:
        raise ValueError(f"{name} is no number of tokens")
    return found
