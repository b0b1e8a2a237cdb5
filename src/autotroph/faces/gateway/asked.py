"""What a caller of a chat model asks, and what it says of itself beside that: who, in which conversation.

User, session, structured inputs and the idempotency key may stand in an object `autotroph` in the document,
in headers, in OpenAI's `metadata`, or, of a user, where OpenAI has a field for it; the first that says it
counts. The object is ours and goes no further; all else is passed on as it came.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from autotroph.deploy.upstreams.asking import Question
from autotroph.errors import InputError
from autotroph.ingest.stamping import check_inputs
from autotroph.records import Terms
from autotroph.wire.said import CHAT, RESPONSES

OURS = "autotroph"
PINNED = "::"
"""Between a task and the variant of it that is asked for."""

_HEADERS = {
    "user": (b"x-autotroph-user",),
    "session": (b"x-autotroph-session",),
    "key": (b"idempotency-key", b"x-idempotency-key"),
    "inputs": (b"x-autotroph-inputs",),
}
_METADATA = {
    "user": ("user", "user_id"),
    "session": ("session", "session_id", "conversation_id", "thread_id"),
    "key": ("idempotency_key",),
    "inputs": ("inputs",),
}
_TRANSPORT = frozenset({"model", "messages", "stream", "stream_options", "metadata"})
"""What of a document is not kept as part of the request: it is kept elsewhere, or says how to send."""

_CONVERSED = _TRANSPORT | {"input", "instructions"}
"""The same of responses, whose conversation these are; of embeddings, `input` is what was asked."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a chat model.

    Attributes:
        model: as asked: a task, `task::variant`, or what an upstream calls it.
        question: what is passed on.
        user, session, key: ids; empty where nobody says them.
        inputs: structured, for prompts and features.
        terms: what was agreed to; as declared if None.
        verified: whether the caller vouches for the user.
        meters: what the API key is called that asks, whose budget it is.
    """

    model: str
    question: Question
    user: str = ""
    session: str = ""
    key: str = ""
    inputs: dict[str, Any] = {}
    terms: Terms | None = None
    verified: bool = False
    meters: tuple[str, ...] = ()

    @property
    def kept(self) -> dict[str, Any]:
        """The inputs of the decision: those given, the conversation, and the rest of the request."""
        document = self.question.document
        elsewhere = _CONVERSED if self.question.path == RESPONSES else _TRANSPORT
        request = {name: value for name, value in document.items() if name not in elsewhere}
        found = {**self.inputs, "request": {"path": self.question.path, **request}}
        return {**found, "messages": list(self.question.messages)} if self.question.messages else found


class Headers(Protocol):
    """The headers of a call."""

    def get(self, name: bytes) -> str:
        """One of them; empty where there is none."""


class OursIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The object `autotroph` of a document: what it says of the caller."""

    user: str = ""
    session: str = ""
    key: str = ""
    inputs: dict[str, Any] = {}


def read_asked(path: str, document: Any, headers: Headers) -> Asked:
    """What a call asks.

    Args:
        path: below the base URL.
        document: as it came.
        headers: gives each by its name in lower case, as bytes; empty where there is none.

    Raises:
        InputError: it is no request, or what it says of itself is no such thing.
    """
    if not isinstance(document, dict):
        raise InputError("a request is a JSON object")
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise InputError('model: the name of a task, task::variant, or a model of the upstream; "" is none')
    try:
        ours = msgspec.convert(document.get(OURS, {}), OursIn)
    except msgspec.ValidationError as error:
        raise InputError(f"{OURS}: {error}") from None
    passed = {name: value for name, value in document.items() if name != OURS}
    question = Question(
        path=path,
        document=passed,
        messages=conversation(path, passed),
        stream=document.get("stream") is True,
    )
    asked = Asked(
        model=model,
        question=question,
        user=ours.user or _said("user", passed, headers) or _user(passed),
        session=ours.session or _said("session", passed, headers) or _conversation(passed),
        key=ours.key or _said("key", passed, headers),
        inputs=ours.inputs or _inputs(_said("inputs", passed, headers)),
    )
    return replace(asked, question=replace(question, inputs=asked.inputs)) if asked.inputs else asked


def asked_of(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    inputs: Mapping[str, Any],
    rest: Mapping[str, Any],
    **said: Any,
) -> Asked:
    """The same, of a call in this process; `said` as the attributes of `Asked`.

    Raises:
        InputError: it holds what is no JSON.
    """
    document = {"model": model, "messages": [dict(one) for one in messages], **rest}
    question = Question(
        path=CHAT,
        document=document,
        messages=conversation(CHAT, document),
        inputs=inputs,
        stream=rest.get("stream") is True,
    )
    asked = Asked(model=model, question=question, inputs=dict(inputs), **said)
    check_inputs(asked.kept)  # what comes over HTTP was read as JSON
    return asked


def conversation(path: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request, as chat completions have them.

    Raises:
        InputError: they are no list of messages.
    """
    found = document.get("input") if path == RESPONSES else document.get("messages")
    if found is None:
        return []
    if path == RESPONSES and isinstance(found, str):
        found = [{"role": "user", "content": found}]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError("messages: a list of objects, each with a role and a content")
    first = document.get("instructions") if path == RESPONSES else None
    return [{"role": "system", "content": first}, *found] if isinstance(first, str) and first else found


def _said(what: str, document: Mapping[str, Any], headers: Headers) -> str:
    for header in _HEADERS[what]:
        if found := headers.get(header):
            return _in_utf8(found)
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        for name in _METADATA[what]:
            if isinstance(told := metadata.get(name), str):
                return told
    return ""


def _in_utf8(header: str) -> str:
    """What a header says where its bytes are UTF-8, so that an id is the same one as in a document."""
    if header.isascii():
        return header
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header


def _user(document: Mapping[str, Any]) -> str:
    found = document.get("safety_identifier") or document.get("user")
    return found if isinstance(found, str) else ""


def _conversation(document: Mapping[str, Any]) -> str:
    """Of the responses interface: the conversation, by its id."""
    found = document.get("conversation")
    if isinstance(found, dict):
        found = found.get("id")
    return found if isinstance(found, str) else ""


def _inputs(text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InputError(f"inputs: expected an object as JSON: {error}") from None
    return found
