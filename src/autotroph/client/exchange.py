"""A request, what came of it, and what that means: an answer, or a refusal of one of three kinds."""

from typing import Any, Literal, TypeVar

import msgspec

from autotroph.errors import AutotrophError, Conflict, Erased, InputError, LedgerError, Overloaded

T = TypeVar("T")
DOCUMENT, LINES = "application/json", "application/x-ndjson"

LARGEST = 2**24
"""Bytes of an answer; a longer one is none of ours."""

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
        timeout: seconds to wait for the answer.
        after: seconds to wait before it is sent.
    """

    path: str
    body: bytes
    media_type: str = DOCUMENT
    timeout: float = 15.0
    after: float = 0.0


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answered; `retry_after` as its header says it."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class Lost(msgspec.Struct, frozen=True):
    """No answer came; what was sent may have arrived or not."""

    why: str


Outcome = Response | Lost


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer.

    Attributes:
        error: for the caller.
        kind: it may pass (`again`), somebody has to do something about it (`barred`), or it is about what was
            sent (`content`).
        after: seconds that the server wants to be left alone.
        status: of the response; 0 where there was none.
    """

    error: AutotrophError
    kind: Literal["again", "barred", "content"] = "again"
    after: float = 0.0
    status: int = 0

    @property
    def unreachable(self) -> bool:
        """Whether the fault is on the way or at the server, and not in what was asked."""
        return self.kind == "again" or self.status in (401, 403, 421)


class _Error(msgspec.Struct, frozen=True):
    type: str
    message: str
    first: dict[str, Any] = {}


class _ErrorBody(msgspec.Struct, frozen=True):
    error: _Error


def read(outcome: Outcome, kind: type[T], url: str) -> T | Refusal:
    """What came of a request.

    Args:
        outcome: of it.
        kind: of the answer that it should have; anything else that comes with 200 is no acknowledgement.
        url: of the server, for messages.
    """
    if isinstance(outcome, Lost):
        return Refusal(
            error=LedgerError(
                f"{url} cannot be reached: {outcome.why}; is `autotroph serve` running there?"
                " AUTOTROPH_BASE_URL says where it is"
            )
        )
    if outcome.status != 200:
        return _refusal(outcome, url)
    try:
        return msgspec.json.decode(outcome.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return strange(url, f"answered 200 with something else than was asked for ({error})")


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


def _refusal(response: Response, url: str) -> Refusal:
    said = _said(response.body)
    status, after = response.status, _seconds(response.retry_after)
    message = said.message if said else "no reason given"
    where = f"{url} answered {status}: {message}"
    if status in _PASSING or status >= 500:
        passing = Overloaded(where, after or 1.0) if status in (429, 503) else LedgerError(where)
        return Refusal(error=passing, after=after, status=status)
    if status in _TAKEN_AMISS and (said or status == 413):
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


def _said(body: bytes) -> _Error | None:
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
