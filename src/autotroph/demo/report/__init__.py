"""The demonstration's own page: the worth of the loop, over time, against every threshold, and all verdicts.

| file | idea |
|---|---|
| contestants.py | naive, release 0 and the loop |
| headline.py | what the loop was worth |
| answers.py | what was answered; running windows and bands |
| over_time.py | the pictures of that |
| curve.py | release 0's model at every threshold |
| frontier.py | the picture of that |
| judged.py | every candidate, the saboteurs among them |
| next.py | run it again; for one's own product |
"""

from collections.abc import Sequence
from pathlib import Path

from autotroph.demo import scoreboard
from autotroph.demo.report.contestants import TASK, WHO, asked_shares
from autotroph.demo.report.frontier import frontier
from autotroph.demo.report.headline import comparison, headline
from autotroph.demo.report.judged import judged
from autotroph.demo.report.next import again, next_steps
from autotroph.demo.report.over_time import over_time
from autotroph.demo.scoreboard import Summary
from autotroph.faces.report.figures import Figures
from autotroph.faces.report.page import Section, write
from autotroph.faces.report.sections import journal, lines, releases, turning, worth
from autotroph.spec import Spec
from autotroph.store import Reader

__all__ = ["write_demo_report"]


def write_demo_report(
    reader: Reader,
    spec: Spec,
    summary: Summary,
    path: Path,
    notes: Sequence[str],
    rerun: str = "autotroph demo",
) -> None:
    """Write the page of a finished demonstration.

    Args:
        reader: of its ledger.
        spec: its declaration.
        summary: what was measured.
        path: the file to write.
        notes: what was replayed, and what one should know about it.
        rerun: the command that gives this run again.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
        InputError: the file cannot be written.
    """
    figures = Figures(reader, spec.source)
    since = figures.ask(
        "the ledger sequence after which cursors are measured: their last 40 %", scoreboard.SINCE
    )
    found = {who: asked_shares(figures, who, since) for who in WHO}
    sections = [
        headline(figures, found, notes),
        comparison(found),
        over_time(figures, int(since.number("sequence"))),
        frontier(figures, found, int(since.number("sequence"))),
        judged(figures),
        *_product(figures),
        lines(figures),
        again(summary, rerun),
        next_steps(),
    ]
    write(path, "autotroph demo: what the loop was worth", sections)


def _product(figures: Figures) -> list[Section]:
    return [turning(figures, TASK), worth(figures, TASK), releases(figures, TASK), journal(figures)]
