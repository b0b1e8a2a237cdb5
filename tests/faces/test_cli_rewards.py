"""`autotroph rewards check` on a product with a past, and its page in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pages
import pytest
from commanding import answer, refused, run
from msgspec.structs import replace
from playwright.sync_api import Browser

from autotroph.faces.report.deserving import write_deserving
from autotroph.observe.deserving import Deserving, deserving, examine
from autotroph.spec import load
from autotroph.store import open_reader
from chasing_product import TOML, History

HOSTILE = "</script><script>window.hacked = 1</script><img src='http://192.0.2.1/x'>"

drawing = pytest.mark.skipif(pages.CHROMIUM is None, reason="no chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def gamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product that chased a gamed reward through eleven experiments."""
    folder = tmp_path_factory.mktemp("gamed")
    History(folder, "gamed", users=120).live(11)
    return folder


@pytest.fixture(scope="module")
def found(gamed: Path) -> Deserving:
    reader = open_reader(gamed / ".autotroph" / "ledger.db")
    told = examine(reader, load(gamed / "autotroph.toml"), "reply")
    reader.close()
    return told


def asked(folder: Path, *more: str) -> tuple[str, ...]:
    return ("rewards", "check", *more, "--config", str(folder / "autotroph.toml"))


# the command ---------------------------------------------------------------------------------------------


def test_a_gamed_reward_is_found_out(gamed: Path) -> None:
    (one,) = answer(*asked(gamed, "useful"), code=1)["rewards"]
    assert (one["task"], one["reward"], one["finding"]) == ("reply", "useful", "does not")
    (outcome,) = one["outcomes"]
    assert outcome["outcome"] == "retained"
    assert len(outcome["experiments"]) == 11
    assert sum(each["effect"]["units"] for each in outcome["experiments"]) == 11 * 120
    assert any("easily gamed" in warning and "characters" in warning for warning in one["warnings"])
    assert [audit["signal"] for audit in one["audits"]] == ["good"]


def test_what_a_person_reads(gamed: Path) -> None:
    result = run(*asked(gamed))
    assert result.exit_code == 1
    assert result.stdout.startswith("✗ useful of task reply: does not deserve to be chased\n")
    assert "retained: what moved it did not move the outcome the same way" in result.stdout


def test_a_typo_is_answered_with_the_known_ones(gamed: Path) -> None:
    assert "known: useful" in refused(*asked(gamed, "usefull"))


def test_where_nothing_happened_it_is_unknown_and_all_is_well(here: Path) -> None:
    with History(here, "valid").opened():
        pass
    (one,) = answer(*asked(here))["rewards"]
    assert one["finding"] == "unknown"
    assert "0 of at least 10" in one["reasons"][0]
    assert one["outcomes"][0]["slope"]["mean"] is None


def test_a_page_that_cannot_be_written_is_refused(gamed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(*asked(gamed, "--html", str(tmp_path / "file" / "page.html")))


def test_without_a_reward_there_is_nothing_to_check(here: Path) -> None:
    with History(here, "valid").opened():
        pass
    (here / "autotroph.toml").write_text(TOML.replace('reward = "useful"', ""), "utf-8")
    assert answer(*asked(here))["rewards"] == []
    assert "no task chases a reward" in run(*asked(here)).stdout


# the page ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pages.chromium() as browser:
        yield browser


@drawing
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"width": 390}], ids=["light", "dark", "phone"])
def test_the_page_is_drawn(chromium: Browser, gamed: Path, tmp_path: Path, how: dict[str, object]) -> None:
    page = tmp_path / "rewards.html"
    assert answer(*asked(gamed, "--html", str(page)), code=1)["html"] == str(page)
    with pages.browsed(chromium, page, **how) as (tab, seen):  # type: ignore[arg-type]
        assert (seen.requests, seen.complaints) == ([page.as_uri()], [])
        assert tab.evaluate("document.documentElement.dataset.drawn") == "3"
        marks = ".mark-symbol path"
        assert (
            tab.evaluate(f"document.querySelectorAll('.chart')[0].querySelectorAll('{marks}').length") == 11
        )
        assert tab.evaluate("document.querySelectorAll('.chart .mark-line path').length") >= 2
        assert tab.evaluate("document.documentElement.scrollWidth") <= how.get("width", 1100)


@drawing
def test_the_report_of_a_product_says_it_too(chromium: Browser, gamed: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    answer("report", "--out", str(out), "--config", str(gamed / "autotroph.toml"))
    with pages.browsed(chromium, out) as (tab, seen):
        assert (seen.requests, seen.complaints) == ([out.as_uri()], [])
        assert "autotroph rewards check useful" in tab.inner_text("main")
        assert tab.evaluate("document.querySelectorAll('h1').length") == 1
        titles = tab.evaluate("[...document.querySelectorAll('h2')].map(one => one.textContent)")
        assert "Does the reward deserve to be chased?" in titles
        assert tab.evaluate("document.querySelectorAll('.chart .mark-symbol path').length") >= 11


def test_nothing_from_the_ledger_is_markup(found: Deserving, tmp_path: Path) -> None:
    (against,) = found.against
    renamed = tuple(replace(one, name=HOSTILE) for one in against.experiments)
    (audit,) = found.audits
    told = replace(
        found,
        reward=HOSTILE,
        reasons=(HOSTILE,),
        against=(replace(against, outcome=HOSTILE, experiments=renamed),),
        audits=(replace(audit, signal=HOSTILE),),
    )
    write_deserving([told], tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "window.hacked" in text
    assert "<script>window" not in text
    assert "<img src='http" not in text
    assert text.count("</script") == 3


def test_a_page_without_a_past_says_so(here: Path) -> None:
    with History(here, "valid").opened():
        pass
    answer(*asked(here, "--html", "page.html"))
    text = (here / "page.html").read_text("utf-8")
    assert "No experiment is over yet" in text
    assert "Nobody looked" in text


# whole histories -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "finding"), [("valid", "deserves"), ("useless", "does not"), ("gamed", "does not")]
)
def test_a_lived_history_is_judged_as_what_it_is(tmp_path: Path, kind: str, finding: str) -> None:
    History(tmp_path, kind, users=300).live(12)  # type: ignore[arg-type]
    reader = open_reader(tmp_path / ".autotroph" / "ledger.db")
    first, *_ = deserving(reader, load(tmp_path / "autotroph.toml"), "reply", 0.0)
    reader.close()
    assert {(1.0, 1.0): "deserves", (0.0, 0.0): "does not"}[first.low, first.high] == finding
