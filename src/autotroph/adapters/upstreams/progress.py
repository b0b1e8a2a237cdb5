"""How far an answer has come: its first token, its end, its tokens; each format reads them for itself."""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from autotroph.deploy.prices import Usage

A_TOKEN = 4
"""Bytes of text; what an answer without usage is counted by. About right for English, too few for code."""


class InBand(Exception):
    """The upstream says in the midst of an answer that it failed.

    Args:
        document: what it says, as a JSON text in the shape of OpenAI's errors.
        status: that it names, or 0.
    """

    def __init__(self, document: bytes, status: int = 0) -> None:
        self.document, self.status = document, status
        super().__init__("an error within the answer")


class Progress(Protocol):
    """Reads the events of one stream.

    Attributes:
        began: something that people see, or that a program acts on, has come.
        ended: the answer said that it is complete.
        may_just_stop: the end of the connection is an end, too; there is no other in this format.
        usage: as far as the upstream told it.
        written: bytes of text that have come.
    """

    began: bool
    ended: bool
    may_just_stop: bool
    usage: Usage | None
    written: int

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event, and add what is to be passed on.

        Raises:
            InBand: it says that the answer failed.
            msgspec.DecodeError: it is no JSON.
        """


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
