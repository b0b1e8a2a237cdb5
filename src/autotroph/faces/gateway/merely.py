"""What answers for a task that is only recorded: its declaration, kept as soon as the ledger takes it."""

from typing import TYPE_CHECKING

from autotroph.deploy.releases import declared_body
from autotroph.errors import LedgerError
from autotroph.prompts.documents import thaw, thawed
from autotroph.records import Artefact, Body
from autotroph.store import Receipt

if TYPE_CHECKING:
    from autotroph.faces.answering import Answering
    from autotroph.prompts.prompt import Prompt


class Merely:
    """The bodies of tasks that nobody decides, and prompts, whether they are in the ledger yet or not.

    Args:
        product: whose.
    """

    def __init__(self, product: "Answering") -> None:
        self._product = product
        self._known: dict[str, tuple[Body, Receipt | None]] = {}
        self._documents: dict[str, Artefact] = {}

    def body(self, task: str) -> Body:
        """What a task is declared to serve; nobody waits until what it names is in the ledger."""
        body, sent = self._known.get(task, (None, None))
        if body is None or sent is None or sent.failure() is not None:
            documents, body = declared_body(self._product.spec, task, 0)
            self._documents |= {one.digest: one for one in documents}
            self._known[task] = body, self._sent(documents)
        return body

    def prompt(self, named: str) -> "Prompt":
        """A prompt by its digest.

        Raises:
            LedgerError: nobody has it.
        """
        found = self._documents.get(named)
        return thaw(self._product.store, named) if found is None else thawed(found)

    def _sent(self, documents: tuple[Artefact, ...]) -> Receipt | None:
        try:
            return self._product.store.append(*documents, patience=0.0)
        except LedgerError:  # it is tried again with the next call
            return None
