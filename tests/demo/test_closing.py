import io
from pathlib import Path

import pytest
from rich.console import Console

from autotroph.demo.closing import print_closing, rerun
from autotroph.demo.scoreboard import Gain, Judged, Shares, Summary


def summary(number: int = 5, **changed: object) -> Summary:
    told = {
        "cursors": 4000,
        "seconds": 112.2,
        "naive": Shares(0.89, 0.109, 0.064),
        "holdback": Shares(0.338, 0.699, 0.064),
        "loop": Shares(0.401, 0.724, 0.080),
        "kept_gain": Gain(0.247, 0.031, 0.463),
        "candidates": tuple(
            Judged(f"candidate {n}", "refused", "worse on the fold " * 20) for n in range(number)
        ),
        "rollbacks": 1,
        "trace": "f440" * 16,
    }
    return Summary(**{**told, **changed})  # type: ignore[arg-type]


def printed(found: Summary, width: int = 100, repo: Path | None = None) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None)
    print_closing(console, found, Path("demo/report.html"), repo, 7)
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("candidates", [0, 5, 60])
def test_one_screen_however_many_candidates(candidates: int) -> None:
    lines = printed(summary(candidates))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100


def test_says_the_gain_with_its_interval_and_what_kind_of_evidence_it_is() -> None:
    text = "\n".join(printed(summary()))
    assert "Kept characters +24.7% [+3.1%, +46.3%] against release 0" in text
    assert "72.4% against 69.9%" in text
    assert "full feedback from replay, not live users" in text


def test_says_where_the_report_is_and_how_to_run_it_again() -> None:
    text = "\n".join(printed(summary(), repo=Path("/srv/my code")))
    assert "demo/report.html" in text
    assert "autotroph demo --repo '/srv/my code' --seed 7" in text
    assert "f440" * 16 in text


@pytest.mark.parametrize("gain", [Gain(0.0, None, None), Gain(0.1, None, None)])
def test_calls_an_end_unknown_that_says_nothing(gain: Gain) -> None:
    assert "[unknown, unknown]" in "\n".join(printed(summary(kept_gain=gain)))


def test_takes_names_as_they_are() -> None:
    hostile = Judged("[red]x[/red] [/]", "undecided", "[bold]not[/] markup")
    assert "[red]x[/red] [/]" in "\n".join(printed(summary(candidates=(hostile,))))


def test_fits_a_narrow_terminal() -> None:
    assert max(map(len, printed(summary(), width=60))) <= 60


def test_the_command_has_no_repo_where_the_installed_packages_were_replayed() -> None:
    assert rerun(None, 0) == "autotroph demo --seed 0"
