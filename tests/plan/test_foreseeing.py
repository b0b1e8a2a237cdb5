"""What proposing something would mean, where the log cannot say it: why, and who will find out."""

from pathlib import Path

import pytest

import autotroph
from autotroph.plan.foreseeing import foreseen

TOML = """
[product]
name = "support"
[models.small]
kind = "openai"
base_url = "https://llm.example.com/v1"
[tasks.answer]
kind = "chat"
reward = "good"
[tasks.answer.variants.small]
model = "small"
[signals]
solved = { type = "boolean" }
[rewards.good]
value = "solved"
"""
BEHIND = '[tasks.answer.variants.behind]\nmodel = "small"\nparameters = { temperature = 1 }\n'
CHANGED = "[tasks.answer.variants.small]\nparameters = { temperature = 1 }"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TOML + BEHIND, "its policy always takes the first variant, 'small', which has not changed"),
        (TOML.replace("[tasks.answer.variants.small]", CHANGED), "the ladder finds out"),
    ],
)
def test_why_the_log_knows_nothing_of_other_variants(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "autotroph.toml"
    path.write_text(TOML, "utf-8")
    with autotroph.open(path) as product:
        product.cycle()
    path.write_text(text, "utf-8")
    with autotroph.open(path) as product:
        (step,) = product.plan().proposed
        found = foreseen(step, product.store, product.spec)
    assert why in found.why
    assert found.mean is None
