"""The client for threads."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, Unpack

from autotroph.client.answers import Answer, Stored, Taken
from autotroph.client.caller import Caller
from autotroph.client.calls import elsewhere
from autotroph.client.saying import Asked, Said


class Client(Caller):
    """A client of one server. Any thread may call it; so may a program that runs an event loop.

    What is buffered is sent in the background, and at the end of the process. A forked process begins with an
    empty buffer.
    """

    def signal(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> None:
        """Say what came back about a decision, session or user. It is buffered, and sent until it is on disk.

        Args:
            subject: id of the decision, session or user that the signal is declared to be about.
            name: of a declared signal.
            value: of its type.
            said: see `Said`.

        Raises:
            InputError: subject or name is empty, or the value can be no signal's.
            Overloaded: the buffer stayed full; the signal was not taken.
            LedgerError: the client is closed.
        """
        self._sender.put(self._line(subject, name, value, said), self.patience)

    def signal_now(self, subject: str, name: str, value: Any, **said: Unpack[Said]) -> Stored:
        """Say it, and return when it is on disk. It waits for no buffered ones; event time tells the order.

        Args:
            subject: as for `signal`.
            name: as for `signal`.
            value: as for `signal`.
            said: as for `signal`.

        Raises:
            InputError: it was refused, or the key for the server was.
            Conflict: its key came before with something else, which is `first`.
            Erased: it is about somebody who was erased.
            Overloaded: the server takes nothing for now.
            LedgerError: the server cannot be reached.
        """
        line = self._line(subject, name, value, said)
        return self._connections.drive(self._calls.signal(line, self.patience))

    def decide(
        self,
        task: str,
        inputs: Mapping[str, Any],
        *,
        timeout: float = 2.0,
        otherwise: Callable[[Mapping[str, Any]], str] | None = None,
        **asked: Unpack[Asked],
    ) -> Answer:
        """Choose how to answer.

        Args:
            task: of the declaration.
            inputs: structured, JSON values.
            timeout: seconds for all attempts together.
            otherwise: decides when the server cannot be reached or takes nothing, and for a while afterwards;
                is given the inputs.
            asked: see `Asked`.

        Raises:
            InputError: what was asked cannot be decided, or the key for the server was refused.
            Conflict: the key was used before, for another question, which is `first`.
            Overloaded: the server takes nothing for now; not with `otherwise`.
            LedgerError: the server cannot be reached; not with `otherwise`.
        """
        calls = self._calls
        found = self._connections.drive(
            calls.decide(task, inputs, timeout, asked, hurry=otherwise is not None)
        )
        if isinstance(found, Answer):
            return found
        if otherwise is None:
            raise found.error
        return elsewhere(self._clock, otherwise(inputs), found)

    def imports(self, rows: Iterable[Any], *, patience: float = 60.0) -> Taken:
        """Bring decisions that were made elsewhere, and signals.

        Some rows are sent at a time, so there may be any number. Rows that are refused are named in the
        result; the others are taken. Brought again, they count once.

        Args:
            rows: mappings as `POST /v1/imports` takes them, or structs such as `DecisionIn`.
            patience: seconds for all attempts to bring some of them.

        Raises:
            InputError: a row is no JSON, or the key for the server was refused.
            Overloaded: the server takes nothing for now; a note says which rows were taken.
            LedgerError: the server cannot be reached; a note says which rows were taken.
        """
        return self._connections.drive(self._calls.imports(rows, patience))

    def flush(self, timeout: float | None = None) -> None:
        """Have everything sent that is buffered, and wait until it is on disk or refused.

        Args:
            timeout: seconds; the client's patience if left out.

        Raises:
            LedgerError: it is not, in time; it is still tried.
        """
        self._sender.flush(self.patience if timeout is None else timeout)

    def close(self, timeout: float | None = None) -> None:
        """Flush, and take nothing more. What could not be sent in time is given up and reported.

        Args:
            timeout: seconds; the client's patience if left out.

        Raises:
            LedgerError: something could not be sent in time; `refused` has it.
        """
        self._sender.close(self.patience if timeout is None else timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
