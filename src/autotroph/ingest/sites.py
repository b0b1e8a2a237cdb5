"""Which place in somebody's program a request comes from: by what does not change from call to call.

A call site is the path, what the system prompt begins with, the names of the tools, and the schema of the
answer. In the prompt everything is masked that belongs to one call: numbers, dates, ids, addresses, what
stands in quotes, what follows a label such as `User:`, and names (a capital letter within a sentence).
Only the beginning is read, because what is looked up and pasted in comes later, so a prompt of any size
costs the same.

A site is always the same for the same request, and nothing is remembered. Sites that differ only in
something that no mask knows (a city in small letters) are put together afterwards, see `grouping`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

LINES = 3
"""So many lines of a prompt are read, of those with words in them."""

CHARACTERS = 320
"""And so many characters of them."""

WORDS = 4
"""A line that ends in a colon ends what is read, unless fewer words stood there by then."""

SHOWN = 2000
"""Characters in which those lines are looked for."""

PROGRAMS = ("system", "developer")
"""Roles in which a program speaks for itself."""

TOOLS = 256
"""Names of tools, and of the properties of a schema, that are read."""

MASK = "*"

_LABELS = frozenset(
    {
        *(
            "account",
            "city",
            "client",
            "company",
            "context",
            "customer",
            "date",
            "day",
            "email",
            "id",
            "name",
        ),
        *("language", "locale", "location", "mail", "now", "order", "organisation", "organization", "phone"),
        *("query", "question", "region", "session", "tenant", "text", "ticket", "time", "timezone", "today"),
        *("topic", "url", "user", "username"),
    }
)
"""What stands after one of these and a colon, until the end of the sentence, belongs to one call."""

# Each begins with the characters that it can begin with, so that what has none of them costs nothing.
_LABELLED = re.compile(r"[:=][^.!?;\n]*")
_QUOTED = re.compile(r'"[^"\n]{1,200}"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|`[^`\n]{1,200}`')
_ADDRESS = re.compile(r"\S{1,60}(?:@|://)\S{1,200}")
_DIGITS = re.compile(r"[0-9](?:[\w@+#-]|[.,:/]\w)*")
_NAMES = re.compile(r"([a-z,*]) [(\[]?[A-Z][^\W\d_]*[a-z]\w*(?: [A-Z][^\W\d_]*[a-z]\w*)*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*\*?|\*")
REMEMBERED = 1024
"""Beginnings of prompts whose masks need not be found again: most prompts do not change at all."""


class Template(msgspec.Struct, frozen=True):
    """What does not change from call to call of one call site.

    Attributes:
        path: such as `/chat/completions`.
        words: of the prompt, in small letters; what belongs to one call is a mask.
        tools: their names.
        schema: the name of the answer's schema, and its properties.
    """

    path: str
    words: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    schema: tuple[str, ...] = ()

    @property
    def site(self) -> str:
        """Its name: `site-` and ten hex digits."""
        return _named(self)


@lru_cache(REMEMBERED)
def _named(template: Template) -> str:
    lists = (template.path,), template.words, template.tools, template.schema
    whole = "\x1e".join(map("\x1f".join, lists)).encode("utf-8", "replace")
    return f"site-{blake2b(whole, digest_size=5).hexdigest()}"


def site_of(path: str, document: Mapping[str, Any]) -> str:
    """The call site of a request, a name such as `site-5f0c2a77d1`.

    Args:
        path: such as `/chat/completions`, with `/v1` or without.
        document: what was sent: with `messages`, or with `instructions` and `input`.

    >>> def asked(system): return {"messages": [{"role": "system", "content": system}]}
    >>> one = asked("You are a support bot for ACME. Today is 2026-11-21. User: Ann")
    >>> two = asked("You are a support bot for ACME. Today is 1 Dec 2026.   User: Joe Bloggs")
    >>> site_of("/chat/completions", one) == site_of("/v1/chat/completions", two)
    True
    """
    return template_of(path, document).site


def template_of(path: str, document: Mapping[str, Any]) -> Template:
    """What of a request is the same whenever its call site calls; whatever has another shape is left out."""
    words = lasting(_prompt(document))
    return Template("/" + path.strip("/").removeprefix("v1/"), words, _tools(document), _schema(document))


def lasting(prompt: str) -> tuple[str, ...]:
    """The words of a system prompt that are the same in the next call, too; only its beginning is read."""
    return _masked(_beginning(prompt)) if prompt else ()


def template_of_inputs(inputs: Mapping[str, Any]) -> Template:
    """The same of a decision's inputs, as they are stored."""
    request = inputs.get("request")
    document = dict(request) if isinstance(request, dict) else {}
    path = document.get("path")
    return template_of(path if isinstance(path, str) else "", document | {"messages": inputs.get("messages")})


