"""Whatever speaks OpenAI's format: hosted ones, vLLM, SGLang, Ollama, llama.cpp, another autotroph.

Nothing is translated. The name of the model is replaced, and streams of chat are asked for their usage.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from autotroph.adapters.upstreams.asking import HttpUpstream
from autotroph.adapters.upstreams.chunks import (
    AnyProgress,
    ChatProgress,
    ResponsesProgress,
    in_band,
)
from autotroph.adapters.upstreams.dialect import Read
from autotroph.adapters.upstreams.progress import Progress
from autotroph.clock import Clock
from autotroph.deploy.upstreams.prices import usage
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import InputError
from autotroph.spec import ModelSpec
from autotroph.wire.failed import shaped_body

CHAT, TEXT, RESPONSES, EMBEDDINGS = "/chat/completions", "/completions", "/responses", "/embeddings"
_GENERATES = frozenset({CHAT, TEXT, RESPONSES, EMBEDDINGS, "/decisions"})


class _Body(msgspec.Struct, gc=False):
    """What of a whole answer is read."""

    usage: Any = None
    error: Any = None
    choices: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()


_BODY = msgspec.json.Decoder(_Body)
_ENCODER = msgspec.json.Encoder()


class OpenAI:
    """The format, as one model of it is asked.

    Args:
        model: what the model is called there.
        asks_usage: whether streams are asked for their usage.
    """

    def __init__(self, model: str, *, asks_usage: bool) -> None:
        self._model, self._asks_usage = model, asks_usage

    def repeats(self, call: Call) -> bool:
        """Answers, and whatever is only read; a file that was taken twice would be there twice."""
        return call.method in ("GET", "HEAD") or _plain(call.path) in _GENERATES

    def path(self, call: Call) -> str:
        """Where it is sent to."""
        return call.path

    def body(self, call: Call) -> bytes:
        """What is sent: the caller's document, with the model's name there."""
        if call.document is None:
            return call.body
        document = {**call.document, "model": call.model or self._model}
        if self._adds_usage(call):
            options = call.document.get("stream_options")
            if isinstance(options, dict | None):  # otherwise the upstream says what is wrong with it
                document["stream_options"] = {**(options or {}), "include_usage": True}
        try:
            return _ENCODER.encode(document)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"what is to be sent to {call.path} is not JSON: {error}") from None

    def headers(self, key: str) -> Mapping[str, str]:
        """What every call of it says."""
        return {"authorization": f"Bearer {key}"} if key else {}

    def progress(self, call: Call) -> Progress:
        """Reads the events of its stream."""
        path = _plain(call.path)
        if path in (CHAT, TEXT):
            return ChatProgress(hides_usage=self._adds_usage(call))
        return ResponsesProgress() if path == RESPONSES else AnyProgress()

    def whole(self, call: Call, body: bytes) -> Read:
        """The whole answer, untouched."""
        if call.method != "POST" or _plain(call.path) not in _GENERATES:
            return Read(body, None, 0)
        if not body.isascii():
            body.decode()  # what is no UTF-8 nobody could read
        try:
            found = _BODY.decode(body)
        except msgspec.ValidationError as error:  # JSON, but no object
            raise msgspec.DecodeError("an answer that is no object") from error
        if found.error:
            raise in_band(found.error)
        return Read(body, usage(found.usage), len(found.choices) + len(found.output))

    def error(self, body: bytes) -> bytes:
        """What an answer that failed says."""
        return shaped_body(body)

    def _adds_usage(self, call: Call) -> bool:
        """Whether its stream is asked for a usage that the caller did not ask for."""
        if not (self._asks_usage and call.stream and call.document and _plain(call.path) == CHAT):
            return False
        options: Any = call.document.get("stream_options")
        return not (isinstance(options, Mapping) and options.get("include_usage"))


def openai_upstream(name: str, model: ModelSpec, clock: Clock) -> HttpUpstream:
    """A model that speaks OpenAI's format, as it is declared.

    Raises:
        SpecError: the base URL cannot be one.
    """
    dialect = OpenAI(model.model or name, asks_usage=model.calls.ask_usage)
    return HttpUpstream(name, model, clock, dialect, model.base_url)


def _plain(path: str) -> str:
    return path.partition("?")[0]
