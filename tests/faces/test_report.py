"""The report in a real browser, and every line that it prints through the real command."""

import json
import random
import re
import shutil
from pathlib import Path

import msgspec
import pages
import products
import pytest
from msgspec.structs import replace
from pages import HOSTILE, drawing
from playwright.sync_api import Browser

import autotroph
from autotroph import registry
from autotroph.demo.report import answers, write_demo_report
from autotroph.demo.report.curve import frontier
from autotroph.demo.run import run_demo
from autotroph.demo.scoreboard import Summary, shares, since
from autotroph.errors import AutotrophError, InputError
from autotroph.faces.report import figures, page, write_report
from autotroph.faces.report.figures import in_shell
from autotroph.records import Candidate, Entry, Verdict
from autotroph.spec import load
from autotroph.spec.policies import First
from autotroph.store import open_reader, open_store

# a product, and a small demonstration ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a routing product, with a candidate that has a hostile name."""
    folder = tmp_path_factory.mktemp("plain")
    products.used(folder)
    with products.opened(folder, products.START + 3 * products.DAY) as product:
        product.propose("route", HOSTILE, policy=First())
        product.cycle()
    return reported(folder)


def reported(folder: Path) -> Path:
    spec = load(folder / "autotroph.toml", tracks=registry.known("tracks"))
    reader = open_reader(folder / ".autotroph" / "ledger.db")
    write_report(reader, spec, folder / "report.html", products.START)
    reader.close()
    return folder / "report.html"


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demonstration on made-up files, with a promotion and a rollback under hostile names."""
    folder = tmp_path_factory.mktemp("demonstrated")
    source = folder / "source"
    write_source(source)
    found = run_demo(source, 1, folder / "demo", cursors=240)
    (folder / "summary.json").write_bytes(msgspec.json.encode(found))
    store = open_store(folder / "demo" / ".autotroph" / "ledger.db")
    store.append(*judged(store.get(Candidate, task="complete"))).durable()
    store.close()
    return folder


def write_source(folder: Path) -> None:
    luck = random.Random(3)
    nouns, verbs = ("account", "order", "invoice", "parcel", "ticket"), ("load", "save", "check", "close")
    folder.mkdir(parents=True)
    for number in range(120):
        lines = []
        for _ in range(4):
            verb, one, other = luck.choice(verbs), luck.choice(nouns), luck.choice(nouns)
            lines += [
                f"function {verb}_{one}_for_{other}(store, {one}) {{",
                f"  const found = store.{other}s.find((each) => each.id === {one}.{other}Id);",
                f"  if (!found) throw new Error('no such {other}');",
                f"  return store.{verb}({one}, found);",
                "}",
            ]
        (folder / f"part{number}.js").write_text("\n".join(lines), encoding="utf-8")


def judged(like: Candidate | None) -> list[Candidate | Verdict | Entry]:
    assert like is not None
    rows: list[Candidate | Verdict | Entry] = []
    for finding in ("promoted", "rolled back"):
        candidate = replace(like, sequence=0, id=f"candidate_{finding[:4]}", name=f"{finding} {HOSTILE}")
        evidence = {"mean": 0.25, "low": -0.125, "high": 0.5, "units": 40, "decisions": 41, "kind": "paired"}
        verdict = Verdict(
            id=f"verdict_{finding[:4]}",
            task="complete",
            candidate=candidate.id,
            judge="ladder",
            finding="promoted" if finding == "promoted" else "rolled back",
            reason=f"{HOSTILE}: +0.2500 [-0.1250, +0.5000] reward a decision",
            evidence=evidence,
            alpha=0.0125,
            at=like.at + 90_061.0,
        )
        told = Entry(
            actor="ladder", event=finding, subject=candidate.id, details={"reason": HOSTILE}, at=verdict.at
        )
        rows += [candidate, verdict, told]
    return rows


@pytest.fixture(scope="module")
def shown(demonstrated: Path) -> Path:
    """The page of the demonstration."""
    demo = demonstrated / "demo"
    spec = load(demo / "autotroph.toml", tracks=registry.known("tracks"))
    found = msgspec.json.decode((demonstrated / "summary.json").read_bytes(), type=Summary)
    reader = open_reader(demo / ".autotroph" / "ledger.db")
    write_demo_report(
        reader, spec, found, demo / "report.html", [f"a folder named {HOSTILE}"], "autotroph demo"
    )
    reader.close()
    return demo / "report.html"


# every number ---------------------------------------------------------------------------------------------


def test_each_number_is_what_its_line_gives(plain: Path) -> None:
    pages.check_lines(plain)


def test_each_number_of_the_demonstration_is_what_its_line_gives(shown: Path) -> None:
    pages.check_lines(shown)


def test_a_line_reaches_the_command_as_it_was_written() -> None:
    sql = f"SELECT {figures.quoted(HOSTILE)}, '\\ $x `y` \"z\"'"
    for text in (sql, sql.replace("!", "")):
        assert pages.in_a_shell({"q1": f"autotroph sql {in_shell(text)}"}) == {"q1": ["sql", text]}


def test_lines_over_time_are_the_points_of_the_pictures(shown: Path, demonstrated: Path) -> None:
    reader = open_reader(demonstrated / "demo" / ".autotroph" / "ledger.db")
    found = answers.answers(reader)
    given, printed = pages.answers(shown), pages.lines(shown)
    window = next(rows[0] for rows in given.values() if "back" in rows[0] and "step" in rows[0])
    measures = {"accepted": ("accepted", "shown"), "kept": ("kept", "remaining"), "shown": ("shown", "")}
    for who, sign in (("naive", "= 'naive'"), ("release 0", "= 'release 0'"), ("loop", "served = 1 WINDOW")):
        rows = next(given[id_] for id_, line in printed.items() if "WINDOW" in line and sign in line)
        for name, measure in measures.items():
            points = answers.over_time(
                {who: found[who]}, measure, answers.Window(window["back"], window["step"])
            )
            assert [one["x"] for one in points] == [row["cursor"] for row in rows]
            assert [one["value"] for one in points] == pytest.approx([row[name] for row in rows])
    reader.close()


def test_the_frontier_at_its_own_threshold_is_release_0(demonstrated: Path) -> None:
    spec = load(demonstrated / "demo" / "autotroph.toml", tracks=registry.known("tracks"))
    reader = open_reader(demonstrated / "demo" / ".autotroph" / "ledger.db")
    after = since(reader)
    curve = frontier(reader, after, [spec.tasks["complete"].policy.at])  # type: ignore[union-attr]
    zero = shares(reader, "holdback", after)
    assert (curve.shown[0], curve.accepted[0], curve.kept[0]) == pytest.approx(
        (zero.shown, zero.accepted, zero.kept)
    )
    reader.close()


def test_the_gain_so_far_ends_at_the_headline(demonstrated: Path) -> None:
    reader = open_reader(demonstrated / "demo" / ".autotroph" / "ledger.db")
    points = answers.gain_so_far(answers.answers(reader), since(reader))
    gain = reader.query("SELECT value FROM measurements WHERE name = 'kept gain'").rows[0][0]
    assert points[-1]["value"] == pytest.approx(gain)
    reader.close()


# what stands on the page ----------------------------------------------------------------------------------


def test_nothing_from_the_ledger_is_markup(plain: Path, shown: Path) -> None:
    for path in (plain, shown):
        text = path.read_text("utf-8")
        assert "window.hacked" in text
        assert "<script>window" not in text
        assert "<img src='http" not in text
        assert len(re.findall(r"</script", text)) == 3  # the data, the bundle, and what draws


def test_what_it_was_worth_stands_without_javascript(shown: Path) -> None:
    text = shown.read_text("utf-8")
    for said in (
        "full feedback from replay, not live users",
        "Most of the gain",
        "Every candidate",
        "Run it again",
    ):
        assert said in text
    chart = json.loads(re.search(r'id="charts">(.*?)</script>', text, re.DOTALL).group(1))  # type: ignore[union-attr]
    assert {"gain", "time-acceptance", "time-kept", "time-shown", "frontier"} <= set(chart)
    assert all(f'id="{id_}"' in text for id_ in chart)


def test_an_empty_ledger_has_a_page(tmp_path: Path) -> None:
    with products.opened(tmp_path):
        pass
    text = reported(tmp_path).read_text("utf-8")
    assert "Not measured yet" in text
    assert "The loop is still open" in text


def test_without_the_bundle_it_says_how_to_get_it(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = plain.parent / "bare" / "static"
    shutil.rmtree(bare.parent, ignore_errors=True)
    bare.mkdir(parents=True)
    monkeypatch.setattr(page, "files", lambda _: bare.parent)
    with pytest.raises(AutotrophError, match="pip install"):
        page.page("title", [])


def test_a_file_that_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        page.write(tmp_path / "report.html", "title", [])
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_the_lines_for_ones_own_product_run(here: Path) -> None:
    from autotroph.demo.report import next as own

    declared = (
        '[product]\nname = "own"\n'
        '[signals]\nresolved = { type = "boolean" }\nhelpful = { type = "boolean" }\n'
        '[rewards.good]\nvalue = "resolved"\nhorizon = "1h"\n'
        '[rewards.helps]\nvalue = "helpful"\nhorizon = "1h"\n'
        '[tasks.route]\nkind = "choice"\nactions = ["a", "b"]\nreward = "good"\n'
        '[tasks.model]\nkind = "choice"\nactions = ["small", "large"]\nreward = "helps"\n'
    )
    names = {"autotroph": autotroph, "text": "hello", "prompt": "hello", "user_id": "u1", "thumb": "up"}
    for lines in (own._WEB, own._LLM):
        (here / "autotroph.toml").write_text(declared, encoding="utf-8")
        made = dict(names)
        exec(lines, made)
        with made["product"] as product:  # type: ignore[attr-defined]
            assert made["answer"].option  # type: ignore[attr-defined]
            product.cycle()


# in a browser ---------------------------------------------------------------------------------------------


@drawing
@pytest.mark.parametrize("how", [{}, {"dark": True}, {"width": 390}], ids=["light", "dark", "phone"])
def test_the_demonstration_is_drawn(chromium: Browser, shown: Path, how: dict[str, object]) -> None:
    pages.check_drawn(chromium, shown, 6, **how)


@drawing
def test_a_product_is_drawn(chromium: Browser, plain: Path) -> None:
    pages.check_drawn(chromium, plain, 1)


@drawing
def test_it_can_be_read_without_javascript(chromium: Browser, shown: Path) -> None:
    with pages.browsed(chromium, shown, script=False) as (tab, seen):
        assert seen.requests == [shown.as_uri()]
        assert "Three ways to complete the same lines" in tab.inner_text("main")
