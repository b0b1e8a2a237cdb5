import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.features.context import crossed, featurise
from autotroph.features.matrix import matrix, names
from autotroph.records import Proposal

CONTEXT = {"text": "text", "plan": "category", "age": "number"}


def test_the_same_inputs_give_the_same_features():
    inputs = {"text": "lost my card", "plan": "gold", "age": 3}
    assert featurise(inputs, CONTEXT) == featurise(dict(reversed(inputs.items())), CONTEXT)


def test_words_count_in_any_order_and_any_case():
    assert featurise({"text": "Lost CARD"}, CONTEXT) == pytest.approx(
        featurise({"text": "card lost"}, CONTEXT)
    )


def test_what_was_not_declared_or_is_missing_contributes_nothing():
    assert featurise({"secret": "x", "plan": None}, CONTEXT) == {"bias": 1.0}


def test_another_value_gives_other_features():
    plans = {tuple(sorted(featurise({"plan": f"plan {n}"}, CONTEXT).items())) for n in range(30)}
    assert len(plans) > 20


@given(st.text(max_size=200))
def test_any_text_gives_few_finite_numbers(text):
    found = featurise({"text": text}, CONTEXT)
    assert len(found) <= 65
    assert all(abs(value) <= 200 for value in found.values())


def test_each_action_has_features_of_its_own():
    assert not crossed({"bias": 1.0}, "cards").keys() & crossed({"bias": 1.0}, "fraud").keys()


def test_a_matrix_has_the_columns_that_were_asked_for_in_that_order():
    proposals = [Proposal("a", features={"x": 1.0, "y": 2.0}), Proposal("b", features={"z": 3.0})]
    assert names(proposals) == ("x", "y", "z")
    assert matrix(proposals, ("z", "x")).tolist() == [[0.0, 1.0], [3.0, 0.0]]
    assert matrix([], ("z",)).shape == (0, 1)
