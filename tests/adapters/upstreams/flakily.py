"""Upstreams that fail on purpose, and models that are asked there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from autotroph import registry
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.protocols import Call, Reply, Upstream
from autotroph.spec import CallSpec, Duration, ModelSpec
from autotroph.testing.flaky import Flaky

SECRET = "sk-planted-4f1d"
LIMITS = {"first_token": 0.06, "between_tokens": 0.06, "total": 0.15, "connect": 0.06}
"""Seconds for a fault that is meant to be late; a good answer gets as long as it needs, see `patient`."""
ASKED: Mapping[str, Any] = {"messages": [{"role": "user", "content": "Is that it?"}]}
PATHS = {"openai": "/chat/completions", "anthropic": "/chat/completions", "responses": "/responses"}


def model(url: str, kind: str = "openai", **calls: Any) -> ModelSpec:
    """A model at an address of this machine; waits as long as it has to unless told otherwise."""
    times = {name: Duration(seconds) for name, seconds in calls.items() if name in LIMITS}
    given = {"private": True, "break_after": 10**6, **calls, **times}
    return ModelSpec(
        kind=kind,  # type: ignore[arg-type]
        base_url=url,
        model="there",
        api_key="env:AUTOTROPH_TEST_KEY",
        calls=CallSpec(**given),
    )


def upstream(url: str, kind: str = "openai", **calls: Any) -> Upstream:
    made: Upstream = registry.load("upstreams", kind)("small", model(url, kind, **calls), SystemClock("s"))
    return made


def asked(path: str = "/chat/completions", *, stream: bool = False, **given: Any) -> Call:
    document = {**ASKED, "stream": True} if stream else dict(ASKED)
    return Call(path=path, document=document, stream=stream, **given)


async def read(reply: Reply, into: list[bytes] | None = None) -> list[bytes]:
    """All that comes of an answer."""
    found = [] if into is None else into
    try:
        if reply.body is not None:
            found.append(reply.body)
        async for payload in reply:
            found.append(payload)
    finally:
        reply.close()
    return found


def run(use: Callable[[Flaky], Awaitable[Any]]) -> Any:
    """With an upstream that is there as long as this runs, and of which nothing is left open afterwards."""

    async def inside() -> Any:
        async with Flaky() as flaky:
            found = await use(flaky)
            assert await flaky.quiet(), f"{flaky.open} connections are open still"
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks are left: {left}"
        return found

    return asyncio.run(inside())
