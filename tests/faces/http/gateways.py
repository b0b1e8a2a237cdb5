"""A gateway that is really served, before upstreams that fail when they are told to."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from servers import Answer, Client, serving, until

import autotroph
from autotroph.deploy.upstreams.prices import PICO
from autotroph.faces.library import Product
from autotroph.govern.budgets import Budgets, beside
from autotroph.govern.meters import Taken, meters
from autotroph.records import Completion, Decision
from autotroph.store import Store
from autotroph.testing.flaky import Fault, Flaky
from autotroph.testing.flaky.script import What, When
from flaky_upstream import flaky

SECRET = "sk-planted-4f1d"
TOML = """
[product]
name = "support"
on_store_failure = "answer"
upstream = "small"
[models.small]
kind = "openai"
base_url = "{small}"
api_key = "env:AUTOTROPH_TEST_KEY"
model = "there"
price = {{ input = 1.0, cached = 0.1, output = 2.0 }}
calls = {{ private = true, retries = 0, break_after = 1_000_000{calls} }}
[models.large]
kind = "openai"
base_url = "{large}"
model = "there"
price = {{ input = 10.0, cached = 1.0, output = 20.0 }}
calls = {{ private = true, retries = 0, break_after = 1_000_000 }}
[tasks.bare]
kind = "chat"
unit = "decision"
reward = "good"
policy = {{ kind = "first" }}
[tasks.bare.variants]
only = {{ model = "small" }}
[tasks.safe]
kind = "chat"
unit = "decision"
reward = "good"
policy = {{ kind = "first" }}
[tasks.safe.variants]
only = {{ model = "small", fallback = ["large"] }}
[tasks.tried]
kind = "chat"
unit = "decision"
reward = "good"
policy = {{ kind = "first" }}
[tasks.tried.variants]
first = {{ model = "large" }}
other = {{ model = "small" }}
[signals]
solved = {{ type = "boolean" }}
[rewards.good]
value = "solved"
horizon = "1s"
[ladder]
explore = 0.9
"""
"""`small` fails, `large` answers; `bare` asks the one alone, `safe` the other, too; `tried` chooses."""

SHORT = ', first_token = "300ms", between_tokens = "300ms", total = "600ms"'
"""For faults that are late on purpose."""


class Gateway(Client):
    """Asks a gateway.

    Attributes:
        small, large: its upstreams.
    """

    small: Flaky
    large: Flaky

    def chat(self, model: str, text: str = "Is that it?", *, key: str = "all", **more: Any) -> Answer:
        document = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.post("/v1/chat/completions", document, key=key)

    def completion(self, decision: str) -> Completion:
        """What came of a decision, as soon as the ledger has it."""
        return _soon(lambda: self.product.store.get(Completion, decision=decision))

    def decision(self, answer: Answer) -> Decision:
        return _soon(lambda: self.product.store.get(Decision, id=answer.headers["x-autotroph-decision"]))

    def tasks(self) -> int:
        """How many tasks the server's loop has."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return asyncio.run_coroutine_threadsafe(count(), self.loop).result(30)

    def taken(self, task: str = "bare") -> dict[str, Taken]:
        """What is counted of a task: used and set aside, of each thing that is counted."""
        counted = meters(self.product.spec, task)
        path = self.product.store.path  # type: ignore[attr-defined]
        budgets = Budgets(beside(path), self.product.clock)
        try:
            return {one.what: found for one, found in zip(counted, budgets.taken(counted), strict=True)}
        finally:
            budgets.close()

    def in_ledger(self, task: str = "bare") -> dict[str, int]:
        """The same, by what the ledger says of it."""
        rows = self.product.store.query(
            "SELECT c.cost_usd FROM completions AS c JOIN decisions AS d ON d.id = c.decision"
            " WHERE d.task = ?", (task,),
        ).rows  # fmt: skip
        return {"usd": sum(round(float(str(cost)) * PICO) for (cost,) in rows), "requests": len(rows)}


T = TypeVar("T")


def _soon(look: Callable[[], T | None]) -> T:
    found: list[T | None] = []

    def looked() -> bool:
        found.append(look())
        return found[-1] is not None

    until(looked)
    last = found[-1]
    assert last is not None
    return last


def events(answer: Answer) -> list[Any]:
    """The data of the events of a stream; `[DONE]` as it is."""
    found = [part.partition(b"data: ")[2].decode() for part in answer.body.split(b"\n\n") if part]
    return [one if one == "[DONE]" else json.loads(one) for one in found]


def text(answer: Answer) -> str:
    """What an answer says, whole or in pieces, up to where it may break off."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return str(answer.value["choices"][0]["message"]["content"])
    choices = [one["choices"][0] for one in events(answer) if one != "[DONE]" and one.get("choices")]
    return "".join(one["delta"].get("content") or "" for one in choices)


def limits(toml: str, task: str, **limits: float) -> str:
    """The declaration with a budget and a limit of a task."""
    said = [
        f'{where} = {{{{ {what} = {limits[what]}, every = "365d" }}}}\n'
        for where, what in (("budget", "usd"), ("limit", "requests"))
        if what in limits
    ]
    return toml.replace(f"[tasks.{task}]\n", f"[tasks.{task}]\n{''.join(said)}")


@contextmanager
def failing(upstream: Flaky, what: What, when: When = "before") -> Iterator[None]:
    """While this lasts, every request fails so, and is counted: each is sent once.

    But for one that is cut off in silence: on a connection that was kept, it is sent again on a new one.
    """
    before, upstream.always = upstream.received, Fault(what, when)
    try:
        yield
    finally:
        upstream.always = None
    twice = (what, when) == ("cut", "before")
    assert 1 <= upstream.received - before <= 1 + twice


@contextmanager
def gateway(
    folder: Path, toml: str = TOML, *, store: Store | None = None, calls: str = ""
) -> Iterator[Gateway]:
    """A gateway in a thread of this process, and its upstreams in others."""
    with flaky() as small, flaky() as large:
        text = toml.format(small=small.url, large=large.url, calls=calls)
        (folder / "autotroph.toml").write_text(text, "utf-8")
        with opened(folder, small, large, store) as found:
            yield found


@contextmanager
def opened(folder: Path, small: Flaky, large: Flaky, store: Store | None = None) -> Iterator[Gateway]:
    """A gateway of what is declared already."""
    product: Product = autotroph.open(folder / "autotroph.toml", store=store, strict=False)
    with serving(folder, product) as client:
        found = Gateway(client.port, client.secrets, client.product, client.loop)
        found.small, found.large = small, large
        yield found
