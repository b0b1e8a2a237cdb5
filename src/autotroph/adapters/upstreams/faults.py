"""What went wrong, in words and as a document; put together in one place, so that no key gets in."""

import os

from autotroph.adapters.upstreams.addresses import NotAllowed
from autotroph.adapters.upstreams.broken import Garbled, Unreachable
from autotroph.errors import FaultKind, UpstreamFault
from autotroph.wire.failed import code, hidden

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
"""Variables of the environment that others read."""


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
                return self.of("connect", f"{self._host} cannot be connected to: {error.reason}{_unused()}")
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
        told = code(document)
        return UpstreamFault(
            f"{self._who}: {self._host} answered {status}{f' ({told})' if told else ''}{_elsewhere(status)}",
            "status",
            status=status,
            retry_after=retry_after,
            document=document,
        )

    def in_band(self, document: bytes, secret: str, status: int = 0) -> UpstreamFault:
        """An error where an answer was expected."""
        document = hidden(document, secret)
        told = code(document)
        return UpstreamFault(
            f"{self._who}: {self._host} broke its answer off with an error{f' ({told})' if told else ''}",
            "in-band error",
            status=status,
            document=document,
        )


def _elsewhere(status: int) -> str:
    """The way out of a redirection; where it leads is not repeated, since it may quote what was sent."""
    return "; no redirection is followed: write where it leads as base_url" if 300 <= status < 400 else ""


def _unused() -> str:
    """What may be behind it where somebody thinks that there is a proxy; its address may hold a password."""
    named = next((one for one in PROXIES if os.environ.get(one)), "")
    return f"; no proxy is used, though {named} is set" if named else ""
