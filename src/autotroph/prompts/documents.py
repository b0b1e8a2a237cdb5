"""A prompt as a document of the ledger: releases name it, and serve it when its file is gone."""

from typing import TYPE_CHECKING

from autotroph.clock import digest
from autotroph.errors import LedgerError
from autotroph.records import Artefact
from autotroph.store import Reader

if TYPE_CHECKING:  # a template's library is felt, and who only names a prompt does not fill it in
    from autotroph.prompts.prompt import Prompt

KIND = "prompt"


def freeze(text: str) -> Artefact:
    """The text of a prompt as a content-addressed document."""
    body = text.encode()
    return Artefact(digest=digest(KIND, body), kind=KIND, body=body)


def is_prompt(named: str, found: Artefact) -> bool:
    """Whether a document is the prompt of that digest."""
    return found.kind == KIND and digest(KIND, found.body) == named


def thaw(reader: Reader, named: str) -> "Prompt":
    """The prompt of a release, whatever its file says by now.

    Raises:
        LedgerError: it is not in the ledger.
    """
    found = reader.get(Artefact, digest=named)
    if found is None or not is_prompt(named, found):
        raise LedgerError(
            f"prompt {named[:12]} is named by a release but is not in the ledger; restore a backup"
        )
    return thawed(found)


def thawed(found: Artefact) -> "Prompt":
    """The prompt of a document."""
    from autotroph.prompts.prompt import Prompt

    return Prompt(found.body.decode(), f"prompt {found.digest[:12]}")
