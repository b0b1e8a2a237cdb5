"""1,319 questions of GSM8K with what two models said, and what comes of them, computed from the file alone.

The file is what RouteLLM recorded (Ong et al. 2024; GSM8K: Cobbe et al. 2021); `AUTOTROPH_DATA` names the
folder it lies in. Nothing of autotroph is used here, so that what goes through it can be held to this.
"""

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

FILE = Path(os.environ.get("AUTOTROPH_DATA", "")) / "routellm/gsm8k_responses.csv"
NEEDS_FILE = pytest.mark.skipif(
    not FILE.is_file(), reason="AUTOTROPH_DATA names no folder with RouteLLM's GSM8K"
)
SMALL, LARGE = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
MODELS = (SMALL, LARGE)
PRICES = {SMALL: (Decimal("0.60"), Decimal("0.60")), LARGE: (Decimal(10), Decimal(30))}
"""US dollars for a million tokens, sent and answered: list prices of early 2024."""


class Outcome(NamedTuple):
    """What comes of questions: how many, how many right, tokens sent and answered, US dollars, exactly."""

    questions: int
    right: int
    sent: int
    answered: int
    dollars: Decimal

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.right / self.questions


@cache
def rows() -> list[dict[str, str]]:
    """The file's rows."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def prompts() -> list[str]:
    """The questions, in their order."""
    return [row["prompt"] for row in rows()]


def outcomes(choose: Callable[[str], str], around: int = 0) -> Mapping[str, Outcome]:
    """What comes of all questions, by model.

    Args:
        choose: the model that answers a question.
        around: tokens that are sent with each question besides it, such as a system prompt's.
    """
    asked: dict[str, list[dict[str, str]]] = {model: [] for model in MODELS}
    for row in rows():
        asked[choose(row["prompt"])].append(row)
    return {model: _outcome(model, those, around) for model, those in asked.items()}


def _outcome(model: str, those: Sequence[Mapping[str, str]], around: int) -> Outcome:
    right = sum(row[model] == "True" for row in those)
    sent = sum(around + _tokens(row["prompt"]) for row in those)
    answered = sum(_tokens(row[f"{model}_response"]) for row in those)
    a_million_sent, a_million_answered = PRICES[model]
    dollars = (sent * a_million_sent + answered * a_million_answered) / 1_000_000
    return Outcome(len(those), right, sent, answered, dollars)


def _tokens(text: str) -> int:
    """Four characters each, the last one what is left; as the recorded upstream declares."""
    return -(-len(text) // 4)
