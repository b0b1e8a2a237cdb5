"""A task in several namespaces: what happens in one is nothing to the others."""

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.errors import UnknownName
from autotroph.faces.library import Product
from autotroph.records import Release
from autotroph.spec import Uniform

TOML = """
[product]
name = "support"
[tasks.route]
kind = "choice"
unit = "decision"
actions = ["billing", "cards"]
reward = "resolved"
policy = { kind = "uniform" }
namespaces = ["acme"]
[signals]
solved = { type = "boolean" }
[rewards.resolved]
value = "solved"
horizon = "1m"
[tracks.learn]
kind = "policy"
task = "route"
every = 50
parameters = { examples = 50 }
[gate]
minimum = 10
[ladder]
steps = [0.5, 1.0]
floor = "2m"
minimum = 20
holdback = 0.1
explore = 0.0
"""

START = 1_700_000_000.0
FITS = {"route": "billing", "route@acme": "cards"}
"""What is right here is wrong there."""


@pytest.fixture
def product(tmp_path):
    file = tmp_path / "autotroph.toml"
    file.write_text(TOML)
    with autotroph.open(file, clock=ReplayClock("lives", START)) as opened:
        yield opened


def lived(product: Product, rounds: int) -> None:
    """Everybody says whether it was right, in both."""
    for _ in range(rounds):
        for number in range(60):
            for task, right in FITS.items():
                answer = product.decide(task, {"n": number})
                product.signal(answer.id, "solved", answer.output == right)
        product.clock.advance(product.clock.now() + 120.0)
        product.cycle()


def test_each_learns_what_is_right_in_it(product):
    lived(product, 8)
    for task, right in FITS.items():
        learned = product.rooms.desks[task].standing.main.release
        assert learned.name.startswith(task.replace("route", "learn"))
        answers = [product.decide(task, {"n": 1}) for _ in range(60)]
        main = [one.output == right for one in answers if one.decision.arm == "main"]
        assert sum(main) / len(main) > 0.9


def test_what_is_done_in_one_is_nothing_to_the_other(product):
    lived(product, 1)
    before = product.rooms.desks["route"].board.standing
    product.propose("route@acme", "other", policy=Uniform())
    product.cycle()
    assert product.rooms.desks["route"].board.standing == before
    assert {one.task for one in product.store.scan(Release)} == set(FITS)
    assert not list(product.store.scan(autotroph.records.Candidate, task="route", name="other"))


def test_a_namespace_that_is_not_declared_is_no_task(product):
    with pytest.raises(UnknownName, match="Did you mean 'route@acme'"):
        product.decide("route@acne", {})
