"""The client for coroutines.

Buffered signals go through the same thread as the other client's, so they outlive an event loop; only what is
waited for goes through the event loop.
"""

from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.caller import Caller
from autotroph.client.calls import elsewhere
from autotroph.client.exchange import LARGEST, Lost, Outcome, Request, Response
from autotroph.client.saying import Asked, Said

if TYPE_CHECKING:
    import aiohttp

R = TypeVar("R")
GLANCE = 0.02
"""Seconds between two looks at what a thread does, at most."""


class AsyncClient(Caller):
    """A client of one server, for one event loop. Its methods are those of `Client`, to be awaited."""

    _session: "aiohttp.ClientSession | None" = None

    async def signal(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> None:
        """As `Client.signal`: returns at once, or when there is room."""
        line = self._line(subject, name, value, said)
        if not await self._seen(lambda: self._sender.offer(line), self.patience):
            raise self._sender.overloaded(self.patience)

    async def signal_now(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> Stored:
        """As `Client.signal_now`: returns when the signal is on disk."""
        return await self._drive(self._calls.signal(self._line(subject, name, value, said), self.patience))

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
        found = await self._drive(calls.decide(task, inputs, timeout, asked, hurry=otherwise is not None))
        if isinstance(found, Answer):
            return found
        if otherwise is None:
            raise found.error
        output = otherwise(inputs)
        return elsewhere(self._clock, await output if isawaitable(output) else output, found)

    async def imports(self, rows: Iterable[Any], *, patience: float = 60.0) -> Taken:
        """As `Client.imports`."""
        return await self._drive(self._calls.imports(rows, patience))

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
            session, self._session = self._session, None
            if session is not None:
                await session.close()
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

    async def _drive(self, steps: Generator[Request, Outcome, R]) -> R:
        import asyncio

        try:
            request = next(steps)
            while True:
                if request.after:
                    await asyncio.sleep(request.after)
                request = steps.send(await self._send(request))
        except StopIteration as done:
            found: R = done.value
            return found

    async def _send(self, request: Request) -> Outcome:
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._server.headers)
        try:
            async with self._session.post(
                self._server.url + request.path,
                data=request.body,
                headers={"content-type": request.media_type},
                timeout=aiohttp.ClientTimeout(total=request.timeout),
                allow_redirects=False,
            ) as response:
                body = await _body(response.content)
                retry_after = response.headers.get("retry-after", "")
                return Response(status=response.status, body=body, retry_after=retry_after)
        except TimeoutError:
            return Lost(f"no answer within {request.timeout:.3g} s")
        except (OSError, aiohttp.ClientError) as error:
            return Lost(f"{type(error).__name__}: {error}".rstrip(": "))


async def _body(content: "aiohttp.StreamReader") -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise OSError(f"an answer of more than {LARGEST:,} bytes")
    return bytes(body)
