"""Responses that go on from others: who asks knows our ids, and the upstream knows its own."""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from autotroph.faces.gateway.asked import Asked
from autotroph.wire.said import RESPONSES

REMEMBERED = 20_000
PREVIOUS = "previous_response_id"


class _Before(NamedTuple):
    theirs: str
    session: str


class Continued:
    """The last responses of this process, by our ids; what is not known is passed on as it came."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Before] = OrderedDict()

    def note(self, ours: str, theirs: str, session: str) -> None:
        """A response was given."""
        self._known[ours] = _Before(theirs, session)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Know nothing of the responses that are gone; any thread may say so."""
        for ours in [one for one in list(self._known) if gone(one)]:
            self._known.pop(ours, None)

    def of(self, asked: Asked) -> Asked:
        """A call as its upstream understands it, in the session that it goes on with."""
        question = asked.question
        if question.path != RESPONSES:
            return asked
        before = self._known.get(str(question.document.get(PREVIOUS)))
        if before is None:
            return asked
        document = {**question.document, PREVIOUS: before.theirs}
        session = asked.session or before.session
        return replace(asked, session=session, question=replace(question, document=document))
