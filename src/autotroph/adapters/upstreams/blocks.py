"""Anthropic's streams as chunks of chat completions: blocks begin, grow and end; here, one message grows."""

from collections import deque
from typing import Any

import msgspec

from autotroph.adapters.upstreams.messages import failure, finished, told
from autotroph.deploy.upstreams.prices import Usage, usage

Table = dict[str, Any]


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: Table = {}
    content_block: Table = {}
    delta: Table = {}
    usage: Table = {}
    error: Any = None


_DECODER = msgspec.json.Decoder(_Event)
_ENCODER = msgspec.json.Encoder()


class BlockProgress:
    """Reads the events of one message.

    Args:
        created: when, in seconds.
        tells_usage: the caller asked for an event with the usage.
    """

    may_just_stop = False

    def __init__(self, created: int, *, tells_usage: bool) -> None:
        self.began = self.ended = False
        self.usage: Usage | None = None
        self.written = 0
        self._head: dict[str, Any] = {"id": "", "object": "chat.completion.chunk", "created": created}
        self._tells_usage = tells_usage
        self._tokens: dict[str, Any] = {}
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event; those of kinds that nobody knows yet are passed over."""
        event = _DECODER.decode(payload)
        match event.type:
            case "content_block_delta":
                self._grow(event.index, event.delta, ready)
            case "content_block_start":
                self._start(event.index, event.content_block, ready)
            case "content_block_stop":
                self._stop(event.index, ready)
            case "message_start":
                self._begin(event.message, ready)
            case "message_delta":
                self._finish(event, ready)
            case "message_stop":
                self._end(ready)
            case "error":
                raise failure(event.error)
            case _:
                pass

    def _begin(self, message: dict[str, Any], ready: deque[bytes]) -> None:
        self._head |= {"id": message.get("id", ""), "model": message.get("model", "")}
        self._count(message.get("usage"))
        self._say({"role": "assistant", "content": ""}, ready)

    def _start(self, index: int, block: dict[str, Any], ready: deque[bytes]) -> None:
        if block.get("type") != "tool_use":
            return
        self._calls[index] = len(self._calls)
        self._silent.add(index)
        self.began = True
        named = {"name": block.get("name"), "arguments": ""}
        self._call(index, {"id": block.get("id"), "type": "function", "function": named}, ready)
        if block.get("input"):
            self._argue(index, _ENCODER.encode(block["input"]).decode(), ready)

    def _grow(self, index: int, delta: dict[str, Any], ready: deque[bytes]) -> None:
        match delta:
            case {"type": "text_delta", "text": str(text)} if text:
                self._write(text)
                self._say({"content": text}, ready)
            case {"type": "thinking_delta", "thinking": str(text)} if text:
                self._write(text)
                self._say({"reasoning_content": text}, ready)
            case {"type": "input_json_delta", "partial_json": str(text)} if text and index in self._calls:
                self._argue(index, text, ready)

    def _stop(self, index: int, ready: deque[bytes]) -> None:
        if index in self._silent:  # a tool without arguments; the other side reads them as JSON
            self._argue(index, "{}", ready)

    def _finish(self, event: _Event, ready: deque[bytes]) -> None:
        self._count(event.usage)
        self.began = True
        reason = event.delta.get("stop_reason")
        self._say({}, ready, finished(str(reason)) if reason else None)

    def _end(self, ready: deque[bytes]) -> None:
        self.ended = True
        if self._tells_usage and self.usage is not None:
            ready.append(_ENCODER.encode({**self._head, "choices": [], "usage": told(self.usage)}))

    def _argue(self, index: int, text: str, ready: deque[bytes]) -> None:
        self._silent.discard(index)
        self._write(text)
        self._call(index, {"function": {"arguments": text}}, ready)

    def _call(self, index: int, part: dict[str, Any], ready: deque[bytes]) -> None:
        self._say({"tool_calls": [{"index": self._calls[index], **part}]}, ready)

    def _write(self, text: str) -> None:
        self.began = True
        self.written += len(text.encode())

    def _say(self, delta: dict[str, Any], ready: deque[bytes], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        ready.append(_ENCODER.encode({**self._head, "choices": [choice]}))

    def _count(self, tokens: object) -> None:
        """Later counts are of all that came before, too; what they leave out stays as it was."""
        if isinstance(tokens, dict):
            self._tokens |= {name: count for name, count in tokens.items() if count is not None}
            self.usage = usage(self._tokens)
