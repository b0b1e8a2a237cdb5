"""Keys: looked up when a call is made, and in nothing that anybody reads, whatever goes wrong."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flakily import LIMITS, SECRET, asked, model, read, run, upstream

from autotroph.adapters.upstreams.openai import openai_upstream
from autotroph.clock import SystemClock
from autotroph.deploy.upstreams.protocols import Call, error_document
from autotroph.errors import AutotrophError, UpstreamFault
from autotroph.testing.flaky import Fault, Flaky
from autotroph.wire.secret import Secret

WHATS = ("cut", "unfinished", "stall", "malformed", "in-band error", "429", "5xx", "redirect")
PLANTED = [
    (Fault(what, when), stream) for what in WHATS for when in ("before", "head", "after") for stream in (0, 1)
]


def shown(error: BaseException | None) -> Iterator[str]:
    """Everything that a log, a debugger or a row could show of an error, and of what stands behind it."""
    while error is not None:
        yield str(error)
        yield repr(error)
        yield repr(vars(error))
        yield "".join(traceback.format_exception(error))
        if isinstance(error, UpstreamFault):
            yield error_document(error).decode()
        error = error.__context__ or error.__cause__


async def caught(asks: Any, call: Call) -> AutotrophError:
    with pytest.raises(AutotrophError) as found:
        await read(await asks.ask(call))
    return found.value


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_no_error_shows_a_key(kind: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    async def use(flaky: Flaky) -> None:
        asks = upstream(flaky.url, kind, retries=1, retry_wait=0.0, **LIMITS)
        for fault, stream in PLANTED:
            flaky.faults.append(fault)
            told.extend(shown(await caught(asks, asked(stream=bool(stream)))))
        told.append(repr(asks))
        await asks.close()
        for url, private in ((flaky.slow_url, True), ("http://127.0.0.1:9/v1", True), (flaky.url, False)):
            other = upstream(url, kind, private=private, retries=0, connect=0.05)
            told.extend(shown(await caught(other, asked())))
            told.extend(shown(await caught(other, asked("/../x"))))
            await other.close()

    run(use)
    assert len(told) > 5 * 50
    assert [text for text in told if SECRET in text] == []
    assert SECRET not in caplog.text
    quoting = [text for text in told if "[key]" in text]
    assert len(quoting) > 20, "the upstream did not quote the key, so nothing was tested"


def test_a_key_is_looked_up_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept = tmp_path / "key"
    kept.write_text("first\n")
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", " padded ")
    key = Secret(f"file:{kept}", "models.small")
    assert [key.value(), key.value()] == ["first", "first"]
    kept.write_text("the second")
    assert key.value() == "the second"
    assert Secret("env:AUTOTROPH_TEST_KEY", "models.small").value() == "padded"
    assert Secret("", "models.small").value() == ""
    assert "second" not in repr(key)
    assert "second" not in repr(openai_upstream("s", model("http://x"), SystemClock("s")))


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "tab\there", "schlüssel", "nul\0"])
def test_a_key_that_is_none_is_told_without_it(value: str, tmp_path: Path):
    kept = tmp_path / "key"
    kept.write_text(value, "utf-8")

    async def use(flaky: Flaky) -> None:
        declared = model(flaky.url, break_after=1)
        asks = openai_upstream(
            "small", msgspec.structs.replace(declared, api_key=f"file:{kept}"), SystemClock("s")
        )
        for _ in range(2):  # which says nothing of the upstream's health
            fault = await caught(asks, asked())
            assert isinstance(fault, UpstreamFault)
            assert fault.kind == "key"
            assert str(kept) in str(fault)
            assert not value.strip() or value.strip() not in str(fault)
        assert flaky.received == 0
        await asks.close()

    run(use)


def test_a_key_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AUTOTROPH_TEST_KEY")
    for reference in ("env:AUTOTROPH_TEST_KEY", f"file:{tmp_path / 'none'}", f"file:{tmp_path}"):
        with pytest.raises(UpstreamFault, match=r"models\.small: its key"):
            Secret(reference, "models.small").value()
