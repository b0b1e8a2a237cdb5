"""An answer of a chat task, as callers get it: whole, or piece by piece."""

from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec

from autotroph.client.behind import DECISION, broken_off, document_of, fails
from autotroph.client.exchange import Lost, Response
from autotroph.client.straight import Aside
from autotroph.errors import UpstreamFault
from autotroph.wire.said import CHAT, Said, Saying, said

if TYPE_CHECKING:
    from autotroph.client.connections import Incoming
    from autotroph.client.sessions import AsyncIncoming

_OURS = "x-autotroph-"
_UNRECORDED = "the server says that it is not recorded: its ledger takes nothing, or somebody was erased"


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer comes from; the attributes are those of `Chat`."""

    id: str
    model: str
    variant: str = ""
    task: str = ""
    arm: str = ""
    release: str = ""
    recorded: bool = False
    decided: bool = True
    reason: str = ""
    aside: Aside | None = None


def of_gateway(response: Response) -> Source:
    """What the gateway says of an answer, in its headers."""
    said = {name.removeprefix(_OURS): text for name, text in response.headers.items()}
    recorded = said.get("recorded") == "yes"
    return Source(
        id=response.headers[DECISION],
        model=said.get("answered-by", ""),
        variant=said.get("variant", ""),
        task=said.get("task", ""),
        arm=said.get("arm", ""),
        release=said.get("release", ""),
        recorded=recorded,
        reason="" if recorded else _UNRECORDED,
    )


class Told:
    """What both kinds of answers have: whole ones, and those that stream.

    Attributes:
        id: of the decision, which signals are about.
        model: the variant or the model that answered; asked straight, what the upstream calls it.
        variant: that was taken; empty where it was asked straight, like the next three.
        task: that was asked, or the call site.
        arm: of the user.
        release: that decided.
        recorded: whether the decision is on disk.
        decided: whether the gateway decided; if not, the upstream was asked straight.
        reason: why it is not recorded; empty where it is.
        document: the whole answer as it came; None of one that streams.
        headers: that came with it, by their names in lower case.
    """

    def __init__(self, source: Source, response: Response) -> None:
        self.id, self.model, self.variant = source.id, source.model, source.variant
        self.task, self.arm, self.release = source.task, source.arm, source.release
        self.recorded, self.decided, self.reason = source.recorded, source.decided, source.reason
        self.headers, self._aside, self._rest = response.headers, source.aside, response.rest
        self._saying, self._said = Saying(CHAT), Said()
        self.document: dict[str, Any] | None = None
        if response.rest is None:
            self.document, self._said = document_of(response.body), said(CHAT, response.body)

    @property
    def output(self) -> str:
        """Its text, or the JSON of its tool calls; of a stream, as much of it as has come."""
        return self._said.output or self._saying.said.output

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, model={self.model!r}, decided={self.decided})"

    def _next(self) -> dict[str, Any] | None:
        """The next event that is there; None where it has to be waited for."""
        if self._rest is None or not self._rest.arriving.events:
            return None
        payload = self._rest.arriving.events.popleft()
        event = document_of(payload)
        if not event:
            raise _late(UpstreamFault("an event of the answer is no JSON object", "malformed"))
        if fails(event):
            said = self._aside.hidden(payload) if self._aside else payload
            raise _late(broken_off(said, "the answer broke off with an error"))
        self._saying.take(payload)
        return event

    def _over(self) -> bool:
        return self._rest is None or self._rest.arriving.done


class Chat(Told):
    """An answer. One that streams is iterated over, once: each event as a document, until its end or a fault.

    Its connection is closed as soon as the loop over it is left, or `close` is called, or its `with` ends.
    """

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each event, as OpenAI's interface writes it: `event["choices"][0]["delta"]`.

        Raises:
            UpstreamFault: it is not complete and never will be.
        """
        rest = cast("Incoming | None", self._rest)
        try:
            while rest is not None:
                while (event := self._next()) is not None:
                    yield event
                if self._over():
                    return
                _unless(rest.more())
        finally:
            self.close()

    def close(self) -> None:
        """Want no more of it: its connection is closed at once. After the end, nothing."""
        rest, self._rest = cast("Incoming | None", self._rest), None
        if rest is not None:
            rest.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncChat(Told):
    """As `Chat`, for coroutines: `async for`, `await close()`, `async with`."""

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Each event, as OpenAI's interface writes it: `event["choices"][0]["delta"]`.

        Raises:
            UpstreamFault: it is not complete and never will be.
        """
        rest = cast("AsyncIncoming | None", self._rest)
        try:
            while rest is not None:
                while (event := self._next()) is not None:
                    yield event
                if self._over():
                    return
                _unless(await rest.more())
        finally:
            await self.close()

    async def close(self) -> None:
        """As `Chat.close`."""
        rest, self._rest = cast("AsyncIncoming | None", self._rest), None
        if rest is not None:
            await rest.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _unless(lost: Lost | None) -> None:
    if lost is not None:
        late = lost.kind == "total"
        raise _late(UpstreamFault(f"the answer broke off: {lost.why}", "between tokens" if late else "cut"))


def _late(fault: UpstreamFault) -> UpstreamFault:
    fault.first_token = True
    return fault
