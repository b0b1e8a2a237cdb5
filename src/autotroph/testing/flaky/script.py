"""How a request fails: what is said of the answer before, and how it ends then."""

import json
from typing import Any, Literal, NamedTuple

from autotroph.testing.flaky import answers

What = Literal["cut", "unfinished", "stall", "malformed", "in-band error", "429", "5xx", "redirect"]
When = Literal["before", "head", "after", "end"]
Ending = Literal["end", "cut", "stall"]


class Fault(NamedTuple):
    """How a request fails.

    Attributes:
        what: the connection is cut, the stream ends in good order but too early, nothing comes any more,
            something unreadable comes, an error within the answer, a status (within the answer, where that
            had begun), a redirection.
        when: before anything has come, after the head but before the first token, after the first token, or
            after the last event, when the answer is complete already.
        retry_after: what it asks for with a status.
    """

    what: What
    when: When = "before"
    retry_after: str = ""


class Received(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """Its body as JSON; nothing of a body that is none."""
        found: dict[str, Any] = json.loads(self.body) if self.body.startswith(b"{") else {}
        return found

    @property
    def streams(self) -> bool:
        """Whether a stream is asked for."""
        return self.document.get("stream") is True

    @property
    def quoted(self) -> str:
        """Its key, which a bad upstream repeats in its errors."""
        return self.headers.get("authorization", "") + self.headers.get("x-api-key", "")


def events(request: Received, fault: Fault | None) -> tuple[list[bytes], Ending]:
    """The events of a stream, and how it ends."""
    path = request.path
    head, tokens = answers.head(path), [answers.token(path, text) for text in answers.TOKENS]
    options = request.document.get("stream_options") or {}
    complete = [*head, *tokens, *answers.tail(path, usage=bool(options.get("include_usage")))]
    if fault is None:
        return complete, "end"
    begun = {"before": [], "head": head, "after": [*head, tokens[0]], "end": complete}[fault.when]
    match fault.what:
        case "cut" | "stall" as ending:
            return begun, ending
        case "malformed":
            return [*begun, b'data: {"choices": [{"delta": {"content": "We\n\n'], "end"
        case "in-band error" | "429" | "5xx":
            status = {"429": 429, "5xx": 503}.get(fault.what, 500)
            return [*begun, answers.error_event(path, status, request.quoted)], "end"
        case "unfinished" | "redirect":
            return begun, "end"


def whole(request: Received, fault: Fault | None) -> tuple[bytes, int, Ending]:
    """An answer in one piece, the length that is announced for it, and how it ends."""
    body = answers.whole(request.path)
    match fault:
        case Fault("cut" | "stall" as ending):
            return body[:40], len(body), ending
        case Fault("malformed" | "unfinished"):
            return body[:40], 40, "end"
        case Fault():
            said = answers.error(request.path, 500, request.quoted)
            return said, len(said), "end"
        case None:
            return body, len(body), "end"
