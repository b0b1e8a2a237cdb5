"""What is refused, said in one shape: `{"error": {"type": …, "message": …, "where": …}}`."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from autotroph.errors import (
    AutotrophError,
    Conflict,
    Erased,
    Exhausted,
    GateError,
    InputError,
    LedgerError,
    Overloaded,
    SpecError,
    UnknownName,
)
from autotroph.ingest.reading import TooLarge

Kind = Literal[
    "bad_request",
    "unauthenticated",
    "forbidden",
    "not_found",
    "method_not_allowed",
    "too_slow",
    "conflict",
    "erased",
    "too_large",
    "media_type",
    "misdirected",
    "invalid",
    "exhausted",
    "internal",
    "unavailable",
]

STATUS: dict[Kind, int] = {
    "bad_request": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_slow": 408,
    "conflict": 409,
    "erased": 410,
    "too_large": 413,
    "media_type": 415,
    "misdirected": 421,
    "invalid": 422,
    "exhausted": 429,
    "internal": 500,
    "unavailable": 503,
}

MEANING: dict[int, str] = {
    400: "No JSON document, or not one that can be read in one way only.",
    401: "No key, or one that is not known.",
    403: "The key may not do this, or not from there.",
    404: "There is nothing here.",
    405: "Not by this method.",
    408: "The request took too long to arrive.",
    409: "The same key came before with something else.",
    410: "It is about somebody who was erased.",
    413: "More than is read.",
    415: "Another content type or encoding than is read.",
    421: "The request was meant for another host.",
    422: "It was read, and cannot be taken.",
    429: "A budget or a limit is used up: ask again after Retry-After seconds, if it says so.",
    500: "A fault of ours; the message has the id that the log has.",
    503: "Nothing is taken for now: send the same again after Retry-After seconds.",
    502: "Nobody answers: who was asked failed, and so did whoever was to answer instead.",
    504: "Nobody answers in time.",
}
"""What each refusal means, for whoever reads the OpenAPI document."""

PATIENCE = 60.0
"""Seconds that OpenAI's client waits at most before it asks again; told to wait longer, it asks at once."""

_PLACE = re.compile(r"(byte \d+|(?!empty)[a-z_][\w.\[\]…]*): ")


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request was refused.

    Attributes:
        type: for programs.
        message: what, where, what was allowed, and the way out.
        where: which byte, field or line.
        first: what came first, where that is why.
    """

    type: Kind
    message: str
    where: str = ""
    first: dict[str, Any] = {}


class Error(msgspec.Struct, frozen=True):
    """Every refusal has this shape."""

    error: ErrorBody


class Refusal(InputError):
    """A request that is answered with an error.

    Attributes:
        headers: that go with the answer.
        body: what is said.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        where: str = "",
        first: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.headers = dict(headers or {})
        self.body = ErrorBody(type=kind, message=message, where=where, first=dict(first or {}))
        super().__init__(message)

    @property
    def response(self) -> Response:
        """The answer."""
        return answered(Error(self.body), STATUS[self.body.type], self.headers)


class Document(Response):
    """An answer in one piece, JSON as a rule; starlette's takes several times as long to make its head."""

    def __init__(
        self, body: bytes, status: int, headers: Mapping[str, str], media: str = "application/json"
    ) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [
            (b"content-type", media.encode("latin-1")),
            (b"content-length", b"%d" % len(body)),
            *[(name.encode("latin-1"), said.encode("latin-1")) for name, said in headers.items()],
        ]


def answered(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Document(_ENCODER.encode(value), status, headers or {})


_ENCODER = msgspec.json.Encoder()


def refusal_of(error: AutotrophError) -> Refusal:
    """What is answered when one of our errors ends a request."""
    match error:
        case Refusal():
            return error
        case LedgerError():
            wait = error.retry_after if isinstance(error, Overloaded) else 1.0
            return Refusal("unavailable", str(error), headers={"retry-after": f"{max(1, round(wait))}"})
        case Exhausted():
            never = error.retry_after == math.inf
            after = {} if never else {"retry-after": f"{math.ceil(error.retry_after)}"}
            late = {"x-should-retry": "false"} if error.retry_after > PATIENCE else {}
            return Refusal("exhausted", str(error), headers={**after, **late})
        case Conflict():
            return Refusal("conflict", str(error), first=error.first, headers={"x-should-retry": "false"})
        case _:
            return placed(_kind(error), str(error))


def placed(kind: Kind, message: str) -> Refusal:
    """A refusal whose message begins with a place, if it does: `byte 17: …`, `options[0].features: …`."""
    place = _PLACE.match(message)
    return Refusal(kind, message, where=place[1] if place else "")


def _kind(error: AutotrophError) -> Kind:
    match error:
        case Erased():
            return "erased"
        case TooLarge():
            return "too_large"
        case InputError() | UnknownName() | SpecError() | GateError():
            return "invalid"
        case _:
            return "internal"


def unreadable(error: InputError) -> Refusal:
    """What is answered to bytes that are no document."""
    found = refusal_of(error)
    if found.body.type != "invalid":
        return found
    return Refusal("bad_request", found.body.message, where=found.body.where)
