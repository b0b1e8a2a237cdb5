"""What somebody outside says of an error: in the shape of OpenAI's, and without the key."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
HIDDEN = b"[key]"

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON ends in that somebody outside wrote: it is none, no UTF-8, or nested too deep."""


def hidden(document: bytes, secret: str) -> bytes:
    """What an upstream said, without the key, should it have quoted it."""
    return document.replace(secret.encode(), HIDDEN) if secret else document


def shaped(error: object) -> bytes:
    """An error in the shape of OpenAI's, of whatever an upstream calls one: an object, or just words."""
    known = error if isinstance(error, Mapping) else {"message": str(error)}
    words = known.get("message") or known.get("detail") or "the upstream does not say why"
    told = {"type": "upstream_error", "param": None, "code": None, **known, "message": str(words)}
    return msgspec.json.encode({"error": told})


def shaped_body(body: bytes) -> bytes:
    """The body of an answer that failed, in the shape of OpenAI's errors; untouched if it is in it."""
    try:
        found: Any = msgspec.json.decode(body)
    except UNREADABLE:
        return b""
    if not found or not isinstance(found, dict):  # as good as nothing: ours says more
        return b""
    error = found.get("error")
    if isinstance(error, dict) and "message" in error:
        return body
    return shaped(error or found)


def code(document: bytes) -> str:
    """The code or type of an error, if it is one word: its message may quote what people wrote."""
    try:
        error = msgspec.json.decode(document)["error"]
        told = error.get("code") or error.get("type")
    except (*UNREADABLE, KeyError, TypeError, AttributeError):
        return ""
    return told if isinstance(told, str) and _CODE.fullmatch(told) else ""
