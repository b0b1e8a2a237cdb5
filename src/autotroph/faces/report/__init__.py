"""`report.html`: what the loop did, what it was worth, and every verdict, with the line behind each number.

| file | idea |
|---|---|
| html.py | markup from values; what is not markup is escaped |
| figures.py | a number on the page, and the query that it prints |
| charts.py | pictures as plain data |
| deserving.py | does a reward deserve to be chased: a page of its own, and a part of this one |
| experiments.py | experiments by hand, with the interval as it ran |
| exploring.py | what trying other options cost |
| traffic.py | what came through the gateway |
| untasked.py | call sites that no task has yet |
| sections.py | what there is to say about any product |
| page.py | one page that stands alone |
"""

from pathlib import Path

from autotroph.faces.report.figures import Figures
from autotroph.faces.report.page import Section, encoded, write
from autotroph.faces.report.sections import chased, lines, of_product, opening
from autotroph.faces.report.traffic import traffic
from autotroph.faces.report.untasked import untasked
from autotroph.spec import Spec
from autotroph.store import Reader

__all__ = ["report", "write_report"]


def report(reader: Reader, spec: Spec, now: float) -> bytes:
    """One self-contained page about a product, as HTML.

    Args:
        reader: of its ledger.
        spec: what is declared.
        now: seconds since the epoch, for what is taken of budgets.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
    """
    return encoded(_title(spec), _sections(reader, spec, now))


def write_report(reader: Reader, spec: Spec, path: Path, now: float) -> None:
    """Write that page to a file.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
        InputError: the file cannot be written.
    """
    write(path, _title(spec), _sections(reader, spec, now))


def _title(spec: Spec) -> str:
    return f"{spec.product.name}: report"


def _sections(reader: Reader, spec: Spec, now: float) -> list[Section]:
    figures = Figures(reader, spec.source)
    top = opening(figures, spec)
    worth = [part for task in spec.tasks for part in chased(reader, spec, task)]
    came = (*traffic(figures, spec, now), *untasked(reader, spec))
    return [top, *came, *of_product(figures, spec), *worth, lines(figures)]
