"""What every row passes before it is written: nothing about the erased, nothing to be blacked out."""

from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec.structs import replace

from autotroph.clock import digest
from autotroph.errors import Erased
from autotroph.govern.redaction import Redactor
from autotroph.records import Completion, Decision, Erasure, Proposal, Record, Signal
from autotroph.store import Reader

R = TypeVar("R", bound=Record)

OURS = "decision_"
"""What ids begin with that are nobody's name; that digits of theirs look like a card's changes nothing."""

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Digits would look like numbers of cards and phones."""


class Custody:
    """Guards what is written about people.

    Args:
        reader: of the ledger, which says who was erased.
        salt: the product's, so that the digest of an id says nothing to who does not have the ledger.
        redactor: what is blacked out.
    """

    def __init__(self, reader: Reader, salt: str, redactor: Redactor) -> None:
        self._salt, self._redactor = salt, redactor
        self._erased = {one.digest for one in reader.scan(Erasure)}

    def admit(self, record: R) -> R:
        """The row as it may be stored.

        Raises:
            Erased: it is about somebody who was erased.
        """
        if self._erased:
            for about, id_ in _subjects(record):
                self._refuse(about, id_)
        return record if self._redactor.empty else self._redacted(record)

    def redacted(self, value: Any) -> Any:
        """A nested value with everything blacked out that is to be."""
        return value if self._redactor.empty else self._redactor.value(value)

    def called(self, id_: str) -> str:
        """An id as rows have it: in place of one that gives somebody away always the same alias."""
        if not id_ or self._redactor.empty or id_.startswith(OURS):
            return id_
        return id_ if self._redactor.text(id_) is id_ else alias(id_, self._salt)

    def mark(self, about: str, id_: str) -> str:
        """What stays of an erased id: its salted digest."""
        return digest("erased", self._salt, about, id_)

    def is_erased(self, about: str, id_: str) -> bool:
        """Whether an id was erased."""
        return bool(self._erased) and self.mark(about, id_) in self._erased

    def shut(self, marks: Iterable[str]) -> None:
        """Refuse everything about these ids from now on."""
        self._erased |= set(marks)

    def _refuse(self, about: str, id_: str) -> None:
        if id_ and self.mark(about, id_) in self._erased:
            raise Erased(f"this {about} was erased, and nothing about it is stored again: {id_!r:.80}")

    def _redacted(self, record: R) -> R:
        match record:
            case Decision():
                proposals = tuple(self._proposal(one) for one in record.proposals)
                return replace(record, inputs=self._redactor.value(record.inputs), proposals=proposals)
            case Completion():
                text = self._redactor.text
                return replace(record, output=text(record.output), error=text(record.error))
            case Signal(value=str() as text):
                return replace(record, value=self._redactor.text(text))
            case _:
                return record

    def _proposal(self, proposal: Proposal) -> Proposal:
        return replace(proposal, output=self._redactor.text(proposal.output))


def alias(id_: str, salt: str) -> str:
    """What stands in rows for an id that gives somebody away, whatever is declared to be blacked out.

    Args:
        id_: of a user or session, or a key.
        salt: the product's: who has the id, and not the ledger, cannot tell that it is theirs.
    """
    return f"redacted~{digest('alias', salt, id_)[:24].translate(_LETTERS)}"


def _subjects(record: Record) -> tuple[tuple[str, str], ...]:
    """Whom or what a row is about, narrowest first."""
    match record:
        case Decision():
            return ("decision", record.about), ("session", record.session), ("user", record.user)
        case Completion():
            return (("decision", record.decision),)
        case Signal():
            return (record.about, record.subject), ("user", record.user)
        case _:
            return ()
