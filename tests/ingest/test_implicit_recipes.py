"""The recipes of docs/reference/signals.md, on a story in which it is known what people did."""

import re
from pathlib import Path

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.records import Proposal, Signal
from autotroph.spec import parse

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "signals.md"
RECIPES = "\n".join(re.findall(r"```toml\n.*?\n\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))
START = 1_700_000_000.0
TOML = """
[product]
name = "support"
[tasks.reply]
kind = "text"
unit = "session"
reward = "useful"
[signals.accepted]
type = "boolean"
[signals.written]
type = "text"
[rewards.useful]
value = "accepted"
"""
ANSWER = "block the card in the app"


@pytest.fixture
def product(tmp_path):
    path = tmp_path / "autotroph.toml"
    path.write_text(TOML + RECIPES, "utf-8")
    with autotroph.open(path, clock=ReplayClock("seven", at=START)) as opened:
        yield opened


def ask(product, text, at, session="s", output=ANSWER):
    product.clock.advance(START + at)
    options = (Proposal("one", output),)
    given = {"user": "u", "session": session, "options": options}
    return product.decide("reply", {"text": text}, **given).durable().id


def found(product, name):
    product.clock.advance(product.clock.now() + 86_400)
    product.cycle()
    return {one.subject: (one.value, one.at - START) for one in product.store.scan(Signal, name=name)}


def test_all_of_them_are_declared():
    assert {name for name, one in parse(TOML + RECIPES).signals.items() if one.sql} == {
        "regenerated", "seconds_to_next", "abandoned", "rephrased", "copied",
    }  # fmt: skip


def test_seconds_to_next(product):
    first, second = ask(product, "a", 0), ask(product, "b", 40)
    product.signal(second, "accepted", True, at=START + 47)
    assert found(product, "seconds_to_next") == {first: (40.0, 40.0), second: (7.0, 47.0)}


def test_regenerated(product):
    first, second, third = (ask(product, "same", at) for at in (0, 30, 300))
    fourth = ask(product, "another", 310)
    values = {first: (True, 30.0), second: (False, 150.0), third: (False, 420.0), fourth: (False, 430.0)}
    assert found(product, "regenerated") == values


def test_abandoned(product):
    first, second = ask(product, "a", 0), ask(product, "b", 100)
    other = ask(product, "c", 200, session="other")
    product.signal(other, "accepted", False, at=START + 4000)
    values = {first: (False, 100.0), second: (True, 1900.0), other: (True, 2000.0)}
    assert found(product, "abandoned") == values


def test_rephrased(product):
    words = ("I lost my card", 'i have "lost" my card', "what is the weather", "what is the weather")
    ids = [ask(product, text, 60.0 * number) for number, text in enumerate(words)]
    assert [value for value, _ in found(product, "rephrased").values()] == [True, False, False, False]
    again = ask(product, "card lost", 1000, session="z"), ask(product, "my card is lost", 1010, session="z")
    values = found(product, "rephrased")
    assert [values[one][0] for one in (*ids, *again)] == [True, False, False, False, True, False]


def test_copied(product):
    first, second = ask(product, "help", 0), ask(product, f"you said: {ANSWER}. How?", 30)
    third = ask(product, "thanks", 60, output="you are welcome, any time")
    product.signal(third, "written", f"Dear all, {ANSWER}.", at=START + 70)
    assert found(product, "copied") == {first: (True, 30.0), second: (True, 60.0), third: (False, 70.0)}
