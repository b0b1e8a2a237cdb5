"""The calls of some sessions, out of the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from autotroph.ingest.happened import HAPPENED
from autotroph.ingest.traffic.turns import Turn, hear
from autotroph.store import Reader, SqlValue

SECONDS = 60.0
"""So long may it take to read them."""

TURNS = f"""{HAPPENED}
SELECT d.id, d.session, d.task, d.user, d.at, f.at, f.finish, f.error, o.output, i.inputs
FROM shown AS d JOIN completions AS f ON f.decision = d.id AND f.sequence <= :through
LEFT JOIN completion_texts AS o ON o.sequence = f.sequence
JOIN decision_texts AS i ON i.sequence = d.sequence
ORDER BY d.visit, d.at, d.id"""


class _Inputs(msgspec.Struct):
    messages: list[Any] = []
    request: msgspec.Raw = msgspec.Raw(b"{}")


_INPUTS = msgspec.json.Decoder(_Inputs)
_REQUEST = msgspec.json.Decoder(dict[str, Any])


class Calls:
    """Calls by their sessions; the last answer is kept, because several signals ask for the same ones."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: tuple[Mapping[str, SqlValue], list[Turn]] = {}, []

    def of(self, given: Mapping[str, SqlValue]) -> list[Turn]:
        """The answered calls of the sessions that the parameters of `happened` name."""
        if self._last[0] != given:
            self._last = {}, []
            with self._reader.stream(TURNS, given, limit_seconds=SECONDS) as stream:
                self._last = dict(given), list(turns_of(stream.rows))
        return self._last[1]


def turns_of(rows: Iterable[Sequence[Any]]) -> Iterator[Turn]:
    """The turns of rows as `TURNS` yields them; what was asked otherwise than in messages is none."""
    requests: dict[bytes, dict[str, Any]] = {}  # the tools of a call site are the same each time
    for id_, session, task, user, at, answered, finish, error, output, inputs in rows:
        try:
            sent = _INPUTS.decode(inputs)
            raw = bytes(sent.request)
            request = requests.get(raw)
            if request is None:
                request = requests[raw] = _REQUEST.decode(raw)
        except msgspec.DecodeError:
            continue  # inputs of the product's own, in which these names are something else
        yield Turn(
            decision=str(id_), chain=f"{session}\x1f{task}" if session else "", user=str(user),
            at=float(at), answered=float(answered), heard=hear(sent.messages), request=request,
            output=str(output or ""), finish=str(finish or ""), error=str(error or ""),
        )  # fmt: skip
