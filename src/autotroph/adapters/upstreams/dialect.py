"""What the formats of upstreams differ in; everything else is the same for all of them."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from autotroph.adapters.upstreams.progress import Progress
from autotroph.deploy.upstreams.prices import Usage
from autotroph.deploy.upstreams.protocols import Call


class Read(NamedTuple):
    """A whole answer.

    Attributes:
        body: as it is passed on.
        usage: that it tells, if it does.
        written: bytes of text in it.
    """

    body: bytes
    usage: Usage | None
    written: int


class Dialect(Protocol):
    """How a call is said to an upstream, and what its answers mean."""

    def repeats(self, call: Call, /) -> bool:
        """Whether asking twice only costs twice: an answer is made, and nothing is kept there by that."""

    def path(self, call: Call) -> str:
        """Where it is sent to, below the base URL."""

    def body(self, call: Call) -> bytes:
        """What is sent.

        Raises:
            InputError: it cannot be said in this format.
        """

    def headers(self, key: str) -> Mapping[str, str]:
        """What every call of it says."""

    def progress(self, call: Call) -> Progress:
        """Reads the events of its stream."""

    def whole(self, call: Call, body: bytes, /) -> Read:
        """The whole answer.

        Raises:
            InBand: it says that it failed.
            msgspec.DecodeError: it is no JSON, and had to be.
        """

    def error(self, body: bytes) -> bytes:
        """What an answer that failed says, in the shape of OpenAI's errors; empty where it says nothing."""
