"""What the formats of upstreams differ in; everything else is the same for all of them."""

from collections.abc import Mapping
from typing import Protocol

from autotroph.adapters.upstreams.progress import Progress
from autotroph.deploy.prices import Usage
from autotroph.deploy.upstreams import Call


class Dialect(Protocol):
    """How a call is said to an upstream, and what its answers mean."""

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

    def whole(self, call: Call, body: bytes) -> tuple[bytes, Usage | None]:
        """The whole answer as it is passed on, and its usage, where it tells one.

        Raises:
            InBand: it says that it failed.
            msgspec.DecodeError: it is no JSON, and had to be.
        """

    def written(self, call: Call, body: bytes) -> int:
        """Bytes of text in a whole answer that told no usage."""

    def error(self, body: bytes) -> bytes:
        """What an answer that failed says, in the shape of OpenAI's errors; empty where it says nothing."""
