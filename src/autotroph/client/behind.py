"""What the gateway answers to a question: an answer, its own refusal, or a fault of who answers behind it.

The header that names a decision tells them apart. Where it is, the gateway is well, whatever the status is:
asking the same elsewhere is a matter of the task's fallbacks, and has been tried. Where it is not, nobody
outside was asked, as far as the gateway could say.
"""

import math
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from autotroph.client.exchange import (
    Lost,
    Outcome,
    Refusal,
    Response,
    refusal,
    said_of,
    strange,
    unreached,
)
from autotroph.errors import Exhausted, FaultKind, LedgerError, UpstreamFault
from autotroph.wire.failed import code, shaped_body

DECISION = "x-autotroph-decision"
_KINDS: dict[str, FaultKind] = {
    f"upstream_{kind.replace(' ', '_').replace('-', '_')}": kind for kind in get_args(FaultKind)
}


def understood(outcome: Outcome, url: str, now: float) -> Response | Refusal:
    """What came of a question to the gateway.

    Args:
        outcome: of it.
        url: of the server, for messages.
        now: in seconds since the epoch.
    """
    if isinstance(outcome, Lost):
        if outcome.kind == "total":
            return Refusal(error=LedgerError(f"{url} is there, but gave {outcome.why}"), kind="behind")
        return unreached(outcome, url)
    decided = DECISION in outcome.headers
    if outcome.status == 200:
        return _answer(outcome, url) if decided else strange(url, "answered 200 without a decision")
    if decided:
        fault = fault_of(outcome, outcome.body, url)
        return Refusal(error=fault, kind="behind", status=outcome.status)
    said = said_of(outcome.body)
    if outcome.status == 429 and said is not None:
        after = math.inf if (told := _seconds(outcome)) is None else told
        return Refusal(error=Exhausted(said.message, now + after, after), kind="content", status=429)
    return refusal(outcome, url)


def fault_of(response: Response, document: bytes, who: str) -> UpstreamFault:
    """What somebody outside says instead of an answer.

    Args:
        response: that it came with.
        document: what was said, without the key.
        who: said it.
    """
    fault = broken_off(document, f"{who} answered {response.status}")
    fault.status, fault.retry_after = response.status, _seconds(response)
    if fault.kind == "in-band error" and response.status != 200:
        fault.kind = "status"
    return fault


def broken_off(document: bytes, words: str) -> UpstreamFault:
    """The same, where an answer was expected.

    Args:
        document: what was said, without the key.
        words: for people. Of the document only one word is quoted: a message may hold what people wrote.
    """
    told, shaped = code(document), shaped_body(document)
    quoted = f" ({told})" if told else ""
    return UpstreamFault(f"{words}{quoted}", _KINDS.get(told, "in-band error"), document=shaped)


def document_of(body: bytes) -> dict[str, Any]:
    """An answer, or an event of one; an empty one where it is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def fails(document: Mapping[str, Any]) -> bool:
    """Whether a document, or an event, says that there is no answer."""
    return "error" in document and not document.get("choices")


def fails_at_once(response: Response) -> bytes:
    """What the first event of an answer says, if that is an error; its connection is closed then."""
    rest = response.rest
    if rest is None or not rest.arriving.events or not fails(document_of(rest.arriving.events[0])):
        return b""
    rest.abort()
    return rest.arriving.events[0]


def _answer(response: Response, url: str) -> Response | Refusal:
    if said := fails_at_once(response):
        return Refusal(error=broken_off(said, f"{url} broke its answer off"), kind="behind")
    if response.rest is None and not document_of(response.body):
        return strange(url, "answered 200 with something that is no answer")
    return response


def _seconds(response: Response) -> float | None:
    """How long a Retry-After is, as far as it says so in seconds."""
    digits = response.retry_after.strip()
    return float(digits) if digits.isascii() and digits.isdigit() else None
