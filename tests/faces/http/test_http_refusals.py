"""What a refusal says to a program: its status, its kind, and when to ask again."""

import math

import msgspec
import pytest

from autotroph.errors import Exhausted
from autotroph.faces.http.refusals import MEANING, STATUS, refusal_of


@pytest.mark.parametrize(("after", "headers"), [(0.2, {"retry-after": "1"}), (40.0, {"retry-after": "40"})])
def test_what_is_used_up_is_told_with_the_time_to_ask_again(after: float, headers: dict[str, str]) -> None:
    found = refusal_of(Exhausted("task t: no room", 1e9, after))
    assert found.headers == headers
    assert found.response.status_code == 429
    said = msgspec.json.decode(bytes(found.response.body))
    assert said == {"error": {"type": "exhausted", "message": "task t: no room"}}


def test_what_never_fits_is_not_to_be_asked_again() -> None:
    assert refusal_of(Exhausted("never", math.inf, math.inf)).headers == {"x-should-retry": "false"}


def test_every_status_is_explained() -> None:
    upstreams = {502, 504}  # theirs, not ours
    assert {*STATUS.values(), *upstreams} == set(MEANING)
