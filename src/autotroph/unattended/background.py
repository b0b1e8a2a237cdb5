"""The loop in a thread: for a server, and for a product that lives in another program."""

import threading
from typing import Literal

import msgspec

from autotroph.spec import Duration, RunSpec
from autotroph.unattended.runner import Loop, Runner, Turning, chores

Pace = float | Literal["declared"] | None
"""Seconds between two cycles, whatever comes in; as `[run]` declares; or None for never."""


class Background:
    """Turns a loop in a thread that nothing that fails can stop.

        with Background(product):
            ...                     # decide, signal; cycles come when they are due

    Args:
        loop: a product, open for writing.
        every: how often.
    """

    def __init__(self, loop: Loop, every: Pace = "declared") -> None:
        run = paced(loop.spec.run, every)
        self._runner = Runner(loop, run, chores=chores(loop, run)) if run else None
        self._thread = threading.Thread(target=self._run, name="cycles", daemon=True)

    @property
    def turning(self) -> Turning:
        """How it goes."""
        return self._runner.turning if self._runner else Turning()

    def begin(self) -> None:
        """Start the thread, unless there are to be no cycles."""
        if self._runner:
            self._thread.start()

    def end(self, patience: float | None = None) -> None:
        """Begin no other step, and wait so many seconds for the one under way; None: as long as it takes."""
        if self._runner:
            self._runner.end()
        if self._thread.is_alive():
            self._thread.join(patience)

    def __enter__(self) -> "Background":
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def _run(self) -> None:
        assert self._runner is not None  # only begun where there are cycles
        self._runner.run()


def paced(run: RunSpec, every: Pace) -> RunSpec | None:
    """What is declared, at another pace if one is given."""
    if every == "declared":
        return run
    if every is None:
        return None
    return msgspec.structs.replace(run, every=Duration(every), idle=Duration(every))
