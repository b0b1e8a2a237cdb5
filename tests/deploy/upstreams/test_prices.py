"""What an answer cost: exact over a million of them, and unknown where nobody knows."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.deploy.upstreams.prices import FREE, PICO, Rates, Usage, cost, most, rates, usage, usd
from autotroph.errors import SpecError
from autotroph.spec import parse

MODELS = """
[product]
name = "p"
[models.m]
kind = "KIND"
base_url = "http://127.0.0.1:1/v1"
"""
TASK = """
[tasks.t]
kind = "chat"
[tasks.t.variants.v]
model = "m"
[tasks.t.budget]
usd = 1
"""


def priced(price: str = "", kind: str = "openai") -> Rates | None:
    line = f"price = {{ {price} }}\n" if price else ""
    return rates(parse(MODELS.replace("KIND", kind) + line).models["m"])


CHAT = {
    "prompt_tokens": 1000,
    "completion_tokens": 300,
    "total_tokens": 1300,
    "prompt_tokens_details": {"cached_tokens": 400, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 200},
}
RESPONSES = {
    "input_tokens": 1000,
    "output_tokens": 300,
    "input_tokens_details": {"cached_tokens": 400},
    "output_tokens_details": {"reasoning_tokens": 200},
}
MESSAGES = {
    "input_tokens": 100,
    "output_tokens": 300,
    "cache_read_input_tokens": 400,
    "cache_creation_input_tokens": 500,
}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (CHAT, Usage(1000, 400, 0, 300, 200)),
        (RESPONSES, Usage(1000, 400, 0, 300, 200)),
        (MESSAGES, Usage(1000, 400, 500, 300, 0)),
        ({"prompt_tokens": 7, "total_tokens": 7}, Usage(input=7)),  # embeddings
        ({"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(7, output=2)),
        (CHAT | {"total_tokens": 1500}, Usage(1000, 400, 0, 500, 200)),  # reasoning beside the output
        (CHAT | {"completion_tokens": 10, "total_tokens": None}, Usage(1000, 400, 0, 210, 200)),
    ],
)
def test_usage_as_each_of_them_tells_it(said, found):
    assert usage(said) == found


@pytest.mark.parametrize(
    "said",
    [
        None, "many", [], {}, {"total_tokens": 3},
        {"prompt_tokens": -1}, {"prompt_tokens": "7"}, {"prompt_tokens": True}, {"input_tokens": 1.5},
        {"prompt_tokens": 2**62, "completion_tokens": 1}, {"input_tokens": 1, "output_tokens": 10**18},
        {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 2}},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_unknown_and_not_nothing(said):
    assert usage(said) is None
    assert usd(cost(usage(said), priced("input = 1, output = 1"))) is None


def test_without_a_price_nobody_knows_and_in_this_process_it_is_free():
    assert usd(cost(Usage(input=5), priced())) is None
    assert priced(kind="local") == FREE
    assert usd(cost(Usage(input=5), FREE)) == 0.0


def test_what_is_priced_apart_is():
    apart = priced("input = 2.5, cached = 1.25, written = 3.125, output = 10, reasoning = 12")
    assert cost(usage(CHAT), apart) == 600 * 2_500_000 + 400 * 1_250_000 + 100 * 10**7 + 200 * 12 * 10**6
    assert cost(usage(MESSAGES), apart) == 100 * 2_500_000 + 400 * 1_250_000 + 500 * 3_125_000 + 300 * 10**7
    alike = priced("input = 2.5, output = 10")
    assert cost(usage(CHAT), alike) == 1000 * 2_500_000 + 300 * 10**7


def test_a_million_answers_add_up_to_the_cent():
    luck = np.random.default_rng(6)
    asked, answered = luck.integers(1, 4000, 10**6).tolist(), luck.integers(1, 900, 10**6).tolist()
    price = priced("input = 0.15, cached = 0.075, output = 0.6")
    assert price is not None
    exactly = sum(asked) * Fraction(Decimal("0.15")) + sum(answered) * Fraction(Decimal("0.6"))
    rows, pico = 0.0, 0
    for one, other in zip(asked, answered, strict=True):
        found = cost(Usage(input=one, output=other), price)
        assert found is not None
        pico += found
        rows += found / PICO
    assert Fraction(pico, PICO) == exactly / 10**6
    assert abs(rows - float(exactly / 10**6)) < 0.0001


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1),
    st.lists(st.integers(0, 10**9), min_size=5, max_size=5),
)  # fmt: skip
def test_nothing_costs_more_than_was_set_aside(asked, answered, cached, written, reasoning, each):
    read = int(asked * cached)
    told = Usage(asked, read, int((asked - read) * written), answered, int(answered * reasoning))
    assert (cost(told, Rates(*each)) or 0) <= most(asked, answered, Rates(*each))


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("price = { input = 1 }", "models.m.price.output: missing; expected a number"),
        (
            "price = { input = 1, output = 2, cashed = 1 }",
            "models.m.price.cashed: unknown key; known: cached,",
        ),
        (
            "price = { input = 1, output = -2 }",
            "models.m.price.output: expected a number that is not negative",
        ),
        ("price = { input = 1, output = 1e-7 }", "models.m.price.output: USD per million tokens; at most 6"),
        ("price = 3", "models.m.price: expected a table, found 3"),
        (TASK, "tasks.t.budget: models.m has no price, so nobody knows what is spent"),
        (
            "price = { input = 1, output = 2 }\n[models.other]\nkind = 'openai'\n"
            + "base_url = 'http://127.0.0.1:1/v1'\n"
            + TASK.replace('model = "m"', 'model = "m"\nfallback = ["other"]'),
            "tasks.t.budget: models.other has no price, so nobody knows what is spent",
        ),
        ("[keys.k]\nbudget = { every = '10ms' }", "keys.k.budget.every: at least 1s"),
        ("[keys.k.limit]", "keys.k.limit: requests = … or tokens = …"),
        ("[keys.k.limit]\nrequests = 0", "keys.k.limit.requests: expected a whole number of at least 1"),
    ],
)
def test_what_is_declared_wrong_is_refused(declared, says):
    with pytest.raises(SpecError) as told:
        parse(MODELS.replace("KIND", "openai") + declared)
    assert says in str(told.value)
