"""The start token: it opens everything, in the process that was started with it."""

from pathlib import Path

import pytest

from autotroph.clock import ReplayClock
from autotroph.errors import InputError
from autotroph.govern.keys import GRANTS, SHORTEST, VARIABLE, Keys, start_token


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock("keys", at=1_000_000.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db.keys"


def test_the_start_token_opens_everything_in_this_process_only(path: Path, clock: ReplayClock) -> None:
    token = start_token({})
    assert len(token) * 6 >= 128
    assert token != start_token({})
    keys = Keys(path, clock, token)
    found = keys.find(token)
    assert found is not None
    assert found.scopes == set(GRANTS)
    assert found.vouches
    assert not path.exists()
    assert Keys(path, clock).find(token) is None
    assert token not in repr(found)


def test_without_a_token_nothing_empty_opens(path: Path, clock: ReplayClock) -> None:
    assert Keys(path, clock).find("") is None
    assert Keys(path, clock, "").find("token") is None


def test_the_start_token_may_come_from_the_environment() -> None:
    given_ = "a-token-of-22-signs..."
    assert len(given_) == SHORTEST
    assert start_token({VARIABLE: given_}) == given_
    assert start_token({VARIABLE: ""}) != ""


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("s3cret", "has 6 signs; from 22 to 512"),
        ("s" * 21, "has 21 signs"),
        ("s" * 513, "has 513 signs"),
        ("s3cret with blanks in it", "no HTTP header carries"),
        ("s3cretü" * 4, "no HTTP header carries"),
        ("s3cret\0" * 4, "no HTTP header carries"),
        ("s" * 30 + "\n", "no HTTP header carries"),
    ],
)
def test_a_weak_token_is_refused_and_not_repeated(token: str, error: str) -> None:
    with pytest.raises(InputError, match=error) as refusal:
        start_token({VARIABLE: token})
    assert token not in str(refusal.value)
    assert "s3cret" not in str(refusal.value)
