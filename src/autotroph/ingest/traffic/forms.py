"""An answer that is not of the form that was asked for; a tool that is called wrongly, or fails.

What is not JSON is no error where no JSON was asked for. A tool reports an error where its result says so in
a field of that meaning, or begins with one: words of errors within a result are what somebody looked for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from autotroph.ingest.sites import asked_form
from autotroph.ingest.traffic.turns import Noted, Turn, pairs
from autotroph.prompts.schema import fits

NOTHING = object()
"""What is no JSON."""

_ERROR = re.compile(
    r"\s*(?:<[^>]{0,40}>\s*)?(?:[\w.]{0,60}(?:error|exception)\b\s*(?:\(|:|\[|\d|$|\n)"
    r"|traceback \(most recent"
    r"|(?:fatal|panic|error|exception|failure)\s*[:!(\[]|failed (?:to|with)\b|http(?:/[\d.]+)? ?[45]\d\d\b"
    r"|invalid (?:argument|parameter|input|request|json|tool)|command (?:failed|not found)"
    r"|permission denied)",
    re.IGNORECASE,
)
_FAILING = frozenset({"error", "errors", "iserror", "is_error", "exception"})
_STATUS = frozenset({"error", "failed", "failure", "fault"})


def misformed(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:  # noqa: ARG001 - as the others
    """JSON was asked for, perhaps of a schema, and the answer is something else."""
    for turn in turns:
        form = asked_form(turn.request)
        kind = form.get("type")
        if kind not in ("json_schema", "json_object") or turn.error or calls_of(turn):
            continue
        if turn.finish in ("refusal", "content_filter", "tool_calls") or not turn.finish + turn.output:
            continue
        value, schema = _decoded(turn.output), form.get("schema")
        wrong = not isinstance(value, dict) if kind == "json_object" else value is NOTHING
        if wrong or (kind == "json_schema" and isinstance(schema, dict) and not fits(schema, value)):
            yield Noted(turn.decision, turn.answered)


def mistooled(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:
    """A tool that there is not, arguments that do not fit, or a result that says that it failed."""
    for turn, after in pairs(turns):
        calls = [] if turn.error else calls_of(turn)
        if any(not _right(call, turn.request) for call in calls):
            yield Noted(turn.decision, turn.answered)
        elif calls and after is not None and after.at <= turn.answered + wait and _failed(calls, after):
            yield Noted(turn.decision, after.at)


def calls_of(turn: Turn) -> list[Mapping[str, Any]]:
    """The tools that an answer calls; none where it is a text, even one that looks like them."""
    if turn.finish not in ("tool_calls", "function_call", "") and not turn.request.get("tools"):
        return []
    found = _decoded(turn.output) if turn.output.lstrip()[:1] == "[" else None
    if not isinstance(found, list) or not all(isinstance(one, dict) and _name(one) for one in found):
        return []
    return found


def _right(call: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    tools = request.get("tools")
    known = {_name(one): one for one in tools if isinstance(one, dict)} if isinstance(tools, list) else {}
    if not known:
        return True
    inner = call.get("function", call)
    arguments = inner.get("arguments") if isinstance(inner, dict) else None
    given = _decoded(arguments) if isinstance(arguments, str) and arguments.strip() else arguments or {}
    tool = known.get(_name(call))
    if tool is None or not isinstance(given, dict):
        return False
    inner = tool.get("function", tool)
    parameters = inner.get("parameters") if isinstance(inner, dict) else None
    return not isinstance(parameters, dict) or fits(parameters, given)


def _failed(calls: list[Mapping[str, Any]], after: Turn) -> bool:
    """Whether one of the results that were sent back says so."""
    ids = {str(call.get("call_id") or call.get("id") or "") for call in calls} | {""}
    return any(id_ in ids and reports(text) for id_, text in after.heard.results)


def reports(result: str) -> bool:
    """Whether the result of a tool says that it failed.

    >>> reports('{"error": "no such order"}'), reports('{"error": null}'), reports("0 errors found")
    (True, False, False)
    """
    value = _decoded(result) if result.lstrip()[:1] == "{" else NOTHING
    if not isinstance(value, dict):
        return _ERROR.match(result) is not None
    said = {key.casefold(): one for key, one in value.items()}
    status = str(said.get("status", "")).casefold()
    return any(said.get(key) for key in _FAILING) or said.get("success") is False or status in _STATUS


def _name(call: Mapping[str, Any]) -> str:
    inner = call.get("function", call)
    return str(inner.get("name") or "") if isinstance(inner, dict) else ""


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return NOTHING
