"""The client for coroutines.

Buffered signals go through the same thread as the other client's, so they outlive an event loop; only what is
waited for goes through the event loop.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self, Unpack

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.caller import Caller
from autotroph.client.calls import elsewhere
from autotroph.client.chat import AsyncChat, of_gateway
from autotroph.client.exchange import Response
from autotroph.client.saying import Asked, Said
from autotroph.client.straight import Aside

if TYPE_CHECKING:
    from autotroph.client.sessions import Sessions

GLANCE = 0.02
"""Seconds between two looks at what a thread does, at most."""


class AsyncClient(Caller):
    """A client of one server, for one event loop. Its methods are those of `Client`, to be awaited."""

    _others: "Sessions | None" = None

    async def signal(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> None:
        """As `Client.signal`: returns at once, or when there is room."""
        line = self._line(subject, name, value, said)
        if not await self._seen(lambda: self._sender.offer(line), self.patience):
            raise self._sender.overloaded(self.patience)

    async def signal_now(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> Stored:
        """As `Client.signal_now`: returns when the signal is on disk."""
        return await self._sessions.drive(
            self._calls.signal(self._line(subject, name, value, said), self.patience)
        )

    async def decide(
        self,
        task: str,
        inputs: Mapping[str, Any],
        *,
        timeout: float = 2.0,
        otherwise: Callable[[Mapping[str, Any]], str | Awaitable[str]] | None = None,
        **asked: Unpack[Asked],
    ) -> Answer:
        """As `Client.decide`; what `otherwise` returns may be awaited."""
        calls = self._calls
        found = await self._sessions.drive(
            calls.decide(task, inputs, timeout, asked, hurry=otherwise is not None)
        )
        if isinstance(found, Answer):
            return found
        if otherwise is None:
            raise found.error
        output = otherwise(inputs)
        return elsewhere(self._clock, await output if isawaitable(output) else output, found)

    async def chat(  # noqa: PLR0913 - two, and keywords that may be left out
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]] = (),
        *,
        inputs: Mapping[str, Any] | None = None,
        user: str = "",
        session: str = "",
        key: str = "",
        stream: bool = False,
        timeout: float = 600.0,
        **parameters: Any,
    ) -> AsyncChat:
        """As `Client.chat`; one that streams is iterated over with `async for`."""
        who, began = {"user": user, "session": session, "key": key}, self._clock.elapsed()
        question = self._question(model, messages, inputs, stream, parameters, **who)
        asking = self._calls.chat(question, timeout, hurry=self._aside is not None)
        found = await self._sessions.drive(asking)
        if isinstance(found, Response):
            return AsyncChat(of_gateway(found), found)
        aside = self._straight(found, question)
        left = self._left(question, timeout, began)
        response = await self._beside(aside).drive(aside.ask(question, left, found.error))
        return AsyncChat(self._source(aside, question, found), response)

    async def imports(self, rows: Iterable[Any], *, patience: float = 60.0) -> Taken:
        """As `Client.imports`."""
        return await self._sessions.drive(self._calls.imports(rows, patience))

    async def flush(self, timeout: float | None = None) -> None:
        """As `Client.flush`."""
        through, patience = self._sender.hurry(), self.patience if timeout is None else timeout
        if not await self._seen(lambda: self._sender.settled(through), patience):
            raise self._sender.late(patience)

    async def close(self, timeout: float | None = None) -> None:
        """As `Client.close`."""
        try:
            await self.flush(timeout)
        finally:
            await self._sessions.close()
            if self._others is not None:
                await self._others.close()
            self._sender.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _seen(self, ready: Callable[[], bool], patience: float) -> bool:
        """Whether something came to be in time; looked at more and more seldom, because a thread does it."""
        import asyncio

        end, pause = self._clock.elapsed() + patience, 0.001
        while not ready():
            if self._clock.elapsed() >= end:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, GLANCE)
        return True

    @cached_property
    def _sessions(self) -> "Sessions":
        from autotroph.client.sessions import Sessions  # who has no event loop does not pay for it

        return Sessions(self._server)

    def _beside(self, aside: Aside) -> "Sessions":
        from autotroph.client.sessions import Sessions

        if self._others is None:
            self._others = Sessions(aside)
        return self._others
