"""aiohttp's HTTP, for coroutines."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, TypeVar

from autotroph.client.arriving import Arriving
from autotroph.client.exchange import LARGEST, SETTLES, Lost, Outcome, Request, Response, streamed
from autotroph.client.listening import Gone, silent
from autotroph.client.server import HEALTH, Place

if TYPE_CHECKING:
    import aiohttp

R = TypeVar("R")
Lives = Callable[[float], Coroutine[None, None, bool]]


class Sessions:
    """Sends requests to one place, from one event loop."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Outcome:
        """Send a request, and wait for what comes of it; of one that streams, for the first of it."""
        import aiohttp

        headers = {**self.place.headers(), "content-type": request.media_type}
        try:
            return await self._watched(self._exchange(request, headers), request)
        except aiohttp.ConnectionTimeoutError:
            seconds = min(request.connect, request.timeout)
            return Lost(f"no connection within {seconds:.3g} s", "connect")
        except aiohttp.ClientConnectorError as error:
            return Lost(_said(error), "connect")
        except (OSError, aiohttp.ClientError) as error:
            return _lost(error, request)

    async def drive(self, steps: Generator[Request, Outcome, R]) -> R:
        """Send what a call yields, until it has its result."""
        try:
            request = next(steps)
            while True:
                if request.after:
                    await asyncio.sleep(request.after)
                request = steps.send(await self.send(request))
        except StopIteration as done:
            found: R = done.value
            return found

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _watched(self, work: Coroutine[None, None, Outcome], request: Request) -> Outcome:
        """What comes of it; somebody who says nothing for long is asked for a sign of life.

        Raises:
            TimeoutError: too late.
            Gone: nobody is there.
        """
        task, loop = asyncio.ensure_future(work), asyncio.get_running_loop()
        end = loop.time() + request.timeout
        try:
            while True:
                left = end - loop.time()
                await asyncio.wait({task}, timeout=max(0.0, min(request.quiet, left)))
                if task.done():
                    return task.result()
                await self.look(request, left)
        finally:
            task.cancel()
            del task  # its error knows this frame, and so all that was asked for would stay

    async def look(self, request: Request, left: float) -> None:
        """Nothing was said: it may be too late now, or nobody may be there.

        Args:
            request: that is not answered.
            left: seconds that there were before.

        Raises:
            TimeoutError: too late.
            Gone: nobody is there.
        """
        if left <= request.quiet:
            raise TimeoutError
        if not await self._lives(request.quiet):
            raise Gone(silent(request.quiet))

    async def _exchange(self, request: Request, headers: dict[str, str]) -> Outcome:
        response = await self._begun().post(
            self.place.url + request.path,
            data=request.body,
            headers=headers,
            timeout=_connecting(min(request.connect, request.timeout)),
            allow_redirects=False,
        )
        coming = None
        try:
            said = {name.lower(): value for name, value in response.headers.items()}
            if request.streams and streamed(response.status, said):
                coming = AsyncIncoming(self, response, request)
                lost = await coming.more()
                return lost or Response(status=200, headers=said, rest=coming)
            body = await _body(response.content)
            return Response(status=response.status, body=body, headers=said)
        except BaseException:
            response.close()
            raise
        finally:
            if coming is None:
                response.release()

    async def _lives(self, within: float) -> bool:
        """Whether somebody is there."""
        import aiohttp

        try:
            async with (
                asyncio.timeout(within),
                self._begun().get(self.place.url + HEALTH, timeout=_connecting(within)) as response,
            ):
                return response.status < 500
        except (OSError, aiohttp.ClientError):
            return False

    def _begun(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session


class AsyncIncoming:
    """The rest of an answer that streams.

    Attributes:
        arriving: what has come of it.
    """

    def __init__(self, sessions: Sessions, response: "aiohttp.ClientResponse", request: Request) -> None:
        self._sessions, self._response, self._request = sessions, response, request
        self.arriving = Arriving()

    def __del__(self) -> None:
        self.abort()

    async def more(self) -> Lost | None:
        """Wait for the next of it; why there will be none, although it was not complete."""
        import aiohttp

        try:
            end = asyncio.get_running_loop().time() + self._request.timeout
            while not self.arriving.feed(await self._piece(end)):
                pass
        except (OSError, aiohttp.ClientError) as error:
            self.abort()
            return _lost(error, self._request)
        except BaseException:
            self.abort()
            raise
        return None

    async def close(self) -> None:
        """Want no more of it. After its end, its connection is kept; before, it is closed at once."""
        import aiohttp

        try:
            if self.arriving.done and not self._response.closed:
                async with asyncio.timeout(SETTLES):
                    while await self._response.content.readany():
                        pass
        except (OSError, aiohttp.ClientError):
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Want no more of it: its connection is closed at once. After the end, nothing."""
        self._response.close()

    async def _piece(self, end: float) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            left = end - loop.time()
            try:
                async with asyncio.timeout(min(left, self._request.quiet)):
                    return await self._response.content.readany()
            except TimeoutError:
                await self._sessions.look(self._request, left)


def _connecting(seconds: float) -> "aiohttp.ClientTimeout":
    """Time limits are kept here, but for the one that nobody else can keep."""
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=seconds if seconds < math.inf else None)


async def _body(content: "aiohttp.StreamReader") -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise OSError(f"an answer of more than {LARGEST:,} bytes")
    return bytes(body)


def _lost(error: Exception, request: Request) -> Lost:
    if isinstance(error, TimeoutError):
        return Lost(f"no answer within {request.timeout:.3g} s", "total")
    return Lost(_said(error), "connect" if isinstance(error, Gone) else "cut")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
