"""Frozen sets as the command shows them: how what serves does on each of their slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from autotroph.faces.terminal.screen import QUIET, bare

if TYPE_CHECKING:
    from autotroph.deploy.sets import Exam, Part


def screen(exams: Sequence[Exam]) -> RenderableType:
    """All the sets, each slice a line."""
    if not exams:
        return Text("no set is declared; name one in [sets.NAME], with its task and its file")
    return Group(*(part for exam in exams for part in _exam(exam)))


def _exam(exam: Exam) -> Iterator[RenderableType]:
    yield Text.assemble((exam.name, "bold"), f", by {exam.measure}  ", (exam.digest[:12], QUIET))
    rows = bare()
    rows.add_column("")
    rows.add_column("slice")
    for name in ("cases", "mean", "floor"):
        rows.add_column(name, justify="right")
    for name, part in exam.parts.items():
        floor = "·" if part.floor is None else f"{part.floor:.4f}"
        rows.add_row(_mark(part), name or "all", f"{part.cases:,}", f"{part.mean:.4f}", floor)
    yield rows
    yield Text("")


def _mark(part: Part) -> Text:
    if part.floor is None:
        return Text(" ")
    return Text("✗", "red") if part.below else Text("✓", "green")
