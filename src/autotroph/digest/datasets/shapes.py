"""An example as a trainer wants it.

| shape | columns, standard | columns, conversational |
|---|---|---|
| language-modeling | text | messages |
| prompt-only | prompt | prompt (messages) |
| prompt-completion | prompt, completion | the same, as messages |
| preference | prompt, chosen, rejected | the same, as messages |
| unpaired-preference | prompt, completion, label | the same, as messages |
| openai | | messages; or input, preferred_output, non_preferred_output |
| table | all of it, with where it is from | |

The first five are the dataset types of TRL (its page "Dataset formats and types"); `openai` is what
OpenAI's fine-tuning takes, supervised or by preferences, a JSON document a line.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from autotroph.digest.datasets.contents import Content
from autotroph.digest.datasets.manifest import Reference
from autotroph.errors import InputError
from autotroph.records import canonical

Shape = Literal[
    "language-modeling",
    "prompt-only",
    "prompt-completion",
    "preference",
    "unpaired-preference",
    "openai",
    "table",
]
Form = Literal["standard", "conversational"]
Messages = list[dict[str, Any]]

SHAPES: tuple[Shape, ...] = (
    *("language-modeling", "prompt-only", "prompt-completion", "preference", "unpaired-preference"),
    *("openai", "table"),
)
FORMS: tuple[Form, ...] = ("standard", "conversational")


class Shaping(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of each example.

    Attributes:
        shape: what it looks like.
        form: plain texts, or messages of a chat.
        good: from which reward on an answer counts as preferred.
    """

    shape: Shape
    form: Form = "standard"
    good: float = 0.5

    @property
    def pairs(self) -> bool | None:
        """Whether it is made of preferences; None if of both."""
        return {"preference": True, "openai": None, "table": None, "prompt-only": None}.get(self.shape, False)


def shaped(one: Reference, content: Content, shaping: Shaping) -> dict[str, Any]:
    """An example in its shape.

    Raises:
        InputError: a chat was asked for as plain text: how it is written down is the model's template.
    """
    make: Mapping[str, Callable[[], dict[str, Any]]] = {
        "openai": lambda: _openai(content),
        "table": lambda: _table(one, content),
    }
    return make[shaping.shape]() if shaping.shape in make else _trl(one, content, shaping)


def written(inputs: Mapping[str, Any]) -> str:
    r"""What was asked, as a text: the only text among the inputs as it is, several inputs a line each.

    >>> written({"text": "lost my card"})
    'lost my card'
    >>> written({"text": "lost my card", "plan": "gold"})
    'plan: gold\ntext: lost my card'
    """
    chat = messages(inputs)
    if chat is not None:
        return "\n".join(f"{one['role']}: {_text(one.get('content'))}" for one in chat)
    if len(inputs) == 1 and isinstance(only := next(iter(inputs.values())), str):
        return only
    return "\n".join(f"{name}: {_text(inputs[name])}" for name in sorted(inputs))


def messages(inputs: Mapping[str, Any]) -> Messages | None:
    """The messages of a chat; None where the inputs are something else."""
    found = inputs.get("messages")
    if not isinstance(found, list) or not found:
        return None
    return found if all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in found) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _prompt(inputs: Mapping[str, Any]) -> Messages:
    return messages(inputs) or [{"role": "user", "content": written(inputs)}]


def _answer(text: str) -> Messages:
    return [{"role": "assistant", "content": text}]


def _trl(one: Reference, content: Content, shaping: Shaping) -> dict[str, Any]:
    chat = shaping.form == "conversational"
    if not chat and messages(content.inputs) is not None:
        raise InputError(
            "the inputs are the messages of a chat, and only a model's own template makes one text of them:"
            " export them in the form conversational"
        )
    if shaping.shape == "language-modeling":
        return _whole(content, chat=chat)
    prompt: Messages | str = _prompt(content.inputs) if chat else written(content.inputs)
    said: Messages | str = _answer(content.text) if chat else content.text
    if shaping.shape == "preference":
        return {
            "prompt": prompt,
            "chosen": said,
            "rejected": _answer(content.rejected) if chat else content.rejected,
        }
    rest = {"completion": said, "label": one.reward >= shaping.good}
    kept = {"prompt-only": (), "prompt-completion": ("completion",), "unpaired-preference": tuple(rest)}
    return {"prompt": prompt, **{name: rest[name] for name in kept[shaping.shape]}}


def _whole(content: Content, *, chat: bool) -> dict[str, Any]:
    """Question and answer in one."""
    if chat:
        return {"messages": [*_prompt(content.inputs), *_answer(content.text)]}
    return {"text": f"{written(content.inputs)}\n{content.text}"}


def _openai(content: Content) -> dict[str, Any]:
    prompt, said = _prompt(content.inputs), _answer(content.text)
    if not content.rejected:
        return {"messages": [*prompt, *said]}
    return {
        "input": {"messages": prompt},
        "preferred_output": said,
        "non_preferred_output": _answer(content.rejected),
    }


def _table(one: Reference, content: Content) -> dict[str, Any]:
    return {
        "decision": content.id,
        "sequence": one.decision,
        "split": one.split,
        "origin": one.origin,
        "reward": one.reward,
        "against": one.against,
        "owner": one.owner,
        "inputs": canonical(content.inputs).decode(),
        "prompt": written(content.inputs),
        "completion": content.text,
        "rejected": content.rejected or None,
    }
