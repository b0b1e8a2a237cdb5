"""The process that the kill test kills: lives one way, and prints what is acknowledged, line by line."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import autotroph
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import SignalIn
from autotroph.store import checkpoints
from support_product import OPTIONS, TOML

HASTY = TOML.replace('horizon = "1h"', 'horizon = "10ms"')
"""Rewards are final at once, so that every cycle has something to digest."""


def ingest(product: Product) -> Iterator[str]:
    """Batches of signals, more and more of them about decisions that nobody made."""
    for number in count(product.store.last()):
        batch = [SignalIn(subject=f"d{number}.{n}", name="accepted", value=True) for n in range(20)]
        yield from (outcome.id for outcome in product.take(batch))


def cycle(product: Product) -> Iterator[str]:
    """Decisions, what came back, and round the loop."""
    for number in count(product.store.last()):
        answer = product.decide("reply", {"n": number}, user=f"u{number}", options=OPTIONS).durable()
        yield answer.id
        product.signal(answer.id, "accepted", True).durable()
        product.cycle()


def checkpoint(product: Product) -> Iterator[str]:
    """The same, with the log moved into the file all the time."""
    checkpoints.EVERY = 10
    yield from ingest(product)


WAYS = {way.__name__: way for way in (ingest, cycle, checkpoint)}

if __name__ == "__main__":
    folder, way = Path(sys.argv[1]), WAYS[sys.argv[2]]
    (folder / "autotroph.toml").write_text(HASTY, "utf-8")
    with autotroph.open(folder / "autotroph.toml") as opened:
        print("ready", flush=True)  # noqa: T201 - the test reads them
        for acknowledged in way(opened):
            print(acknowledged, flush=True)  # noqa: T201
