"""A product being served: what its handlers share, and how none of them blocks the others."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from autotroph.errors import AutotrophError, Overloaded
from autotroph.faces.answers import Answer
from autotroph.faces.http.batcher import Batcher
from autotroph.faces.http.bodies import Held, Patience
from autotroph.faces.library import Product
from autotroph.ingest.arrivals import DecisionIn, SignalIn
from autotroph.ingest.intake import Outcome
from autotroph.store import Reader
from autotroph.unattended.background import Background, Pace

P = ParamSpec("P")
R = TypeVar("R")

Arrival = tuple[SignalIn | DecisionIn, bool]
"""What came, and whether its key vouches for the user."""

DURABLE = 2.0
"""Seconds that a request waits for the disk."""

STREAM_DURABLE = 10.0
"""Seconds that a batch of a stream waits for it: whoever sends many at once can wait."""


class Lane:
    """A few threads for one kind of work, and a short line before them.

    Args:
        name: of the threads, and in messages.
        threads: how many.
        waiting: how many more may be waiting or at work than there are threads.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._name, self._free = name, threads + waiting
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Have it done in a thread; Overloaded at once if too many wait already."""
        with self.place():
            return await self.do(work, *args, **kwargs)

    async def do(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Have it done in a thread, by somebody who has a place."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Keep a place in the line."""
        if not self._free:
            raise Overloaded(
                f"{self._name}: as many requests as are taken at a time are in work; try again later"
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    def close(self) -> None:
        """Begin nothing more; what is at work is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Service:
    """What the handlers share.

    Args:
        product: open for writing; closing it is the caller's.
        every: how often there is a cycle.
        patience: how much of a body is read, and for how long it is waited for.

    Attributes:
        since: when it began.
        signals: takes single arrivals, as many at a time as have come.
        answers: makes decisions.
        settling: waits until decisions are on disk.
        streams: takes batches of streams.
        readings: reads the ledger.
        workings: what takes long and is seldom asked for: cycles, erasures.
        rollbacks: what must not wait behind those.
        freezes: nor may this, which waits for the disk and so would be in the way of rollbacks.
        turning: the background cycles.
    """

    def __init__(
        self, product: Product, *, every: Pace = "declared", patience: Patience | None = None
    ) -> None:
        self.product, self.since = product, product.clock.now()
        self.patience = patience or Patience()
        self.held = Held(self.patience.held_bytes)
        self.signals = Batcher[Arrival, Outcome](
            "signals", self._take, room=2048, largest=512, patience=DURABLE
        )
        self.answers = Batcher[Callable[[], Answer], Answer](
            "decisions", _each, room=1024, largest=32, patience=30.0
        )
        self.settling = Batcher[Answer, None](
            "settling", self._durable, room=1024, largest=512, patience=DURABLE
        )
        self.streams = Lane("streams", 2, 6)
        self.readings = Lane("readings", 2, 30)
        self.workings = Lane("workings", 2, 6)
        self.rollbacks = Lane("rollbacks", 2, 30)
        self.freezes = Lane("freezes", 2, 30)
        self.turning = Background(product, every)

    def begin(self) -> None:
        """Make what the first request would have to wait for, and begin with the cycles."""
        for task in self.product.rooms.tasks:
            self.product.rooms.begin(task)
        self.turning.begin()

    def end(self, patience: float) -> None:
        """Begin nothing more, and wait so many seconds for what cannot be left in the middle."""
        for part in (self.signals, self.answers, self.settling, self.streams):
            part.close()
        for lane in (self.readings, self.workings, self.rollbacks, self.freezes):
            lane.close()
        self.turning.end(patience)

    async def take(self, arrival: SignalIn | DecisionIn, *, vouched: bool) -> Outcome:
        """Have one arrival stored, on disk.

        Raises:
            Overloaded: the store takes nothing for now, or it took too long.
        """
        if fault := self.product.store.fault():  # known at once, without waiting for those before
            raise Overloaded(f"{fault}; nothing was stored: send it again later")
        return await self.signals.put((arrival, vouched))

    async def read(self, work: Callable[[Reader], R]) -> R:
        """Have something read from the ledger, over a connection of its own."""
        return await self.readings.run(self._reading, work)

    def _reading(self, work: Callable[[Reader], R]) -> R:
        reader = self.product.store.reader()
        try:
            return work(reader)
        finally:
            reader.close()

    def _take(self, arrivals: Sequence[Arrival]) -> list[Outcome | Exception]:
        """Take what came from keys that vouch, and what came from others, each together."""
        found: dict[int, Outcome | Exception] = {}
        for verified in (True, False):
            places = [place for place, (_, vouched) in enumerate(arrivals) if vouched is verified]
            if places:
                outcomes = self._taken([arrivals[place][0] for place in places], verified=verified)
                found.update(zip(places, outcomes, strict=True))
        return [found[place] for place in range(len(arrivals))]

    def _taken(
        self, arrivals: Sequence[SignalIn | DecisionIn], *, verified: bool
    ) -> Sequence[Outcome | Exception]:
        try:
            return self.product.take(arrivals, verified=verified, patience=DURABLE)
        except AutotrophError as error:
            return [error] * len(arrivals)

    def _durable(self, answers: Sequence[Answer]) -> list[Exception | None]:
        """Wait for all of them, but no longer than for one: the ledger writes in order."""
        end = self.product.clock.elapsed() + DURABLE
        found: list[Exception | None] = []
        for answer in answers:
            try:
                answer.durable(max(0.0, end - self.product.clock.elapsed()))
            except AutotrophError as error:
                found.append(error)
            else:
                found.append(None)
        return found


def _each(asked: Sequence[Callable[[], Answer]]) -> list[Answer | Exception]:
    found: list[Answer | Exception] = []
    for one in asked:
        try:
            found.append(one())
        except Exception as error:  # noqa: BLE001 - a model's own code may raise anything, and only one asked it
            found.append(error)
    return found
