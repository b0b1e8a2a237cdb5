"""What a dataset is asked to be: everything that decides it, the ledger aside."""

from math import isfinite
from typing import Literal

import msgspec

from autotroph.errors import InputError, UnknownName
from autotroph.records import IMPROVE
from autotroph.spec import SignalSpec, Spec

Source = Literal["", "product", "import"]

SOURCES = ("product", "import")
NEAREST = 0.7
"""Below this similarity the sketches would miss too many; see `near`."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset holds.

    Attributes:
        task: whose decisions.
        target: the text signal that is learned, such as what a person finally wrote; what was put out, if
            empty.
        pairs: preferences instead of examples: what was written over what was put out, or, without a
            target, the best over the worst of the answers to the same question, by their rewards.
        minimum, maximum: of the reward, both included.
        good: from which reward on an answer counts as preferred; the middle of the declared range if None.
        source: decisions of the product, or imports; both if empty.
        purposes: what must have been agreed to, for a decision and for each signal that counted.
        validation, test: share of the users; the others are for training.
        cut: event time; the test holds only what came from then on, the rest only what came before.
        duplicates: whether of examples that say the same one is kept, or all.
        near: similarity (Jaccard, of overlapping five characters) from which on two texts are the same;
            0: only if they are, spaces and case aside.
        per_user, per_source: how many examples at most; 0 is no limit.
        seed: of split and caps.
    """

    task: str
    target: str = ""
    pairs: bool = False
    minimum: float | None = None
    maximum: float | None = None
    good: float | None = None
    source: Source = ""
    purposes: tuple[str, ...] = (IMPROVE,)
    validation: float = 0.1
    test: float = 0.1
    cut: float | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    near: float = 0.8
    per_user: int = 0
    per_source: int = 0
    seed: int = 0


def checked(recipe: Recipe, spec: Spec) -> Recipe:
    """The recipe with what the declaration decides filled in.

    Raises:
        UnknownName: no such task, source or text signal.
        SpecError: the task declares no reward.
        InputError: shares, bounds or caps that cannot be.
    """
    _, reward = spec.reward_of(recipe.task)
    if recipe.source and recipe.source not in SOURCES:
        raise UnknownName("source", recipe.source, SOURCES)
    _check_target(recipe.target, spec)
    _check_numbers(recipe)
    purposes = tuple(sorted({IMPROVE, *recipe.purposes}))
    middle = sum(reward.range) / 2
    good = middle if recipe.good is None else recipe.good
    return msgspec.structs.replace(recipe, purposes=purposes, good=good)


def _check_target(name: str, spec: Spec) -> None:
    if not name:
        return
    texts = {each for each, one in spec.signals.items() if one.type == "text" and one.about == "decision"}
    if name not in texts:
        raise UnknownName("text signal about a decision", name, texts)


def _check_numbers(recipe: Recipe) -> None:
    numbers = (recipe.minimum, recipe.maximum, recipe.good, recipe.cut, recipe.near)
    if not all(isfinite(one) for one in numbers if one is not None):
        raise InputError("rewards, times and similarities must be finite numbers")
    if min(recipe.validation, recipe.test) < 0 or recipe.validation + recipe.test >= 1:
        raise InputError(
            f"validation {recipe.validation:g} and test {recipe.test:g} are shares of the users: not negative"
            " and together below 1, so that something is left for training"
        )
    if recipe.near and not NEAREST <= recipe.near <= 1:
        raise InputError(
            f"near is {recipe.near:g}; it lies between {NEAREST} and 1, or is 0 to look only for equal texts"
        )
    if recipe.minimum is not None and recipe.maximum is not None and recipe.minimum > recipe.maximum:
        raise InputError(f"the smallest reward, {recipe.minimum:g}, is above the largest, {recipe.maximum:g}")
    if min(recipe.per_user, recipe.per_source) < 0:
        raise InputError("a cap is a number of examples, or 0 for no limit")


def target_of(recipe: Recipe, spec: Spec) -> SignalSpec | None:
    """The declared signal that is learned."""
    return spec.signals[recipe.target] if recipe.target else None
