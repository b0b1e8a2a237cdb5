"""The part of the report about traffic: in words, in a real browser, and by the lines that it prints."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pages
import pytest
from msgspec.structs import replace
from pages import HOSTILE, drawing
from playwright.sync_api import Browser, Page
from rich.console import Console

from autotroph.clock import ReplayClock
from autotroph.faces.beginning import begun
from autotroph.faces.report import write_report
from autotroph.faces.sites import names
from autotroph.faces.terminal import screen
from autotroph.faces.terminal.carried import carried
from autotroph.govern.budgets import Budgets, beside
from autotroph.govern.meters import Amount, meters
from autotroph.observe.health import Health
from autotroph.observe.traffic import traffic
from autotroph.records import Completion, Decision, Record
from autotroph.spec import load
from autotroph.store import open_reader, open_store
from faces.commanding import answer, run
from ingest.passing import asked, rows
from ingest.talking import talks

UPSTREAM = "https://llm.example.com/v1"
SECOND = "site-9876543210"
BUDGETED = """
[product]
name = "post"
[models.m]
kind = "openai"
base_url = "https://llm.example.com/v1"
price = { input = 1, output = 2 }
[tasks.sort]
kind = "chat"
budget = { usd = 5 }
variants = { v = { model = "m" } }
"""
LEDGER = Path(".autotroph/ledger.db")
START = 1_700_000_000.0


def reported(folder: Path, *given: Record) -> Path:
    """The page of a product that only passes calls on, with some rows in its ledger."""
    config = begun(folder / "autotroph.toml", UPSTREAM, "openai", "", {})
    store = open_store(folder / LEDGER)
    for start in range(0, len(given), 500):
        store.append(*given[start : start + 500]).durable()
    store.close()
    reader = open_reader(folder / LEDGER)
    write_report(reader, load(config), folder / "report.html", START)
    reader.close()
    return folder / "report.html"


def streamed() -> Iterator[Decision | Completion]:
    """Calls of a second site: priced and streamed, of two models, some of which failed."""
    messages = [{"role": "system", "content": f"You sort post {HOSTILE}"}, {"role": "user", "content": "?"}]
    inputs = {"messages": messages, "request": {"path": "/chat/completions"}}
    for at in range(90):
        one = asked(f"x{at}", f"v{at % 7}", START + 60 * at, inputs=inputs, session=f"x{at}")
        option = HOSTILE if at % 3 else "large"
        yield replace(one, task=SECOND, option=option)
        end = Completion(decision=one.id, output="a", at=one.at + 1, tokens_in=100, tokens_out=10 + at)
        error = f"answered 500 {HOSTILE}" if at % 9 == 0 else ""
        yield replace(end, cost_usd=0.001 * at, latency_ms=200.0 + at, first_token_ms=20.0 + at, error=error)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty conversations of one site, and ninety calls of another."""
    talked = (row for number, talk in enumerate(talks(1, 60)) for row in rows(number, talk))
    return reported(tmp_path_factory.mktemp("traffic"), *talked, *streamed())


def text_of(tab: Page, id_: str) -> str:
    return tab.inner_text(f"#{id_}")


def test_each_number_is_what_its_line_gives(page: Path) -> None:
    pages.check_lines(page)
    forms = {one.form for one in pages.figures(page)}
    assert {"usd", "percent", "count", "day"} <= forms


