"""What went wrong, in words and as a document; put together in one place, so that no key gets in."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from autotroph.adapters.upstreams.addresses import NotAllowed
from autotroph.adapters.upstreams.broken import Garbled, Unreachable
from autotroph.errors import FaultKind, UpstreamFault

_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
HIDDEN = b"[key]"


class Faults:
    """Makes the faults of one upstream.

    Args:
        model: its name in the declaration.
        host: where it is.
    """

    def __init__(self, model: str, host: str) -> None:
        self._who = f"models.{model}"
        self._host, self._model = host, model

    def of(self, kind: FaultKind, why: str) -> UpstreamFault:
        """One that has nothing but words."""
        return UpstreamFault(f"{self._who}: {why}", kind)

    def late(self, kind: FaultKind, seconds: float) -> UpstreamFault:
        """Something did not come in time."""
        key = kind.replace(" ", "_")
        return self.of(
            kind, f"no answer from {self._host} within {seconds:g} s; see {key} of [{self._who}.calls]"
        )

    def of_connection(self, error: Exception, *, connected: bool) -> UpstreamFault:
        """What became of a connection. The error's own words are not used: they may quote what was sent."""
        match error:
            case NotAllowed():
                said = (
                    f"{self._host} is at {error}; say private = true in [{self._who}.calls] if that is meant"
                )
                return self.of("address", said)
            case Unreachable():
                return self.of("connect", f"{self._host} cannot be connected to: {error.reason}")
            case Garbled():
                return self.of("malformed", f"the answer of {self._host} cannot be read: {error}")
            case _:
                pass
        when = "before the answer was complete" if connected else "before it answered"
        return self.of("cut", f"{self._host} ended the connection {when} ({type(error).__name__})")

    def of_status(
        self, status: int, body: bytes, secret: str, retry_after: float | None = None
    ) -> UpstreamFault:
        """An answer that says that there is none, with what it says about it."""
        document = hidden(body, secret)
        told = _code(document)
        return UpstreamFault(
            f"{self._who}: {self._host} answered {status}{f' ({told})' if told else ''}",
            "status",
            status=status,
            retry_after=retry_after,
            document=document,
        )

    def in_band(self, document: bytes, secret: str, status: int = 0) -> UpstreamFault:
        """An error where an answer was expected."""
        document = hidden(document, secret)
        told = _code(document)
        return UpstreamFault(
            f"{self._who}: {self._host} broke its answer off with an error{f' ({told})' if told else ''}",
            "in-band error",
            status=status,
            document=document,
        )


def hidden(document: bytes, secret: str) -> bytes:
    """What an upstream said, without the key, should it have quoted it."""
    return document.replace(secret.encode(), HIDDEN) if secret else document


def shaped(error: object) -> bytes:
    """An error in the shape of OpenAI's, of whatever an upstream calls one: an object, or just words."""
    known = error if isinstance(error, Mapping) else {"message": str(error)}
    words = known.get("message") or known.get("detail") or ""
    told = {"type": "upstream_error", "param": None, "code": None, **known, "message": str(words)}
    return msgspec.json.encode({"error": told})


def shaped_body(body: bytes) -> bytes:
    """The body of an answer that failed, in the shape of OpenAI's errors; untouched if it is in it."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b""
    if not isinstance(found, dict):
        return b""
    error = found.get("error")
    if isinstance(error, dict) and "message" in error:
        return body
    return shaped(error or found)


def _code(document: bytes) -> str:
    """The code or type of an error, if it is one word: its message may quote what people wrote."""
    try:
        error = msgspec.json.decode(document)["error"]
        told = error.get("code") or error.get("type")
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return ""
    return told if isinstance(told, str) and _CODE.fullmatch(told) else ""
