"""Anthropic's messages: asked for as chat completions, and answered as such, streams too."""

from collections.abc import Mapping
from typing import Any

import msgspec

from autotroph.adapters.upstreams.asking import HttpUpstream
from autotroph.adapters.upstreams.blocks import BlockProgress
from autotroph.adapters.upstreams.dialect import Read
from autotroph.adapters.upstreams.messages import completion, failure
from autotroph.adapters.upstreams.openai import CHAT
from autotroph.adapters.upstreams.progress import Progress
from autotroph.adapters.upstreams.requests import asked_of
from autotroph.clock import Clock
from autotroph.deploy.upstreams.protocols import Call
from autotroph.errors import InputError
from autotroph.spec import ModelSpec
from autotroph.wire.failed import UNREADABLE

BASE = "https://api.anthropic.com/v1"
VERSION = "2023-06-01"

_JSON = msgspec.json.Decoder(dict[str, Any])


class Anthropic:
    """The format, as one model of it is asked.

    Args:
        model: what the model is called there.
        clock: gives the time that chat completions tell.
    """

    def __init__(self, model: str, clock: Clock) -> None:
        self._model, self._clock = model, clock

    def repeats(self, _: Call) -> bool:
        """All that is asked here are answers."""
        return True

    def path(self, call: Call) -> str:
        """Where it is sent to."""
        if call.path.partition("?")[0] != CHAT:
            raise InputError(
                f"{call.path!r:.60} cannot be asked of Anthropic, only {CHAT}; use another model"
            )
        return "/messages"

    def body(self, call: Call) -> bytes:
        """What is sent."""
        self.path(call)
        if call.document is None:
            raise InputError(f"{CHAT} needs a document")
        try:
            return msgspec.json.encode(asked_of(call.document, call.model or self._model))
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"what is to be sent to {call.path} is not JSON: {error}") from None

    def headers(self, key: str) -> Mapping[str, str]:
        """What every call of it says."""
        version = {"anthropic-version": VERSION}
        return {**version, "x-api-key": key} if key else version

    def progress(self, call: Call) -> Progress:
        """Reads the events of its stream."""
        options: Any = (call.document or {}).get("stream_options")
        wants = isinstance(options, Mapping) and bool(options.get("include_usage"))
        return BlockProgress(int(self._clock.now()), tells_usage=wants)

    def whole(self, _: Call, body: bytes) -> Read:
        """The whole answer as a chat completion; it always tells its usage."""
        return completion(body, int(self._clock.now()))

    def error(self, body: bytes) -> bytes:
        """What an answer that failed says."""
        try:
            return failure(_JSON.decode(body).get("error")).document
        except UNREADABLE:
            return b""


def anthropic_upstream(name: str, model: ModelSpec, clock: Clock) -> HttpUpstream:
    """A model of Anthropic's, as it is declared.

    Raises:
        SpecError: the base URL cannot be one.
    """
    return HttpUpstream(name, model, clock, Anthropic(model.model or name, clock), model.base_url or BASE)
