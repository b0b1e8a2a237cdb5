"""What the next candidate has before it, out of a real ledger."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from autotroph.plan.ahead import ahead
from autotroph.spec import ModelSpec, VariantSpec
from support_product import START, ask, opened, pass_time

MORE = """
[ladder]
steps = [0.1, 0.5, 1.0]
floor = "1d"
minimum = 20
margin = 0.05
[gate]
alpha = 0.1
"""


def used(product, users: int) -> None:
    for user in range(users):
        product.clock.advance(START + user * 600)
        one = ask(product, f"u{user}")
        if user % 4 != 3:
            product.signal(one, "accepted", user % 2 == 0)
    pass_time(product, 4 * 3600.0)


def test_it_takes_what_the_ledger_shows_and_what_is_declared(tmp_path: Path) -> None:
    with opened(tmp_path, MORE) as product:
        used(product, 400)
        found = ahead(product.store, product.spec, "reply")
        assert found.lacks == ""
        assert found.kind == "split"
        assert found.flow.units == pytest.approx(144, rel=0.05)
        assert found.flow.feedback == pytest.approx(0.75)
        assert found.mean == pytest.approx(2 / 3, abs=0.01)
        assert found.alpha == pytest.approx(0.1 * 0.4375, abs=1e-4)
        declared, other = found.forecasts
        assert (declared.kind, other.kind) == ("split", "paired")
        assert declared.effect == pytest.approx(found.mean / 10)
        assert [one.share for one in declared.stages] == [0.1, 0.5]
        fifth, double = found.beside
        assert declared.days is not None
        assert double.days is not None
        assert double.days < declared.days
        assert fifth.days is None or fifth.days > declared.days


def test_answers_that_are_bought_are_compared_in_one_way(tmp_path: Path) -> None:
    with opened(tmp_path, MORE) as product:
        used(product, 400)
        small = ModelSpec(kind="openai", base_url="https://llm.example.com/v1")
        task = replace(
            product.spec.tasks["reply"], kind="chat", variants={"bought": VariantSpec(model="small")}
        )
        outside = replace(product.spec, models={"small": small}, tasks={"reply": task})
        (only,) = ahead(product.store, outside, "reply").forecasts
        assert only.kind == "split"


def test_too_little_says_what_there_is(tmp_path: Path) -> None:
    with opened(tmp_path, MORE) as product:
        used(product, 12)
        found = ahead(product.store, product.spec, "reply")
        assert found.lacks.startswith("9 units have a final reward, at least 20 are needed")
        assert "of 12 decisions 12 are final, of which 9 have a reward by 'useful'" in found.lacks
        assert found.forecasts == ()


def test_a_reward_of_nothing_cannot_be_a_tenth_better(tmp_path: Path) -> None:
    with opened(tmp_path, MORE) as product:
        for user in range(30):
            product.signal(ask(product, f"u{user}"), "accepted", False)
        pass_time(product, 4 * 3600.0)
        assert "the mean of 'useful' is 0" in ahead(product.store, product.spec, "reply").lacks


def test_a_product_that_was_never_used_lacks_everything(tmp_path: Path) -> None:
    with opened(tmp_path, MORE) as product:
        assert ahead(product.store, product.spec, "reply").lacks.startswith("0 units")
