"""The one reading of a ledger behind the status screen."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import UpstreamFault
from autotroph.faces.library import Product
from autotroph.observe.health import Health, health, unopened
from autotroph.records import Decision, Measurement, Option
from autotroph.spec import Spec, parse, template
from autotroph.spec.policies import First

SPEC = parse(template("support"))


@pytest.fixture
def product(tmp_path: Path) -> Product:
    path = tmp_path / "autotroph.toml"
    path.write_text(template("support"), encoding="utf-8")
    with autotroph.open(path, clock=ReplayClock("seven", at=1000.0)) as product:
        yield product


def read(product: Product, spec: Spec = SPEC) -> Health:
    product.store.append().durable()
    return health(product.store, spec)


def subjects(found: Health) -> dict[str, str]:
    return {need.subject: need.what for need in found.needs}


def test_a_product_that_was_never_opened() -> None:
    found = unopened(SPEC)
    assert found.healthy
    assert found.rows is None
    assert subjects(found) == {"ledger": "there is none yet; the first decision makes it"}


def test_an_opened_one_asks_for_a_first_decision(product: Product) -> None:
    assert subjects(read(product)) == {"route": "no decision yet"}


def test_decisions_without_a_signal_need_somebody(product: Product) -> None:
    for number in range(3):
        product.decide("route", {"text": "hello"}, user=f"u{number}")
    found = read(product)
    assert subjects(found) == {"route": "3 decisions and not one signal", "loop": "no cycle has run yet"}
    assert 'product.signal(decision.id, "resolved", …)' in found.needs[0].way_out
    assert found.tasks[0].counts.pending == 3


CHAT = """
[product]
name = "support"
[models.small]
kind = "openai"
base_url = "https://llm.example.com/v1"
[tasks.answer]
kind = "chat"
variants = { small = { model = "small" } }
"""
REWARDED = """
unit = "decision"
reward = "fine"
[signals]
regenerated = { type = "boolean", traffic = "regenerate" }
[rewards.fine]
value = "1 - regenerated"
silent = { regenerated = false }
"""


@contextmanager
def chatting(folder: Path, declared: str) -> Iterator[Product]:
    path = folder / "autotroph.toml"
    path.write_text(declared, "utf-8")
    with autotroph.open(path) as product:
        yield product


def asked(product: Product, **given: Any) -> None:
    """One call of the task is on record."""
    made = Decision(
        id="d1", task="answer", epoch=0, arm="main", p_arm=1.0,
        options=(Option("small", 1.0),), option="small", unit="d1", unit_kind="decision",
        cluster="d1", fold="tracks", policy="",
        variant="", declaration="", at=product.clock.now(), **given,
    )  # fmt: skip
    product.store.append(made).durable()


def test_calls_of_a_task_without_a_reward_are_there(tmp_path: Path) -> None:
    with chatting(tmp_path, CHAT) as opened:
        assert subjects(read(opened, opened.spec)) == {"answer": "no decision yet"}
        asked(opened, release="", provenance="import")
        assert subjects(read(opened, opened.spec)) == {"answer": "declares no reward, so it cannot learn"}


def test_a_signal_that_nobody_sends_is_not_asked_for(tmp_path: Path) -> None:
    with chatting(tmp_path, CHAT + REWARDED) as opened:
        (need,) = read(opened, opened.spec).needs
        assert (need.what, need.way_out) == ("no decision yet", 'model="answer"')
        asked(opened, release="r")
        assert "answer" not in subjects(read(opened, opened.spec))


ASKED = """
[product]
name = "support"
[models.small]
kind = "openai"
base_url = "https://llm.example.com/v1"
[models.large]
kind = "openai"
base_url = "https://llm.example.com/v1"
[tasks.answer]
kind = "chat"
unit = "decision"
reward = "fine"
[tasks.answer.variants]
small = { model = "small" }
both = { cascade = ["small", "large"], accept = "confidence > 0.5" }
[signals]
solved = { type = "boolean" }
[rewards.fine]
value = "solved"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [("https://llm.example.com/v1", "https://elsewhere.example.com/v1"), ("> 0.5", "> 0.9")],
)
def test_another_address_or_cascade_is_another_variant(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "autotroph.toml").write_text(ASKED)
    with autotroph.open(tmp_path / "autotroph.toml") as opened:
        spec = opened.spec
        opened.cycle()
        changed = parse(ASKED.replace(old, new))
        assert "`autotroph apply`" not in str(read(opened, spec).needs)
        assert "`autotroph plan`, then `autotroph apply`" in str(read(opened, changed).needs)


