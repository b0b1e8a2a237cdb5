"""The tokens of a call whose upstream does not tell them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from autotroph.deploy.upstreams.prices import Usage

A_TOKEN = 4
"""Bytes of text; what an answer without usage is counted by. About right for English, too few for code."""


def counted(document: Mapping[str, Any] | None, written: int) -> Usage:
    """Tokens of a call whose upstream did not tell them: a token for four bytes of text, rounded up."""
    asked = sum(len(text.encode()) for text in _texts(document or {}))
    return Usage(input=math.ceil(asked / A_TOKEN), output=math.ceil(written / A_TOKEN))


def _texts(document: Mapping[str, Any]) -> Iterator[str]:
    """What a model reads of a call: prompts, messages with their parts, instructions; no pictures."""
    for name in ("messages", "input", "prompt", "instructions", "system"):
        yield from _said(document.get(name))


def _said(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _said(one)
    elif isinstance(value, Mapping):
        for name in ("content", "text", "output"):
            yield from _said(value.get(name))
