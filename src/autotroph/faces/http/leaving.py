"""Whoever asked may leave before the answer: then nobody is to work on for them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import ClientDisconnect

from autotroph.faces.http.head import Head


@contextmanager
def unless_left(head: Head) -> Iterator[None]:
    """Cancel what is done within as soon as the connection is lost.

    Raises:
        ClientDisconnect: it was.
    """
    task, gone = asyncio.current_task(), False

    def leave() -> None:
        nonlocal gone
        gone = True
        if task is not None:
            task.cancel()

    if head.leaving.gone:  # while its body was read in a thread
        raise ClientDisconnect
    head.leaving.add(leave)
    try:
        yield
    except asyncio.CancelledError:
        if not gone or task is None:
            raise
        task.uncancel()
        raise ClientDisconnect from None
    finally:
        head.leaving.discard(leave)
