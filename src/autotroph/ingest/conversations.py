"""Which conversation a request belongs to, where nobody says: each request brings along what came before.

A client that speaks the chat format sends the whole conversation each time, so what was asked before is the
beginning of what is asked now: up to an answer (it goes on, or the last question was put differently), or
all of it (the same is asked again). Who asked what is remembered as hashes, so many at most, the oldest
forgotten first. A conversation that was forgotten is recognised by how it began, by everybody who knows
the same salt. Of a system prompt counts what its call site is known by: it may tell the time, or what was
looked up for this question. Where nobody knows who asks, all of it counts, for it may say who.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from autotroph.ingest.sites import PROGRAMS, lasting, text_of

REMEMBERED = 20_000
"""Requests that are remembered at most."""

AGAIN = 3600.0
"""Seconds within which the first question of somebody, asked again, is the same conversation."""


class Conversations:
    """The conversations of late.

    Not to be used by several threads at once.

    Args:
        salt: kept in the ledger, so that no text can be guessed from what a conversation is called.
        remembered: requests at most.

    >>> known, hi = Conversations("salt"), {"role": "user", "content": "How do I pay?"}
    >>> first = known.of("ann", [hi], at=0.0)
    >>> more = [hi, {"role": "assistant", "content": "By card."}, {"role": "user", "content": "And abroad?"}]
    >>> known.of("ann", more, at=60.0) == first, known.of("joe", [hi], at=60.0) == first
    (True, False)
    """

    def __init__(self, salt: str, remembered: int = REMEMBERED) -> None:
        self._key = blake2b(salt.encode("utf-8", "replace"), digest_size=32).digest()
        self._remembered = remembered
        self._known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """Requests that are remembered."""
        return len(self._known)

    def of(self, who: str, messages: Sequence[Mapping[str, Any]], at: float) -> str:
        """What the conversation of a request is called; empty where no messages were sent.

        Args:
            who: unit or user; empty if nobody knows. Two who are not known never share a first question.
            messages: all that were sent, as they were sent.
            at: seconds since the epoch.
        """
        if not messages:
            return ""
        places = list(self._places(who, messages))
        session = self._found(places, at, known=bool(who))
        if not session:
            session = f"conversation_{self._begun(places, at, known=bool(who)).hex()[:20]}"
        self._remember(places[-1], session, at, known=bool(who))
        return session

    def _found(self, places: Sequence[bytes], at: float, *, known: bool) -> str:
        """The longest beginning that was asked before; a first question says nothing of who asks it."""
        for asked in reversed(places):
            session, before = self._known.get(asked, ("", 0.0))
            if session and (len(places) > 1 or (known and at - before <= AGAIN)):
                return session
        return ""

    def _begun(self, places: Sequence[bytes], at: float, *, known: bool) -> bytes:
        """What tells a conversation from all others: how it began, or when, while that is all there is."""
        if len(places) == 1:
            return blake2b(places[0] + repr(at).encode(), digest_size=16).digest()
        return places[0] if known else places[1]  # after an answer two of them differ

    def _places(self, who: str, messages: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
        """What was sent up to each answer, as a hash of it; then all of it."""
        state = blake2b(f"{len(who)} {who}".encode("utf-8", "replace"), digest_size=16, key=self._key)
        for place, message in enumerate(messages):
            if place and message.get("role") == "assistant":
                yield state.digest()
            state.update(msgspec.json.encode((message.get("role"), _heard(message, known=bool(who)))))
        yield state.digest()

    def _remember(self, asked: bytes, session: str, at: float, *, known: bool) -> None:
        if not known and self._known.get(asked, (session,))[0] != session:
            session = ""  # two who are not known began alike: what follows could be of either
        self._known[asked] = session, at
        self._known.move_to_end(asked)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)


def _heard(message: Mapping[str, Any], *, known: bool) -> Any:
    """What a message says for good: a system prompt of somebody known often tells the time, too."""
    content = message.get("content")
    if known and message.get("role") in PROGRAMS:
        return lasting(text_of(content))
    return content
