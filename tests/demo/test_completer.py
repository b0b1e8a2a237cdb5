from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotroph.demo.completer import CUTS, FEATURES, Completer, Project
from autotroph.demo.ngram import Base

LOOP = "for i in range(3):\n    print(i, file=out)\n"
BASE = Base([LOOP, "for key in table:\n    print(key)\n"] * 2)
WEIRD = st.text(alphabet=st.sampled_from(list("for in range(3):\n\t print,\r\u2028é\x00\"'")), max_size=120)


@pytest.fixture
def product() -> Completer:
    return Completer(BASE, Project())


def outputs(product: Completer, before: str, path: str = "a.py") -> list[str]:
    return [proposal.output for proposal in product.propose({"path": path, "before": before})]


def test_a_line_is_offered_token_by_token_up_to_its_end(product: Completer) -> None:
    product.learn("total = first + second\n")
    proposals = product.propose({"path": "a.py", "before": "total ="})
    assert [(each.option, each.output) for each in proposals] == [
        ("ngram:1", " first"),
        ("ngram:2", " first +"),
        ("ngram:line", " first + second"),
    ]


def test_a_cursor_needs_nothing_but_may_bring_more(product: Completer) -> None:
    assert product.propose({}) == product.propose({"path": "", "before": "", "language": 3})


def test_what_follows_the_longest_match_is_offered_too(product: Completer) -> None:
    product.learn("alpha = load(a)\nbeta = load(b)\nbeta = load(b)\nbeta = load(b)\nx = load(c)\n")
    product.learn("one two three gamma = load(d, e)\n")
    options = {
        each.option: each for each in product.propose({"path": "a", "before": "one two three gamma ="})
    }
    assert any(each.output == " load(d, e)" for each in options.values())


@settings(max_examples=60)
@given(WEIRD, WEIRD, WEIRD)
def test_proposals_stay_on_the_line_and_are_finite(learned: str, before: str, path: str) -> None:
    product = Completer(BASE, Project())
    product.learn(learned)
    proposals = product.propose({"path": path, "before": before})
    said = [proposal.output for proposal in proposals]
    assert len(set(said)) == len(said) <= 2 * CUTS
    assert len({proposal.option for proposal in proposals}) == len(proposals)
    for proposal in proposals:
        assert proposal.output.strip()
        assert not {"\n", "\r"} & set(proposal.output)
        assert tuple(proposal.features) == FEATURES
        assert all(isfinite(value) for value in proposal.features.values())


@settings(max_examples=40)
@given(st.lists(st.tuples(WEIRD, st.sampled_from("ab")), min_size=1, max_size=6))
def test_what_was_asked_before_does_not_show(cursors: list[tuple[str, str]]) -> None:
    used = Completer(BASE, Project())
    for before, path in cursors:
        for shorter in (before, before[: len(before) // 2], before + before):
            fresh = Completer(BASE, Project())
            inputs = {"path": path, "before": shorter}
            assert used.propose(inputs) == fresh.propose(inputs)


def test_a_copy_does_not_learn_with_the_original(product: Completer) -> None:
    product.learn("value = one\n")
    frozen, asked = product.at(product.position), "value ="
    before = outputs(frozen, asked)
    product.learn("value = two\n" * 3)
    assert outputs(frozen, asked) == before == [" one"]
    assert outputs(product, asked) == [" two"]


def test_a_position_names_a_state_of_the_project(product: Completer) -> None:
    product.learn("value = one\n")
    position = product.position
    product.learn("value = two\n" * 3)
    assert outputs(product.at(position), "value =") == [" one"]
    assert product.at(position).position == position
    assert product.at(position).at(10**9).position == position


def test_the_current_file_is_read_up_to_the_cursor(product: Completer) -> None:
    assert outputs(product, "unique = special(1)\nunique =")[-1] == " special(1)"


@pytest.mark.parametrize(
    "before", ["x" * 100_000, "(" * 100_000, "\n" * 100_000, "a b " * 50_000, "\r\n" * 9_000, "\ud800\udfff"]
)
def test_huge_and_odd_texts_are_answered(product: Completer, before: str) -> None:
    product.learn(before[:20_000])
    found = product.propose({"path": "a", "before": before})
    assert all(isfinite(value) for one in found for value in one.features.values())
