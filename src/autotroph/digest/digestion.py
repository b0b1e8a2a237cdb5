"""Interactions to rewards and examples: what each answer was worth, and each answer that was not given."""

from collections.abc import Callable

import msgspec

from autotroph.digest.measures import Measure, measured
from autotroph.records import Completion, Dataset, Decision, Example, Interaction, Proposal, Reward

Key = Callable[[Decision], str]


class Digestion:
    """One task's examples so far, valued by its reward. Holds nothing that the ledger does not.

    Args:
        task: its name.
        measure: its reward.
        key: what decisions share which ask the same, see `features.asked`.
    """

    def __init__(self, task: str, measure: Measure, key: Key = lambda _: "") -> None:
        self._task, self._measure, self._key = task, measure, key
        self._asked: set[str] = set()
        self._examples: dict[tuple[str, str], Example] = {}
        self._teachers: dict[tuple[str, str], str] = {}
        self._decided: set[str] = set()
        self._fold: dict[str, Interaction] = {}

    def digest(self, interaction: Interaction, now: float) -> Reward | None:
        """The reward if it is final now; the interaction then becomes the gate's evidence, or an example."""
        scored = measured(self._measure, interaction, now)
        if scored is None or not scored.final:
            return None
        self.keep(interaction, now)
        return scored

    def keep(self, interaction: Interaction, now: float) -> None:
        """Remember a finished interaction for the gate or for the tracks, whichever may see it.

        One that was kept before, and that a late signal has moved, is replaced.
        """
        decision = interaction.decision
        if decision.fold == "gate":
            if decision.served and decision.provenance == "product" and decision.arm != "experiment":
                self._fold[decision.id] = interaction
        elif decision.proposals:
            self._learn(interaction, now)

    def _learn(self, interaction: Interaction, now: float) -> None:
        """Of several answers with the same options the first teaches."""
        decision = interaction.decision
        if decision.served and interaction.may_learn:
            self._asked.add(self._key(decision))
        key = (decision.about, decision.variant)
        if self._teachers.setdefault(key, decision.id) != decision.id:
            return
        if interaction.may_learn:
            self._decided.add(decision.about)
            self._examples[key] = self._example(interaction, now)
        else:
            self._examples.pop(key, None)

    @property
    def fold(self) -> tuple[Interaction, ...]:
        """The finished interactions of the gate's fold, in ledger order: no track may see them."""
        return tuple(self._fold.values())

    def learned(self, decision: Decision) -> bool:
        """Whether the tracks may have learned from somebody who asked the same."""
        return self._key(decision) in self._asked

    @property
    def count(self) -> int:
        """How many decisions there are examples of."""
        return len(self._decided)

    def dataset(self, variants: str, through: int) -> Dataset:
        """Freeze the examples whose options came from these variants, or from an import."""
        chosen = tuple(one for one in self._examples.values() if one.variants in (variants, ""))
        return Dataset(task=self._task, through=through, examples=chosen)

    def worth(self, interaction: Interaction, answer: Completion, now: float) -> float | None:
        """What another answer to the same decision would have been worth; None where that is unknown."""
        other = msgspec.structs.replace(interaction, completion=answer)
        scored = measured(self._measure, other, now)
        return scored.value if scored is not None else None

    def _example(self, interaction: Interaction, now: float) -> Example:
        decision = interaction.decision
        return Example(
            decision=decision.about,
            variants=decision.variant,
            proposals=decision.proposals,
            chances=_chances(decision),
            worth=tuple(self._worth(interaction, one, now) for one in decision.proposals),
        )

    def _worth(self, interaction: Interaction, answer: Proposal, now: float) -> float | None:
        taken = answer.option == interaction.decision.option
        if not taken and self._measure.scores != "any":
            return None
        return self.worth(interaction, _as_if(interaction.completion, answer, taken=taken), now)


def _chances(decision: Decision) -> tuple[float, ...]:
    known = {option.id: option.probability for option in decision.options}
    return tuple(known.get(one.option, 0.0) for one in decision.proposals)


def _as_if(completion: Completion, answer: Proposal, *, taken: bool) -> Completion:
    """What failed is the answer that was taken, and none of the others."""
    return msgspec.structs.replace(completion, output=answer.output, error=completion.error if taken else "")
