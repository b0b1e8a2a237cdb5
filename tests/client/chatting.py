"""A gateway in a process of its own before an upstream that fails when told to, and both clients as one."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from realserver import KEY, Served

from autotroph.client import AsyncChat, AsyncClient, Chat, Client, Straight
from autotroph.errors import AutotrophError
from autotroph.records import Record
from autotroph.store import open_reader

SAID = "Well, that is it."
"""What a flaky upstream says."""

ASKED = [{"role": "user", "content": "Is that it?"}]
TOML = """
[product]
name = "support"
[models.small]
kind = "openai"
base_url = "{url}"
model = "small-8b"
price = {{ input = 1.0, output = 2.0 }}
calls = {{ private = true, retries = 0, break_after = 1_000_000 }}
[tasks.answer]
kind = "chat"
reward = "good"
policy = {{ kind = "first" }}
[tasks.answer.variants]
quick = {{ model = "small" }}
[tasks.spent]
kind = "chat"
unit = "decision"
reward = "good"
policy = {{ kind = "first" }}
limit = {{ requests = 1, every = "365d" }}
[tasks.spent.variants]
quick = {{ model = "small" }}
[signals]
solved = {{ type = "boolean" }}
[rewards.good]
value = "solved"
horizon = "1h"
"""


def gate(folder: Path, url: str) -> Served:
    """A gateway, not begun yet, before an upstream."""
    return Served(folder, TOML.format(url=url))


def rows(served: Served, kind: type[Record]) -> list[Any]:
    """What is on disk."""
    reader = open_reader(served.folder / ".autotroph" / "ledger.db")
    try:
        return list(reader.scan(kind))
    finally:
        reader.close()


class Heard(msgspec.Struct, kw_only=True):
    """An answer, heard to its end."""

    chat: Chat | AsyncChat
    events: list[dict[str, Any]]
    fault: AutotrophError | None = None

    @property
    def text(self) -> str:
        """Of the events."""
        deltas = [one["choices"][0]["delta"] for one in self.events if one["choices"]]
        return "".join(one.get("content") or "" for one in deltas)


Each = Callable[[dict[str, Any]], bool | None]
"""What is done with an event; True: no more of them."""


class Either:
    """One of the clients; both are asked alike."""

    def __init__(self, kind: str, url: str, upstream: Straight | None = None, api_key: str = KEY) -> None:
        given: Any = {"upstream": upstream} if upstream else {}
        self._runner = asyncio.Runner() if kind == "async" else None
        self.client = (AsyncClient if self._runner else Client)(url, api_key, **given)

    def do(self, found: Any) -> Any:
        """What a method gives."""
        if self._runner is None:
            return found

        async def awaited() -> Any:
            return await found

        return self._runner.run(awaited())

    def chat(self, model: str = "answer", messages: Any = ASKED, **said: Any) -> Any:
        return self.do(self.client.chat(model, messages, **{"user": "u1", **said}))

    def heard(self, *asked: Any, each: Each = lambda _: None, **said: Any) -> Heard:
        """The answer, and what comes of the loop over it."""
        return self.loop(self.chat(*asked, **said), each)

    def loop(self, chat: Any, each: Each = lambda _: None) -> Heard:
        """What comes of the loop over an answer."""
        heard = Heard(chat=chat, events=[])

        def take(event: dict[str, Any]) -> bool | None:
            heard.events.append(event)
            return each(event)

        try:
            self.do(_each_of(chat, take)) if self._runner else _each(chat, take)
        except AutotrophError as fault:
            heard.fault = fault
        return heard

    def drop(self) -> None:
        """Have a stream begin, and keep nothing of it."""

        async def dropped(asking: Any) -> None:
            await asking

        asking = self.client.chat("answer", ASKED, user="u1", stream=True)
        if self._runner is not None:
            self._runner.run(dropped(asking))

    def until(self, ready: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait for something that comes soon; an event loop goes on meanwhile."""
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, "it did not come to be"
            self.pause(0.01)

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds) if self._runner is None else self._runner.run(asyncio.sleep(seconds))

    def close(self) -> None:
        self.do(self.client.close())
        if self._runner:
            self._runner.close()


def _each(chat: Chat, take: Each) -> None:
    for event in chat:
        if take(event):
            break


async def _each_of(chat: AsyncChat, take: Each) -> None:
    async for event in chat:
        if take(event):
            break
    await asyncio.sleep(0)


@contextmanager
def either(kind: str, url: str, upstream: Straight | None = None, api_key: str = KEY) -> Iterator[Either]:
    found = Either(kind, url, upstream, api_key)
    try:
        yield found
    finally:
        found.close()