def test_nothing_that_was_asked_is_markup(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "window.hacked" in text
    assert "<script>window" not in text
    assert "<img src='http" not in text


def test_the_status_says_the_same(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(page.parent)
    found = answer("status")["traffic"]
    shown = {one.column: one.text for one in pages.figures(page) if one.query == "q2" and one.row == 0}
    assert shown["calls"] == f"{found['calls']:,}"
    assert shown["cost_usd"] == f"${found['cost_usd']:,.4f}"
    assert shown["failing"].replace("\u202f", "") == f"{found['failing']:.1%}"
    screen = run("status").stdout
    for part in ("What is asked?", f"{found['calls']:,} calls by", "you sort post", "init --from-traffic"):
        assert part in screen


def test_before_the_first_call_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = reported(tmp_path).read_text("utf-8")
    assert "No call has come through the gateway yet" in text
    assert "base_url" in text
    assert "could be tasks" not in text
    assert "Nothing that changes behaviour was done yet" in text
    monkeypatch.chdir(tmp_path)
    screen = run("status").stdout
    assert "What is asked?" not in screen
    assert "no call has come through the gateway yet" in screen


def test_few_calls_are_told_and_not_proposed(tmp_path: Path) -> None:
    text = reported(tmp_path, *list(streamed())[:2]).read_text("utf-8")
    assert "1 call was recorded, but of no call site the 30" in text
    assert 'id="traffic-times"' not in text


def test_budgets_are_told_with_what_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "autotroph.toml"
    config.write_text(BUDGETED, "utf-8")
    (tmp_path / ".autotroph").mkdir()
    store = open_store(tmp_path / LEDGER)
    store.append(*streamed()).durable()
    reader, spec = store, load(config)
    with closing(Budgets(beside(tmp_path / LEDGER), ReplayClock("seven", at=START))) as budgets:
        held = budgets.reserve("one", meters(spec, "sort"), Amount(2 * 10**12, 9))
        budgets.settle(held, Amount(10**12, 9))
    write_report(reader, spec, tmp_path / "report.html", START)
    store.close()
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "task sort: $1.0000 of $5.0000 until 2023-11-15 00:00" in text
    monkeypatch.chdir(tmp_path)
    (budget,) = answer("status")["under_way"]["budgets"]  # of today, of which nothing is taken
    assert (budget["subject"], budget["most"], budget["used"]) == ("task sort", 5.0, 0.0)
    assert "task sort: $0.0000 of $5.0000 until" in run("status").stdout


def test_who_has_a_declaration_is_not_told_to_begin(tmp_path: Path) -> None:
    config = tmp_path / "autotroph.toml"
    config.write_text(BUDGETED, "utf-8")
    (tmp_path / ".autotroph").mkdir()
    store = open_store(tmp_path / LEDGER)
    store.append(*(row for row in streamed() if not getattr(row, "error", ""))).durable()
    write_report(store, load(config), tmp_path / "report.html", START)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "init --from-traffic proposed.toml" in text
    assert "again without" not in text
    assert "None failed." in text
    config.write_text(BUDGETED.replace('kind = "chat"', f'kind = "chat"\nsites = ["{SECOND}"]'), "utf-8")
    write_report(store, load(config), tmp_path / "report.html", START)
    assert "could be tasks" not in (tmp_path / "report.html").read_text("utf-8")
    store.close()


@pytest.mark.parametrize("width", [80, 120])
def test_the_status_fits_a_terminal(page: Path, width: int) -> None:
    reader = open_reader(page.parent / LEDGER)
    found = traffic(reader, load(page.parent / ".autotroph" / "upstream.toml"))
    called = names(reader, (line.task for line in found.lines))
    reader.close()
    shown = io.StringIO()
    console = Console(file=shown, width=width, highlight=False, force_terminal=True, color_system=None)
    console.print(screen.status(Health(product="p", traffic=found), (), carried(found, called)))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    heads = next(line for line in lines if "asked for" in line)
    assert "p50/p95 ms" in heads
    assert all(any(f"{line.calls:,}" in one for one in lines) for line in found.lines)


# in a browser ---------------------------------------------------------------------------------------------


@drawing
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"width": 390}], ids=["light", "dark", "phone"])
def test_it_is_drawn(chromium: Browser, page: Path, how: dict[str, object]) -> None:
    pages.check_drawn(chromium, page, 1, **how)


@drawing
def test_who_cannot_see_it_is_told(chromium: Browser, page: Path) -> None:
    with pages.browsed(chromium, page) as (tab, _):
        table = tab.get_by_role("table").first
        for head in ("task or call site", "failed", "cost", "whole answer, ms"):
            assert table.get_by_role("columnheader", name=head, exact=True).count() == 1
        assert tab.get_by_role("heading", name="Traffic", level=2).count() == 1
        assert tab.get_by_role("img", name="How long answers took: Until the end of an answer").count() == 1


@drawing
def test_on_a_phone_a_cell_says_what_it_is_and_an_empty_one_is_left_out(
    chromium: Browser, page: Path
) -> None:
    with pages.browsed(chromium, page, width=390) as (tab, _):
        labels = "cell => getComputedStyle(cell, '::before').content"
        cell = tab.locator("#traffic td[data-label='whole answer, ms']:not(.nothing)").first
        assert "whole answer, ms" in cell.evaluate(labels)
        empty = tab.locator("#traffic td.nothing")
        assert empty.count()
        assert not any(one.is_visible() for one in empty.all())


@drawing
def test_it_can_be_read_without_javascript(chromium: Browser, page: Path) -> None:
    with pages.browsed(chromium, page, script=False) as (tab, _):
        proposed = text_of(tab, "untasked")
        for part in ("would be", "autotroph init --from-traffic", "first proof", "60 people"):
            assert part in proposed
        assert "What failed" in text_of(tab, "traffic")
