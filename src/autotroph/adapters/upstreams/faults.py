"""What went wrong, in words and as a document; put together in one place, so that no key gets in."""

from autotroph.adapters.upstreams.addresses import NotAllowed
from autotroph.adapters.upstreams.broken import Garbled, Unreachable
from autotroph.errors import FaultKind, UpstreamFault
from autotroph.wire.failed import code, hidden


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
        told = code(document)
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
        told = code(document)
        return UpstreamFault(
            f"{self._who}: {self._host} broke its answer off with an error{f' ({told})' if told else ''}",
            "in-band error",
            status=status,
            document=document,
        )
