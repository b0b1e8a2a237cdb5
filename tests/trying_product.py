"""A product on which experiments are tried: two actions of which people like one more, by user."""

from collections.abc import Callable
from pathlib import Path

import autotroph
from autotroph.clock import ReplayClock, draw
from autotroph.faces.library import Product

START = 1_700_000_000.0
HOUR = 3600.0

TOML = """
[product]
name = "shop"
[tasks.greet]
kind = "choice"
unit = "user"
reward = "liked"
guardrails = ["angry"]
actions = ["plain", "warm"]
[signals]
good = { type = "boolean" }
shouted = { type = "boolean" }
paid = { type = "number" }
[rewards.liked]
value = "good"
horizon = "1m"
silent = { good = false }
[guardrails.angry]
value = "shouted"
horizon = "1m"
margin = 0.05
silent = { shouted = false }
[outcomes.spent]
value = "paid"
horizon = "2m"
silent = { paid = 0.0 }
[ladder]
holdback = 0.1
explore = 0.0
floor = "1m"
steps = [0.5, 1.0]
minimum = 30
[gate]
minimum = 10
margin = 1.0
[experiments.tone]
task = "greet"
share = 0.5
margin = 0.02
planned = 4000
[experiments.tone.arms]
now = "main"
warm = "warm"
"""

Rates = Callable[[str], float]


def opened(folder: Path, declared: str = TOML) -> Product:
    """The product in a folder."""
    path = folder / "autotroph.toml"
    if not path.exists():
        path.write_text(declared, "utf-8")
    return autotroph.open(path, clock=ReplayClock("trying", at=START))


def visits(product: Product, users: range, **rates: float) -> None:
    """Each user decides once, and likes it as often as `rates` say of the option; with `angry_`, shouts."""
    for number in users:
        made = product.decide("greet", {}, user=f"u{number}")
        if draw("likes", str(number)) < rates.get(made.option, 0.5):
            product.signal(made.id, "good", True)
        if draw("shouts", str(number)) < rates.get(f"angry_{made.option}", 0.0):
            product.signal(made.id, "shouted", True)


def turn(product: Product, seconds: float = 300.0) -> None:
    """Time passes, and the loop turns."""
    product.clock.advance(product.clock.now() + seconds)
    product.cycle()


def days(product: Product, each: int, count: int, first: int = 0, **rates: float) -> None:
    """So many users, and a cycle, again and again."""
    for day in range(count):
        visits(product, range(first + day * each, first + (day + 1) * each), **rates)
        turn(product)
