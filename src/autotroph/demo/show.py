"""What a person sees while the demonstration runs: how far it is, the loop turning, what was just decided."""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from autotroph.demo.history import History
from autotroph.demo.replay import Step
from autotroph.records import Verdict

ROOMS = ("ingest", "digest", "optimize", "deploy", "observe")
_COLOURS = {"refused": "yellow", "rolled back": "red", "promoted": "green", "advance": "cyan"}
_SHOWN = 7


class Show:
    """A progress display; on a console that is no terminal, one line now and then."""

    def __init__(self, console: Console | None) -> None:
        self._console = console or Console(quiet=True)
        self._progress = Progress(
            TextColumn("[bold]{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cursors"),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("starting", total=None)
        self._verdicts: deque[Verdict] = deque(maxlen=_SHOWN)
        self._names: dict[str, str] = {}
        self._turn = 0
        self._plain_at = -1
        self._live = Live(console=self._console, refresh_per_second=8, get_renderable=self._draw)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def notes(self, history: History, notes: Sequence[str]) -> None:
        """Say what is replayed, and how, and what of it is not."""
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(history.skipped.items()))
        self._console.print(f"[bold]{history.name}[/]: {len(history.commits):,} commits to replay")
        for note in notes:
            self._console.print(f"  {note}", style="dim")
        if skipped:
            self._console.print(f"  skipped: {skipped}", style="dim")

    def step(self, step: Step) -> None:
        """Take progress."""
        self._progress.update(self._task, description=step.phase, completed=step.done, total=step.of or None)
        self._turn += 1
        if not self._console.is_terminal and step.of and step.done * 10 // step.of != self._plain_at:
            self._plain_at = step.done * 10 // step.of
            self._console.print(f"{step.phase}: {step.done:,} of {step.of:,} cursors")

    def watch(self, name: str, verdict: Verdict) -> None:
        """Take a verdict."""
        self._verdicts.append(verdict)
        self._names[verdict.candidate] = name
        if not self._console.is_terminal and verdict.finding in _COLOURS:
            self._console.print(f"  {name}: {verdict.judge} says {verdict.finding}: {verdict.reason}")

    def _draw(self) -> RenderableType:
        return Group(self._progress, self._ring(), self._told())

    def _ring(self) -> Text:
        lit = self._turn // 3 % len(ROOMS)
        parts = [(room, "bold green" if place == lit else "dim") for place, room in enumerate(ROOMS)]
        ring = Text("  ↻ ")
        for place, (room, style) in enumerate(parts):
            ring.append(" → " if place else "", "dim").append(room, style)
        return ring

    def _told(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for verdict in self._verdicts:
            style = _COLOURS.get(verdict.finding, "dim")
            name = self._names[verdict.candidate]
            table.add_row(
                f"  {name}", verdict.judge, Text(verdict.finding, style), Text(verdict.reason, "dim")
            )
        return table
