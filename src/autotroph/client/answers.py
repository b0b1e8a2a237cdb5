"""What callers of a client get back."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from autotroph.errors import AutotrophError

Count = Annotated[int, Meta(ge=0)]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that is on disk.

    Attributes:
        status: stored now, or known from before.
        id: of the signal.
        sequence: its place in the ledger.
    """

    status: Literal["stored", "known"]
    id: str
    sequence: int


class RefusedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a stream that was not taken; `first` is what came before it under the same key."""

    line: int
    reason: str
    type: str = ""
    first: dict[str, Any] = {}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stream; what is counted as stored or known is on disk.

    Attributes:
        stored: lines that are new.
        known: lines that were there already.
        refused: lines that were refused; of very many, some.
        refused_count: how many there are of them.
    """

    stored: Count = 0
    known: Count = 0
    refused: tuple[RefusedLine, ...] = ()
    refused_count: Count = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, and the id that signals are about.

    Attributes:
        id: of the decision.
        option: what was taken.
        output: what it puts out.
        probabilities: of every option; empty where the server did not decide.
        recorded: whether the decision is on disk.
        decided: whether the server decided; if not, `otherwise` did.
        reason: why it is not recorded; empty where it is.
        arm, release, epoch: by which release it was made.
    """

    id: str
    option: str
    output: str
    probabilities: Mapping[str, float] = {}
    recorded: bool = False
    decided: bool = True
    reason: str = ""
    arm: str = ""
    release: str = ""
    epoch: int = 0


class Refused(msgspec.Struct, frozen=True):
    """A buffered signal that will not be sent again, and why."""

    signal: dict[str, Any]
    error: AutotrophError


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """How a client's buffer is.

    Attributes:
        pending: signals that nobody has acknowledged yet.
        pending_bytes: how long they are.
        delivered: signals that the server has on disk.
        refused: signals that were given up, each of them reported.
        trouble: why the last attempt failed; empty where it did not.
    """

    pending: int = 0
    pending_bytes: int = 0
    delivered: int = 0
    refused: int = 0
    trouble: str = ""
