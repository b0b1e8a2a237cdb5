"""How far an answer has come: its first token, its end, its tokens; each format reads them for itself."""

from collections import deque
from typing import Protocol

from autotroph.deploy.upstreams.prices import Usage


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
        usage: as far as the upstream told it.
        written: bytes of text that have come.
    """

    began: bool
    ended: bool
    usage: Usage | None
    written: int

    @property
    def may_just_stop(self) -> bool:
        """Whether the end of the connection, in good order, is an end, too."""

    def take(self, payload: bytes, ready: deque[bytes]) -> None:
        """Take the data of an event, and add what is to be passed on.

        Raises:
            InBand: it says that the answer failed.
            msgspec.DecodeError: it is no JSON.
        """
