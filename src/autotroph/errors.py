"""The whole exception tree. Every message says what, where, what was allowed, and the way out.

AutotrophError
├── SpecError            the declaration (autotroph.toml) is wrong: file, line, key, choices
├── UnknownName          a name nobody declared; carries the known ones and the nearest
├── InputError           what a caller or a person sent cannot be taken
│   ├── Conflict         the same idempotency key came with another body
│   ├── Erased           it is about somebody who was erased
│   └── Exhausted        a budget or a limit has no room for it, until a time
├── LedgerError          the store could not read or write
│   ├── Occupied         another process writes to it
│   ├── Overloaded       it takes nothing more for now: its queue is full, or the disk stands still
│   └── TamperedLedger   a hash chain does not hold
├── UpstreamFault        who answers outside this process did not, or not to the end
├── GateError            evidence could not be computed; a gate that fails, fails closed
└── SourceError          a source of history (folder, repository) cannot be replayed
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Literal


class AutotrophError(Exception):
    """Anything autotroph raises on purpose; catch this to catch them all."""


class SpecError(AutotrophError):
    """The declaration is wrong. The message begins with `file:line: key`."""


class InputError(AutotrophError):
    """What a caller or a person sent cannot be taken; nothing was stored."""


class Conflict(InputError):
    """The same idempotency key came before with another body; the first one stands.

    Attributes:
        first: what was said the first time, by field; empty where it is not known.
    """

    def __init__(self, message: str, first: Mapping[str, object] | None = None) -> None:
        self.first = dict(first or {})
        super().__init__(message)


class Erased(InputError):
    """It is about somebody who was erased, and is not stored."""


class Exhausted(InputError):
    """A budget or a limit has no room for a request; it was not made.

    Attributes:
        until: from when on there may be room, in seconds since the epoch; inf: never.
        retry_after: seconds until then.
    """

    def __init__(self, message: str, until: float, retry_after: float) -> None:
        self.until, self.retry_after = until, retry_after
        super().__init__(message)


class LedgerError(AutotrophError):
    """The store could not read or write."""


class Occupied(LedgerError):
    """Another process, or somebody else in this one, writes to the ledger; it has one writer."""


class Overloaded(LedgerError):
    """The store takes nothing more for now; nothing was stored.

    Attributes:
        retry_after: seconds after which to send the same again.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class TamperedLedger(LedgerError):
    """A hash chain does not hold: a row was edited, removed, reordered or cut off."""


FaultKind = Literal[
    "connect",
    "first token",
    "between tokens",
    "total",
    "cut",
    "malformed",
    "in-band error",
    "status",
    "open",
    "address",
    "key",
]
"""What went wrong: four kinds of waiting too long; an answer that ended too early, that cannot be read, or
that says that it failed, within it or by its status; and three for which nothing was asked: it has failed too
often, its address is not allowed, or the reference to its key leads nowhere."""


class UpstreamFault(AutotrophError):
    """Who answers outside this process did not, or not to the end. Nothing in it holds a secret.

    Attributes:
        kind: what went wrong.
        status: of its answer in HTTP; 0 where there is none.
        retry_after: seconds after which it wants to be asked again, where it says so.
        first_token: whether something of the answer had come; then nobody else may answer instead.
        document: what it said about it, as JSON in the shape of OpenAI's errors; empty where it said nothing.
    """

    def __init__(
        self,
        message: str,
        kind: FaultKind,
        *,
        status: int = 0,
        retry_after: float | None = None,
        document: bytes = b"",
    ) -> None:
        self.kind, self.status, self.retry_after, self.document = kind, status, retry_after, document
        self.first_token = False
        super().__init__(message)


class GateError(AutotrophError):
    """Evidence could not be computed. Whoever catches this refuses the candidate."""


class SourceError(AutotrophError):
    """A folder or repository cannot be replayed."""


class UnknownName(AutotrophError):
    """A name nobody declared, answered with the known ones.

    >>> print(UnknownName("signal", "acepted", ["edited", "accepted"]))
    no signal named 'acepted'; known: accepted, edited. Did you mean 'accepted'?
    """

    def __init__(self, noun: str, name: str, known: Iterable[str]) -> None:
        self.noun, self.name, self.known = noun, name, sorted(known)
        super().__init__(f"no {noun} named {name!r}; {suggest(name, self.known)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """List the known names and the nearest one, for the end of a message.

    >>> suggest("kid", ["kind"])
    "known: kind. Did you mean 'kind'?"
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"known: {', '.join(names) or 'none'}.{hint}"
