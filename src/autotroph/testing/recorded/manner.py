"""How long an answer takes and what it costs, as declared, by model."""

import math
from collections.abc import Mapping
from statistics import NormalDist

import msgspec

from autotroph.clock import draw

MILLION = 1_000_000
_NORMAL = NormalDist()
_LEAST = 2.0**-54
"""A draw may be 0, and the normal distribution has no quantile there."""


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a model takes: log-normal, so mostly near the median and now and then far above.

    Attributes:
        first: seconds to the first token, the median.
        token: seconds for each further token, the median.
        spread: standard deviation of the logarithm of both; 0 for always the median.
    """

    first: float = 0.0
    token: float = 0.0
    spread: float = 0.0


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list price: US dollars for a million tokens, of what is sent and of what is answered."""

    input: float = 0.0
    output: float = 0.0


class Pace(msgspec.Struct, frozen=True):
    """How long one answer takes: seconds to its first token, and for each further one."""

    first: float
    token: float


class Manner(msgspec.Struct, frozen=True):
    """How models answer.

    Attributes:
        latency: by model; the one named "" is of all that are not named.
        prices: by model, as well.
        seed: of what is drawn. The same model takes equally long for the same text.
        chunk: tokens in each chunk of a stream.
    """

    latency: Mapping[str, Latency] = {}
    prices: Mapping[str, Price] = {}
    seed: str = "recorded"
    chunk: int = 4

    def price(self, model: str) -> Price:
        """What a model costs."""
        return self.prices.get(model, self.prices.get("", Price()))

    def cost(self, model: str, sent: int, answered: int) -> float:
        """What an answer costs, in US dollars, for tokens sent and answered.

        >>> Manner(prices={"large": Price(input=10, output=30)}).cost("large", 500, 100)
        0.008
        """
        price = self.price(model)
        return (sent * price.input + answered * price.output) / MILLION

    def pace(self, model: str, asked: str) -> Pace:
        """How long a model takes to answer a text."""
        latency = self.latency.get(model) or self.latency.get("") or Latency()
        if not latency.spread:
            return Pace(latency.first, latency.token)
        first, token = (
            math.exp(latency.spread * _NORMAL.inv_cdf(draw(self.seed, what, model, asked) or _LEAST))
            for what in ("first", "token")
        )
        return Pace(latency.first * first, latency.token * token)
