"""What the gate asks of the other rooms, which deployment does not know."""

from collections.abc import Callable
from typing import Any, NamedTuple

from autotroph.records import Artefact, Completion, Decision, Interaction


class Sources(NamedTuple):
    """Of one task.

    Attributes:
        value: what a guardrail, by its name, says of another answer in an interaction of the gate's fold;
            None where that cannot be told.
        score: what a measure, by its name, says of an interaction; None where that is unknown.
        artefact: a document of the ledger, by its digest; None where it has none.
        journalled: the digest of a frozen set as it was used last, empty if it never was.
        learned: whether the tracks may have learned from somebody who asked the same.
        redacted: inputs with everything blacked out that is to be.
    """

    value: Callable[[str, Interaction, Completion], float | None]
    score: Callable[[str, Interaction], float | None]
    artefact: Callable[[str], Artefact | None]
    journalled: Callable[[str], str]
    learned: Callable[[Decision], bool]
    redacted: Callable[[dict[str, Any]], dict[str, Any]]


NOTHING = Sources(
    value=lambda *_: None,
    score=lambda *_: None,
    artefact=lambda _: None,
    journalled=lambda _: "",
    learned=lambda _: False,
    redacted=lambda inputs: inputs,
)
"""Where nothing can be asked, so that nothing can be found right."""
