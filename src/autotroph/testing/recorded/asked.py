"""Requests, read: what of them decides the answer. Everything else is let through unread."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from autotroph.testing.recorded.refused import malformed
from autotroph.testing.recorded.tokens import count

Asked = TypeVar("Asked", bound=msgspec.Struct)
Content = str | list[dict[str, Any]] | None


class Message(msgspec.Struct):
    """One message: a text, or parts of which some are texts."""

    role: str = "user"
    content: Content = None


class Options(msgspec.Struct):
    """How a stream is wanted."""

    include_usage: bool = False


class Chat(msgspec.Struct):
    """A request for a chat completion."""

    model: str
    messages: list[Message]
    stream: bool | None = False
    stream_options: Options | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = 1


class Respond(msgspec.Struct):
    """A request for a response."""

    model: str
    input: str | list[Message]
    instructions: str | None = None
    stream: bool | None = False
    max_output_tokens: int | None = None


class Embed(msgspec.Struct):
    """A request for embeddings."""

    model: str
    input: str | list[str]
    encoding_format: str | None = "float"
    dimensions: int | None = None


def decoded(body: bytes, kind: type[Asked]) -> Asked:
    """A request's body as what it should be.

    Raises:
        Refused: it is not; 400, with the field.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise malformed(f"the body cannot be taken: {error}") from None


def written(content: Content) -> str:
    """The text of a message; what is not text counts nothing."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if "text" in part)
    return content or ""


def last(messages: Sequence[Message]) -> str:
    """What the user said last.

    Raises:
        Refused: nobody did; 400.
    """
    for message in reversed(messages):
        if message.role == "user":
            return written(message.content)
    raise malformed("there is no message of role 'user' to answer", "messages")


def sent(messages: Sequence[Message]) -> int:
    """The tokens of all messages."""
    return sum(count(written(message.content)) for message in messages)


def limit(*limits: int | None) -> int | None:
    """The limit on tokens that was given, under whichever name.

    Raises:
        Refused: it allows no token; 400.
    """
    given = next((each for each in limits if each is not None), None)
    if given is not None and given < 1:
        raise malformed(
            f"at most {given} tokens were asked for; ask for 1 or more, or leave it out", "max_tokens"
        )
    return given
