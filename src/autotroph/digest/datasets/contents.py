"""The texts of examples: read from the ledger when they are needed, and kept nowhere else.

What stays in a manifest is a salted digest, by which a text that is not the same any more is noticed.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec

from autotroph.clock import digest
from autotroph.records import canonical
from autotroph.store import Reader

CHUNK = 1000
SHORT = 32
"""Hexadecimal digits of a digest in a manifest: 128 bits."""


class Named(Protocol):
    """Where the texts of an example lie, as ledger sequences.

    Attributes:
        decision: the answer that is learned from.
        target: the signal that is learned instead of what was put out; 0 if none is.
        other: the answer that it is preferred to; 0 if it is no preference.
    """

    @property
    def decision(self) -> int: ...  # noqa: D102 - described above
    @property
    def target(self) -> int: ...  # noqa: D102
    @property
    def other(self) -> int: ...  # noqa: D102


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of an example.

    Attributes:
        id: of the decision.
        inputs: what was asked.
        text: what is learned.
        served: what was put out by the same decision.
        rejected: what the text is preferred to; empty if it is no preference.
    """

    id: str
    inputs: dict[str, Any]
    text: str
    served: str
    rejected: str = ""

    def digest(self, salt: str) -> str:
        """By which another content is noticed."""
        return digest("content", salt, canonical(self.inputs), self.text, self.rejected)[:SHORT]


def contents(reader: Reader, named: Iterable[Named]) -> Iterator[Content | None]:
    """The content of each, in the order given; None where any of it is gone from the ledger."""
    rest = iter(named)
    while some := list(islice(rest, CHUNK)):
        answers = _answers(reader, [one.decision for one in some] + [one.other for one in some if one.other])
        signals = _signals(reader, [one.target for one in some if one.target])
        for one in some:
            yield _content(one, answers, signals)


def owner_mark(salt: str, user: str, cluster: str = "") -> str:
    """By whom an example is, as a manifest says it: the user, else the session or unit."""
    return digest("owner", salt, *(("user", user) if user else ("cluster", cluster)))[:SHORT]


def _content(one: Named, answers: dict[int, tuple[str, str, str]], signals: dict[int, str]) -> Content | None:
    whole = (
        one.decision in answers
        and (not one.target or one.target in signals)
        and (not one.other or one.other in answers)
    )
    if not whole:
        return None
    id_, inputs, served = answers[one.decision]
    return Content(
        id=id_,
        inputs=_INPUTS.decode(inputs or "{}"),
        text=signals[one.target] if one.target else served,
        served=served,
        rejected=answers[one.other][2] if one.other else "",
    )


_INPUTS = msgspec.json.Decoder(dict[str, Any])

_ANSWERS = """
SELECT d.sequence, d.id, t.inputs, o.output
FROM json_each(?) AS w CROSS JOIN decisions AS d ON d.sequence = w.value
JOIN decisions AS q ON q.id = iif(d.shadows = '', d.id, d.shadows)
JOIN completions AS c ON c.decision = d.id
LEFT JOIN decision_texts AS t ON t.sequence = q.sequence
LEFT JOIN completion_texts AS o ON o.sequence = c.sequence"""

_SIGNALS = """
SELECT s.sequence, t.value_text
FROM json_each(?) AS w CROSS JOIN signals AS s ON s.sequence = w.value
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence"""


def _answers(reader: Reader, sequences: Sequence[int]) -> dict[int, tuple[str, str, str]]:
    rows = reader.query(_ANSWERS, (json.dumps(sequences),)).rows
    return {int(row[0] or 0): (str(row[1]), str(row[2] or ""), str(row[3] or "")) for row in rows}


def _signals(reader: Reader, sequences: Sequence[int]) -> dict[int, str]:
    rows = reader.query(_SIGNALS, (json.dumps(sequences),)).rows if sequences else ()
    return {int(sequence or 0): str(text or "") for sequence, text in rows}
