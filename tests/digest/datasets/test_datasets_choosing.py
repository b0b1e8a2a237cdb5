"""Splits, caps and duplicates hold whatever comes."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from autotroph.digest.datasets.choosing import Choice, Considered, Likeness, choose, split_of
from autotroph.digest.datasets.near import Sketches
from autotroph.digest.datasets.recipe import Recipe

RECIPE = Recipe(task="reply", validation=0.25, test=0.25, near=0.0)

EXAMPLES = st.lists(
    st.tuples(
        st.integers(0, 8), st.sampled_from(["product", "import"]), st.integers(0, 100), st.integers(0, 6)
    ),
    max_size=60,
).map(
    lambda rows: [
        Considered(
            decision=place + 1,
            owner=f"u{owner}",
            source=source,
            at=float(at),
            said=f"{asked} {at % 3}",
            asked=str(asked),
        )
        for place, (owner, source, at, asked) in enumerate(rows)
    ]
)
RECIPES = st.builds(
    lambda seed, user, source, cut, duplicates: replace(
        RECIPE, seed=seed, per_user=user, per_source=source, cut=cut, duplicates=duplicates
    ),
    st.integers(0, 50),
    st.integers(0, 4),
    st.integers(0, 10),
    st.none() | st.integers(0, 100).map(float),
    st.sampled_from(["drop", "keep"]),
)


def by(choice: Choice, ones: list[Considered], name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for place, split in choice.splits.items():
        found.setdefault(getattr(ones[place], name), set()).add(split)
    return found


@settings(max_examples=300)
@given(EXAMPLES, RECIPES)
def test_nobody_and_nothing_asked_is_in_two_splits(ones: list[Considered], recipe: Recipe) -> None:
    choice = choose(ones, recipe, None)
    assert all(len(splits) == 1 for splits in by(choice, ones, "owner").values())
    assert all(len(splits) == 1 for splits in by(choice, ones, "asked").values())
    assert len(choice.splits) + choice.left.total() == len(ones)


@settings(max_examples=300)
@given(EXAMPLES, RECIPES)
def test_nothing_is_said_twice_and_no_cap_is_passed(ones: list[Considered], recipe: Recipe) -> None:
    chosen = [ones[place] for place in choose(ones, recipe, None).splits]
    if recipe.duplicates == "drop":
        assert max(Counter(one.said for one in chosen).values(), default=0) <= 1
    if recipe.per_user:
        assert max(Counter(one.owner for one in chosen).values(), default=0) <= recipe.per_user
    if recipe.per_source:
        assert max(Counter(one.source for one in chosen).values(), default=0) <= recipe.per_source


@settings(max_examples=200)
@given(EXAMPLES, RECIPES)
def test_the_cut_parts_the_test_from_the_rest(ones: list[Considered], recipe: Recipe) -> None:
    if recipe.cut is None:
        return
    for place, split in choose(ones, recipe, None).splits.items():
        assert (ones[place].at >= recipe.cut) == (split == "test")


@settings(max_examples=200)
@given(EXAMPLES, RECIPES, st.integers(0, 60))
def test_more_data_moves_nobody(ones: list[Considered], recipe: Recipe, some: int) -> None:
    before, after = (
        by(choose(ones[:some], recipe, None), ones, "owner"),
        by(choose(ones, recipe, None), ones, "owner"),
    )
    assert all(before[owner] == after[owner] for owner in before.keys() & after.keys())


@settings(max_examples=200)
@given(EXAMPLES, st.integers(1, 4))
def test_a_larger_cap_keeps_what_a_smaller_one_kept(ones: list[Considered], cap: int) -> None:
    recipe = replace(RECIPE, validation=0.0, test=0.0)
    smaller, larger = (
        choose(ones, replace(recipe, per_user=each), None).splits.keys() for each in (cap, cap + 1)
    )
    assert smaller <= larger


def test_shares_are_about_as_asked() -> None:
    ones = [Considered(n, f"u{n}", "product", 0.0, str(n), str(n)) for n in range(10_000)]
    recipe = replace(RECIPE, validation=0.1, test=0.2)
    counts = Counter(split_of(one, recipe) for one in ones)
    assert abs(counts["test"] - 2000) < 150
    assert abs(counts["validation"] - 1000) < 110


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 12), st.text("ab c", min_size=10, max_size=14)), max_size=40))
def test_what_is_nearly_the_same_is_on_one_side(rows: list[tuple[int, str]]) -> None:
    like = Likeness(Sketches(), Sketches())
    like.said.add(f"{text} {place}" for place, (_, text) in enumerate(rows))
    like.asked.add(text for _, text in rows)
    ones = [
        Considered(place, f"u{owner}", "product", 0.0, f"{text} {place}", text)
        for place, (owner, text) in enumerate(rows)
    ]
    splits = choose(ones, replace(RECIPE, near=1.0), like).splits
    for one, split in splits.items():
        for other in splits:
            if like.asked.similarity(one, other) == 1.0:
                assert splits[other] == split