def test_the_next_one_elsewhere_is_another_variant(tmp_path: Path) -> None:
    elsewhere = ASKED.replace("llm.example", "other.example", 2).replace("other.example", "llm.example", 1)
    (tmp_path / "autotroph.toml").write_text(ASKED)
    with autotroph.open(tmp_path / "autotroph.toml") as opened:
        opened.cycle()
        assert "`autotroph plan`, then `autotroph apply`" in str(read(opened, parse(elsewhere)).needs)


def test_another_text_of_a_prompt_is_another_variant(tmp_path: Path) -> None:
    text = ASKED.replace('{ model = "small" }', '{ model = "small", prompt = "prompts/kind.md" }')
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "kind.md").write_text("--- system ---\nBe kind.\n")
    (tmp_path / "autotroph.toml").write_text(text)
    with autotroph.open(tmp_path / "autotroph.toml") as opened:
        opened.cycle()
        assert "`autotroph apply`" not in str(read(opened, opened.spec).needs)
    (tmp_path / "prompts" / "kind.md").write_text("--- system ---\nBe brief.\n")
    with autotroph.open(tmp_path / "autotroph.toml") as opened:
        found = read(opened, opened.spec)
        assert found.declared
        assert "`autotroph plan`, then `autotroph apply`" in str(found.needs)


def test_what_has_answered_nobody_may_be_replaced_at_once(tmp_path: Path) -> None:
    text = ASKED.replace("https://llm.example.com", "http://127.0.0.1:9")  # private, which is not declared
    (tmp_path / "autotroph.toml").write_text(text)
    with autotroph.open(tmp_path / "autotroph.toml") as opened:
        mended = parse(ASKED)
        assert "--force" not in str(read(opened, mended).needs)  # nobody has asked yet
        with pytest.raises(UpstreamFault):
            asyncio.run(opened.chat("answer", [{"role": "user", "content": "Hello?"}], user="u1"))
        opened.store.append().durable()
        assert "`autotroph apply --force`" in str(read(opened, mended).needs)


def test_signals_about_nothing_are_told(product: Product) -> None:
    answer = product.decide("route", {"text": "hello"}, user="u1")
    product.signal(answer.id, "resolved", True)
    product.signal("elsewhere", "resolved", True)
    found = read(product)
    assert (found.orphans, found.tasks[0].counts.signals) == (1, 1)
    assert "signals" in subjects(found)


def test_a_candidate_that_waits_is_told(product: Product) -> None:
    product.propose("route", "cards first", policy=First())
    product.cycle()
    found = read(product)
    (contender,) = found.tasks[0].contenders
    assert (contender.name, contender.stage) == ("cards first", "gate")
    assert any("'cards first' waits at the gate" in need.what for need in found.needs)


def test_a_declaration_that_changed_is_told(product: Product) -> None:
    product.cycle()
    assert read(product).declared
    changed = parse(template("support").replace('kind = "uniform"', 'kind = "first"'))
    found = read(product, changed)
    assert found.declared is False
    assert {"declaration", "route"} <= set(subjects(found))
    assert any("autotroph apply" in need.way_out for need in found.needs)


def test_a_task_without_a_reward_cannot_learn(product: Product) -> None:
    text = template("support").replace('reward = "resolved_fast"', "").replace('guardrails = ["slow"]', "")
    spec = parse(text[: text.index("[tracks.learn]")] + text[text.index("[gate]") :])
    assert any("declares no reward" in need.what for need in read(product, spec).needs)
    assert any("declares no reward" in need.what for need in unopened(spec).needs)


def test_the_newest_lift_is_what_it_was_worth(product: Product) -> None:
    first = Measurement(
        name="lift over release 0",
        task="route",
        value=0.1,
        low=-0.1,
        high=0.3,
        n=10,
        alpha=0.05,
        since=0,
        until=9,
        at=1.0,
    )
    product.store.append(first, replace(first, value=0.2, low=0.1))
    assert read(product).tasks[0].lift.value == 0.2  # type: ignore[union-attr]
