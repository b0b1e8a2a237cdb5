"""An upstream that fails when it is told to, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autotroph.testing.flaky import Flaky


@contextmanager
def flaky() -> Iterator[Flaky]:
    """An upstream in a thread of its own."""
    ready, over = threading.Event(), list[Callable[[], object]]()
    made = Flaky()

    async def stay() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        async with made:
            over.append(lambda: loop.call_soon_threadsafe(end.set))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(stay(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield made
    finally:
        over[0]()
        thread.join(20)
