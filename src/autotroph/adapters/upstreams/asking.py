"""One upstream over HTTP: it is asked, again where that is safe, and left alone while it does not answer."""

import asyncio
from weakref import WeakSet

from autotroph.adapters.upstreams.breaker import Breaker, Permit
from autotroph.adapters.upstreams.budget import RetryBudget
from autotroph.adapters.upstreams.dialect import Dialect
from autotroph.adapters.upstreams.exchange import Answer, Exchange, Wire
from autotroph.adapters.upstreams.faults import Faults
from autotroph.adapters.upstreams.line import Line
from autotroph.adapters.upstreams.replies import Streamed
from autotroph.adapters.upstreams.retrying import is_broken, is_safe
from autotroph.client.pace import Pace, luck_of
from autotroph.clock import Clock
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import UpstreamFault
from autotroph.spec import ModelSpec
from autotroph.wire.secret import Secret


class HttpUpstream:
    """An upstream as it is declared.

    Args:
        name: of the model.
        model: its declaration.
        clock: gives time and luck.
        dialect: the format that it speaks.
        base_url: where it is.

    Raises:
        SpecError: the base URL cannot be one.
    """

    def __init__(self, name: str, model: ModelSpec, clock: Clock, dialect: Dialect, base_url: str) -> None:
        line = Line(name, base_url, model.calls)
        faults = Faults(name, line.host)
        self._wire = Wire(line, dialect, faults, Secret(model.api_key, f"models.{name}"), model.calls, clock)
        self._luck = luck_of(clock)
        self._budget = RetryBudget(model.calls.retry_share)
        self._streams: WeakSet[Streamed] = WeakSet()
        self._breaker = Breaker(model.calls.break_after, model.calls.break_for, self._luck)

    def __repr__(self) -> str:
        return f"HttpUpstream({self._wire.line.base})"

    async def ask(self, call: Call) -> Answer:
        """The answer, as soon as there is something of it; see `deploy.upstreams`."""
        wire, asked = self._wire, self._wire.clock.elapsed()
        end = asyncio.get_running_loop().time() + min(call.within, wire.calls.total)
        body = wire.dialect.body(call)
        self._budget.called()
        found, attempts = await self._tried(call, body, end)
        if isinstance(found, UpstreamFault):
            raise found
        found.attempts, found.first_token = attempts, wire.clock.elapsed() - asked
        return found

    async def close(self) -> None:
        """Close all connections. What has not begun to answer is for those to give up who asked."""
        for stream in list(self._streams):
            stream.close("its upstream was closed here")
            stream.let_go()
        await self._wire.line.close()

    async def _tried(self, call: Call, body: bytes, end: float) -> tuple[Answer | UpstreamFault, int]:
        """What came of it, and of which attempt."""
        pace, attempts = Pace(self._luck), 1
        exchange = Exchange(self._wire, call, body, end)
        found = await self._once(exchange)
        while isinstance(found, UpstreamFault) and attempts <= self._wire.calls.retries:
            wait = pace.failed(after=found.retry_after or 0.0)
            if not self._again(exchange, found, wait, end):
                break
            await asyncio.sleep(wait)
            attempts += 1
            exchange = Exchange(self._wire, call, body, end)
            found = await self._once(exchange)
        return found, attempts

    def _again(self, exchange: Exchange, fault: UpstreamFault, wait: float, end: float) -> bool:
        """Whether to ask once more; the budget is asked last, as its yes is spent."""
        return (
            exchange.again
            and is_safe(fault, silent=exchange.silent, repeats=exchange.repeats)
            and wait <= self._wire.calls.retry_wait
            and asyncio.get_running_loop().time() + wait < end
            and self._breaker.closed
            and self._budget.take()
        )

    async def _once(self, exchange: Exchange) -> Answer | UpstreamFault:
        """One attempt, where the breaker permits it, and what that says about the upstream."""
        now = self._wire.clock.elapsed()
        permit = self._breaker.enter(now)
        if permit == "none":
            return self._left_alone(now)
        found: Answer | UpstreamFault | None = None
        try:
            found = await exchange.run()
        finally:
            self._settle(permit, found)
        if isinstance(found, Streamed):
            found.on_break(self._broke)
            self._streams.add(found)
        return found

    def _settle(self, permit: Permit, found: Answer | UpstreamFault | None) -> None:
        if found is None or (isinstance(found, UpstreamFault) and found.kind in ("address", "key")):
            self._breaker.left(permit)
        elif isinstance(found, UpstreamFault) and is_broken(found):
            self._breaker.failed(permit, self._wire.clock.elapsed())
        else:
            self._breaker.answered(permit)

    def _broke(self) -> None:
        """A stream that had begun did not come to its end."""
        self._breaker.failed("call", self._wire.clock.elapsed())

    def _left_alone(self, now: float) -> UpstreamFault:
        wait = max(self._breaker.wait(now), 0.1)
        fault = self._wire.faults.of(
            "open", f"{self._wire.calls.break_after} faults in a row or more; not asked for now"
        )
        fault.retry_after = wait
        return fault
