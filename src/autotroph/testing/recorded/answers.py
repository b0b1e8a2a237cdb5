"""Who answers what: a transcript of what models said, or always the same text."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from autotroph.errors import SourceError, suggest
from autotroph.testing.recorded.refused import missing

SAID = "_response"
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
HEAD = 24
"""Characters by which a prompt is looked for within a longer text."""


class Answer(msgspec.Struct, frozen=True):
    """What a model said, and whether it was right."""

    text: str
    right: bool


class Answers(Protocol):
    """Whoever knows what is answered."""

    @property
    def models(self) -> Sequence[str]:
        """The names that are known; anything is, where there is none."""

    def answer(self, model: str, asked: str) -> Answer:
        """What a model says to a text.

        Raises:
            Refused: it is not known.
        """


class Stub:
    """Says the same to everybody, whatever they call it: for measuring what stands before it.

    >>> Stub("Yes.").answer("any", "Is it?").text
    'Yes.'
    """

    models: Sequence[str] = ()

    def __init__(self, text: str = "This is what a stub always says.") -> None:
        self._answer = Answer(text, right=True)

    def answer(self, model: str, asked: str) -> Answer:  # noqa: ARG002 - whatever is asked
        """The text; always right."""
        return self._answer


class Transcript:
    """What models said to prompts.

    Args:
        said: for each prompt, for each model. A prompt counts without the space around it.

    >>> transcript = Transcript({"2 + 2?": {"small": Answer("5", right=False)}})
    >>> transcript.answer("small", "Think first. 2 + 2? Only the number.").text
    '5'
    """

    def __init__(self, said: Mapping[str, Mapping[str, Answer]]) -> None:
        self._said = {prompt.strip(): dict(each) for prompt, each in said.items()}
        self.models: Sequence[str] = tuple(dict.fromkeys(name for each in said.values() for name in each))
        self._heads: dict[str, list[str]] = {}
        for prompt in filter(None, self._said):
            self._heads.setdefault(prompt[:HEAD], []).append(prompt)
        self._lengths = sorted({len(head) for head in self._heads})

    @property
    def prompts(self) -> Sequence[str]:
        """What can be asked."""
        return tuple(self._said)

    def answer(self, model: str, asked: str) -> Answer:
        """What a model said to a prompt, or to the longest one that a text holds."""
        if model not in self.models:
            message = f"no model named {model!r} was recorded; {suggest(model, self.models)}"
            raise missing(message, "model_not_found", "model")
        prompt = asked.strip()
        found = prompt if prompt in self._said else self._within(prompt)
        if found is None or model not in self._said[found]:
            message = (
                f"no answer of {model!r} was recorded to {prompt[:80]!r}: the last user message "
                f"has to hold one of the {len(self._said)} recorded prompts, word for word"
            )
            raise missing(message, "prompt_not_found", "messages")
        return self._said[found][model]

    def _within(self, text: str) -> str | None:
        """The longest prompt within a text. Prompts are found by how they begin: a transcript may be long."""
        found = (
            prompt
            for length in self._lengths
            for start in range(len(text) - length + 1)
            for prompt in self._heads.get(text[start : start + length], ())
            if text.startswith(prompt, start)
        )
        return max(found, key=len, default=None)


def read(path: Path) -> Transcript:
    """Read a transcript from a CSV file.

    Args:
        path: columns `prompt` and, for each model, `MODEL` (True or False: was it right) and
            `MODEL_response` (what it said).

    Raises:
        SourceError: it is not such a file, with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            models = _models(path, rows.fieldnames or ())
            said = {row["prompt"]: _answers(path, rows.line_num, row, models) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as CSV in UTF-8: {error}") from error
    return Transcript(said)


def _models(path: Path, columns: Sequence[str]) -> list[str]:
    models = [name.removesuffix(SAID) for name in columns if name.endswith(SAID)]
    wanted = {"prompt", *models}
    if not models or not wanted <= set(columns):
        raise SourceError(
            f"{path}: has the columns {', '.join(columns) or 'none'}; needed are prompt and, for one "
            f"model or more, MODEL (was it right: True or False) and MODEL{SAID} (what it said)"
        )
    return models


def _answers(path: Path, line: int, row: Mapping[str, str], models: Sequence[str]) -> dict[str, Answer]:
    if any(row[name] is None for name in ("prompt", *models)):
        raise SourceError(f"{path}:{line}: the row has fewer fields than the file has columns")
    return {name: Answer(row[name + SAID] or "", _truth(path, line, name, row[name])) for name in models}


def _truth(path: Path, line: int, column: str, said: str) -> bool:
    try:
        return TRUTHS[said.strip().lower()]
    except KeyError:
        raise SourceError(f"{path}:{line}: {column} is {said!r}; it says True or False") from None
