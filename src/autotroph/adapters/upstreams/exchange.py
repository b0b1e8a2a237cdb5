"""One attempt: a call is sent, and its answer begins, or a fault says why it does not."""

import asyncio
from functools import partial
from typing import NamedTuple

from autotroph.adapters.upstreams.broken import Cut
from autotroph.adapters.upstreams.dialect import Dialect
from autotroph.adapters.upstreams.faults import Faults
from autotroph.adapters.upstreams.heads import passed, told
from autotroph.adapters.upstreams.line import Line
from autotroph.adapters.upstreams.progress import InBand
from autotroph.adapters.upstreams.replies import Streamed, Whole, read_whole
from autotroph.adapters.upstreams.response import Response
from autotroph.adapters.upstreams.retrying import retry_after
from autotroph.adapters.upstreams.watch import Watch
from autotroph.clock import Clock
from autotroph.deploy.upstreams.counting import counted
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import UpstreamFault
from autotroph.spec import CallSpec
from autotroph.wire.failed import UNREADABLE
from autotroph.wire.secret import Secret
from autotroph.wire.sse import TooLong

LARGEST, LARGEST_ERROR = 256 * 2**20, 2**16
"""Bytes of a whole answer, and of what is said about one that failed."""

EXPLAINS = 2.0
"""Seconds for saying why an answer failed."""

Answer = Whole | Streamed


class Wire(NamedTuple):
    """What all exchanges with one upstream have in common."""

    line: Line
    dialect: Dialect
    faults: Faults
    key: Secret
    calls: CallSpec
    clock: Clock


class Exchange:
    """One attempt to get an answer.

    Attributes:
        silent: not a byte of an answer has come.
        again: the upstream does not mind being asked the same again.
    """

    def __init__(self, wire: Wire, call: Call, body: bytes, end: float) -> None:
        self._wire, self._call, self._body, self._end = wire, call, body, end
        self._response: Response | None = None
        self._secret = ""
        self.silent = self.again = True

    @property
    def repeats(self) -> bool:
        """Whether it does no harm if it is done twice."""
        return self._wire.dialect.repeats(self._call)

    async def run(self) -> Answer | UpstreamFault:
        """The answer, as soon as there is something of it, or why there is none."""
        found: Answer | UpstreamFault | None = None
        try:
            found = await self._run()
        except UpstreamFault as fault:
            found = fault
        except OSError as error:
            found = self._of(error)
        finally:
            if self._response is not None and (found is None or isinstance(found, UpstreamFault)):
                self._response.abort()
        return found

    async def _run(self) -> Answer | UpstreamFault:
        wire, call = self._wire, self._call
        self._secret = wire.key.value()
        headers = {
            **passed(call.headers),
            "content-type": call.media_type,
            **wire.dialect.headers(self._secret),
        }
        async with asyncio.timeout_at(self._limit()):
            response = await wire.line.send(
                call.method, wire.dialect.path(call), self._body, headers, repeats=self.repeats
            )
            self._response, self.silent = response, False
            if not 200 <= response.status < 300:
                return await self._refusal(response)
            encoding = response.headers.get("content-encoding", "identity")
            if encoding.lower() != "identity":
                return wire.faults.of(
                    "malformed", f"the answer is in {encoding:.20}, which was not asked for"
                )
            return await (self._streamed(response) if call.stream else self._whole(response))

    def _limit(self) -> float:
        if not self._call.stream:
            return self._end
        return min(self._end, asyncio.get_running_loop().time() + self._wire.calls.first_token)

    async def _streamed(self, response: Response) -> Answer | UpstreamFault:
        if response.media_type != "text/event-stream":
            return await self._unstreamed(response)
        wire, call = self._wire, self._call
        stream = Streamed(
            response,
            told(response.headers),
            wire.dialect.progress(call),
            wire.faults,
            self._secret,
            partial(counted, call.document),
        )
        await stream.begin()
        stream.watch(Watch(self._end, stream.expire), wire.calls.between_tokens)
        return stream

    async def _unstreamed(self, response: Response) -> UpstreamFault:
        """A stream was asked for, and something else came: an error, as a rule."""
        found = await self._whole(response)
        if isinstance(found, UpstreamFault) and found.kind != "malformed":
            return found
        kind = response.media_type or "of no content type"
        return self._wire.faults.of("malformed", f"a stream was asked for, and the answer is {kind:.60}")

    async def _whole(self, response: Response) -> Answer | UpstreamFault:
        faults, call = self._wire.faults, self._call
        try:
            body = await read_whole(response, LARGEST)
            read = self._wire.dialect.whole(call, body)
        except InBand as said:
            return faults.in_band(said.document, self._secret, said.status)
        except (*UNREADABLE, TooLong) as error:
            return faults.of("malformed", f"the answer cannot be read ({type(error).__name__})")
        headers = told(response.headers)
        usage = read.usage or counted(call.document, read.written)
        return Whole(response.status, headers, read.body, usage, told=read.usage is not None)

    async def _refusal(self, response: Response) -> UpstreamFault:
        body = b""
        try:
            async with asyncio.timeout(EXPLAINS):
                body = await read_whole(response, LARGEST_ERROR)
        except (OSError, TooLong):  # the status says enough
            response.abort()
        self.again = response.headers.get("x-should-retry") != "false"
        later = retry_after(response.headers, self._wire.clock.now())
        document = self._wire.dialect.error(body)
        return self._wire.faults.of_status(response.status, document, self._secret, later)

    def _of(self, error: Exception) -> UpstreamFault:
        """What a connection's end means; a time limit of ours, where it is no error of the connection."""
        faults, calls = self._wire.faults, self._wire.calls
        if isinstance(error, TimeoutError):
            late = asyncio.get_running_loop().time() >= self._end or not self._call.stream
            seconds = min(calls.total, self._call.within) if late else calls.first_token
            return faults.late("total" if late else "first token", seconds)
        if isinstance(error, Cut):
            self.silent = error.silent
        return faults.of_connection(error, connected=not self.silent)