def text_of(content: object) -> str:
    """The words of a message: its text, or the first of its parts that is one."""
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(text := part.get("text"), str):
            return text
    return ""


# the prompt ------------------------------------------------------------------------------------------


def _prompt(document: Mapping[str, Any]) -> str:
    """The system prompt; without one the instruction that the first question begins with."""
    if isinstance(instructions := document.get("instructions"), str) and instructions:
        return instructions
    messages = document.get("messages") or document.get("input")
    if isinstance(messages, str):
        return _instruction(messages)
    for message in messages[:8] if isinstance(messages, list) else ():
        if not isinstance(message, dict):
            continue
        text = text_of(message.get("content"))[:SHOWN]
        if message.get("role") in PROGRAMS:
            return text
        if message.get("role") == "user":
            return _instruction(text)
    return ""


def _instruction(text: str) -> str:
    """`Summarise the following:` and what follows is an instruction; a question of somebody's is none."""
    first = text[:SHOWN].lstrip().split("\n", 1)[0]
    head, colon, _ = first.partition(": ")
    if not colon and not first.rstrip().endswith(":"):
        return ""
    return f"{head.rstrip()[:CHARACTERS].rstrip(':')}:" if head.count(" ") >= WORDS - 1 else ""


def _beginning(prompt: str) -> str:
    """The first lines of it, so far as they say what is to be done."""
    found: list[str] = []
    words = 0
    for line in prompt[:SHOWN].split("\n"):
        if not (line := line.strip()):
            continue
        found.append(line)
        words += line.count(" ") + 1
        if len(found) == LINES or (line[-1] == ":" and words >= WORDS):
            break
    text = "\n".join(found)
    return text if len(text) <= CHARACTERS else text[:CHARACTERS].rpartition(" ")[0]


@lru_cache(REMEMBERED)
def _masked(text: str) -> tuple[str, ...]:
    """Its words, with one mask for what belongs to one call; several of them in a row are one."""
    text = text.replace("*", " ")
    if ":" in text or "=" in text:
        text = _LABELLED.sub(_unlabelled, text)
    text = _QUOTED.sub("*", text)
    if "@" in text or "://" in text:
        text = _ADDRESS.sub("*", text)
    text = _NAMES.sub(r"\1 *", _DIGITS.sub("*", text))
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word[-1] != MASK:
            words.append(word)
        elif not words or words[-1] != MASK:
            words.append(MASK)
    return tuple(words)


def _unlabelled(found: re.Match[str]) -> str:
    before = found.string[max(found.start() - 20, 0) : found.start()].lower()
    label = before.rpartition("\n")[2].rpartition(" ")[2].rpartition("_")[2].rstrip("s)")
    return ": *" if label in _LABELS else found[0]


# what else there is ----------------------------------------------------------------------------------


def _tools(document: Mapping[str, Any]) -> tuple[str, ...]:
    tools = document.get("tools")
    return tuple(sorted({_tool(one) for one in tools[:TOOLS]})) if isinstance(tools, list) else ()


def _tool(declared: object) -> str:
    """What a tool is called, or what it is where it has no name."""
    if not isinstance(declared, dict):
        return ""
    inner = declared.get("function")
    name = inner.get("name") if isinstance(inner, dict) else declared.get("name")
    return str(name or declared.get("type") or "")[:100]


def _schema(document: Mapping[str, Any]) -> tuple[str, ...]:
    """How the answer is to be shaped: the name of it and the names of what is in it."""
    form = asked_form(document)
    if (kind := form.get("type")) in (None, "", "text"):
        return ()
    schema = form.get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    names = sorted(map(str, list(properties)[:TOOLS])) if isinstance(properties, dict) else []
    return (str(kind), str(form.get("name") or "")[:100], *names)


_NO_FORM: Mapping[str, Any] = {}


def asked_form(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What form of answer a request asks for, in one shape for both formats: `type`, `name`, `schema`.

    >>> asked_form({"response_format": {"type": "json_schema", "json_schema": {"name": "bill"}}})
    {'type': 'json_schema', 'name': 'bill'}
    """
    found = document.get("response_format")
    if not isinstance(found, dict):
        text = document.get("text")
        if not isinstance(text, dict) or not isinstance(found := text.get("format"), dict):
            return _NO_FORM
    inner = found.get("json_schema")
    return {"type": found.get("type"), **inner} if isinstance(inner, dict) else found
