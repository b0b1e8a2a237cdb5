"""Products whose answers come from outside, served, and asked with OpenAI's own client."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import openai
from servers import TOKEN, Client, serving, until

import autotroph
from autotroph.faces.library import Product
from autotroph.records import Completion, Decision

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}

TOML = """
[product]
name = "support"
upstream = "there"
[models.there]
kind = "openai"
base_url = "{url}"
model = "small-8b"
price = {{ input = 1, output = 2 }}
calls = {{ private = true, retries = 0 }}
[models.large]
kind = "openai"
base_url = "{url}"
model = "large-70b"
price = {{ input = 10, output = 20 }}
calls = {{ private = true, retries = 0 }}
[signals]
solved = {{ type = "boolean" }}
[rewards.good]
value = "solved"
"""
"""Two models at one address; tasks are added to it."""


class Asked(NamedTuple):
    """What an upstream was asked."""

    path: str
    headers: Mapping[str, str]
    document: Any


class Told(NamedTuple):
    """What an upstream answers: a document, or the events of a stream; a text is sent as it is."""

    body: Mapping[str, Any] | Sequence[Mapping[str, Any] | str]
    status: int = 200
    headers: Mapping[str, str] = {}


Answer = Callable[[Asked], Told]


def whole(text: str | None = "Yes.", message: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A chat completion, with what else it is to have."""
    said = {"role": "assistant", "content": text, **(message or {})}
    choice = {"index": 0, "message": said, "finish_reason": "stop", **more.pop("choice", {})}
    head = {"id": "theirs", "object": "chat.completion", "created": 1, "model": "theirs"}
    return {**head, "choices": [choice], "usage": USAGE, **more}


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    head = {"id": "theirs", "object": "chat.completion.chunk", "created": 1, "model": "theirs"}
    return {**head, "choices": [choice], **more}


class Scripted:
    """An upstream at `url` that keeps what it is asked, and answers as it is told to.

    Attributes:
        asked: all of it, in order.
        answer: how; may be changed at any time, and may look at anything before it answers.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Answer = lambda _: Told(whole())
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (_Request,), {"upstream": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def __enter__(self) -> "Scripted":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Request(BaseHTTPRequestHandler):
    upstream: ClassVar[Scripted]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def _answer(self, document: Any) -> None:
        headers = {name.lower(): said for name, said in self.headers.items()}
        asked = Asked(self.path, headers, document)
        self.upstream.asked.append(asked)
        told = self.upstream.answer(asked)
        if isinstance(told.body, Mapping):
            self._send(told, "application/json", json.dumps(told.body).encode())
        else:
            end = "" if self.path == RESPONSES else "data: [DONE]\n\n"
            events = "".join(map(_event, told.body)) + end
            self._send(told, "text/event-stream", events.encode())

    def _send(self, told: Told, media_type: str, body: bytes) -> None:
        self.send_response(told.status)
        for name, said in {**told.headers, "content-type": media_type}.items():
            self.send_header(name, said)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _event(told: Mapping[str, Any] | str) -> str:
    if isinstance(told, str):
        return f"data: {told}\n\n"
    kind = f"event: {told['type']}\n" if "type" in told else ""
    return f"{kind}data: {json.dumps(told)}\n\n"


class Gateway(NamedTuple):
    """A served product, and what it is asked with."""

    http: Client
    client: openai.OpenAI

    @property
    def product(self) -> Product:
        return self.http.product

    def apart(self, **given: Any) -> openai.AsyncOpenAI:
        """A client of the other kind; closing it is the caller's."""
        return openai.AsyncOpenAI(**{**arguments(self.http.port), **given})

    def decisions(self) -> list[Decision]:
        """All of them, in order."""
        reader = self.product.store.reader()
        try:
            return list(reader.scan(Decision))
        finally:
            reader.close()

    def made(self, id_: str) -> Decision:
        """A decision, as it is on disk."""
        return next(one for one in self.decisions() if one.id == id_)

    def came(self, id_: str) -> Completion:
        """What came of a decision, once that is on disk: it is written down after the answer."""
        found: list[Completion] = []

        def there() -> bool:
            reader = self.product.store.reader()
            try:
                found.extend(filter(None, [reader.get(Completion, decision=id_)]))
            finally:
                reader.close()
            return bool(found)

        until(there)
        return found[0]


def arguments(port: int) -> dict[str, Any]:
    """Of a client; whoever wants it to ask again says so."""
    return {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": TOKEN, "max_retries": 0}


@contextmanager
def gateway(folder: Path, toml: str) -> Iterator[Gateway]:
    """A product that is served in a thread of this process, and OpenAI's client."""
    path = folder / "autotroph.toml"
    path.write_text(toml, "utf-8")
    with (
        serving(folder, autotroph.open(path)) as http,
        openai.OpenAI(**arguments(http.port)) as client,
    ):
        yield Gateway(http, client)
