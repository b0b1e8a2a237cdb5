"""Answers that the library has given, and those of them that it still knows by their keys."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from autotroph.errors import Conflict, LedgerError
from autotroph.records import Completion, Decision, canonical
from autotroph.store import Receipt

RECENT = 4096
RECENT_BYTES = 16 * 2**20
"""Keyed answers kept until the ledger surely has them: so many, and of inputs so large in all."""


class Answer:
    """A decision that was made: what to show, and the id that signals are about.

    Attributes:
        id: of the decision.
        option: what was taken; `output`: what it puts out (empty for silence).
        decision: the whole record, with the probability of every option.
        completion: what came of it.
    """

    def __init__(
        self, decision: Decision, completion: Completion, receipt: Receipt | None, unrecorded: str = ""
    ) -> None:
        self.decision, self.completion, self._receipt = decision, completion, receipt
        self.id, self.option, self.output = decision.id, decision.option, completion.output
        self._unrecorded = unrecorded

    @property
    def unrecorded(self) -> str:
        """Why the decision is not in the ledger; empty where it is, or is still on its way."""
        failure = self._receipt.failure() if self._receipt else None
        return str(failure) if failure else self._unrecorded

    def durable(self, timeout: float | None = None) -> "Answer":
        """Wait until the decision is on disk; from then on it survives a power cut.

        Raises:
            LedgerError: it could not be written, or is not on disk after `timeout` seconds.
        """
        if self._receipt is None:
            raise LedgerError(f"decision {self.id} was answered and not recorded: {self.unrecorded}")
        self._receipt.durable(timeout)
        return self

    def unless_other(self, task: str, inputs: Mapping[str, Any], user: str, session: str) -> "Answer":
        """This answer, if it was to this question; Conflict if its key was used for another."""
        decision = self.decision
        first = {name: getattr(decision, name) for name in ("task", "inputs", "user", "session")}
        if first != {"task": task, "inputs": inputs, "user": user, "session": session}:
            raise Conflict(
                f"key {decision.key!r} was used before, for another question, by decision {self.id}; "
                "that one stands: use another key for another decision",
                {"id": self.id, "sequence": decision.sequence, **first},
            )
        return self


class RecentAnswers:
    """The answers of the last keyed decisions, bounded in number and in bytes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Answer, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str) -> Answer | None:
        """The answer that was given to a key lately."""
        found = self._kept.get(key)
        return found[0] if found else None

    def add(self, answer: Answer) -> None:
        """Remember an answer by its key; one without a key is not asked for again."""
        key = answer.decision.key
        if not key or key in self._kept:
            return
        size = len(canonical(answer.decision.inputs)) + len(answer.output)
        self._kept[key] = (answer, size)
        self._bytes += size
        while len(self._kept) > RECENT or self._bytes > RECENT_BYTES:
            self._bytes -= self._kept.popitem(last=False)[1][1]
