"""`autotroph run`: the loop, unattended, in a process that does nothing else."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from autotroph.errors import Occupied, SpecError
from autotroph.faces.cli import options
from autotroph.faces.cli.opening import declared, ledger_of, refuse_local

if TYPE_CHECKING:
    from autotroph.faces.library import Product
    from autotroph.store import Store
    from autotroph.unattended.telling import Failed, Turned

TRIED = 0.5
"""Seconds between two tries to become the writer of a ledger that has one."""

INSTEAD = "Background(product).begin(), of autotroph.unattended.background,"


@click.command(short_help="Turn the loop by itself, for as long as it runs.")
@click.option("--once", is_flag=True, help="One cycle with all that belongs to it, due or not; then end.")
@click.option("--wait", is_flag=True, help="While another process writes to the ledger, wait to take over.")
@options.strict
@options.config
@options.as_json
def run(*, once: bool, wait: bool, strict: bool, config: Path, as_json: bool) -> None:
    """Turn the loop whenever a cycle is due, as [run] declares, until SIGTERM or Ctrl-C.

    A ledger has one writer, so of several processes one turns the loop; those with --wait take over when it
    is gone, however it went. What fails is journalled and tried again, later and later. With --json there is
    one object a cycle. Leaves after the step under way; with --once, with 1 where something was rolled back.
    """
    refuse_local(declared(config, strict=strict), INSTEAD)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ended = threading.Event()
    with _ended_by_signals(ended):
        product = _led(config, ended, wait=wait, strict=strict)
        if product is None:
            return
        with product:
            fell = _turn(product, ended, once=once, as_json=as_json)
    if once and fell:
        raise click.exceptions.Exit(1)


def _turn(product: Product, ended: threading.Event, *, once: bool, as_json: bool) -> bool:
    """Turn it; whether something was rolled back."""
    from autotroph.unattended.runner import Runner, chores  # felt: a wrong call is answered without it
    from autotroph.unattended.telling import Failed

    fell, show = False, _shown(product, as_json=as_json)

    def tell(news: Turned | Failed) -> None:
        nonlocal fell
        fell = fell or (not isinstance(news, Failed) and news.fell)
        show(news)

    declared = product.spec.run
    runner = Runner(product, declared, tell, chores(product, declared), fatal=(SpecError,), ended=ended)
    if once:
        runner.once()
    else:
        options.say(f"turning the loop of {product.spec.product.name!r}; SIGTERM or Ctrl-C ends it")
        runner.run()
    return fell


def _shown(product: Product, *, as_json: bool) -> Callable[[Turned | Failed], None]:
    """Shows what happened: an object for scripts, a line for people; what failed is in the log already."""
    if as_json:
        return options.emit
    from rich.console import Console
    from rich.text import Text

    from autotroph.unattended.telling import Turned, line

    console = Console(highlight=False)

    def show(news: Turned | Failed) -> None:
        if isinstance(news, Turned):
            text = Text(line(news, product.clock.now()))
            text.highlight_words(["promoted"], "green")
            text.highlight_words(["rolled back", "refused"], "red")
            console.print(text, soft_wrap=True)

    return show


def _led(config: Path, ended: threading.Event, *, wait: bool, strict: bool) -> Product | None:
    """The product, open for writing; None where it is to end before it was its turn."""
    import autotroph

    store = _written(ledger_of(config, strict=strict), ended, wait=wait)
    if store is None:
        return None
    try:
        return autotroph.open(config, store=store, strict=strict)
    except BaseException:
        store.close()
        raise


def _written(url: str, ended: threading.Event, *, wait: bool) -> Store | None:
    """The ledger, open for writing: who has that is the leader, and the system knows when it is gone."""
    from autotroph.store import open_store

    told = False
    while not ended.is_set():
        try:
            return open_store(url)
        except Occupied as error:
            if not wait:
                raise Occupied(f"{error}; --wait takes over when it is gone") from error
        if not told:
            options.say(f"{url}: another process writes to it; waiting to take over")
            told = True
        ended.wait(TRIED)
    return None


@contextmanager
def _ended_by_signals(ended: threading.Event) -> Iterator[None]:
    """The first SIGTERM or SIGINT ends it after the step under way; another one does what it always does."""

    def handle(number: int, _: FrameType | None) -> None:
        ended.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    for one in before:
        signal.signal(one, handle)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
