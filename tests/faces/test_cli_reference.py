"""The page about the command says what the command does."""

from pathlib import Path

import click
import pytest

from autotroph.faces.cli.reference import commands, reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == reference(), "run: python -m autotroph.faces.cli.reference > docs/reference/cli.md"


@pytest.mark.parametrize("name", dict(commands()))
def test_every_command_and_option_is_on_it(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, section = page.partition(f"\n## {name}\n")
    section = section.partition("\n## ")[0]
    for one in dict(commands())[name].params:
        shown = one.opts if isinstance(one, click.Option) else [one.human_readable_name.upper()]
        assert all(word in section for word in shown)
