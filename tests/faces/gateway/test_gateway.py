"""`product.chat`: the gateway in the same process, without HTTP in between."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import autotroph
from autotroph.errors import InputError, UnknownName, UpstreamFault
from autotroph.faces.gateway.chat import LEFT
from autotroph.faces.library import Product
from autotroph.records import Completion, Decision, Signal
from autotroph.testing.flaky import Fault, Flaky
from autotroph.testing.flaky.answers import TOKENS

TOML = """
[product]
name = "support"
[models.small]
kind = "openai"
base_url = "{url}"
model = "there"
calls = {{ private = true, retries = 0 }}
[tasks.answer]
kind = "chat"
reward = "good"
variants = {{ only = {{ model = "small" }} }}
[signals]
solved = {{ type = "boolean" }}
[rewards.good]
value = "solved"
"""
ASKED = [{"role": "user", "content": "Why?"}]
SAID = "".join(TOKENS)


def run(folder: Path, use: Callable[[Product, Flaky], Awaitable[Any]]) -> Any:
    """With a product and its upstream; no connection and no task is left in the end."""

    async def inside() -> Any:
        async with Flaky() as flaky:
            path = folder / "autotroph.toml"
            path.write_text(TOML.format(url=flaky.url), "utf-8")
            with autotroph.open(path) as product:
                found = await use(product, flaky)
                await product.leave_loop()
                assert await flaky.quiet()
        assert not asyncio.all_tasks() - {asyncio.current_task()}
        return found

    return asyncio.run(inside())


def came(product: Product, id_: str) -> Completion:
    product.store.append().durable()  # after what is on its way
    found = product.store.get(Completion, decision=id_)
    assert found is not None
    return found


def test_a_whole_answer(tmp_path: Path) -> None:
    async def use(product: Product, flaky: Flaky) -> None:
        answer = await product.chat("answer", ASKED, user="u42", temperature=0.5)
        assert (answer.output, answer.document()["id"], answer.model) == (SAID, answer.id, "only")
        assert flaky.last.document == {"model": "there", "messages": ASKED, "temperature": 0.5}
        made = product.store.get(Decision, id=answer.id)
        assert made is not None
        assert (made.user, made.verified, came(product, answer.id).output) == ("u42", True, SAID)
        product.signal(answer.id, "solved", True).durable()
        assert product.store.get(Signal, subject=answer.id) is not None

    run(tmp_path, use)


def test_a_stream(tmp_path: Path) -> None:
    async def use(product: Product, _: Flaky) -> None:
        answer = await product.chat("answer", ASKED, user="u42", stream=True)
        events = [msgspec.json.decode(one) async for one in answer]
        pieces = [one["choices"][0]["delta"].get("content") or "" for one in events if one["choices"]]
        assert "".join(pieces) == answer.output == came(product, answer.id).output == SAID
        assert {one["id"] for one in events} == {answer.id}

    run(tmp_path, use)


def test_whoever_wants_no_more_leaves(tmp_path: Path) -> None:
    async def use(product: Product, flaky: Flaky) -> None:
        flaky.pause = 0.05
        answer = await product.chat("answer", ASKED, user="u42", stream=True)
        answer.leave()
        assert await flaky.quiet()
        flaky.pause = 0.0
        assert came(product, answer.id).error == LEFT

    run(tmp_path, use)


def test_a_fault_is_raised(tmp_path: Path) -> None:
    async def use(product: Product, flaky: Flaky) -> None:
        flaky.faults.append(Fault("5xx"))
        with pytest.raises(UpstreamFault, match="503"):
            await product.chat("answer", ASKED, user="u42")
        with pytest.raises(UnknownName, match="nobody"):
            await product.chat("nobody", ASKED)

    run(tmp_path, use)


@pytest.mark.parametrize(
    "asked",
    [{"messages": [{"role": "user", "content": object()}]}, {"inputs": {1: "x"}}, {"tools": object()}],
)
def test_what_is_no_json_is_refused_before_anybody_is_asked(tmp_path: Path, asked: dict[str, Any]) -> None:
    async def use(product: Product, flaky: Flaky) -> None:
        with pytest.raises(InputError, match="inputs must be"):
            await product.chat("answer", **{"messages": ASKED, "user": "u42", **asked})
        assert flaky.received == 0
        assert product.store.get(Decision) is None

    run(tmp_path, use)


def test_the_same_key_and_a_pinned_variant(tmp_path: Path) -> None:
    async def use(product: Product, flaky: Flaky) -> None:
        first = await product.chat("answer::only", ASKED, user="u42", key="once")
        again = await product.chat("answer::only", ASKED, user="u42", key="once")
        assert (again.id, again.output, flaky.received) == (first.id, SAID, 1)
        assert first.decision.provenance == "import"

    run(tmp_path, use)
