"""Many callers, one at work: whatever came while one batch is taken is the next batch.

It has no timer: alone, a caller waits for nobody; in a crowd, batches grow. The same principle as that of
the ledger's writer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from autotroph.errors import Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Gathers what single callers bring, and has it done in a thread, batch after batch.

    Use it from one event loop.

    Args:
        name: of the thread, and in messages.
        work: does one batch; one result or error each, in order. What it raises is everybody's.
        room: callers that may wait; the next one is refused at once.
        largest: batch.
        patience: for how many seconds a caller waits.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        room: int,
        largest: int,
        patience: float,
    ) -> None:
        self._name, self._work = name, work
        self._room, self._largest, self._patience = room, largest, patience
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._due: deque[tuple[float, asyncio.Future[Result]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._turns: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Callers that no batch has taken yet."""
        return len(self._waiting)

    async def put(self, item: Item) -> Result:
        """Have one thing done.

        Raises:
            Overloaded: too many wait already, or it took longer than the patience; it may still be done.
        """
        if len(self._waiting) >= self._room:
            raise Overloaded(f"{self._name}: {self._room} wait already; send it again later")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, outcome))
        self._watch(loop, outcome)
        if self._turns is None:
            self._turns = loop.create_task(self._run())
        return await outcome

    def close(self) -> None:
        """Take nothing more; what is being done is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _watch(self, loop: asyncio.AbstractEventLoop, outcome: asyncio.Future[Result]) -> None:
        """See that it ends in time. All wait equally long, so one timer is enough: that of the oldest."""
        while self._due and self._due[0][1].done():
            self._due.popleft()
        self._due.append((loop.time() + self._patience, outcome))
        if self._timer is None:
            self._timer = loop.call_at(self._due[0][0], self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell those whose time is over, and look again when the next one's is."""
        self._timer, now = None, loop.time()
        while self._due and (self._due[0][0] <= now or self._due[0][1].done()):
            _, outcome = self._due.popleft()
            late = f"{self._name}: not done after {self._patience:g} s, and it may still be"
            _fail([outcome], Overloaded(f"{late}; the same sent again counts once"))
        if self._due:
            self._timer = loop.call_at(self._due[0][0], self._give_up, loop)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                outcomes = [outcome for _, outcome in batch]
                try:
                    results = await loop.run_in_executor(self._pool, self._work, [item for item, _ in batch])
                except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
                    _fail(outcomes, error)
                else:
                    _settle(outcomes, results)
        finally:
            self._turns = None

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        """The callers that still wait, up to the largest batch."""
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._largest:
            item, outcome = self._waiting.popleft()
            if not outcome.done():
                batch.append((item, outcome))
        return batch


def _settle(outcomes: Sequence[asyncio.Future[Result]], results: Sequence[Result | Exception]) -> None:
    for outcome, result in zip(outcomes, results, strict=True):
        if isinstance(result, Exception):
            _fail([outcome], result)
        elif not outcome.done():
            outcome.set_result(result)


def _fail(outcomes: Sequence[asyncio.Future[Result]], error: Exception) -> None:
    for outcome in outcomes:
        if not outcome.done():
            outcome.set_exception(error)
