"""How many tokens a call may take at most, before anybody is asked: so much is set aside for it."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from autotroph.records import canonical
from autotroph.wire.said import CHAT, EMBEDDINGS, RESPONSES, TEXT

_NAMES = {
    CHAT: ("max_completion_tokens", "max_tokens"),
    TEXT: ("max_tokens",),
    RESPONSES: ("max_output_tokens",),
}
"""What bounds an answer, by what is asked; what an upstream does not know, it does not keep to."""


def at_most(path: str, document: Mapping[str, Any]) -> tuple[int, int | None]:
    """Tokens that are asked, a byte is one at most, and tokens that may be answered in all choices.

    The latter is None where nothing bounds them.

    >>> at_most(CHAT, {"max_tokens": 5, "n": 2})
    (22, 10)
    >>> at_most(CHAT, {"max_tokens": -1})
    (17, None)
    """
    return len(canonical(document)), 0 if path == EMBEDDINGS else _answered(path, document)


def _answered(path: str, document: Mapping[str, Any]) -> int | None:
    said = [document[name] for name in _NAMES.get(path, ()) if document.get(name) is not None]
    many = [document[name] for name in ("n", "best_of") if document.get(name) is not None]
    bounds, times = [one for one in said if _is_count(one)], [one for one in many if _is_count(one)]
    if not bounds or len(bounds) < len(said) or len(times) < len(many):
        return None
    return max(bounds) * max([1, *times]) * _prompts(document)


def _is_count(value: object) -> TypeGuard[int]:
    """Whether every upstream takes it for the same number; some take one below 0 for no bound at all."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _prompts(document: Mapping[str, Any]) -> int:
    """Older completions answer several prompts in one call, each a text or the numbers of its tokens."""
    prompt = document.get("prompt")
    if not isinstance(prompt, list) or all(isinstance(one, int) for one in prompt):
        return 1
    return len(prompt)
