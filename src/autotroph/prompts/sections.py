"""A template's text to its sections: each is a message, or the place of the messages that came with a call.

The text is cut before anything is filled in, so nothing that somebody sends can begin a message.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from autotroph.errors import SpecError, suggest

ROLES = ("system", "developer", "user", "assistant")
CONVERSATION = "conversation"
"""The section that stands for the messages that came with the call."""

_LINE = re.compile(r"---[ \t]*([A-Za-z_]+)[ \t]*---[ \t]*")


class Section(NamedTuple):
    """A part of a template.

    Attributes:
        role: whose message it is, or `conversation`.
        line: of the file, that its text begins on, counted from 1.
    """

    role: str
    line: int
    text: str


def sections(text: str, source: str) -> list[Section]:
    r"""The sections of a template, in their order.

    Raises:
        SpecError: there is none, or text before the first, or one is called otherwise; with the line.

    >>> sections("--- system ---\nBe brief.\n--- user ---\n{{ question }}", "a.md")[1]
    Section(role='user', line=4, text='{{ question }}')
    """
    found = list(_cut(text, source))
    places = [one for one in found if one.role == CONVERSATION]
    for one in places[1:]:
        raise SpecError(f"{source}:{one.line - 1}: a second conversation; there is one in a call")
    for one in places:
        if one.text.strip():
            told = "the messages of the call stand here, so nothing else can; begin another section"
            raise SpecError(f"{source}:{one.line}: {told}")
    return found


def _cut(text: str, source: str) -> Iterator[Section]:
    role, begun, lines = "", 1, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        mark = _LINE.fullmatch(line)
        if mark is None:
            lines.append(line)
            continue
        if role or "".join(lines).strip():
            yield _section(role, begun, lines, source)
        role, begun, lines = _role(mark[1], f"{source}:{number}"), number + 1, []
    yield _section(role, begun, lines, source)


def _section(role: str, begun: int, lines: list[str], source: str) -> Section:
    if not role:
        told = (
            "begin with a line such as `--- system ---` or `--- user ---`, which says whose words these are"
        )
        raise SpecError(f"{source}:{begun}: no section; {told}")
    return Section(role, begun, "\n".join(lines))


def _role(name: str, place: str) -> str:
    known = (*ROLES, CONVERSATION)
    if name not in known:
        raise SpecError(f"{place}: no section is called {name!r}; {suggest(name, known)}")
    return name
