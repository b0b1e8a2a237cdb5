from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import options, request, standing

from autotroph.clock import draw
from autotroph.deploy.choose import choose
from autotroph.deploy.cohorts import Cohort
from autotroph.deploy.serving import checked
from autotroph.errors import InputError
from autotroph.records import Proposal
from autotroph.spec import First, Uniform

POLICIES = (First(), Uniform())


def chosen(policy, count, *, luck=0.5, explore=0.1, arm="main"):
    live = standing().main
    return choose(request(), Cohort(arm, live, 0.9), policy, options(count), luck=luck, explore=explore)


@given(st.sampled_from(POLICIES), st.integers(1, 40), st.floats(0, 1, exclude_max=True), st.floats(0, 0.99))
def test_every_option_is_logged_with_its_probability_and_they_sum_to_1(policy, count, luck, explore):
    decision = chosen(policy, count, luck=luck, explore=explore)
    assert [one.id for one in decision.options] == [one.option for one in options(count)]
    assert sum(one.probability for one in decision.options) == pytest.approx(1.0)
    taken = next(one for one in decision.options if one.id == decision.option)
    assert taken.probability > 0


def test_options_are_taken_as_often_as_they_say():
    decisions = [chosen(First(), 4, luck=draw("luck", str(n)), explore=0.4) for n in range(8000)]
    counts = Counter(one.option for one in decisions)
    for option in decisions[0].options:
        spread = (option.probability * (1 - option.probability) / 8000) ** 0.5
        assert abs(counts[option.id] / 8000 - option.probability) < 4 * spread


def test_exploration_is_metered():
    chances = [one.probability for one in chosen(First(), 5, explore=0.1).options]
    assert chances == pytest.approx([0.92, 0.02, 0.02, 0.02, 0.02])


def test_nobody_explores_in_the_holdback():
    assert [one.probability for one in chosen(First(), 3, explore=0.5, arm="holdback").options] == [1, 0, 0]


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0 - 2**-53])
def test_an_option_of_probability_0_is_never_taken(luck):
    assert chosen(First(), 3, luck=luck, explore=0.0).option == "o0"


class TestOptionsThatCannotBeLogged:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ((), "nothing to choose from"),
            ((Proposal("a"), Proposal("a")), "two options are called 'a'"),
            ((Proposal("a", features={"x": float("nan")}),), "feature 'x' is nan"),
            ((Proposal("a", features={"x": "high"}),), "feature 'x' is a str"),  # type: ignore[dict-item]
        ],
    )
    def test_are_refused_by_name(self, wrong, said):
        with pytest.raises(InputError, match=said):
            checked(wrong)

    def test_numbers_of_any_kind_become_floats(self):
        (found,) = checked([Proposal("a", features={"x": True, "y": 3})])
        assert all(type(value) is float for value in found.features.values())
