"""Chat completions as Anthropic is asked for them.

What OpenAI's format has and Anthropic's has not is left out where an answer is of the same kind without it
(`seed`, penalties, `logprobs`), and refused where it would be another. Fields that OpenAI does not know are
Anthropic's own, and passed on.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from autotroph.errors import InputError

MOST = 4096
"""Tokens of an answer for which the caller sets no limit; Anthropic has to be told one."""

_SYSTEM = ("system", "developer")
_SAID_OTHERWISE = frozenset({
    "model", "messages", "max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "temperature", "user", "safety_identifier",
    "stream_options",
})  # fmt: skip
_LEFT_OUT = frozenset({
    "n", "logprobs", "top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "seed", "store",
    "metadata", "modalities", "audio", "prediction", "verbosity", "prompt_cache_key", "service_tier",
    "prompt_cache_retention", "web_search_options",
})  # fmt: skip
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def asked_of(document: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A document of chat completions as one of messages.

    Args:
        document: as it came.
        model: what it is called there.

    Raises:
        InputError: it asks for something that cannot be had there.
    """
    if document.get("n") not in (None, 1):
        raise InputError(f"n = {document['n']!r:.20}; Anthropic gives one answer a call, so leave it out")
    messages = document.get("messages")
    if not isinstance(messages, list):
        raise InputError("messages is no list; a conversation is a list of objects with role and content")
    own = {key: value for key, value in document.items() if key not in _SAID_OTHERWISE | _LEFT_OUT}
    asked = {**own, "model": model, "messages": list(_turns(messages)), "max_tokens": _most(document)}
    system = [part for one in messages if _role(one) in _SYSTEM for part in _parts(one.get("content"))]
    if system:
        asked["system"] = system
    asked.update(_manner(document))
    asked.update(_tools(document))
    asked.update(_output(document, own.get("output_config")))
    return asked


def _most(document: Mapping[str, Any]) -> Any:
    return document.get("max_completion_tokens") or document.get("max_tokens") or MOST


def _manner(document: Mapping[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    temperature, stop = document.get("temperature"), document.get("stop")
    if isinstance(temperature, int | float):
        asked["temperature"] = min(temperature, 1.0)  # theirs ends at 1, OpenAI's at 2
    if stop:
        asked["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    user = document.get("safety_identifier") or document.get("user")
    if user:
        asked["metadata"] = {"user_id": user}
    return asked


def _output(document: Mapping[str, Any], own: object) -> dict[str, Any]:
    """The schema of the answer, and how much is thought about it."""
    asked: dict[str, Any] = dict(own) if isinstance(own, Mapping) else {}
    form = document.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        schema = form.get("json_schema")
        asked["format"] = {
            "type": "json_schema",
            "schema": schema.get("schema") if isinstance(schema, Mapping) else {},
        }
    if document.get("reasoning_effort") in ("low", "medium", "high"):
        asked["effort"] = document["reasoning_effort"]
    return {"output_config": asked} if asked else {}


def _tools(document: Mapping[str, Any]) -> dict[str, Any]:
    if not document.get("tools"):
        return {}
    asked: dict[str, Any] = {"tools": [_tool(one) for one in document["tools"]]}
    choice = document.get("tool_choice")
    if isinstance(choice, Mapping):
        named = choice.get("function")
        wanted = {"type": "tool", "name": named["name"]} if isinstance(named, Mapping) else dict(choice)
    else:
        wanted = {"type": _CHOICES.get(str(choice or "auto"), "auto")}
    if document.get("parallel_tool_calls") is False and wanted["type"] != "none":
        wanted["disable_parallel_tool_use"] = True
    if choice is not None or len(wanted) > 1:
        asked["tool_choice"] = wanted
    return asked


def _tool(tool: Any) -> Any:
    """A function; tools of other types are Anthropic's own."""
    named = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(named, Mapping):
        return tool
    kept = ("name", "description", "strict")
    told = {key: named[key] for key in kept if named.get(key) is not None}
    return {**told, "input_schema": named.get("parameters") or {"type": "object", "properties": {}}}


def _turns(messages: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """Messages of the two sides; what follows another of its side is one with it, as tools' results are."""
    role, content = "", list[Any]()
    for message in messages:
        said = _role(message)
        if said in _SYSTEM:
            continue
        side = "assistant" if said == "assistant" else "user"
        if side != role and content:
            yield {"role": role, "content": content}
            content = []
        role = side
        content += _content(message, said)
    if content:
        yield {"role": role, "content": content}


def _role(message: Any) -> str:
    role = message.get("role") if isinstance(message, Mapping) else None
    if role not in ("system", "developer", "user", "assistant", "tool"):
        raise InputError(f"a message of role {role!r:.40}; known: system, developer, user, assistant, tool")
    return str(role)


def _content(message: Mapping[str, Any], role: str) -> list[Any]:
    parts = _parts(message.get("content"))
    if role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": parts}]
    calls = message.get("tool_calls")
    return parts + [_call(call) for call in calls] if isinstance(calls, list) else parts


def _call(call: Any) -> dict[str, Any]:
    """A call of a tool, as the model made it before."""
    try:
        named = call["function"]
        given = msgspec.json.decode(named.get("arguments") or "{}")
        return {"type": "tool_use", "id": call["id"], "name": named["name"], "input": given}
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError):
        raise InputError("a tool call in messages needs id, function.name and arguments as JSON") from None


def _parts(content: object) -> list[Any]:
    """Parts of a content; a text is one part, and an empty one none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if not isinstance(content, Sequence):
        return []
    return [_part(one) for one in content]


def _part(part: Any) -> Any:
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return {"type": "image", "source": _source(url)}
        case {"type": "file", "file": {"file_data": str(data)}}:
            return {"type": "document", "source": _source(data)}
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "input_audio"}:
            raise InputError("a message holds audio, which Anthropic does not take; send its text")
        case _:
            return part


def _source(url: str) -> dict[str, str]:
    """A picture or document: where it is, or itself in a `data:` URL."""
    head, comma, data = url.partition(",")
    if not (url.startswith("data:") and comma and head.endswith(";base64")):
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": head[5:].removesuffix(";base64"), "data": data}
