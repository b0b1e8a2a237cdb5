"""A request, what came of it, and what that means: an answer, or a refusal of one of a few kinds."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from autotroph.client.arriving import Arriving
from autotroph.errors import (
    AutotrophError,
    Conflict,
    Erased,
    FaultKind,
    InputError,
    LedgerError,
    Overloaded,
)

T = TypeVar("T")
DOCUMENT, LINES = "application/json", "application/x-ndjson"

LARGEST = 2**24
"""Bytes of an answer; a longer one is none of ours."""

PIECE = 2**16
"""Bytes of a stream that are read at a time, at most."""

SETTLES = 0.1
"""Seconds that a connection has to be free after the last event of a stream; else it is closed."""

LEAST = 0.001
"""Seconds that an attempt has at least."""

LONGEST_WAIT = 60.0
"""Seconds that a server may have us wait before the next attempt."""

_TAKEN_AMISS = (400, 409, 410, 413, 422)
"""Statuses that are about what was sent: sent again, it will be refused again."""

_PASSING = (408, 425, 429)
"""Statuses below 500 that pass."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A POST.

    Attributes:
        path: below the server's address.
        body: of it.
        media_type: of the body.
        timeout: seconds to wait for the answer; for each piece, of one that streams.
        after: seconds to wait before it is sent.
        connect: seconds to wait for a connection, if fewer.
        quiet: seconds without a word after which the server is asked whether it lives, and then has as many
            to say so.
        streams: whether the answer is wanted piece by piece.
    """

    path: str
    body: bytes
    media_type: str = DOCUMENT
    timeout: float = 15.0
    after: float = 0.0
    connect: float = math.inf
    quiet: float = math.inf
    streams: bool = False


class Coming(Protocol):
    """The rest of an answer that streams, as whoever sent the request reads it.

    Attributes:
        arriving: what has come of it.
    """

    arriving: Arriving

    def abort(self) -> None:
        """Want no more of it: its connection is closed at once. After the end, nothing."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answered.

    Attributes:
        status: in HTTP.
        body: of it; empty of one that streams.
        headers: by their names in lower case.
        rest: what is still to come of one that streams; its first piece is there.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    rest: Coming | None = None

    @property
    def retry_after(self) -> str:
        """As its header says it."""
        return self.headers.get("retry-after", "")


class Lost(msgspec.Struct, frozen=True):
    """No answer came; what was sent may have arrived or not.

    Attributes:
        why: for people.
        kind: `connect` where nobody is there, `total` where somebody is, and did not answer in time.
    """

    why: str
    kind: FaultKind = "cut"


Outcome = Response | Lost


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer.

    Attributes:
        error: for the caller.
        kind: it may pass (`again`), somebody has to do something about it (`barred`), it is about what was
            sent (`content`), or whoever answers behind the server did not (`behind`).
        after: seconds that the server wants to be left alone.
        status: of the response; 0 where there was none.
    """

    error: AutotrophError
    kind: Literal["again", "barred", "content", "behind"] = "again"
    after: float = 0.0
    status: int = 0

    @property
    def unreachable(self) -> bool:
        """Whether the fault is on the way or at the server, and not in what was asked."""
        return self.kind == "again" or self.status in (401, 403, 421)


class ErrorSaid(msgspec.Struct, frozen=True):
    """What our server says of an error."""

    type: str
    message: str
    first: dict[str, Any] = {}
    where: str = ""


class _ErrorBody(msgspec.Struct, frozen=True):
    error: ErrorSaid


def streamed(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer comes piece by piece."""
    return status == 200 and headers.get("content-type", "").startswith("text/event-stream")


def read(outcome: Outcome, kind: type[T], url: str) -> T | Refusal:
    """What came of a request.

    Args:
        outcome: of it.
        kind: of the answer that it should have; anything else that comes with 200 is no acknowledgement.
        url: of the server, for messages.
    """
    if isinstance(outcome, Lost):
        return unreached(outcome, url)
    if outcome.status != 200:
        return refusal(outcome, url)
    try:
        return msgspec.json.decode(outcome.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return strange(url, f"answered 200 with something else than was asked for ({error})")


def unreached(lost: Lost, url: str) -> Refusal:
    """Nobody answered."""
    return Refusal(
        error=LedgerError(
            f"{url} cannot be reached: {lost.why}; is `autotroph serve` running there?"
            " AUTOTROPH_BASE_URL says where it is"
        )
    )


def strange(url: str, what: str) -> Refusal:
    """An answer that no server of ours gives; whatever was sent counts as not acknowledged."""
    return Refusal(
        error=LedgerError(f"{url} {what}; is it an autotroph server? AUTOTROPH_BASE_URL says where one is")
    )


def line_error(type_: str, message: str, first: dict[str, Any]) -> AutotrophError:
    """A refusal of what was sent, as the exception that the library raises for it."""
    if type_ == "conflict" or first:
        return Conflict(message, first)
    return Erased(message) if type_ == "erased" else InputError(message)


def refusal(response: Response, url: str) -> Refusal:
    """What an answer means that is none.

    Args:
        response: of another status than 200.
        url: of the server, for messages.
    """
    said = said_of(response.body)
    status, after = response.status, _seconds(response.retry_after)
    message = said.message if said else "no reason given"
    where = f"{url} answered {status}: {message}"
    if status in _PASSING or status >= 500:
        passing = Overloaded(where, after or 1.0) if status in (429, 503) else LedgerError(where)
        return Refusal(error=passing, after=after, status=status)
    no_such_model = status == 404 and said is not None and said.where == "model"
    if no_such_model or (status in _TAKEN_AMISS and (said or status == 413)):
        error = line_error(said.type if said else "", message, said.first if said else {})
        return Refusal(error=error, kind="content", status=status)
    return Refusal(error=InputError(f"{where}; {_way_out(status)}"), kind="barred", status=status)


def _way_out(status: int) -> str:
    match status:
        case 401:
            return "set AUTOTROPH_API_KEY, or pass api_key=, to a key that `autotroph keys create` made"
        case 403:
            return (
                "AUTOTROPH_API_KEY is a key without that scope; make one with `autotroph keys create --scope`"
            )
        case _:
            return "look at AUTOTROPH_BASE_URL, or base_url="


def said_of(body: bytes) -> ErrorSaid | None:
    """What our server says of an error; None where it was somebody else."""
    try:
        return msgspec.json.decode(body, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # somebody on the way answered, not our server


def _seconds(header: str) -> float:
    """How long a Retry-After is; 0 where it is a date, or nothing that can be read.

    >>> _seconds("2"), _seconds("86400"), _seconds("soon")
    (2.0, 60.0, 0.0)
    """
    digits = header.strip()
    return min(float(digits), LONGEST_WAIT) if digits.isascii() and digits.isdigit() else 0.0
