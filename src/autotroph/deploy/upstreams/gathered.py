"""The events of a stream as the whole answer, as its upstream could have sent it at once."""

from collections.abc import Iterable
from typing import Any

import msgspec

from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.written import told_usage
from autotroph.wire.failed import UNREADABLE
from autotroph.wire.said import CHAT, ENDED, RESPONSES, TEXT

Fields = dict[str, Any]
_ENCODER = msgspec.json.Encoder()
_CHOICES, _INDEX = "choices", "index"
_SAID_ONCE = frozenset({"role", "id", "type", "finish_reason"})
"""Texts that are no pieces: some upstreams say them in every chunk."""


def gathered(path: str, payloads: Iterable[bytes], usage: Usage) -> bytes | None:
    """The whole answer; None where the events are of a kind that is not read.

    Args:
        path: that was asked.
        payloads: the data of each event, of a stream that came to its end.
        usage: the tokens, where the events do not tell them.
    """
    if path not in (CHAT, TEXT, RESPONSES):
        return None
    try:
        found = [one for one in map(msgspec.json.decode, payloads) if isinstance(one, dict)]
    except UNREADABLE:
        return None
    if path == RESPONSES:
        ends = [one.get("response") for one in found if one.get("type") in ENDED]
        return _ENCODER.encode(ends[-1]) if ends else None
    return _ENCODER.encode(_completion(path, found, usage))


def _completion(path: str, chunks: list[Fields], usage: Usage) -> Fields:
    whole: Fields = {}
    choices: dict[int, Fields] = {}
    for chunk in chunks:
        for one in chunk.pop(_CHOICES, None) or ():
            _add(choices.setdefault(one.get(_INDEX, 0), {}), one)
        whole.update({name: told for name, told in chunk.items() if told is not None or name not in whole})
    whole["object"] = "chat.completion" if path == CHAT else "text_completion"
    whole[_CHOICES] = [_choice(path, choices[nth]) for nth in sorted(choices)]
    return whole if whole.get("usage") else {**whole, "usage": told_usage(path, usage)}


def _choice(path: str, choice: Fields) -> Fields:
    if path == TEXT:
        return choice
    message = {"content": None, **choice.pop("delta", {})}
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [_without_index({"type": "function", **call}) for call in calls]
    return {**choice, "message": message}


def _without_index(call: Fields) -> Fields:
    return {name: told for name, told in call.items() if name != _INDEX}


def _add(whole: Fields, piece: Fields) -> None:
    """What a piece says is added to what was said before."""
    for name, told in piece.items():
        before = whole.get(name)
        if before is None or told is None:
            whole[name] = before if told is None else _first(told)
        elif isinstance(before, str) and isinstance(told, str) and name not in _SAID_ONCE:
            whole[name] = before + told
        elif isinstance(before, dict) and isinstance(told, dict):
            _add(before, told)
        elif isinstance(before, list) and isinstance(told, list):
            _extend(before, told)
        elif not isinstance(before, str):
            whole[name] = told


def _first(told: Any) -> Any:
    """A piece that is the first one: its entries may be pieces of one another."""
    if not isinstance(told, list):
        return told
    found: list[Any] = []
    _extend(found, told)
    return found


def _extend(before: list[Any], told: list[Any]) -> None:
    """Entries that have a place are pieces of what has that place; others come after what there is."""
    places = {one[_INDEX]: one for one in before if isinstance(one, dict) and _INDEX in one}
    for one in told:
        if isinstance(one, dict) and one.get(_INDEX) in places:
            _add(places[one[_INDEX]], one)
            continue
        before.append(one)
        if isinstance(one, dict) and _INDEX in one:
            places[one[_INDEX]] = one
