"""Keys planted in every way in which a gateway can fail: none of them is in an answer, a log, or a file."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product as every
from pathlib import Path

import pytest
from gateways import SECRET, SHORT, TOML, Gateway, gateway
from servers import TOKEN, Answer, until

from autotroph.errors import AutotrophError
from autotroph.faces.beginning import begun
from autotroph.spec import parse
from autotroph.testing.flaky import Fault
from autotroph.testing.flaky.script import What, When

WRONG = "sk-planted-of-a-caller-7a31"
BROKEN = "sk-planted\nbroken-99c2"
PLANTED = (SECRET, TOKEN, WRONG, "planted-in-address-55e0", "broken-99c2")

MORE = """
[models.claude]
kind = "anthropic"
base_url = "{small}"
api_key = "env:AUTOTROPH_TEST_KEY"
calls = {{ private = true, retries = 0, break_after = 1_000_000{calls} }}
[models.nowhere]
kind = "openai"
base_url = "http://nowhere.invalid/v1"
api_key = "env:AUTOTROPH_TEST_KEY"
[models.private]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:AUTOTROPH_TEST_KEY"
[models.closed]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "env:AUTOTROPH_TEST_KEY"
calls = {{ private = true }}
[models.unset]
kind = "openai"
base_url = "{small}"
api_key = "env:AUTOTROPH_TEST_NOT_SET"
calls = {{ private = true }}
[models.broken]
kind = "openai"
base_url = "{small}"
api_key = "env:AUTOTROPH_TEST_BROKEN"
calls = {{ private = true }}
[models.filed]
kind = "openai"
base_url = "{small}"
api_key = "file:/nowhere/at/all"
calls = {{ private = true }}
[keys.signals]
limit = {{ requests = 1 }}
"""

Path_ = Callable[[Gateway], Answer]
WHATS: tuple[What, ...] = ("cut", "stall", "malformed", "in-band error", "429", "5xx", "redirect")
WHENS: tuple[When, ...] = ("before", "after")


def fails(model: str, what: What, when: When, *, stream: bool, path: str = "chat/completions") -> Path_:
    """An upstream that fails, and quotes the key that it was sent."""

    def ask(gate: Gateway) -> Answer:
        gate.small.always = Fault(what, when)
        said = {"messages": [{"role": "user", "content": "Is that it?"}]}
        said |= {} if path == "chat/completions" else {"input": "Is that it?"}
        answer = gate.post(f"/v1/{path}", {"model": model, "stream": stream, "max_tokens": 9, **said})
        gate.small.always = None
        return answer

    return ask


def chats(model: str, **more: object) -> Path_:
    return lambda gate: gate.chat(model, **more)


def posts(body: object, key: str | None = "all", **headers: str) -> Path_:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda gate: gate.post("/v1/chat/completions", body, key=key, headers=named)


CHAT = {"model": "bare", "messages": [{"role": "user", "content": "Is that it?"}]}
PATHS: dict[str, Path_] = {
    **{
        f"{model}: {what} {when}, {'streamed' if stream else 'whole'}": fails(
            model, what, when, stream=stream
        )
        for model, what, when, stream in every(("bare", "safe", "claude"), WHATS, WHENS, (False, True))
    },
    **{
        f"{path}: {what}": fails("small", what, "before", stream=False, path=path)
        for path, what in every(("responses", "embeddings", "completions"), WHATS)
    },
    "no such address": chats("nowhere"),
    "a private address": chats("private"),
    "nobody there": chats("closed", stream=True),
    "a key that is not set": chats("unset"),
    "a key that is none": chats("broken"),
    "a key in a file that is not there": chats("filed", stream=True),
    "a wrong key": posts(CHAT, key=WRONG),
    "a wrong key in another header": posts(CHAT, key=None, x_api_key=WRONG),
    "a wrong scheme": posts(CHAT, key=None, authorization=f"Basic {WRONG}"),
    "two keys": posts(CHAT, x_api_key=WRONG),
    "a key in the address": lambda gate: gate.post(f"/v1/chat/completions?key={WRONG}", CHAT, key=None),
    "a token in the address": lambda gate: gate.get(f"/v1/models?token={WRONG}", key=None),
    "a key that may not": posts(CHAT, key="read"),
    "a body cut off": posts(b'{"model": "bare", "messages": [{"role"'),
    "a body of another kind": posts([1, 2, 3]),
    "messages that are none": posts({**CHAT, "messages": "none"}),
    "inputs that are none": posts(CHAT, x_autotroph_inputs="{no"),
    "a model that is none": posts({**CHAT, "model": 7}),
    "a key that is too long": posts(CHAT, idempotency_key="k" * 5000),
    "a variant that is none": chats("bare::none"),
    "no such path": lambda gate: gate.post("/v2/chat/nothing", CHAT),
    "a path that leads elsewhere": lambda gate: gate.get("/v1/files/..%2f..%2fkeys"),
    "no such host": posts(CHAT, host="elsewhere.example"),
    "models of a broken upstream": lambda gate: _models(gate),
}


def _models(gate: Gateway) -> Answer:
    gate.small.always = Fault("5xx")
    answer = gate.get("/v1/models")
    gate.small.always = None
    return answer


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged meanwhile, down to the finest, with its tracebacks."""
    into, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(into), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield into
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def test_no_key_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTROPH_TEST_KEY", SECRET)
    monkeypatch.setenv("AUTOTROPH_TEST_BROKEN", BROKEN)
    told: dict[str, str] = {}
    with logged() as log, gateway(tmp_path, TOML + MORE, calls=SHORT) as gate:
        planted = (*PLANTED, *(secret for name, secret in gate.secrets.items() if name != "all"))
        for name, path in PATHS.items():
            answer = path(gate)
            told[name] = f"{answer.headers} {answer.body.decode('utf-8', 'replace')}"
            broke_off = b"error" in answer.body and answer.status == 200
            assert answer.status >= 400 or broke_off or name.startswith(("safe", "models of")), (name, answer)
            assert TOKEN not in str(gate.small.last.headers)  # what a caller shows us goes no further
        for place in ("/v1/status", "/v1/releases", "/v1/journal", "/report", "/openapi.json", "/healthz"):
            told[place] = str(gate.get(place))
        until(lambda: gate.tasks() == 1)
        gate.product.store.append().durable()
        told["log"] = log.getvalue()
        told["tables"] = tables(gate)
        told |= files(tmp_path)
    assert len(PATHS) >= 40
    assert "models.broken" in told["tables"]
    assert "models.small" in told["log"] or len(told["log"]) > 0
    assert [(name, one) for name, text in told.items() for one in planted if one in text] == []


def tables(gate: Gateway) -> str:
    """All rows of all tables."""
    named = gate.product.store.query("SELECT name FROM sqlite_schema WHERE type = 'table'").rows
    return "".join(str(gate.product.store.query(f'SELECT * FROM "{name}"').rows) for (name,) in named)


def files(folder: Path) -> dict[str, str]:
    """All files beside the ledger."""
    return {str(one): one.read_bytes().decode("latin-1") for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    "url",
    [
        "https://me:planted-in-address-55e0@llm.example.com/v1",
        "https://planted-in-address-55e0@[llm.example.com/v1",
        "https://me:planted-in-address-55e0@llm.example.com:port/v1",
        "ftp://me:planted-in-address-55e0@llm.example.com/v1",
        "https://llm.example.com/v1?key=planted-in-address-55e0",
    ],
)
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(AutotrophError) as refused:
        begun(tmp_path, url, "openai", "", {})
    assert PLANTED[3] not in str(refused.value)
    assert files(tmp_path) == {}
    with pytest.raises(AutotrophError) as refused:
        parse(TOML.format(small=url, large=url, calls=""), "autotroph.toml")
    assert PLANTED[3] not in str(refused.value)
