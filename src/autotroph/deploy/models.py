"""Models that answer in this process, each as it was at the ledger sequence that a release names."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from autotroph.errors import InputError, suggest
from autotroph.records import Proposal, Variant

Texts = Callable[[tuple[str, ...], int, int], Iterable[str]]
"""`texts(signals, after, until)`: what of these may be learned from, in ledger order, in after..until."""


class Model(Protocol):
    """Answers with proposals; asked on the hot path, so it must be quick and must not learn there."""

    def propose(self, inputs: Mapping[str, Any]) -> Sequence[Proposal]:
        """What could be answered, each with an option id of its own and finite features; may be empty."""


@runtime_checkable
class LearningModel(Model, Protocol):
    """A model that learns from texts, outside the hot path, and only by being told to."""

    def fresh(self) -> Self:
        """One that has learned nothing yet, and learns apart from this one."""

    def frozen(self) -> Self:
        """This one as it is now, whatever is learned later."""

    def learn(self, text: str) -> None:
        """Take one text in. The same texts in the same order must give the same model."""


Learner = tuple[str, tuple[str, ...]]
"""A model by its name, and the signals that it learns from."""


class ModelPool:
    """The models of a product, by what they know.

    Whatever they know is in the ledger, so a pool can be rebuilt at any time: a variant that stays at one
    knowledge has an instance of its own; those that learn within their envelope share one. Who asks a model
    holds the `lock`, so that none learns while it answers.
    """

    def __init__(self, models: Mapping[str, Model], texts: Texts) -> None:
        self._models, self._texts = models, texts
        self._learning = {name: one for name, one in models.items() if isinstance(one, LearningModel)}
        self.lock = threading.RLock()
        self._frozen: dict[tuple[Learner, int], Model] = {}
        self._live: dict[Learner, tuple[int, LearningModel]] = {}

    def at(self, variant: Variant, knowledge: int) -> Model:
        """The variant's model: if it learns, knowing the ledger up to `knowledge`, else as it was frozen."""
        if variant.model not in self._learning:
            return self._base(variant.model)
        model, learner = self._learning[variant.model], (variant.model, variant.signals)
        if variant.learns:
            return self._learned(learner, model, knowledge)
        key = (learner, variant.knowledge)
        if key not in self._frozen:
            self._frozen[key] = self._learned_apart(learner, model, variant.knowledge)
        return self._frozen[key]

    def _base(self, name: str) -> Model:
        if name not in self._models:
            raise InputError(
                f"model {name!r} does not answer in this process; {suggest(name, self._models)} "
                "Pass it as models={…} to autotroph.open, or give the options with the call"
            )
        return self._models[name]

    def _learned(self, learner: Learner, base: LearningModel, knowledge: int) -> LearningModel:
        known, model = self._live.get(learner) or (0, base.fresh())
        if knowledge < known:
            raise InputError(
                f"model {learner[0]!r} has learned up to {known} and cannot forget back to {knowledge}"
            )
        for text in self._texts(learner[1], known, knowledge) if knowledge > known else ():
            model.learn(text)
        self._live[learner] = (knowledge, model)
        return model

    def _learned_apart(self, learner: Learner, base: LearningModel, knowledge: int) -> Model:
        """Frozen on the way where the learning model has not come further yet, else taught anew."""
        known, _ = self._live.get(learner) or (0, base)
        if known <= knowledge:
            return self._learned(learner, base, knowledge).frozen()
        model = base.fresh()
        for text in self._texts(learner[1], 0, knowledge):
            model.learn(text)
        return model
