"""What trying other options takes, costs and buys, out of the ledger of a product that does."""

from contextlib import closing

import pytest

from autotroph.observe.exploring import COST, EXPECTED, MOVED, exploring, metered
from autotroph.records import Decision, Measurement, Option
from autotroph.spec.policies import First
from autotroph.store import open_store
from autotroph.testing.rows import decision
from trying_product import TOML, days, opened

EXPLORE = 0.4
FIRST = TOML.replace(
    'actions = ["plain", "warm"]', 'actions = ["plain", "warm"]\npolicy = { kind = "first" }'
)
TRYING = FIRST.replace("explore = 0.0", f"explore = {EXPLORE}")
RATES = {"plain": 0.8, "warm": 0.3, "angry_plain": 0.1, "angry_warm": 0.6}


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """440 users, each served the better option unless another one is tried."""
    with opened(tmp_path_factory.mktemp("exploring"), TRYING) as found:
        days(found, 220, 2, **RATES)
        days(found, 10, 1, first=440, **RATES)  # what the second day was worth is read in the next cycle
        yield found


def of(product, **given):
    rooms = product.rooms
    versions = rooms.versions("greet")
    return exploring(product.store, product.spec, "greet", rooms.last.through, versions=versions, **given)


def test_the_loop_measures_what_it_cost(product):
    found = metered(product.store, "greet")
    assert found is not None
    assert found.expected == pytest.approx(EXPLORE / 2)
    assert found.floor == pytest.approx(EXPLORE / 2)
    assert found.judged_by == pytest.approx(found.decisions * EXPLORE / 2)
    assert found.moved == pytest.approx(found.expected, abs=0.06)
    costs = {one.measure: one for one in found.costs}
    assert list(costs) == ["liked", "angry"]
    for name, truth in (("liked", EXPLORE / 2 * 0.5), ("angry", EXPLORE / 2 * 0.5)):
        assert costs[name].low < truth < costs[name].high
        assert costs[name].value == pytest.approx(truth, abs=0.04)
        assert costs[name].low > 0
    told = [one for one in product.store.scan(Decision) if one.arm != "holdback"]
    assert 0.9 * len(told) < found.decisions < len(told)


def test_the_share_that_was_moved_is_that_of_the_log(product):
    served = [one for one in product.store.scan(Decision) if one.arm == "main"]
    rows = product.store.query("SELECT decision, moved, own, floor FROM exploration ORDER BY sequence").rows
    assert [row[0] for row in rows] == [one.id for one in served]
    assert [row[1] for row in rows] == [int(one.option == "warm") for one in served]
    assert {row[2:] for row in rows} == {(1 - EXPLORE / 2, EXPLORE / 2)}


def test_it_is_measured_again_when_there_is_more_or_a_day_later(product):
    last = product.store.get(Measurement, task="greet", name=MOVED)
    assert of(product, now=last.at + 1.0) == []  # the ten users of the last day are no tenth more
    later = of(product, now=last.at + 90_000.0)
    assert next(one.name for one in later) == EXPECTED
    assert {one.name for one in later} >= {f"{COST}liked", f"{COST}angry"}
    assert of(product, now=last.at + 40 * 86_400.0) == []  # nothing was served in the last month


def test_nothing_is_written_where_nothing_is_tried(tmp_path):
    with opened(tmp_path, FIRST) as still:
        days(still, 70, 2)
        assert still.store.get(Measurement, name="lift over release 0") is not None
        assert metered(still.store, "greet") is None
        assert set(still.store.query("SELECT own, floor, moved FROM exploration").rows) == {(1.0, None, 0)}


@pytest.mark.parametrize(
    ("chances", "option", "found"),
    [
        ((0.9, 0.05, 0.05), "b", (0.9, 0.05, 1)),
        ((0.9, 0.05, 0.05), "a", (0.9, 0.05, 0)),
        ((1 / 3, 1 / 3, 1 / 3), "b", (1.0, None, 0)),  # the policy itself draws evenly
        ((1.0, 0.0), "a", (1.0, None, 0)),
        ((1.0,), "a", (1.0, None, 0)),
        ((0.7, 0.2, 0.1), "a", (None, None, None)),  # it draws unevenly by itself: nobody can tell
    ],
)
def test_what_the_policy_would_have_done_is_read_off_the_vector(tmp_path, chances, option, found):
    options = tuple(Option(name, chance) for name, chance in zip("abc", chances, strict=False))
    given = {"provenance": "product", "served": True, "shadows": "", "options": options, "option": option}
    with closing(open_store(tmp_path / "ledger.db")) as store:
        arms = ("main", "control", "candidate", "holdback", "experiment")
        rows = [decision(f"d{arm}", arm=arm, **given) for arm in arms]
        store.append(*rows, decision("unseen", **{**given, "served": False})).durable()
        seen = store.query("SELECT own, floor, moved FROM exploration ORDER BY sequence").rows
    assert seen == (found,) * 3


def test_the_holdback_and_experiments_are_never_explored(product):
    held = [one for one in product.store.scan(Decision) if one.arm == "holdback"]
    assert held
    assert {option.probability for one in held for option in one.options} == {0.0, 1.0}
    assert isinstance(product.spec.tasks["greet"].policy, First)
