"""Whoever asked may leave before the answer: then nobody is to work on for them."""

import asyncio

from starlette.requests import ClientDisconnect

from autotroph.faces.http.head import Head


class UnlessLeft:
    """Cancels what is done within as soon as the connection is lost; ClientDisconnect then comes out of it.

    Args:
        head: of the request.
    """

    __slots__ = ("_gone", "_head", "_task")

    def __init__(self, head: Head) -> None:
        self._head, self._gone = head, False
        self._task = asyncio.current_task()

    def __enter__(self) -> None:
        if self._head.leaving.gone:  # while its body was read in a thread
            raise ClientDisconnect
        self._head.leaving.add(self._leave)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._head.leaving.discard(self._leave)
        if self._gone and kind is asyncio.CancelledError and self._task is not None:
            self._task.uncancel()
            raise ClientDisconnect from None

    def _leave(self) -> None:
        self._gone = True
        if self._task is not None:
            self._task.cancel()
