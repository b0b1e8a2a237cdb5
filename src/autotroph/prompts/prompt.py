"""A template and inputs to messages, as chat models take them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from jinja2 import Template, TemplateSyntaxError, meta, nodes

from autotroph.errors import InputError, SpecError
from autotroph.prompts.sandbox import UNFIT, compiled, filled, parsed
from autotroph.prompts.sections import CONVERSATION, Section, sections

Message = dict[str, Any]


class _Part(NamedTuple):
    role: str
    template: Template | None


class Prompt:
    r"""A template that was read: sections, each a message whose text is a template of Jinja.

    Args:
        text: of the file.
        source: what it is called in messages.

    Attributes:
        names: the inputs that it names, and the line on which each is named first.

    Raises:
        SpecError: it is no template; with file and line.

    >>> prompt = Prompt("--- system ---\nBe brief.\n--- user ---\n{{ question }}")
    >>> prompt.names
    {'question': 4}
    >>> prompt.messages({"question": "Why?"})
    [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'Why?'}]
    """

    def __init__(self, text: str, source: str = "prompt") -> None:
        self.source, self.names = source, dict[str, int]()
        try:
            self._parts = [self._part(one) for one in sections(text, source)]
        except RecursionError:
            raise SpecError(f"{source}:1: nested too deeply") from None

    def messages(self, inputs: Mapping[str, Any], conversation: Sequence[Message] = ()) -> list[Message]:
        """What a model is asked: a section that comes to nothing is left out.

        Args:
            inputs: by their names; plain values, as JSON has them.
            conversation: messages that came with the call. They stand where the template has its section
                `conversation`, and else at the end.

        Raises:
            InputError: an input that it names is not there, or is no such thing; or nothing would be asked.
        """
        found: list[Message] = []
        for part in self._parts:
            if part.template is None:
                found += conversation
            elif text := self._text(part.template, inputs):
                found.append({"role": part.role, "content": text})
        if not self._has_place:
            found += conversation
        if not found:
            raise InputError(f"{self.source}: with these inputs every section is empty, so nothing is asked")
        return found

    @cached_property
    def _has_place(self) -> bool:
        return any(part.template is None for part in self._parts)

    def _part(self, section: Section) -> _Part:
        if section.role == CONVERSATION:
            return _Part(section.role, None)
        try:
            tree = parsed(section.text)
        except TemplateSyntaxError as error:
            line = section.line + error.lineno - 1
            raise SpecError(f"{self.source}:{line}: {error.message}") from None
        self._name(tree, section.line)
        return _Part(section.role, compiled(tree))

    def _name(self, tree: nodes.Template, line: int) -> None:
        free = meta.find_undeclared_variables(tree)
        for node in tree.find_all(nodes.Name):
            if node.name in free:
                self.names.setdefault(node.name, line + node.lineno - 1)

    def _text(self, template: Template, inputs: Mapping[str, Any]) -> str:
        try:
            return filled(template, inputs).strip()
        except UNFIT as error:
            raise InputError(f"{self.source}: these inputs do not fit: {error}") from None
