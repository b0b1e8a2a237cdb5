"""What is made of the rows on their way round: values that are no rows themselves."""

import msgspec

from autotroph.clock import digest
from autotroph.records.bodies import canonical
from autotroph.records.rows import Artefact, Completion, Decision, Proposal, Value


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with what came of it and, for one measure, what came back. Not a row.

    `agreed` says that all of its signals may be learned from.
    """

    decision: Decision
    completion: Completion
    signals: dict[str, Value]
    agreed: bool = True

    @property
    def may_learn(self) -> bool:
        """Whether learning was agreed to for all of it."""
        return self.agreed and self.decision.terms.may_learn


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as a track may learn from it. Not a row.

    Attributes:
        decision: the served decision that it is about.
        variants: digest of the variants that proposed the options, empty for an import.
        proposals: the options, shape (K,).
        chances: the probability with which each was chosen, shape (K,); 0 where nobody knows.
        worth: the reward of each, shape (K,); None where it is unknown.
    """

    decision: str
    variants: str
    proposals: tuple[Proposal, ...]
    chances: tuple[float, ...]
    worth: tuple[float | None, ...]


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen, content-addressed list of examples of one task, up to a ledger sequence. Not a row."""

    task: str
    through: int
    examples: tuple[Example, ...]

    @property
    def snapshot(self) -> Artefact:
        """What stays of it: of which task, how many examples, and the hash of them and their worth."""
        held = [(one.decision, one.variants, one.worth) for one in self.examples]
        body = canonical({"task": self.task, "examples": len(held), "held": digest("held", canonical(held))})
        return Artefact(digest=digest("snapshot", body), kind="dataset snapshot", body=body)

    @property
    def digest(self) -> str:
        """The hash of that."""
        return self.snapshot.digest
