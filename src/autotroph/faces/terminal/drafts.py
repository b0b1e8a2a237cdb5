"""What `autotroph init --from-traffic` proposes, as the command shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from autotroph.faces.terminal.evaluating import days
from autotroph.faces.terminal.screen import QUIET, bare

if TYPE_CHECKING:
    from autotroph.plan.drafting import Draft, Drafted


def said(found: Draft) -> dict[str, Any]:
    """The same for a program."""
    tasks = [_object(one) for one in found.tasks]
    survey = found.survey
    return {"calls": survey.calls, "rare": survey.rare, "silent": survey.silent, "tasks": tasks}


def _object(one: Drafted) -> dict[str, Any]:
    seen = one.surveyed
    baseline = None
    if seen.baseline is not None:
        baseline = {"mean": seen.baseline.mean, "low": seen.baseline.low, "high": seen.baseline.high}
    return {
        "task": one.name, "sites": list(seen.sites), "model": one.model, "models": seen.models,
        "prompt": one.prompt, "unit": seen.unit, "calls": seen.calls, "units": seen.units,
        "signals": seen.signals, "coverage": seen.covered, "reward": one.reward, "baseline": baseline,
        "headroom": one.headroom, "effect": one.effect, "days": one.days, "late": one.late,
        "climbs": one.climbs,
    }  # fmt: skip


def screen(found: Draft, path: Path) -> RenderableType:
    """What is proposed, a line a task."""
    rows = bare()
    for name, right in _COLUMNS:
        rows.add_column(name, justify="right" if right else "left", overflow="fold")
    for one in found.tasks:
        rows.add_row(*_row(one))
    survey = found.survey
    rest = f"{survey.rare:,} of them of call sites with too few" if survey.rare else ""
    silent = f"{survey.silent:,} are answered with no words" if survey.silent else ""
    left = "; ".join(part for part in (rest, silent) if part)
    unrewarded = sum(one.surveyed.baseline is None for one in found.tasks)
    told = Text(f"{survey.calls:,} calls were looked at" + (f"; {left}" if left else ""), QUIET)
    return Group(rows, told, *map(Text, _after(path, unrewarded)))


def _after(path: Path, unrewarded: int) -> Iterator[str]:
    """What is to be done with it."""
    yield f"{path.as_posix()} is written; read its comments"
    if unrewarded:
        which = "one task has" if unrewarded == 1 else f"{unrewarded:,} tasks have"
        yield f"{which} no reward yet, so nothing is learned there: the end of the file shows how to add one"
    config = "" if path.as_posix() == "autotroph.toml" else f" --config {quote(path.as_posix())}"
    yield f"then stop `autotroph serve --upstream`, and start `autotroph serve{config}`"


_COLUMNS = (
    *(("task", False), ("calls", True), ("coverage", True), ("baseline", True), ("headroom", True)),
    ("first proof", True),
)


def _row(one: Drafted) -> tuple[str, ...]:
    seen = one.surveyed
    if seen.baseline is None:
        return one.name, f"{seen.calls:,}", f"{seen.covered:.1%}", "–", "–", "–"
    baseline = f"{seen.baseline.mean:.3f} ({seen.baseline.low:.3f} to {seen.baseline.high:.3f})"
    proof = "–" if one.effect is None else "years" if one.days is None else days(one.days)
    return one.name, f"{seen.calls:,}", f"{seen.covered:.1%}", baseline, f"{one.headroom:.3f}", proof
