"""How a model outside is called, as it is declared."""

import pytest

from autotroph.errors import SpecError
from autotroph.spec import CallSpec, parse

DECLARED = """
[product]
name = "p"

[models.large]
kind = "openai"
base_url = "https://llm.example.com/v1"
"""


def test_times_retries_and_the_breaker_are_declared_by_model():
    said = '[models.large.calls]\nfirst_token = "900ms"\nretries = 0\nretry_share = 0.05\nbreak_after = 3\n'
    calls = parse(DECLARED + said).models["large"].calls
    assert (calls.first_token, calls.retries, calls.retry_share, calls.break_after) == (0.9, 0, 0.05, 3)
    assert parse(DECLARED).models["large"].calls == CallSpec()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("retries = 11", "a whole number from 0 to 10"),
        ("retries = -1", "a whole number from 0 to 10"),
        ("retry_share = 1.0", "a share of at least 0 and below 1"),
        ("break_after = 0", "a whole number of at least 1"),
        ("connect = 5", "a duration"),
        ("first_tokens = 5", "Did you mean 'first_token'?"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(said: str, told: str):
    with pytest.raises(SpecError) as caught:
        parse(f"{DECLARED}[models.large.calls]\n{said}\n")
    assert "models.large.calls." in str(caught.value)
    assert told in str(caught.value)
