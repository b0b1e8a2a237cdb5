"""Of what was found: nobody in two splits, nothing twice, no more than the caps, nothing near across splits.

A split is drawn by the owner's hash, so more data never moves anybody. Of examples that are the same the
oldest is kept. Which ones a cap keeps is drawn by hash, so a larger cap keeps what a smaller one kept. What
asks nearly the same as an example of the test is not in validation or training, nor in training what asks
nearly the same as one of the validation.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from autotroph.clock import draw
from autotroph.digest.datasets.manifest import Split
from autotroph.digest.datasets.near import Crowd, Sketches
from autotroph.digest.datasets.recipe import Recipe


class Considered(msgspec.Struct, frozen=True, gc=False):
    """What choosing needs to know of an example.

    Attributes:
        decision: its ledger sequence.
        owner: whose it is.
        source: where it is from.
        at: event time.
        said: digest of question and answer, normalised.
        asked: digest of the question, normalised.
    """

    decision: int
    owner: str
    source: str
    at: float
    said: str
    asked: str


class Likeness(msgspec.Struct, frozen=True):
    """Sketches of each example, in order: of question and answer, and of the question alone."""

    said: Sketches
    asked: Sketches


class Choice(msgspec.Struct, frozen=True):
    """Which examples were chosen, by their place, and for what; and why others were not."""

    splits: dict[int, Split]
    left: Counter[str]


def choose(ones: Sequence[Considered], recipe: Recipe, like: Likeness | None) -> Choice:
    """Decides about examples, given in ledger order.

    Args:
        ones: the examples.
        recipe: what is asked for.
        like: which are near each other; None: only those that are equal.
    """
    left: Counter[str] = Counter()
    splits = {place: split for place, one in enumerate(ones) if (split := split_of(one, recipe))}
    left["by the other side of the cut"] = len(ones) - len(splits)
    kept = list(splits)
    if recipe.duplicates == "drop":
        kept = _unique(ones, kept, left)
        kept = _distinct(kept, like.said, recipe.near, left) if like else kept
    kept = _capped(ones, kept, recipe.per_user, lambda one: one.owner, recipe.seed)
    kept = _capped(ones, kept, recipe.per_source, lambda one: one.source, recipe.seed)
    left["above a cap"] = len(splits) - len(kept) - left["said before"] - left["nearly said before"]
    apart = _apart(ones, {place: splits[place] for place in kept}, recipe.near, like)
    left["asked in another split"] = len(kept) - len(apart)
    return Choice({place: splits[place] for place in apart}, +left)


def split_of(one: Considered, recipe: Recipe) -> Split | None:
    """What an example is for; None if it lies on the other side of the cut in time."""
    luck = draw(str(recipe.seed), "split", one.owner)
    split: Split = "train"
    if luck < recipe.test + recipe.validation:
        split = "test" if luck < recipe.test else "validation"
    after = recipe.cut is not None and one.at >= recipe.cut
    return split if recipe.cut is None or after == (split == "test") else None


def _unique(ones: Sequence[Considered], kept: Sequence[int], left: Counter[str]) -> list[int]:
    first: dict[str, int] = {}
    for place in kept:
        first.setdefault(ones[place].said, place)
    left["said before"] = len(kept) - len(first)
    return list(first.values())


def _distinct(kept: Sequence[int], said: Sketches, near: float, left: Counter[str]) -> list[int]:
    crowd, found = Crowd(said, near), []
    for place in kept:
        if crowd.like(place):
            left["nearly said before"] += 1
        else:
            crowd.keep(place)
            found.append(place)
    return found


def _capped(
    ones: Sequence[Considered], kept: Sequence[int], cap: int, of: Callable[[Considered], str], seed: int
) -> list[int]:
    """At most so many of each; which ones is drawn by hash."""
    if not cap:
        return list(kept)
    counts: Counter[str] = Counter()
    found = []
    for place in sorted(kept, key=lambda place: draw(str(seed), "cap", str(ones[place].decision))):
        name = of(ones[place])
        counts[name] += 1
        if counts[name] <= cap:
            found.append(place)
    return sorted(found)


def _apart(
    ones: Sequence[Considered], splits: dict[int, Split], near: float, like: Likeness | None
) -> list[int]:
    """Those that ask nothing that an example of a scarcer split asks."""
    found: list[int] = []
    asked: set[str] = set()
    crowds: list[Crowd] = []
    for split in ("test", "validation", "train"):
        here = [place for place in splits if splits[place] == split and ones[place].asked not in asked]
        here = [place for place in here if not any(crowd.like(place) for crowd in crowds)]
        found += here
        asked |= {ones[place].asked for place in here}
        if like and split != "train":
            crowds.append(_crowd(like.asked, near, here))
    return sorted(found)


def _crowd(asked: Sketches, near: float, places: Sequence[int]) -> Crowd:
    crowd = Crowd(asked, near)
    for place in places:
        crowd.keep(place)
    return crowd
