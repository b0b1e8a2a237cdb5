"""An invariant finds what it is named after."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from autotroph.digest.measures import measure_of
from autotroph.records import Completion, Reward
from autotroph.spec import SKELETON, parse
from autotroph.store import Store, open_store
from autotroph.testing.invariants import no_failed_answer_earns_a_reward
from autotroph.testing.rows import decision

SPEC = parse(SKELETON)
MEASURE = measure_of(SPEC, "route")
LOW = Reward(decision="d1", name=MEASURE.name, version=MEASURE.version, value=0.0, final=True, at=9.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "ledger.db")) as store:
        store.append(decision("d1"), Completion(decision="d1", output="cards", at=1.0, error="503"))
        store.append(decision("d2"), Completion(decision="d2", output="cards", at=1.0))
        yield store


def test_a_failed_answer_may_have_the_low_end_and_any_guardrail(store: Store) -> None:
    slow = replace(LOW, name="slow", version="v", kind="guardrail", value=7.0)
    store.append(LOW, slow, replace(LOW, decision="d2", value=1.0)).durable()
    no_failed_answer_earns_a_reward(store, SPEC)


@pytest.mark.parametrize("value", [0.25, None])
def test_a_failed_answer_that_has_another_reward_is_found(store: Store, value: float | None) -> None:
    store.append(LOW, replace(LOW, value=value)).durable()
    with pytest.raises(AssertionError, match="d1"):
        no_failed_answer_earns_a_reward(store, SPEC)
