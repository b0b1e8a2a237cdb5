"""Reading a report as its reader does: its figures, the lines that give them, and what a browser draws."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, sync_playwright

from autotroph.faces.cli import cli
from autotroph.faces.report.figures import span

CHROMIUM = shutil.which("chromium")
drawing = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]

HOSTILE = (
    "</script><script>window.hacked = 1</script>"
    "<img src='http://192.0.2.1/x' onerror='window.hacked = 1'> {0} $HOME `id` \"it's\" !!"
)
"""A text that would do harm if any part of it were taken for markup, a format or a shell's words."""


class Figure(NamedTuple):
    """A cell of a query, as it stands on a page."""

    query: str
    column: str
    row: int
    form: str
    text: str


class _Figures(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Figure] = []
        self._open: dict[str, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "span" and "data-query" in known:
            self._open, self._text = known, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "span" and self._open:
            at = self._open
            cell = (at["data-query"], at["data-column"], int(at["data-row"]), at["data-form"])
            self.found.append(Figure(*cell, self._text))
            self._open = None


def figures(page: Path) -> list[Figure]:
    """Every figure of a page."""
    parser = _Figures()
    parser.feed(page.read_text("utf-8"))
    return parser.found


def lines(page: Path) -> dict[str, str]:
    """The lines that a page prints, by the id that figures name."""
    found = re.findall(r'<code class="line" id="(q\d+)">(.*?)</code>', page.read_text("utf-8"), re.DOTALL)
    return {id_: html.unescape(line) for id_, line in found}


def in_a_shell(printed: dict[str, str]) -> dict[str, list[str]]:
    """The words that a real shell makes of each line, without the command itself."""
    script = "autotroph() { printf '%s\\0' \"$@\"; printf '\\1\\0'; }\n" + "\n".join(printed.values())
    told = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode()
    words = [group.split("\0")[:-1] for group in told.split("\1\0")[:-1]]
    return dict(zip(printed, words, strict=True))


def answers(page: Path) -> dict[str, list[dict[str, Any]]]:
    """What the command itself answers to every line of a page."""
    return {id_: _rows(words) for id_, words in in_a_shell(lines(page)).items()}


def _rows(words: list[str]) -> list[dict[str, Any]]:
    done = CliRunner().invoke(cli, [*words, "--json"])
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])["rows"]
    return rows


def agrees(figure: Figure, value: Any) -> bool:
    """Whether what stands on the page is the value, as far as the page's digits go."""
    if figure.text == "–":
        return value in (None, "")
    if figure.text == "unknown":
        return abs(value) >= 1e9
    if figure.form in ("text", "name"):
        return figure.text == str(value)
    if figure.form == "span":
        return figure.text == span(value)
    if figure.form == "day":
        said = datetime.strptime(figure.text.replace("\u2011", "-"), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        return 0 <= value - said.timestamp() < 60
    return _near(figure, value)


def _near(figure: Figure, value: float) -> bool:
    text = figure.text.replace("−", "-").replace(",", "").replace("\u202f", "")
    shown = float(text.strip("%$")) / (100 if text.endswith("%") else 1)
    half = {"percent": 0.0005, "gain": 0.0005, "count": 0.5}.get(figure.form, 0.00005)
    if figure.form == "usd" and shown < 0.001:
        half = 0.0000005
    return abs(shown - value) <= half * 1.001


class Seen(NamedTuple):
    """What a browser made of a page."""

    requests: list[str]
    complaints: list[str]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def browsed(
    browser: Browser, page: Path | str, *, width: int = 1100, dark: bool = False, script: bool = True
) -> Iterator[tuple[Page, Seen]]:
    """A page in a browser, by its file or its address, when its pictures are drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    tab, seen = context.new_page(), Seen([], [])
    tab.on("request", lambda request: seen.requests.append(request.url))
    tab.on("console", lambda said: seen.complaints.append(said.text))
    tab.on("pageerror", lambda error: seen.complaints.append(str(error)))
    tab.goto(page if isinstance(page, str) else page.as_uri())
    if script:
        tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    yield tab, seen
    context.close()


def check_lines(path: Path) -> None:
    """Each number of a page is what its line gives."""
    found, given = figures(path), answers(path)
    assert {one.query for one in found} <= set(given)
    wrong = [one for one in found if not agrees(one, given[one.query][one.row][one.column])]
    assert not wrong
    assert len(found) > 30


def check_drawn(chromium: Browser, path: Path, charts: int, **how: object) -> None:
    """Every picture is drawn, nothing is asked for or complained of, and nothing is wider than the screen."""
    with browsed(chromium, path, **how) as (tab, seen):  # type: ignore[arg-type]
        assert seen.requests == [path.as_uri()]
        assert seen.complaints == []
        assert tab.evaluate("document.documentElement.dataset.drawn") == str(charts)
        drawn = tab.evaluate(
            "[...document.querySelectorAll('.chart')]"
            ".map(chart => chart.querySelectorAll('svg .mark-line path').length)"
        )
        assert len(drawn) == charts
        assert all(drawn)
        assert tab.evaluate("window.hacked") is None
        assert tab.evaluate("document.documentElement.scrollWidth") <= how.get("width", 1100)
