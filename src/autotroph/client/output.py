"""What an answer says, as OpenAI's chat completions write it: whole, or in the deltas of events."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Saying:
    """What an answer has said up to now, in its first choice.

    Args:
        part: of a choice that says it: `message`, or `delta` of an event.

    >>> saying = Saying("delta")
    >>> for text in ("Well", ", yes."):
    ...     saying.take({"choices": [{"index": 0, "delta": {"content": text}}]})
    >>> saying.output
    'Well, yes.'
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._texts, self._refusals = list[str](), list[str]()
        self._calls: dict[int, dict[str, Any]] = {}

    @property
    def output(self) -> str:
        """Its text, or the JSON of its tool calls where it has these instead."""
        text = "".join(self._texts)
        if self._calls and not text:
            return msgspec.json.encode(list(self._calls.values())).decode()
        return text or "".join(self._refusals)

    def take(self, document: Mapping[str, Any]) -> None:
        """Read what comes next; what is not of a known form is passed over."""
        for choice in _mappings(document.get("choices")):
            said = choice.get(self._part)
            if choice.get("index", 0) == 0 and isinstance(said, Mapping):
                self._texts.append(_text(said.get("content")))
                self._refusals.append(_text(said.get("refusal")))
                for nth, call in enumerate(_mappings(said.get("tool_calls"))):
                    self._call(call, call.get("index", nth))

    def _call(self, call: Mapping[str, Any], at: int) -> None:
        blank = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        known, function = self._calls.setdefault(at, blank), call.get("function")
        known["id"] = known["id"] or call.get("id") or ""
        if isinstance(function, Mapping):
            for name in ("name", "arguments"):
                known["function"][name] += function.get(name) or ""


def _mappings(found: object) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, Sequence) else []


def _text(content: object) -> str:
    """The text of a message: it is one, or a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in _mappings(content))
