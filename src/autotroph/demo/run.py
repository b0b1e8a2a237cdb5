"""`autotroph demo`: replay a history through the loop, show it turning, and leave a report."""

import time
from pathlib import Path

import msgspec
from rich.console import Console

from autotroph.demo.closing import print_closing, rerun
from autotroph.demo.history import History, open_history
from autotroph.demo.replay import Replay, Step
from autotroph.demo.report import write_demo_report
from autotroph.demo.scoreboard import Summary, kept_gain, summary
from autotroph.demo.show import Show
from autotroph.errors import SourceError

CURSORS = 4_000
"""Cursors that are sampled."""

UNFINISHED = "unfinished.json"
"""What is being replayed, for as long as it is: a run that finds its own goes on."""

REPORT = "report.html"
"""The page that a finished run leaves in its folder."""

FEWEST = 50
"""Cursors below which there is nothing to tune, prove or show."""


def run_demo(
    repo: Path | None, seed: int, folder: Path, console: Console | None = None, *, cursors: int = CURSORS
) -> Summary:
    """Replay a repository's history, or the installed dependencies, and measure the loop against release 0.

    An interrupted run goes on where it was; a finished one begins again.

    Args:
        repo: a git repository or a folder of source; the installed dependencies if None.
        seed: of the sample of cursors and of everything drawn.
        folder: where declaration, ledger and report go.
        console: for progress; silent if None.
        cursors: how many to sample; fewer where the history is short.

    Raises:
        SourceError: there is nothing that can be replayed, and why.
    """
    began = time.perf_counter()
    with Show(console) as show:
        show.step(Step("reading the history", 0, 0))
        history = open_history(repo, seed)
        _make_room(folder, history, seed, cursors)
        replay = Replay(history, seed, folder, show.step, cursors)
        show.notes(history, replay.notes)
        if replay.total < FEWEST:
            raise SourceError(
                f"{history.name}: {replay.total} places to complete were found, {FEWEST} are needed; "
                "choose a repository with more lines, or leave --repo out to replay the installed packages"
            )
        with replay.run(show.watch) as product:
            product.rooms.append(kept_gain(product.store, product.clock.now()))
            found = summary(product.store, time.perf_counter() - began)
            show.step(Step("writing the report", replay.total, replay.total))
            notes = (f"{history.name}, {len(history.commits):,} commits", *replay.notes)
            write_demo_report(product.store, product.spec, found, folder / REPORT, notes, rerun(repo, seed))
            _finish(folder, found)
    if console is not None:
        print_closing(console, found, folder / REPORT, repo, seed)
    return found


def _make_room(folder: Path, history: History, seed: int, cursors: int) -> None:
    """Go on with an unfinished run of the same history and sample; anything else is begun anew."""
    newest = history.commits[-1].id if history.commits else ""
    wanted = msgspec.json.encode([history.name, newest, seed, cursors])
    unfinished = folder / UNFINISHED
    if not unfinished.exists() or unfinished.read_bytes() != wanted:
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"):
            (folder / ".autotroph" / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.write_bytes(wanted)


def _finish(folder: Path, found: Summary) -> None:
    (folder / "summary.json").write_bytes(msgspec.json.encode(found))
    (folder / UNFINISHED).unlink()
